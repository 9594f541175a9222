"""How fast npft is beside other packages: ratios of times, with their spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from npft.plots.style import BLUE, GREY, ORANGE


def draw_speed(ax: Any, rows: Sequence[dict]) -> None:
    """The ratio npft / peer of each row: median and range; left of the line npft is faster.

    rows: dicts with "work", "peer", "threads" and "ratio" (median, least, most).
    One line of the plot holds the measurements on one and on two threads.
    """
    names = list(dict.fromkeys((row["work"], row["peer"]) for row in rows))
    for row in rows:
        place = len(names) - names.index((row["work"], row["peer"]))
        y = place + (0.15 if row["threads"] == 1 else -0.15)
        middle, least, most = row["ratio"]
        color = BLUE if row["threads"] == 1 else ORANGE
        ax.plot([least, most], [y, y], color=color, lw=2)
        ax.plot(middle, y, "o", color=color)
    ax.axvline(1, color=GREY, lw=1)
    labels = [f"{work} / {peer}" for work, peer in names]
    ax.set_yticks(range(len(names), 0, -1), labels, fontsize=11)
    ax.set_xscale("log")
    ticks = (0.2, 0.3, 0.5, 0.7, 1, 1.5)
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.set_xlabel("time of npft / time of the peer")
    faster = sum(row["ratio"][0] < 1 for row in rows)
    surely = sum(row["ratio"][2] < 1 for row in rows)
    ax.figure.suptitle(
        f"npft is faster in {faster} of {len(rows)} by the median, "
        f"in {surely} by each of its rounds", x=0.01, ha="left",
    )
    ax.text(0.02, 0.95, "1 thread", color=BLUE, transform=ax.transAxes, va="top")
    ax.text(0.02, 0.88, "2 threads", color=ORANGE, transform=ax.transAxes, va="top")
