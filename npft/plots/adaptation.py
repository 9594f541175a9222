"""Figure F25: what a body gains and loses when it goes on with the text of a new domain."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.nn.history import History
from npft.plots.style import BLUE, GREEN, GREY, ORANGE

COLORS = (ORANGE, BLUE, GREEN)


def _band(ax: Any, runs: list[History], name: str, color: str, ls: str = "-") -> float:
    """The mean over the seeds with a band from the lowest to the highest; returns its end."""
    values = np.array([run[name] for run in runs])  # (seeds, measurements)
    steps = runs[0].at(name)
    ax.fill_between(steps, values.min(axis=0), values.max(axis=0), color=color, alpha=0.18, lw=0)
    ax.plot(steps, values.mean(axis=0), color=color, ls=ls)
    return float(values[:, -1].mean())


def draw_adaptation(axes: Any, runs: dict[str, list[History]]) -> None:
    """Left: loss on held-out and on training text of the domain. Right: on general text.

    ``runs`` maps a name to the histories of ``adapt``, one for each seed; the first is a small
    text, the second a large one, the third the large one with replay. Bands: lowest to highest
    seed.
    """
    left, right = axes
    names = list(runs)
    last = runs[names[0]][0].step[-1]
    for name, color in zip(names[:2], COLORS):
        _band(left, runs[name], "domain_mlm_loss", color)
        _band(left, runs[name], "seen_mlm_loss", color, "--")
    _band(left, runs[names[2]], "domain_mlm_loss", COLORS[2])  # what replay costs
    _key(left, [*zip(names, COLORS), ("line: held-out text", GREY),
                ("dashes: training text", GREY)])  # fmt: skip
    # a gap of -0.04 is shown as 0.0
    small, large = (abs(round(np.mean([h["gap"][-1] for h in runs[k]]), 1)) for k in names[:2])
    left.set_title(f"Clinic: gap {small:.1f} or {large:.1f} nats", fontsize=15)
    start = float(np.mean([h["general_mlm_loss"][0] for h in runs[names[0]]]))
    right.axhline(start, color=GREY, ls=":", lw=2)
    right.text(last, start - 0.12, "before", color=GREY, ha="right", va="top")
    rises = [
        _band(right, runs[name], "general_mlm_loss", color) - start
        for name, color in zip(names, COLORS)
    ]
    _key(right, list(zip(names, COLORS)))
    right.set_title(f"General text: +{rises[1]:.1f}, replay +{rises[2]:.1f} nats", fontsize=15)
    top = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_xlabel("step of adaptation")
        ax.set_xlim(0, last)
        ax.set_ylim(0, top)
    left.set_ylabel("loss (nats per masked token)")
    left.figure.suptitle(
        "A small corpus opens a gap; the old domain is forgotten, unless it is replayed "
        f"({len(runs[names[0]])} seeds)",
        x=0.01, ha="left", fontsize=16,
    )  # fmt: skip


def _key(ax: Any, entries: list[tuple[str, str]]) -> None:
    """Names in their colours, in the upper right corner, where no line goes."""
    for i, (text, color) in enumerate(entries):
        ax.text(0.98, 0.98 - 0.065 * i, text, color=color, ha="right", va="top",
                transform=ax.transAxes, fontsize=14)
