"""The error classes and the check of shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft import errors
from npft.errors import CheckpointError, DataError, NpftError, ShapeError, check_shape

STANDARD = {
    "ShapeError": ValueError,
    "ConfigError": ValueError,
    "CheckpointError": ValueError,
    "DataError": ValueError,
    "DtypeError": TypeError,
    "IdError": IndexError,
    "GraphError": RuntimeError,
    "NonFiniteError": FloatingPointError,
    "GradientError": AssertionError,
}


def test_every_error_is_ours_and_the_standard_one():
    ours = {n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, NpftError)}
    assert ours == {*STANDARD, "NpftError"}
    for name, standard in STANDARD.items():
        cls = getattr(errors, name)
        with pytest.raises(standard, match="what went wrong") as caught:
            raise cls("what went wrong")
        assert isinstance(caught.value, NpftError)
        assert name in errors.__doc__


def test_a_data_error_begins_with_file_and_line():
    assert str(DataError("no tab", "a.tsv", 3)) == "a.tsv:3: no tab"
    assert str(DataError("empty", "a.tsv")) == "a.tsv: empty"
    assert str(DataError("no documents")) == "no documents"
    assert not issubclass(CheckpointError, DataError)


@given(st.lists(st.integers(0, 4), max_size=4))
def test_check_shape_returns_the_lengths_by_name(shape):
    names = "B T D H".split()[: len(shape)]
    assert check_shape("x", np.zeros(shape), " ".join(names)) == dict(zip(names, shape))


def test_check_shape_names_what_was_given_and_expected():
    for array, axes, message in [
        (np.zeros((5, 8)), "B T D", r"x has shape \(5, 8\), expected 3 axes \(B, T, D\)"),
        (np.zeros((5, 8)), "N", r"x has shape \(5, 8\), expected 1 axes \(N,\)"),
        (3.0, "N", r"x has shape \(\), expected 1 axes \(N,\)"),
        (np.zeros((5, 8)), "T T", r"x has shape \(5, 8\), expected \(T, T\) with T = 5"),
        (np.zeros((5, 8)), "N 7", r"x has shape \(5, 8\), expected \(N, 7\) with 7 = 7"),
    ]:
        with pytest.raises(ShapeError, match=message):
            check_shape("x", array, axes)
    assert check_shape("x", np.zeros((5, 5)), "T T") == {"T": 5}
    assert check_shape("x", np.zeros((5, 7)), "N 7") == {"N": 5}
