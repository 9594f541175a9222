"""JSON in which nothing is taken for something else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.strict_json import parse

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(values)
def test_what_is_written_is_read_back(value):
    assert parse(json.dumps(value)) == value


@pytest.mark.parametrize("text", [
    '{"a": 1, "a": 1}', '{"a": 1, "a": 2}', '[{"x": {"a": 1, "b": 2, "a": 3}}]', "{", "", "[1] 2",
])
def test_equal_keys_at_any_depth_and_what_is_no_json_are_refused(text):
    with pytest.raises(ValueError):
        parse(text)


def test_equal_keys_of_different_objects_are_fine():
    assert parse('{"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]}')["a"] == {"a": 1}
