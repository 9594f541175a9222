"""Figure F5: how many labels pretraining is worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.experiments.labels import FEW, MANY, REGIMES, TASKS, label_gap
from npft.plots.style import GREY, color_of, label_end, spread_out

LOOKS = {  # name, line
    "head": ("head only", "-"),
    "full": ("full", "-"),
    "scratch": ("random body", "-"),
    "words": ("bag of words", "--"),
}
NAMES = {"topic": "topic of a sentence", "sms": "lesson messages"}
AT = 32  # labels at which the gap is read
TIERS = {(8, 32): "few-shot", (100, 1000): "100 to 1,000"}  # of the needs for data


def draw_labels(axes: Any, cells: list[dict[str, Any]]) -> None:
    """F1 against the number of labels, one panel a task: mean, and the range of the seeds.

    ``cells`` are results of ``run_cell`` for ``label_cells``. The arrow goes from the better of the
    pretrained regimes with 32 labels to where training from random weights is as good.
    """
    for ax, task in zip(axes, TASKS):
        ends: list[tuple[float, str, str]] = []
        for regime in REGIMES:
            name, line = LOOKS[regime]
            color = color_of(regime)
            runs: dict[int, list[float]] = {}
            for cell in cells:
                if (cell["task"], cell["regime"]) == (task, regime):
                    runs.setdefault(cell["n"], []).append(cell["f1"])
            labels = sorted(runs)
            values = np.array([runs[n] for n in labels])  # (numbers of labels, seeds)
            ax.fill_between(labels, values.min(1), values.max(1), color=color, alpha=0.15, lw=0)
            ax.plot(labels, values.mean(1), color=color, ls=line, marker="o", markersize=5)
            ends.append((float(values[-1].mean()), name, color))
        _gap(ax, cells, task)
        ax.set_xscale("log")
        ax.set_xticks([8, 32, 100, 320, 1280], ["8", "32", "100", "320", "1,280"])
        ax.minorticks_off()
        ax.set_xlim(FEW[0] * 0.8, MANY[-1] * 1.3)
        ax.set_ylim(0, 1)
        ax.set_xlabel("labels")
        for (low, high), tier in TIERS.items():
            ax.axvspan(low, high, ymax=0.02, color=GREY, lw=0)
            ax.text(np.sqrt(low * high), 0.035, tier, color=GREY, ha="center", fontsize=11)
        if ax is axes[-1]:
            for y, (_, name, color) in zip(spread_out([e[0] for e in ends], 0.07), ends):
                label_end(ax, MANY[-1] * 1.1, y, name, color)
    axes[0].set_ylabel("F1 on 1,000 test texts")
    seeds = len({cell["seed"] for cell in cells})
    most = max(cell["n"] for cell in cells)
    never = all(label_gap(cells, task, AT)[1] is None for task in TASKS)
    finding = f"{AT} labels on a pretrained body beat {most:,} on a random one"
    axes[0].figure.suptitle(
        f"{finding if never else 'What pretraining is worth'} ({seeds} seeds, band: range)",
        x=0.01, ha="left", fontsize=16,
    )  # fmt: skip


def _gap(ax: Any, cells: list[dict[str, Any]], task: str) -> None:
    """The arrow of the gap, and the title of the panel that says it."""
    f1, needed = label_gap(cells, task, AT)
    most = MANY[-1]
    ax.annotate(
        "", xy=(needed or most * 1.25, f1), xytext=(AT, f1),
        arrowprops={"arrowstyle": "->", "lw": 2, "color": "black"},
    )  # fmt: skip
    said = f"{needed / AT:.0f} times" if needed else f"over {most / AT:.0f} times"
    ax.set_title(f"{NAMES[task]}: {AT} labels\nare worth {said} as many", fontsize=14)
