"""Figures of serving: quality against time and bytes, way by way, and the front of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, SKY, label_column

COLORS = {
    "full": GREY, "float16": SKY, "int8": BLUE, "dropped": ORANGE, "trained on": PINK,
    "distilled": GREEN, "distilled, int8": "#222222",
}  # fmt: skip
NAMES = {
    "full": "whole model", "float16": "float16", "int8": "int8", "dropped": "half, as cut",
    "trained on": "half, trained on alone", "distilled": "half, distilled",
    "distilled, int8": "half, distilled, int8",
}  # fmt: skip
COSTS = {"time": "time, as a share of the whole one's", "bytes": "megabytes of weights"}
Cells = Sequence[Mapping[str, Any]]


def values_of(cells: Cells, figure: str) -> dict[str, np.ndarray]:
    """Of each way the figure in every seed; bytes in millions."""
    scale = 1e6 if figure == "bytes" else 1.0
    ways = cells[0]["ways"]
    return {w: np.array([c["ways"][w][figure] for c in cells]) / scale for w in ways}


def front(costs: Mapping[str, float], qualities: Mapping[str, float]) -> list[str]:
    """The ways than which no other is both cheaper and better, from the cheapest on.

    >>> front({"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 0.5, "b": 0.4, "c": 0.9})
    ['a', 'c']
    """
    best, found = -np.inf, []
    for way in sorted(costs, key=lambda w: (costs[w], -qualities[w])):
        if qualities[way] > best:
            best = qualities[way]
            found.append(way)
    return found


def draw_serving(axes: Any, cells: Cells, names: Mapping[str, str], title: str) -> None:
    """A row for each figure of quality, a column for each cost.

    cells: of ``serving_cell``, or of both real ones together, one for each seed. names: what each
    figure is called, by its name in the cells. Points are means over the seeds, bars one standard
    deviation of the quality; the line joins the ways that no other beats in both.
    """
    rows = np.asarray(axes).reshape(len(names), len(COSTS))
    for (figure, name), row in zip(names.items(), rows):
        for ax, (cost, label) in zip(row, COSTS.items()):
            _panel(ax, values_of(cells, cost), values_of(cells, figure))
            ax.set_xlabel(label)
        row[0].set_ylabel(name)
    rows[0, 0].text(0.02, 0.97, "line: beaten by none", color=GREY, va="top", fontsize=12,
                    transform=rows[0, 0].transAxes)  # fmt: skip
    rows[0, 0].figure.suptitle(title, x=0.01, ha="left", fontsize=14)


def _panel(ax: Any, costs: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> None:
    """Quality against one cost."""
    x = {way: float(v.mean()) for way, v in costs.items()}
    y = {way: float(v.mean()) for way, v in found.items()}
    spread = {way: float(v.std(ddof=1)) if len(v) > 1 else 0.0 for way, v in found.items()}
    best = front(x, y)
    ax.plot([x[w] for w in best], [y[w] for w in best], color=GREY, lw=1, zorder=1)
    for way in x:
        ax.errorbar(x[way], y[way], yerr=spread[way], fmt="o", color=COLORS[way], lw=1.2, ms=7)
    low = min(y[w] - spread[w] for w in y)
    high = max(y[w] + spread[w] for w in y)
    right = max(x.values())
    places = label_column(
        ax, {NAMES[w]: (x[w], y[w]) for w in x}, {NAMES[w]: COLORS[w] for w in x}, 1.15 * right,
        0.15 * (high - low),
    )  # fmt: skip
    pad = 0.07 * (high - low)
    ax.set_ylim(min(low, places[0]) - pad, max(high, places[-1]) + pad)
    ax.set_xlim(0, 1.9 * right)


def serving_title(cells: Cells) -> str:
    """The finding where it holds; otherwise the larger one of both losses, of words and of F1."""
    lost = {"int8": 0.0, "trained on": 0.0}
    for figure in ("words", "f1"):
        mean = {way: float(v.mean()) for way, v in values_of(cells, figure).items()}
        lost = {way: max(worst, mean["full"] - mean[way]) for way, worst in lost.items()}
    seeds = f"({len(cells)} seeds, bars: one sd)"
    if lost["int8"] < 0.001 and lost["trained on"] < 0.01:
        return ("A quarter of the bytes costs nothing; half the blocks, trained on, hardly "
                f"anything {seeds}")  # fmt: skip
    return (
        f"int8 loses up to {lost['int8']:.3f}; half the blocks, trained on, up to "
        f"{lost['trained on']:.3f} {seeds}"
    )


def serving_real_title(cells: Cells) -> str:
    """What the figure of a real encoder shows, in its own numbers."""
    rho = {way: v.mean() for way, v in values_of(cells, "spearman").items()}
    share = {way: v.mean() for way, v in values_of(cells, "time").items()}
    return (
        f"A real encoder: int8 costs {rho['full'] - rho['int8']:.4f} of {rho['full']:.3f}; half "
        f"the blocks take {share['distilled']:.0%} of the time\nand cost "
        f"{rho['full'] - rho['dropped']:.3f}, after a little distillation "
        f"{rho['full'] - rho['distilled']:.3f} (distilled: {len(cells)} seeds, bars: one sd)"
    )
