"""Figure: what text of a domain does to three losses and to tasks of that domain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.experiments.dapt import LARGE, PLAIN, SMALL, TASKS, WAYS, dapt_table
from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, SKY, label_end, spread_out

COLORS = dict(zip(WAYS, (GREY, PINK, ORANGE, BLUE, GREEN)))
GENERAL, FEW, MANY, REPLAY = list(WAYS)[1:]
LABELS = {
    PLAIN: PLAIN, GENERAL: "more\ngeneral text", FEW: f"{SMALL} documents",
    MANY: f"{LARGE:,} documents", REPLAY: "and replay",
}  # fmt: skip
TASK_COLORS = {"clinic_topic": (SKY, BLUE), "clinic_entities": (PINK, ORANGE)}
TASK_NAMES = {"clinic_topic": "topic", "clinic_entities": "entities"}


def draw_dapt(axes: Any, cells: Sequence[dict[str, Any]]) -> None:
    """Losses on the clinic, losses on general text, and what each way adds to F1.

    ``cells`` are results of ``dapt_cell`` for every way and seed. Lines are means over the seeds,
    bands their range, small dots seeds.
    """
    _draw_domain(axes[0], cells)
    _draw_general(axes[1], cells)
    _draw_gains(axes[2], cells)
    seeds = len({c["seed"] for c in cells})
    helped = [
        dapt_table(cells, task, n)[MANY].mean() > dapt_table(cells, task, n)[PLAIN].mean()
        for task, numbers in TASKS.items()
        for n in numbers
    ]
    axes[0].figure.suptitle(
        f"{LARGE:,} documents of a domain raise F1 in {sum(helped)} of {len(helped)} settings of "
        f"its tasks ({seeds} seeds)",
        x=0.01, ha="left", fontsize=18,
    )  # fmt: skip


def curves(cells: Sequence[dict[str, Any]], way: str, name: str) -> tuple[list[int], np.ndarray]:
    """The steps of a way's measurements and the loss called ``name``, (seeds, measurements)."""
    runs = [c["losses"] for c in cells if c["way"] == way]
    return [row["step"] for row in runs[0]], np.array([[r[name] for r in run] for run in runs])


def _band(ax: Any, cells: Sequence[dict[str, Any]], way: str, name: str, ls: str = "-") -> float:
    """The mean with a band from the lowest to the highest seed; returns its end."""
    steps, values = curves(cells, way, name)
    color = COLORS[way]
    ax.fill_between(steps, values.min(axis=0), values.max(axis=0), color=color, alpha=0.18, lw=0)
    ax.plot(steps, values.mean(axis=0), color=color, ls=ls)
    return float(values[:, -1].mean())


def _draw_domain(ax: Any, cells: Sequence[dict[str, Any]]) -> None:
    ends = {way: _band(ax, cells, way, "domain") for way in (GENERAL, FEW, MANY)}
    gaps = {way: ends[way] - _band(ax, cells, way, "seen", "--") for way in (FEW, MANY)}
    last = curves(cells, MANY, "domain")[0][-1]
    for (way, _), y in zip(ends.items(), spread_out(list(ends.values()), 1.1)):
        label_end(ax, last, y, LABELS[way], COLORS[way])
    ax.text(0.97, 0.74, "line: held-out text\ndashes: training text", color=GREY, ha="right",
            va="top", transform=ax.transAxes, fontsize="small")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("step of adaptation")
    ax.set_ylabel("loss (nats per masked token)")
    ax.set_title(f"Clinic: a gap of {gaps[FEW]:.1f} with {SMALL}\ndocuments, {gaps[MANY]:.1f} "
                 f"with {LARGE:,}", fontsize="medium")


def _draw_general(ax: Any, cells: Sequence[dict[str, Any]]) -> None:
    ends = {way: _band(ax, cells, way, "general") for way in (GENERAL, FEW, MANY, REPLAY)}
    steps, values = curves(cells, MANY, "general")
    start = float(values[:, 0].mean())
    for (way, _), y in zip(ends.items(), spread_out(list(ends.values()), 0.6)):
        label_end(ax, steps[-1], y, LABELS[way], COLORS[way])
    ax.set_ylim(bottom=0)
    ax.set_xlabel("step of adaptation")
    ax.set_title(f"General text: {ends[MANY] - start:+.1f} nats,\nwith replay "
                 f"{ends[REPLAY] - start:+.1f}", fontsize="medium")


def _draw_gains(ax: Any, cells: Sequence[dict[str, Any]]) -> None:
    rows = [way for way in WAYS if way != PLAIN]
    settings = [(task, n, color) for task, numbers in TASKS.items()
                for n, color in zip(numbers, TASK_COLORS[task])]  # fmt: skip
    best = []
    shifts = np.linspace(0.27, -0.27, len(settings))
    for line, (shift, (task, n, color)) in enumerate(zip(shifts, settings), start=1):
        table = dapt_table(cells, task, n)
        for row, way in enumerate(reversed(rows)):
            gain = table[way] - table[PLAIN]
            ax.plot(gain, np.full(len(gain), row + shift), ".", color=color, alpha=0.45, ms=6)
            ax.plot(gain.mean(), row + shift, "o", color=color, ms=8)
        ax.annotate(f"{TASK_NAMES[task]}, {n} labels (F1 {table[PLAIN].mean():.2f})", (0, 1),
                    xycoords="axes fraction", xytext=(6, -18 * line),
                    textcoords="offset points", color=color, fontsize="small")  # fmt: skip
        best.append(float((table[MANY] - table[PLAIN]).mean()))
    ax.plot([0, 0], [-0.6, len(rows) - 0.5], color=GREY, lw=1)
    ax.set_yticks(range(len(rows)), [LABELS[way] for way in reversed(rows)], fontsize="small")
    ax.set_ylim(-0.6, len(rows) + 0.9)
    ax.set_xlabel("F1 minus F1 without")
    low, high = min(best), max(best)
    ax.set_title(f"{LARGE:,} documents: F1\n{low:+.2f} to {high:+.2f}", fontsize="medium")
