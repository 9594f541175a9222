"""What is taken from scores before exp: nothing where it is not needed, and row by row alike."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.shift import SAFE, row_shift, small

SCORES = st.lists(st.floats(-200, 200), min_size=1, max_size=6)


@given(SCORES, SCORES)
def test_a_row_is_shifted_alike_whatever_stands_in_the_others(one, other):
    width = min(len(one), len(other))
    rows = np.array([one[:width], other[:width]])
    assert (row_shift(rows)[0] == row_shift(rows[:1])[0]).all()


@given(SCORES)
def test_where_all_are_small_the_shift_that_is_left_out_would_be_zero(scores):
    x = np.array([scores])
    assert not small(x) or (row_shift(x) == 0).all()
    assert small(x) == bool((np.abs(x) < SAFE).all())


@given(SCORES)
def test_after_the_shift_the_sum_of_a_row_is_finite_and_above_zero_in_float32(scores):
    x = np.array([scores], np.float32)
    total = np.exp(x - row_shift(x)).sum()
    assert 0 < total < np.inf
