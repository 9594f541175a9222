"""Figure: which way of using a body is best at how many labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from npft.experiments.when_to_tune import NUMBERS, TASKS, TIERS, WAYS, curve_of, tune_from
from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, SKY, label_end, spread_out

LOOKS = {  # name, colour, line
    "prompt": ("prompt", PINK, "-"),
    "centroid": ("vectors, nearest mean", SKY, "-"),
    "logistic": ("vectors, logistic", GREEN, "-"),
    "head": ("head only", BLUE, "-"),
    "full": ("full", ORANGE, "-"),
    "words": ("bag of words", GREY, "--"),
}


def draw_when_to_tune(axes: Any, cells: Sequence[Mapping[str, Any]]) -> None:
    """F1 against the number of labels, a panel a task: mean, and the range of the seeds.

    ``cells`` are results of ``when_cell``. Along the axis stand the tiers of the need for labels.
    """
    place = {n: x for x, n in enumerate(NUMBERS)}
    for ax, (task, name) in zip(axes, TASKS.items()):
        ends = []
        for way in WAYS:
            said, color, line = LOOKS[way]
            curve = curve_of(cells, task, way)
            x, values = [place[n] for n in curve], list(curve.values())
            ax.fill_between(
                x, [v.min() for v in values], [v.max() for v in values], color=color, alpha=0.15,
                lw=0,
            )  # fmt: skip
            ax.plot(x, [v.mean() for v in values], color=color, ls=line, marker="o", markersize=5)
            if way != "prompt":
                ends.append((float(values[-1].mean()), said, color))
        _prompts(ax, [v.mean() for v in curve_of(cells, task, "prompt").values()])
        if ax is axes[-1]:
            for y, (_, said, color) in zip(spread_out([e[0] for e in ends], 0.055), ends):
                label_end(ax, place[NUMBERS[-1]], y, said, color)
        for tier, (low, high) in TIERS.items():
            left, right = place[low] - 0.3, place[high] + 0.3
            ax.axvspan(left, right, ymax=0.02, color=GREY, lw=0)
            ax.text((left + right) / 2, 0.035, tier, color=GREY, ha="center", fontsize=12)
        ax.set_xticks(list(place.values()), [f"{n // 1000}k" if n >= 1000 else n for n in NUMBERS])
        ax.set_xlim(-0.4, len(NUMBERS) - 0.6)
        ax.set_ylim(0, 1.03)
        ax.set_xlabel("labels")
        start = tune_from(cells, task)
        when = f"train all from {start:,} labels on" if start else "no need to train all"
        ax.set_title(f"{name}:\n{when}", fontsize=14)
    axes[0].set_ylabel("F1, mean of the classes")
    seeds = len({c["seed"] for c in cells})
    axes[0].figure.suptitle(
        f"When to tune depends on what pretraining knew, not on labels alone ({seeds} seeds, "
        "band: range)", x=0.01, ha="left", fontsize=16,
    )  # fmt: skip


def _prompts(ax: Any, means: list[float]) -> None:
    """The name of the prompts, beside their first point, where there is room for it."""
    up = 8 if means[0] < 0.9 else -6  # below the upper edge
    ax.annotate("prompt", (0, means[0]), xytext=(10, up), textcoords="offset points", color=PINK)
