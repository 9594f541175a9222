"""Figure: pools on longer and longer texts, with the body frozen and with all weights trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.experiments.pools import DECIDE, SENTENCES, TRAINING, pool_curve
from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, label_end, spread_out

LOOKS = {  # name, colour, line
    "attention": ("attention", GREEN, "-"),
    "mean": ("mean", BLUE, "-"),
    "cls": ("first token", ORANGE, "-"),
    "max": ("maximum", PINK, "-"),
    "words": ("bag of words", GREY, "--"),
}
PANELS = {"head": "body frozen", "full": "all weights train"}


def draw_pools(axes: Any, cells: Sequence[Mapping[str, Any]]) -> None:
    """Accuracy against the number of sentences, a panel a regime: mean, and range of the seeds.

    ``cells`` are results of ``pool_cell``.
    """
    x = list(range(len(SENTENCES)))
    tokens = [
        np.mean([c["tokens"] for c in cells if c["sentences"] == n]) for n in SENTENCES
    ]
    for ax, regime in zip(axes, TRAINING):
        ends = {}
        for pool, (_, color, line) in LOOKS.items():
            values = pool_curve(cells, regime, pool)  # (L, seeds)
            ax.fill_between(x, values.min(1), values.max(1), color=color, alpha=0.15, lw=0)
            ax.plot(x, values.mean(1), color=color, ls=line, marker="o", markersize=5)
            ends[pool] = float(values[-1].mean())
        for y, pool in zip(spread_out(list(ends.values()), 0.055), LOOKS):
            label_end(ax, x[-1], y, *LOOKS[pool][:2])
        ax.axhline(1 / DECIDE, color=GREY, ls=":", lw=1.5)
        ax.text(x[0], 1 / DECIDE + 0.012, "guessing", color=GREY, fontsize=12)
        ax.set_xticks(x, [f"{n}\n{t:.0f}" for n, t in zip(SENTENCES, tokens)])
        ax.set_xlabel("sentences, of which one decides\ntokens (mean)")
        ax.set_ylim(0.2, 1.03)
        query, mean = (pool_curve(cells, regime, pool).mean(1) for pool in ("attention", "mean"))
        ax.set_title(
            f"{PANELS[regime]}: attention {query[-2]:.2f}, mean {mean[-2]:.2f} at\n"
            f"{tokens[-2]:.0f} tokens, {query[-1]:.2f} and {mean[-1]:.2f} at {tokens[-1]:.0f}",
            fontsize=14,
        )  # fmt: skip
    axes[0].set_ylabel("accuracy on new texts")
