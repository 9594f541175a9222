"""Figure F10: a sequence of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def draw_task_matrix(axes: Any, matrices: Mapping[str, np.ndarray], tasks: Sequence[str]) -> None:
    """The score on each task after training on each, a panel for each way of training.

    ``matrices`` maps a way to (seeds, T, T); a cell shows the mean and the standard deviation.
    """
    for ax, (way, runs) in zip(axes, matrices.items()):
        mean, spread = runs.mean(0), runs.std(0, ddof=min(1, len(runs) - 1))
        ax.imshow(mean, cmap="viridis", vmin=0, vmax=1)
        ax.grid(False)
        for i, j in zip(*np.tril_indices(len(mean))):  # above: heads that were not yet trained
            ax.text(
                j, i, f"{mean[i, j]:.2f}\n± {spread[i, j]:.2f}", ha="center", va="center",
                fontsize=13, color="white" if mean[i, j] < 0.6 else "black",
            )  # fmt: skip
        ax.set_xticks(range(len(tasks)), tasks, rotation=20)
        ax.set_yticks(range(len(tasks)), [f"after {task}" for task in tasks])
        ax.set_xlabel("tested on")
        last = len(tasks) - 1
        bwt = float((runs[:, last, :last] - np.diagonal(runs, axis1=1, axis2=2)[:, :last]).mean())
        ax.set_title(f"{way}: accuracy {mean[last].mean():.2f},\nbackward transfer {bwt:+.2f}")
