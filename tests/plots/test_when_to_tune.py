"""When to tune: lines are means of the cells, and the titles say where training all is best."""

import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.experiments.when_to_tune import NUMBERS, when_cells


def test_when_to_tune_figure_draws_means_and_says_from_where_on_to_train_all():
    cells = [c | {"seed": s, "f1": (0.1 * NUMBERS.index(c["n"]) if c["way"] == "full" else 0.35)
                  + 0.02 * s - (c["task"] == "topic") * 0.2 * (c["way"] == "full")}
             for c in when_cells() for s in (0, 1)]
    axes = Figure(figsize=(15, 5)).subplots(1, 3)
    plots.draw_when_to_tune(axes, cells)
    full = axes[1].lines[4]
    assert full.get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert full.get_ydata() == pytest.approx([0.11, 0.21, 0.31, 0.41, 0.51, 0.61])
    assert "no need to train all" not in axes[1].get_title() and "320 labels" in axes[1].get_title()
    assert axes[0].get_title().endswith("from 10,000 labels on")
    said = " | ".join(t.get_text() for t in axes[2].texts)
    assert all(name in said for name in ("few", "bag of words", "vectors, nearest mean", "prompt"))
