"""How many labels pretraining is worth: where curves reach a height, and which cells are run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError
from npft.experiments.labels import (
    BATCH, FEW, MANY, STEPS, epochs_of, label_cells, label_gap, labels_needed, mean_curve,
)


@pytest.mark.parametrize("n", FEW + MANY)
def test_every_run_takes_at_least_400_steps_and_10_epochs_and_not_one_epoch_more(n):
    steps = -(-n // BATCH)
    assert epochs_of(n) * steps >= STEPS and epochs_of(n) >= 10
    assert epochs_of(n) == 10 or (epochs_of(n) - 1) * steps < STEPS


@given(share=st.floats(0, 1), low=st.floats(0, 0.4), rise=st.floats(0.1, 0.5))
def test_between_two_points_labels_grow_by_a_factor_as_f1_grows_by_a_step(share, low, rise):
    needed = labels_needed({10: low, 1000: low + rise}, low + share * rise)
    assert needed == pytest.approx(10 * 100**share, rel=1e-4)


def test_the_first_crossing_counts_and_a_height_never_reached_is_none():
    curve = {10: 0.1, 20: 0.5, 40: 0.3, 80: 0.7}
    assert labels_needed(curve, 0.05) == 10
    assert labels_needed(curve, 0.5) == 20
    assert 40 < labels_needed(curve, 0.6) < 80
    assert labels_needed(curve, 0.71) is None
    with pytest.raises(ConfigError, match="no points"):
        labels_needed({}, 0.5)


def cells(regime, curves, task="topic"):
    return [
        {"task": task, "regime": regime, "n": n, "seed": seed, "f1": f1}
        for n, values in curves.items()
        for seed, f1 in enumerate(values)
    ]


def test_the_gap_is_from_the_better_pretrained_regime_to_the_curve_from_scratch():
    found = cells("head", {32: [0.6, 0.8]}) + cells("full", {32: [0.5, 0.5]})
    found += cells("scratch", {32: [0.2, 0.2], 3200: [0.9, 1.0]})
    found += cells("head", {32: [0.0]}, task="sms")
    assert mean_curve(found, "topic", "head") == {32: pytest.approx(0.7)}
    f1, needed = label_gap(found, "topic", 32)
    assert f1 == pytest.approx(0.7)
    assert needed == pytest.approx(32 * 100 ** (0.5 / 0.75), rel=1e-4)


def test_the_cells_hold_every_seed_and_give_the_rivals_more_labels():
    made = label_cells("a", [0, 1])
    assert {(cell["seed"], cell["body"]) for cell in made} == {(0, "a"), (1, "a")}
    assert {c["n"] for c in made if c["regime"] == "full"} == set(FEW)
    assert {c["n"] for c in made if c["regime"] == "scratch"} == set(FEW + MANY)
    assert len({tuple(sorted(c.items())) for c in made}) == len(made)
