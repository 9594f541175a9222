"""Figure: whether a linear probe ranks checkpoints as fine-tuning does."""

from __future__ import annotations

from typing import Any

from npft.experiments.checkpoints import TASKS, probe_and_full, rank_agreement
from npft.plots.style import BLUE, ORANGE

LOOKS = {"sms": ("lesson messages", ORANGE), "hard sms": ("hard messages", BLUE)}


def draw_checkpoints(axes: Any, cells: list[dict[str, Any]]) -> None:
    """Full fine-tuning against the probe, a dot for each checkpoint; a panel for each task.

    ``cells`` are results of ``run_cell`` for ``checkpoint_cells``: means over the seeds in front,
    each seed faint behind. Numbers are steps of pretraining.
    """
    for ax, task in zip(axes, TASKS):
        name, color = LOOKS[task]
        f1 = {(c["step"], c["regime"], c["seed"]): c["f1"] for c in cells if c["task"] == task}
        for step, regime, seed in f1:
            if regime == "head":
                ax.plot(f1[step, "head", seed], f1[step, "full", seed], "o", color=color,
                        alpha=0.25, markersize=5)  # fmt: skip
        points = probe_and_full(cells, task)
        ax.plot(*zip(*points.values()), "o-", color=color, lw=1)
        for step, (probe, full) in points.items():
            ax.annotate(f"{step:,}", (probe, full), xytext=(6, -14), textcoords="offset points",
                        fontsize=12)  # fmt: skip
        agreement = rank_agreement(cells, task)
        ax.set_title(f"{name}: rank correlation {agreement:.2f}", fontsize=14)
        ax.set_xlabel("F1 of the probe (head only)")
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
    axes[0].set_ylabel("F1 after full fine-tuning")
