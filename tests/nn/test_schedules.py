"""Learning-rate schedules: closed forms, bounds, and what is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError
from npft.nn.schedules import (
    SCHEDULES, schedule_of, slanted_triangular, warmup_cosine, warmup_linear,
)

totals = st.integers(1, 300)


@given(totals, st.data(), st.floats(0, 1))
def test_warmup_linear_rises_to_1_and_falls_to_the_floor_in_lines(total, data, floor):
    warmup = data.draw(st.integers(0, total))
    values = [warmup_linear(s, warmup, total, floor=floor) for s in range(1, total + 1)]
    assert all(0 <= v <= 1 for v in values)
    for s, v in enumerate(values, start=1):
        left = (total - s) / (total - warmup) if s > warmup else None
        want = s / warmup if s <= warmup else floor + (1 - floor) * left
        assert math.isclose(v, want, abs_tol=1e-15)
    if warmup:
        assert values[warmup - 1] == 1
    if warmup < total:
        assert math.isclose(values[-1], floor, abs_tol=1e-15)


@given(totals, st.data())
def test_cosine_rises_in_a_line_and_falls_along_half_a_cosine(total, data):
    warmup = data.draw(st.integers(0, total))
    values = [warmup_cosine(s, warmup, total) for s in range(1, total + 1)]
    assert all(0 <= v <= 1 for v in values)
    assert values[:warmup] == [s / warmup for s in range(1, warmup + 1)]
    falling = values[warmup:]
    assert falling == sorted(falling, reverse=True)
    # the two halves of the fall mirror each other, and it ends at 0
    for a, b in zip(falling, falling[-2::-1]):
        assert math.isclose(a + b, 1, abs_tol=1e-12)
    assert not falling or abs(falling[-1]) < 1e-15


@given(totals, st.floats(0.01, 1), st.floats(1, 100))
def test_slanted_triangular_lies_between_1_over_ratio_and_1(total, cut, ratio):
    values = [slanted_triangular(s, total, cut=cut, ratio=ratio) for s in range(1, total + 1)]
    assert all(1 / ratio - 1e-12 <= v <= 1 + 1e-12 for v in values)
    top = max(range(total), key=values.__getitem__)
    assert values[: top + 1] == sorted(values[: top + 1])
    assert values[top:] == sorted(values[top:], reverse=True)


def test_slanted_triangular_peaks_at_the_cut():
    values = [slanted_triangular(s, 100) for s in range(1, 101)]
    assert values[9] == 1 and values[-1] == 1 / 32
    assert math.isclose(values[4], (1 + 0.5 * 31) / 32) and math.isclose(
        values[54], (1 + 0.5 * 31) / 32
    )
    assert slanted_triangular(1, 10, cut=0.0) == (1 + 0.9 * 31) / 32  # no rise at all


@pytest.mark.parametrize(
    "step, warmup, total", [(0, 0, 5), (6, 0, 5), (1, -1, 5), (1, 6, 5), (1, 0, 0)]
)
def test_steps_outside_are_refused(step, warmup, total):
    for schedule in (warmup_linear, warmup_cosine):
        with pytest.raises(ConfigError, match=f"step {step}, warmup {warmup}, total {total}"):
            schedule(step, warmup, total)
    if warmup == 0:
        with pytest.raises(ConfigError, match=f"step {step}"):
            slanted_triangular(step, total)


@pytest.mark.parametrize(
    "cut, ratio", [(-0.1, 32), (1.1, 32), (0.1, 0.5), (0.1, 0), (math.nan, 32)]
)
def test_a_cut_or_ratio_outside_is_refused(cut, ratio):
    with pytest.raises(ConfigError, match="expected 0 <= cut <= 1 <= ratio"):
        slanted_triangular(1, 10, cut=cut, ratio=ratio)


@pytest.mark.parametrize("floor", [-0.1, 1.1, math.nan])
def test_a_floor_outside_is_refused(floor):
    with pytest.raises(ConfigError, match="floor"):
        warmup_linear(5, 1, 10, floor=floor)


# ---- by name ----


@given(totals, st.floats(0, 1))
def test_a_schedule_by_name_is_the_function_of_that_name(total, warmup):
    rise = max(1, round(warmup * total))
    for step in (1, (total + 1) // 2, total):
        for name, expected in (
            ("linear", warmup_linear(step, rise, total)),
            ("cosine", warmup_cosine(step, rise, total)),
            ("slanted", slanted_triangular(step, total)),
            ("constant", 1.0),
        ):
            assert schedule_of(name, total, warmup)(step) == expected
    assert set(SCHEDULES) == {"linear", "cosine", "slanted", "constant"}


def test_an_unknown_schedule_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="schedule is 'step', expected one of linear, cosine"):
        schedule_of("step", 5)
    with pytest.raises(ConfigError, match="schedule: total is 0"):
        schedule_of("linear", 0)


def test_the_linear_schedule_rises_over_its_share_and_over_one_step_at_least():
    factor = schedule_of("linear", 100, 0.1)
    assert [factor(step) for step in (1, 5, 10)] == [0.1, 0.5, 1.0]
    assert factor(55) == pytest.approx(0.05 + 0.95 * 0.5) and factor(100) == pytest.approx(0.05)
    assert schedule_of("linear", 1, 0.1)(1) == 1.0  # one step at least
