"""Figure: one change at a time in fine-tuning, with the spread over the seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.experiments.ablation import TASKS, ablation_rows
from npft.plots.style import color_of

TITLES = {"sms": "lesson messages", "hard sms": "hard messages"}


def draw_ablation(axes: Any, cells: list[dict[str, Any]]) -> None:
    """F1 of each row, a panel for each set of messages: a dot for each seed, a bar at their mean.

    ``cells`` are results of ``run_cell`` for ``ablation_cells``. Rows are coloured by what
    trains (``color_of``), bodies of random weights apart; the dotted lines are the plain rows.
    """
    rows = ablation_rows(cells)
    for ax, task in zip(axes, TASKS):
        for y, row in enumerate(rows):
            color = color_of("scratch" if "random body" in row["row"] else row["row"])
            ax.plot(row[task], [y] * len(row[task]), "o", color=color, markersize=4, alpha=0.6)
            ax.plot([np.mean(row[task])], [y], "|", color=color, markersize=16, markeredgewidth=3)
            if row["row"] in ("head only", "full"):
                ax.axvline(np.mean(row[task]), color=color, ls=":", lw=1.5)
        ax.set_yticks(range(len(rows)), [row["row"] for row in rows] if ax is axes[0] else [])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(0.3, 1)
        ax.set_xlabel("F1 of spam on 1,000 test messages")
        ax.set_title(TITLES[task], fontsize=14)
        ax.tick_params(axis="y", labelsize=10)
    best = {task: max(rows, key=lambda row: float(np.mean(row[task])))["row"] for task in TASKS}
    seeds = len({cell["seed"] for cell in cells})
    axes[0].figure.suptitle(
        f"Best where words decide: {best[TASKS[0]]}\nBest where order does: {best[TASKS[1]]}"
        f"   ({seeds} seeds)",
        x=0.01, ha="left", fontsize=14,
    )  # fmt: skip
