"""A file with given content, for the tests of readers."""

import pytest


@pytest.fixture
def write(tmp_path):
    def to_file(content, name="data.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return to_file
