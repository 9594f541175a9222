"""The steps of a folder of sentence-transformers: those that npft makes too, and no others."""

import json

import pytest

from npft.embed.steps import Steps, read_steps, write_steps
from npft.errors import CheckpointError

PLACES = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}


@pytest.fixture
def folder(tmp_path):
    write_steps(tmp_path, Steps("cls", True, 9), 8)
    return tmp_path


def write(folder, *modules):
    steps = [{"type": f"sentence_transformers.models.{k}", "path": path} for k, path in modules]
    (folder / "modules.json").write_text(json.dumps(steps))


@pytest.mark.parametrize("normalize", [True, False])
def test_the_steps_that_are_written_are_read(normalize, tmp_path):
    write_steps(tmp_path, Steps("max", normalize, 9), 8)
    assert read_steps(tmp_path) == Steps("max", normalize, 9)


@pytest.mark.parametrize("kinds", [
    (), ("Transformer",), ("Transformer", "Normalize"), ("Transformer", "Normalize", "Pooling"),
    ("Pooling", "Transformer"), ("Transformer", "Pooling", "Pooling"),
    ("Transformer", "Pooling", "Normalize", "Normalize"),
])
def test_steps_in_another_order_are_refused(kinds, folder):
    write(folder, *[(kind, PLACES[kind]) for kind in kinds])
    with pytest.raises(CheckpointError, match="modules.json: the modules are .*in this order"):
        read_steps(folder)


@pytest.mark.parametrize("place", ["..", ".", "../1_Pooling", "a/b", None])
def test_a_step_outside_the_folder_is_refused(place, folder):
    write(folder, ("Transformer", ""), ("Pooling", place))
    with pytest.raises(CheckpointError, match="in a folder beside the file"):
        read_steps(folder)
