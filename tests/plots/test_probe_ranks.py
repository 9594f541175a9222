"""The figure of probes and checkpoints: means and single dots, and titles that follow from them."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.experiments.probe_ranks import AGAIN, LOOKS, SETTINGS


def rows(probe, seeds=3):
    """Bodies that gain with each look and with their seed; ``probe`` of a look and a seed."""
    return [
        {"seed": s, "step": step, "loss": 5.0 - 0.1 * s, "task": task, "n": n,
         "full": 0.1 * k + 0.02 * s, "probe": probe(k, s),
         **({"again": -0.02 * s} if step in AGAIN else {})}
        for s in range(seeds) for k, step in enumerate(LOOKS) for task, n in SETTINGS
    ]  # fmt: skip


def drawn(probe):
    axes = Figure(figsize=(13, 5)).subplots(1, 2)
    plots.draw_probe_ranks(axes, rows(probe))
    return axes


def test_the_line_of_a_task_goes_through_the_means_of_the_seeds_to_the_large_dot_of_the_last_copy():
    left, _ = drawn(lambda k, s: 0.05 * k + 0.01 * s)
    dots, way, last = left.lines[:3]
    assert len(left.lines) == 3 * len(SETTINGS) and len(dots.get_xdata()) == 3 * len(LOOKS)
    assert way.get_xdata() == pytest.approx([0.05 * k + 0.01 for k in range(len(LOOKS))])
    assert way.get_ydata() == pytest.approx([0.1 * k + 0.02 for k in range(len(LOOKS))])
    assert np.ravel(last.get_xdata()) == pytest.approx(way.get_xdata()[-1])
    assert {t.get_text() for t in left.texts} == set(SETTINGS.values())


def test_a_probe_that_follows_the_steps_is_said_to_rank_as_well_and_one_that_does_not_worse():
    _, right = drawn(lambda k, s: k + 0.1 * s)
    assert "ranks checkpoints as well as their number of steps (1.00, 1.00; 3 seeds)" in (
        right.figure.get_suptitle())
    assert right.get_title() == "Among bodies the probe 1.00,\nfine-tuning itself -1.00"
    _, right = drawn(lambda k, s: -k + 0.1 * s)
    assert "worse than their number of steps (-1.00, 1.00;" in right.figure.get_suptitle()


def test_each_forecast_has_its_row_with_the_mean_of_all_written_beside_it():
    _, right = drawn(lambda k, s: k + 0.1 * s)
    names = [t.get_text() for t in right.get_yticklabels()]
    assert names == ["probe", "number of steps", "probe", "held-out loss", "second fine-tuning"]
    said = [t.get_text() for t in right.texts]
    assert said == ["1.00", "1.00", "1.00", "1.00", "-1.00", "the copies of one body",
                    "bodies of other seeds, equal steps"]
    strokes = [line for line in right.lines if line.get_color() == "black"]
    assert [line.get_xdata()[0] for line in strokes] == pytest.approx([1, 1, 1, 1, -1])
