"""Figure F16: SimCSE in the plane of uniformity and alignment."""

from __future__ import annotations

from typing import Any

import numpy as np

MAP = "cividis"  # from dark blue to yellow, in steps that colour-blind readers see alike
MARKERS = ("o", "s", "D")


def draw_alignment_uniformity(
    ax: Any, paths: dict[str, list[list[dict[str, Any]]]], gold: str
) -> None:
    """SimCSE in the plane of uniformity and alignment, from its start to its end.

    ``paths`` maps a dropout to a path for each seed: rows with "uniformity", "alignment" and the
    Spearman correlation ``gold``, which is the colour. Thick is the mean of the seeds, thin each of
    them; lower is better on both axes.
    """
    from matplotlib.colors import Normalize

    means = {name: _mean_rows(runs) for name, runs in paths.items()}
    shown = [row[gold] for rows in means.values() for row in rows]
    scale = Normalize(min(shown), max(shown))
    for (name, runs), marker in zip(paths.items(), MARKERS):
        for rows in runs if len(runs) > 1 else []:
            x, y = ([row[k] for row in rows] for k in ("uniformity", "alignment"))
            ax.plot(x, y, color="#AAAAAA", lw=0.7, zorder=1)
        rows = means[name]
        x, y = ([row[k] for row in rows] for k in ("uniformity", "alignment"))
        ax.plot(x, y, color="#444444", lw=1.5, zorder=2)
        dots = ax.scatter(x, y, c=[row[gold] for row in rows], cmap=MAP, norm=scale, marker=marker,
                          s=70, ec="#444444", lw=0.8, zorder=3)
        ax.annotate("", (x[1], y[1]), (x[0], y[0]), zorder=2,
                    arrowprops={"arrowstyle": "-|>", "color": "#444444", "shrinkB": 7})
    for i, (name, marker) in enumerate(zip(means, MARKERS)):
        first, last = (means[name][k][gold] for k in (0, -1))
        ax.plot(0.5, 0.94 - 0.075 * i, marker, transform=ax.transAxes, color="#444444", ms=8)
        ax.text(0.53, 0.94 - 0.075 * i, f"dropout {name}: Spearman {first:.2f} to {last:.2f}",
                transform=ax.transAxes, va="center", fontsize=14)
    ax.annotate("after MLM", (x[0], y[0]), xytext=(0, -24), textcoords="offset points", ha="center",
                fontsize=14)
    ax.figure.colorbar(dots, ax=ax, label="Spearman with graded similarity")
    ax.set_xlabel("uniformity (lower: more evenly spread)")
    ax.set_ylabel("alignment of paraphrases (lower: closer)")
    ax.set_title("SimCSE spreads sentences out; paraphrases move apart as well")


def _mean_rows(runs: list[list[dict[str, Any]]]) -> list[dict[str, float]]:
    """The rows of several runs, averaged row by row."""
    return [
        {k: float(np.mean([row[k] for row in rows])) for k in rows[0]} for rows in zip(*runs)
    ]
