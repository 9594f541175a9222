"""The figure of the threshold: means over the seeds, a mark for each choice, and its title."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.experiments.span_threshold import GRID


def test_span_threshold_figure_draws_means_and_a_mark_for_each_seed_and_dev_set():
    def at(threshold, f1):
        return {"threshold": threshold, "precision": 0.9, "recall": 0.8, "f1": f1}

    rising = np.linspace(0.6, 0.8, len(GRID))
    cells = [
        {"precision": (rising + s / 10).tolist(), "recall": (rising[::-1] + s / 10).tolist(),
         "f1": [0.7] * len(GRID),
         "at": {"0": at(0, 0.7), "known names": at(0.2 + s / 10, 0.8), "new names": at(-0.3, 0.6)}}
        for s in (0, 1)
    ]  # fmt: skip
    ax = Figure().subplots()
    plots.draw_span_threshold(ax, cells)
    precision, recall, f1, zero, known, new = ax.lines
    assert precision.get_ydata() == pytest.approx(rising + 0.05)
    assert recall.get_ydata() == pytest.approx(rising[::-1] + 0.05)
    assert list(precision.get_xdata()) == list(GRID) and set(f1.get_ydata()) == {0.7}
    assert set(zero.get_xdata()) == {0}
    assert list(known.get_xdata()) == pytest.approx([0.2, 0.3]) and set(new.get_ydata()) == {0.6}
    assert ax.get_title() == (
        "Precision rises from 0.65 to 0.85, recall falls from 0.85 to 0.65;\n"
        "F1 0.700 at 0, 0.800 chosen on known names, 0.600 chosen on new names"
    )
    assert {text.get_text() for text in ax.texts} == {"precision", "recall", "F1"}
    assert "threshold" in ax.get_xlabel() and "spans" in ax.get_ylabel()
