"""Tables of vectors: what every measure of them refuses, leaves alone, and needs of memory."""

import tracemalloc

import numpy as np
import pytest
from clouds import cloud
from hypothesis import given
from hypothesis import strategies as st

from npft.embed.contexts import intra_sentence_similarity, self_similarity
from npft.embed.geometry import alignment, cone, cosine_contributions, mean_cosine, uniformity
from npft.embed.likeness import cka, rdm
from npft.embed.rows import TILE, checked_rows, largest_numbers, power_of_two, unit_rows
from npft.embed.spectrum import (
    effective_rank,
    iso_score,
    participation_ratio,
    partition_score,
    singular_values,
)
from npft.embed.transforms import RemoveTop, Standardize, Whiten, standardize
from npft.errors import DtypeError, NonFiniteError, ShapeError


def fitted(transform):
    """A measure: fit on a table and apply to the same."""
    return lambda x: transform.fit(x).transform(x)


LINEAR = [
    mean_cosine, cosine_contributions, standardize, uniformity, singular_values, effective_rank,
    participation_ratio, iso_score, partition_score, cone, fitted(Standardize()),
    fitted(Whiten()), fitted(RemoveTop(1)), lambda x: unit_rows("x", x),
    lambda x: alignment(x, x), lambda x: cka(x, x),
    lambda x: self_similarity(x, ["a", "b"] * (len(x) // 2) + ["a"] * (len(x) % 2)),
    lambda x: intra_sentence_similarity(x, np.arange(len(x)) // 5),
]
EACH = pytest.mark.parametrize("measure", [*LINEAR, rdm])


@pytest.mark.parametrize("measure", LINEAR)
def test_memory_grows_with_the_number_of_vectors_and_not_with_its_square(measure):
    def peak(n):
        x = np.random.default_rng(0).standard_normal((n, 8))
        tracemalloc.start()
        measure(x)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    tiles = 8 * TILE**2 * 8  # bytes; what is worked on at once, however many there are
    assert peak(8192) < 2.5 * peak(4096) and peak(8192) < 4 * 8192 * 8 * 8 + tiles


@EACH
def test_the_input_is_not_changed(measure):
    x = cloud(0)
    before = x.tobytes()
    measure(x)
    assert x.tobytes() == before


@EACH
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_with_their_row(measure, value):
    x = cloud(0, n=5)
    x[3, 1] = value
    with pytest.raises(NonFiniteError, match="row 3 is not finite"):
        measure(x)


@EACH
@pytest.mark.parametrize("x, error, message", [
    (np.ones(3), ShapeError, r"has shape \(3,\), expected 2 axes"),
    (np.ones((2, 3, 4)), ShapeError, r"has shape \(2, 3, 4\), expected 2 axes"),
    (np.ones((0, 3)), ShapeError, r"has shape \(0, 3\); give at least one row"),
    (np.ones((3, 0)), ShapeError, r"has shape \(3, 0\); give at least one row"),
    ([[1.0, 2.0], [3.0]], ShapeError, "lists of different lengths"),
    (np.ones((2, 2), complex), DtypeError, "dtype complex128, expected real"),
    ([["a", "b"]], DtypeError, "expected real numbers"),
    ([[None, 1.0]], DtypeError, "expected real numbers"),
])
def test_what_is_no_table_of_numbers_is_refused(measure, x, error, message):
    with pytest.raises(error, match=message):
        measure(x)


def test_checked_rows_gives_a_new_table_in_float64():
    x = np.ones((2, 2))
    rows = checked_rows("x", x)
    assert rows.dtype == np.float64 and not np.shares_memory(rows, x)


@given(st.integers(0, 10**6), st.integers(-900, 900))
def test_a_power_of_two_leaves_a_table_its_digits_and_numbers_below_2(seed, exponent):
    x = cloud(seed) * 2.0**exponent
    divided = x / power_of_two(largest_numbers(x))
    assert 1 <= np.abs(divided).max() < 2
    assert (np.frexp(divided)[0] == np.frexp(x)[0]).all()


def test_very_large_and_very_small_vectors_have_their_direction():
    x = np.array([[3e200, 4e200], [3e-200, 4e-200], [3.0, 4.0]])
    assert unit_rows("x", x) == pytest.approx(np.tile([0.6, 0.8], (3, 1)), abs=1e-15)
    assert mean_cosine(x) == pytest.approx(1, abs=1e-15)


@EACH
@pytest.mark.skipif(np.finfo(np.longdouble).maxexp < 14000, reason="no longer floats here")
def test_what_is_no_finite_float64_is_refused(measure):
    x = cloud(0, n=5).astype(np.longdouble)
    x[3, 1] = np.longdouble(10) ** 4000
    with pytest.raises(NonFiniteError, match="row 3 is not finite"):
        measure(x)
