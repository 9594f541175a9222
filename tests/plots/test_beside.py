"""LoRA and adapters in the plane: points are means of the cells, the title what they share."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.experiments.beside import beside_cells
from npft.experiments.repairs import TASKS


def cells(off=0.0):
    return [c | {"seed": s, "f1": 0.3 + 0.05 * k % 0.5 + 0.01 * s, "rise": 0.1 * k, "off": off,
                 "trained": 1} for k, c in enumerate(beside_cells()) for s in (0, 2)]


def test_beside_figure_draws_each_size_and_each_regime():
    axes = Figure(figsize=(10, 5)).subplots(1, 2)
    plots.draw_beside(axes, cells(), TASKS)
    joined = [line for line in axes[0].lines if len(line.get_xdata()) == 3]
    assert joined[0].get_xdata() == pytest.approx([0.3, 0.4, 0.5])  # LoRA 1, 4, 16
    assert joined[0].get_ydata() == pytest.approx(np.array([0.46, 0.51, 0.56]))
    said = " | ".join(t.get_text() for t in axes[0].texts)
    assert all(name in said for name in ("full fine-tuning", "last block", "LoRA, rank 1, 4, 16"))
    assert "exactly 0 (2 seeds)" in axes[0].figure._suptitle.get_text()
    assert "full 0.31" in axes[0].get_title() and "nats" in axes[1].get_xlabel()


def test_the_title_claims_nothing_that_is_not_so():
    axes = Figure(figsize=(10, 5)).subplots(1, 2)
    plots.draw_beside(axes, cells(off=0.1), TASKS)
    assert "exactly" not in axes[0].figure._suptitle.get_text()
