"""Figure: LoRA and adapters in the plane of what is learnt against what is forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.experiments.beside import SIZES, points_of
from npft.plots.style import GREY, color_of

LOOKS = {  # name, what its size is, mark, line, and how far above its mark a size stands, in points
    "lora": ("LoRA", "rank", "o", "-", 14), "adapter": ("adapter", "width", "s", "--", -15),
}  # fmt: skip
ASIDE = {("lora", 16): -8, ("lora", 4): 4}  # marks so near each other that their sizes would touch
NAMES = {  # and how far above its mark a name stands, in points
    "full": ("full fine-tuning", 20), "last": ("last block", 46), "head": ("head only", -24),
}  # fmt: skip


def draw_beside(axes: Any, cells: Sequence[Mapping[str, Any]], tasks: Mapping[str, str]) -> None:
    """F1 at the end against the rise of the held-out loss, a panel a task: up and left is better.

    ``cells`` are results of ``beside_cell``. A line joins the sizes of LoRA and of adapters, from
    the smallest; bars are one standard deviation over the seeds. Diamonds: the regimes.
    """
    for ax, (task, name) in zip(axes, tasks.items()):
        points = points_of(cells, task)
        for regime, (said, above) in NAMES.items():
            color = color_of(regime)
            _mark(ax, points[regime, None], color, "D", 7)
            rise, f1 = points[regime, None].mean(axis=1)
            ax.annotate(
                said, (rise, f1), xytext=(-4, above), textcoords="offset points", color=color,
                fontsize=13, va="center",
            )  # fmt: skip
        for row, (kind, (said, what, mark, line, above)) in enumerate(LOOKS.items()):
            means = np.array([points[kind, n].mean(axis=1) for n in SIZES[kind]])
            color = color_of(kind)
            ax.plot(*means.T, color=color, lw=1.5, ls=line)
            for width, n, mean in zip((5, 8, 11), SIZES[kind], means):
                _mark(ax, points[kind, n], color, mark, width)
                ax.annotate(
                    f"{n}", mean, xytext=(ASIDE.get((kind, n), 0), above), color=color,
                    textcoords="offset points", ha="center", va="center", fontsize=11,
                )  # fmt: skip
            sign, numbers = "●■"[row], ", ".join(map(str, SIZES[kind]))
            ax.text(0.98, 0.1 - 0.07 * row, f"{sign} {said}, {what} {numbers}", color=color,
                    ha="right", transform=ax.transAxes, fontsize=13)  # fmt: skip
        ax.set_ylim(0, 1)
        ax.axvline(0, color=GREY, lw=1)
        ax.set_xlabel("rise of the held-out loss (nats)")
        best, by = max((points[k, n][1].mean(), k) for k, own in SIZES.items() for n in own)
        full, last = (points[regime, None][1].mean() for regime in ("full", "last"))
        ax.set_title(
            f"{name}: {LOOKS[by][0]} {best:.2f} at best,\nlast block {last:.2f}, full {full:.2f}",
            fontsize=14,
        )  # fmt: skip
    axes[0].set_ylabel("F1 on 400 test texts (bars: one sd)")
    axes[0].figure.suptitle(_finding(cells), x=0.01, ha="left", fontsize=16)


def _mark(ax: Any, point: np.ndarray, color: str, mark: str, size: float) -> None:
    """The mean of rises and F1s (2, S), with their deviations."""
    spread = point.std(axis=1, ddof=1) if point.shape[1] > 1 else np.zeros(2)
    ax.errorbar(
        *point.mean(axis=1), xerr=spread[0], yerr=spread[1], fmt=mark, color=color,
        markersize=size, elinewidth=0.7, lw=1,
    )  # fmt: skip


def _finding(cells: Sequence[Mapping[str, Any]]) -> str:
    """What all runs with additions have in common."""
    added = [c for c in cells if c["regime"] in SIZES]
    seeds = len({c["seed"] for c in cells})
    if all(c["off"] == 0 for c in added):
        return f"Switched off, LoRA and adapters leave a body that forgot exactly 0 ({seeds} seeds)"
    return f"LoRA and adapters beside the regimes ({seeds} seeds)"
