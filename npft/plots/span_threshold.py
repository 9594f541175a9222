"""Figure: precision, recall and F1 of spans over the threshold, and where calibration puts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.experiments.span_threshold import DEV, FIGURES, GRID
from npft.plots.style import BLUE, GREEN, GREY, ORANGE, label_end

LOOKS = {"precision": ("precision", BLUE), "recall": ("recall", ORANGE), "f1": ("F1", GREEN)}
MARKERS = dict(zip(DEV, (("o", "white"), ("D", GREEN))))


def draw_span_threshold(ax: Any, cells: Sequence[Mapping[str, Any]]) -> None:
    """Three lines over the threshold: means over the seeds, bands the range.

    ``cells`` are results of ``threshold_cell``. A mark for each seed and dev set stands at the
    threshold that was chosen there and the F1 that it has on the test.
    """
    ends = {}
    for name in FIGURES:
        values = np.array([cell[name] for cell in cells])  # (seeds, G)
        label, color = LOOKS[name]
        ax.fill_between(GRID, values.min(0), values.max(0), color=color, alpha=0.18, lw=0)
        ax.plot(GRID, values.mean(0), color=color)
        label_end(ax, GRID[-1], values[:, -1].mean(), label, color)
        ends[name] = values.mean(0)[[0, -1]]
    ax.axvline(0, color=GREY, ls="--", lw=1.5)
    for dev, (marker, face) in MARKERS.items():
        chosen = [(c["at"][dev]["threshold"], c["at"][dev]["f1"]) for c in cells]
        ax.plot(*zip(*chosen), marker, color=GREEN, markerfacecolor=face, markersize=8,
                markeredgecolor="black", label=f"chosen on a dev set of {dev}")
    f1 = {name: np.mean([c["at"][name]["f1"] for c in cells]) for name in ("0", *DEV)}
    ax.legend(loc="lower left", fontsize=13, framealpha=1, edgecolor="none")
    ax.set_ylim(0.5, 1.01)
    ax.set_xlabel("threshold: how much surer of its type than of nothing a span must be")
    ax.set_ylabel("whole spans of new names, on the test")
    (low, high), (full, few) = ends["precision"], ends["recall"]
    ax.set_title(
        f"Precision rises from {low:.2f} to {high:.2f}, "
        f"recall falls from {full:.2f} to {few:.2f};\n"
        f"F1 {f1['0']:.3f} at 0, " + ", ".join(f"{f1[d]:.3f} chosen on {d}" for d in DEV),
        fontsize="medium",
    )
