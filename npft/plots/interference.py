"""The classic of McCloskey & Cohen: two lists that interfere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREY, ORANGE, label_end, spread_out


def draw_interference(axes: Any, cells: Sequence[dict[str, Any]]) -> None:
    """The recall of both lists while the second is learnt: alone (left), with the first mixed in.

    ``cells`` are results of ``interference_cell``. Lines are means over the seeds, bands one
    standard deviation; the grey line is the mean epoch at which the second list is known.
    """
    for ax, mixed in zip(axes, (False, True)):
        runs = [c for c in cells if bool(c.get("interleaved")) is mixed]
        ends = []
        for name, color in (("ab", ORANGE), ("ac", BLUE)):
            recall = np.array([run[name] for run in runs])
            mean, spread = recall.mean(0), recall.std(0, ddof=min(1, len(runs) - 1))
            epochs = np.arange(len(mean))
            low, high = np.clip([mean - spread, mean + spread], 0, 1)
            ax.fill_between(epochs, low, high, color=color, alpha=0.18, lw=0)
            ax.plot(epochs, mean, color=color)
            ends.append(float(mean[-1]))
        names = (("A-B, the first list", ORANGE), ("A-C, the second", BLUE))
        for y, (text, color) in zip(spread_out(ends, 0.07), names):
            label_end(ax, len(mean) - 1, y, text, color)
        known = [run["known"] for run in runs if run["known"] is not None]
        if known:
            ax.axvline(np.mean(known), color=GREY, ls=":", lw=2)
            ax.text(np.mean(known) + 2, 0.5, "second list\nlearnt", color=GREY, va="center")
        ax.set_ylim(-0.02, 1.05)
        ax.set_xlim(0, len(mean) - 1)
        ax.set_xlabel("epochs of the second list")
        what = "with the first mixed in" if mixed else "alone"
        ax.set_title(f"the second list {what}:\nof the first {ends[0]:.0%} is left")
    axes[0].set_ylabel("share of pairs recalled")
