"""Figure F22: pads against the probability of spam, by pool."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.experiments.pads import PADS, POOLS
from npft.plots.style import BLUE, GREEN, ORANGE, PINK, label_end, spread_out

COLORS = dict(zip(POOLS, (BLUE, PINK, GREEN, ORANGE)))


def draw_pads(axes: Any, cells: list[dict[str, Any]]) -> None:
    """Left: p(spam) of ham messages against the pads behind them. Right: the answers that change.

    ``cells`` are results of ``pad_cell``; lines are means over the seeds, bands their range. With
    the mask all lines would be flat.
    """
    left, right = axes
    for ax, name in zip(axes, ("ham", "changed")):
        runs = {pool: np.array([c[name] for c in cells if c["pool"] == pool]) for pool in POOLS}
        for pool, values in runs.items():  # (seeds, numbers of pads)
            color = COLORS[pool]
            ax.fill_between(PADS, values.min(0), values.max(0), color=color, alpha=0.15, lw=0)
            ax.plot(PADS, values.mean(0), color=color, marker="o", markersize=5)
        ends = spread_out([float(values[:, -1].mean()) for values in runs.values()], 0.06)
        for pool, y in zip(POOLS, ends):
            label_end(ax, PADS[-1], y, pool, COLORS[pool])
        ax.set_xlabel("pads behind each message, taken for tokens")
        ax.set_xlim(0, PADS[-1])
        ax.set_ylim(0, 1)
    left.set_ylabel("mean p(spam) of ham messages")
    right.set_ylabel("share of answers that change")
    most = max(float(np.mean([c["changed"][-1] for c in cells if c["pool"] == p])) for p in POOLS)
    masked = max(cell["masked"] for cell in cells)
    left.figure.suptitle(
        f"Without the mask {PADS[-1]} pads change up to {most:.0%} of the answers; with it, "
        f"{'nothing' if masked == 0 else f'no probability by more than {masked:.0e}'} "
        f"({len({c['seed'] for c in cells})} seeds)",
        x=0.01, ha="left", fontsize=16,
    )  # fmt: skip
