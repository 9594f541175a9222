"""Student's t interval: by hand, by its promise, and what has none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError
from npft.metrics.intervals import interval

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9)


@pytest.mark.parametrize("values, level, half", [
    ([0.0, 2.0], 0.95, 12.706),  # t of 1 degree of freedom, s / sqrt(2) = 1
    ([0.0, 2.0], 0.5, 1.0),
    ([-1.0, 0.0, 1.0], 0.99, 9.925 / np.sqrt(3)),
    ([3.0, 3.0, 3.0], 0.95, 0.0),
])
def test_by_hand_from_a_table_of_t(values, level, half):
    found = interval(values, level)
    assert found.mean == np.mean(values)
    assert found.high - found.mean == pytest.approx(half, abs=1e-3)
    assert found.mean - found.low == pytest.approx(half, abs=1e-3)


@given(NUMBERS)
def test_it_holds_the_mean_and_a_higher_level_is_wider(values):
    narrow, wide = interval(values, 0.5), interval(values, 0.99)
    assert wide.low <= narrow.low <= narrow.mean <= narrow.high <= wide.high
    assert narrow.mean == wide.mean == pytest.approx(np.mean(values))


@given(NUMBERS, st.floats(-100, 100), st.floats(0.1, 10))
def test_it_moves_and_stretches_with_the_numbers(values, shift, scale):
    found, moved = interval(values), interval(scale * np.array(values) + shift)
    assert moved == pytest.approx(tuple(scale * x + shift for x in found), rel=1e-6, abs=1e-3)


def test_95_of_100_intervals_hold_the_true_mean():
    rng = np.random.default_rng(0)
    draws = [interval(rng.normal(3.0, 2.0, 5)) for _ in range(1000)]
    held = np.mean([found.low <= 3.0 <= found.high for found in draws])
    assert abs(held - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 1000)


@pytest.mark.parametrize("values", [[], [1.0], [[1.0, 2.0]], [1.0, np.nan], [1.0, np.inf],
                                    ["a", "b"], ["1", "2"], [None, 1.0], [1j, 2.0], [[1], 2.0],
                                    3.0, [1.7e308, -1.7e308]])
def test_what_has_no_spread_or_is_not_finite_is_refused(values):
    with pytest.raises(DataError, match="interval: "):
        interval(values)


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**1000])
def test_very_large_and_very_small_numbers_have_an_interval_too(scale):
    whole = interval([1.0, 2.0, 4.0])
    assert interval([scale, 2 * scale, 4 * scale]) == tuple(x * scale for x in whole)
    assert interval([1e308] * 2) == (1e308, 1e308, 1e308)


@pytest.mark.parametrize("level", [0, 1, 95, -0.1, None, float("nan")])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ConfigError, match="interval: level is"):
        interval([1.0, 2.0], level)
