"""Figure F20: what it costs to find the most alike pair of n sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.experiments.bi_cross import AT, drawn_out, slope
from npft.plots.style import BLUE, GREY, ORANGE

WAYS = {  # colour, passes
    "bi": (BLUE, lambda n: n),
    "cross": (ORANGE, lambda n: n * (n - 1) // 2),
}
PUBLISHED = {"bi": 5.0, "cross": 65 * 3600.0}  # seconds, Reimers & Gurevych 2019
FITTED = 32  # sentences from which on a line is fitted: below, a pass costs more than its tokens
PLACES = {"bi": (0.45, 0.03), "cross": (0.03, 0.6)}  # of the names, in shares of the axes


def spoken(seconds: float) -> str:
    """Seconds in the unit in which they are said.

    >>> spoken(0.84), spoken(34.0), spoken(1500.0), spoken(234_000.0)
    ('0.84 s', '34 s', '25 min', '65 h')
    """
    if seconds < 600:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def at_ten_thousand(cells: list[dict[str, Any]], way: str) -> float:
    """Seconds for 10,000 sentences, measured or drawn out from the largest number: a mean."""
    _, passes = WAYS[way]
    largest = max(cells[0][way])
    place = cells[0][way].index(largest)
    return float(np.mean([drawn_out(largest, c["seconds"][way][place], passes) for c in cells]))


def draw_bi_cross(ax: Any, cells: list[dict[str, Any]]) -> None:
    """Seconds against sentences, both logarithmic; dashed: drawn out to 10,000, not measured.

    ``cells`` are results of ``bi_cross_cell``, a round each: points are means, bars their range.
    """
    ends = {way: at_ten_thousand(cells, way) for way in WAYS}
    for way, (color, _) in WAYS.items():
        n = np.array(cells[0][way])
        seconds = np.array([c["seconds"][way] for c in cells])  # (rounds, sizes)
        mean = seconds.mean(axis=0)
        spread = [mean - seconds.min(axis=0), seconds.max(axis=0) - mean]
        ax.errorbar(n, mean, yerr=spread, color=color, fmt="o", capsize=4, ms=6)
        fitted = n >= FITTED
        power = [slope(n[fitted].tolist(), s[fitted].tolist()) for s in seconds]
        ax.plot(n, mean, color=color)
        ax.plot([n[-1], AT], [mean[-1], ends[way]], color=color, ls="--")
        ax.text(*PLACES[way], f"{way}-encoder, slope {np.mean(power):.2f}\n"
                f"({len(cells)} rounds: {min(power):.2f} to {max(power):.2f})",
                color=color, transform=ax.transAxes)
        _named(ax, ends[way], f"here {spoken(ends[way])}", color, "top")
        ax.plot(AT, PUBLISHED[way], marker="D", color=GREY, ms=8, ls="", zorder=3)
        _named(ax, PUBLISHED[way], f"BERT, GPU {spoken(PUBLISHED[way])}", GREY, "bottom")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(right=AT * 1.15)
    ax.set_ylim(bottom=1e-3)
    ax.set_xlabel("sentences n")
    ax.set_ylabel("seconds of one processor core")
    times = ends["cross"] / ends["bi"]
    ax.set_title(f"The most alike of 10,000: {spoken(ends['bi'])} by vectors, "
                 f"{times:,.0f} times that by pairs")


def _named(ax: Any, seconds: float, text: str, color: str, side: str) -> None:
    """A name beside a mark at 10,000 sentences, above or below its middle."""
    ax.annotate(text, (AT, seconds), xytext=(10, 0), textcoords="offset points", va=side,
                color=color, annotation_clip=False)
