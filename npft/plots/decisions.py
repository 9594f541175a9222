"""Figure F23: the confusion matrix of one decision, and precision against recall for all."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.experiments.decisions import WAYS
from npft.metrics.classes import confusion_matrix
from npft.metrics.curves import average_precision, precision_recall
from npft.plots.style import GREY, color_of

LINES = ("full", "-"), ("head", "-"), ("scratch", "-"), ("scratch", "--")
LOOKS = {way: (color_of(regime), line) for way, (regime, line) in zip(WAYS, LINES)}
NAMES = dict(zip(WAYS, ("full", "head only", "full, random body", "head only, random body")))


def draw_decisions(axes: Any, cells: list[dict[str, Any]]) -> None:
    """Left: who is called what by the head alone, from 0.5 on. Right: every other decision, too.

    ``cells`` are results of ``decision_cell``. Counts are means over the seeds; the right panel has
    a line for each seed, and a dot where "spam" begins at 0.5.
    """
    left, right = axes
    counts = [
        confusion_matrix(np.array(c["labels"]), (np.array(c["p_spam"]) >= 0.5).astype(int), 2)
        for c in cells if c["way"] == "head"
    ]  # fmt: skip
    _matrix(left, np.mean(counts, axis=0))
    areas = {}
    for way in WAYS:
        color, line = LOOKS[way]
        own = [c for c in cells if c["way"] == way]
        for cell in own:
            labels, p = np.array(cell["labels"]), np.array(cell["p_spam"])
            curve = precision_recall(labels, p)
            right.plot(curve.recall, curve.precision, color=color, ls=line, lw=1.2, alpha=0.7)
            at = int(np.flatnonzero(curve.thresholds >= 0.5)[-1])
            right.plot(curve.recall[at], curve.precision[at], "o", color=color, markersize=6)
        areas[way] = float(
            np.mean([average_precision(np.array(c["labels"]), np.array(c["p_spam"])) for c in own])
        )
    for row, way in enumerate(WAYS):
        right.text(
            0.03, 0.30 - 0.075 * row, f"{NAMES[way]}: average precision {areas[way]:.2f}",
            color=LOOKS[way][0], transform=right.transAxes, fontsize=12,
        )  # fmt: skip
    share = float(np.mean([np.mean(c["labels"]) for c in cells]))
    right.axhline(share, color=GREY, ls=":", lw=2)
    right.set_xlim(0, 1)
    right.set_ylim(0, 1.02)
    right.set_xlabel("recall: share of the spam that is found")
    right.set_ylabel("precision: share of it that is spam")
    seeds = len({c["seed"] for c in cells})
    right.set_title(f"all decisions ({seeds} seeds; dot: from 0.5)", fontsize=14)


def _matrix(ax: Any, counts: np.ndarray) -> None:
    """A 2 x 2 table of counts, darker where more messages are."""
    ax.imshow(counts, cmap="Blues", vmin=0, vmax=counts.sum() * 0.75)
    names = (("right: ham", "ham called spam"), ("spam let through", "right: spam"))
    for (row, column), count in np.ndenumerate(counts):
        ax.text(column, row, f"{count:.0f}\n{names[row][column]}", ha="center", va="center",
                fontsize=14)
    precision = counts[1, 1] / counts[:, 1].sum()
    recall = counts[1, 1] / counts[1].sum()
    ax.set_xticks([0, 1], ["called ham", "called spam"])
    ax.set_yticks([0, 1], ["ham", "spam"])
    ax.grid(False)
    ax.set_title(f"head only: precision {precision:.2f}, recall {recall:.2f}", fontsize=14)
