"""Figure: how deep to fine-tune."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.experiments.depth import DEPTHS, TASKS, depth_table
from npft.plots.style import BLUE, ORANGE

LOOKS = {"sms": ("lesson messages", ORANGE), "hard sms": ("hard messages", BLUE)}


def draw_depth(axes: Any, cells: list[dict[str, Any]]) -> None:
    """Left: F1 against the depth to which the model trains. Right: the rise of the old loss.

    A dot for each seed, lines through the means. ``cells`` are results of ``forgetting_cell`` for
    ``depth_cells``.
    """
    for ax, name in zip(axes, ("f1", "rise")):
        for row, task in enumerate(TASKS):
            said, color = LOOKS[task]
            values = [depth_table(cells, task)[depth][name] for depth in DEPTHS]
            for x, runs in enumerate(values):
                ax.plot([x] * len(runs), runs, "o", color=color, alpha=0.35, markersize=5)
            ax.plot(range(len(DEPTHS)), [runs.mean() for runs in values], color=color)
            if name == "f1":
                ax.text(0.97, 0.16 - 0.08 * row, said, color=color, transform=ax.transAxes,
                        ha="right")  # fmt: skip
        ax.set_xticks(range(len(DEPTHS)), DEPTHS, fontsize=12)
        ax.set_xlabel("what trains beside the head")
    left, right = axes
    left.set_ylim(0, 1)
    left.set_ylabel("F1 on 1,000 test messages")
    right.set_ylabel("rise of the pretraining loss (nats)")
    rises = [depth_table(cells, task)["last block"]["rise"].mean() for task in TASKS]
    gains = [
        float(np.mean(depth_table(cells, task)["all"]["f1"]))
        - float(np.mean(depth_table(cells, task)["last block"]["f1"]))
        for task in TASKS
    ]
    said = " and ".join(f"{gain:+.2f}" for gain in gains)
    left.set_title(f"all beside the last block: {said} F1", fontsize=14)
    every = min(float(depth_table(cells, task)["all"]["rise"].mean()) for task in TASKS)
    right.set_title(f"last block {min(rises):.1f} nats, all {every:.1f}", fontsize=14)
