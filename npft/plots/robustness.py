"""Figure: what a classifier keeps of its accuracy on texts unlike those it learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.plots.style import GREY, color_of

LINES = (
    ("full", "full", "o"),
    ("head", "head only", "s"),
    ("scratch", "random body", "D"),
    ("words", "bag of words", "^"),
)
NAMES = {"clean": "usual test", "rare": "new words", "domain": "clinic style",
         "misspelt": "typos, 0.1", "long": "40 words"}  # fmt: skip


def draw_robustness(axes: Any, cells: list[dict[str, Any]], rates: Sequence[float]) -> None:
    """Left: accuracy on each slice, a small dot a seed. Right: accuracy against the rate of typos.

    ``cells`` are results of ``robustness_cell``, ``rates`` the rates of their "typos". The dotted
    line is the accuracy of guessing one of eight topics.
    """
    left, right = axes
    for shift, (regime, label, marker) in zip(np.linspace(0.24, -0.24, len(LINES)), LINES):
        color = color_of(regime)
        own = [c for c in cells if c["regime"] == regime]
        for row, name in enumerate(reversed(NAMES)):
            values = np.array([c["slices"][name] for c in own])
            left.plot(values, np.full(len(values), row + shift), ".", color=color, alpha=0.4, ms=6)
            left.plot(values.mean(), row + shift, marker, color=color, ms=7)
        curves = np.array([c["typos"] for c in own])  # (seeds, rates)
        mean, spread = curves.mean(axis=0), curves.std(axis=0, ddof=min(1, len(curves) - 1))
        right.fill_between(rates, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
        right.plot(rates, mean, marker=marker, color=color, label=label)
    for ax, line in ((left, left.axvline), (right, right.axhline)):
        line(1 / 8, color=GREY, ls=":", lw=2)
    left.set_yticks(range(len(NAMES)), list(reversed(NAMES.values())), fontsize="small")
    left.set_xlim(0, 1.04)
    left.set_xlabel("accuracy")
    right.set_xlabel("share of letters that slip")
    right.set_ylabel("accuracy")
    right.set_ylim(0, 1.04)
    right.legend(loc="upper right", frameon=False, fontsize="small")
    full = [c for c in cells if c["regime"] == "full"]
    clean, rare, long = (np.mean([c["slices"][name] for c in full])
                         for name in ("clean", "rare", "long"))  # fmt: skip
    left.set_title(
        f"Full: usual {clean:.2f}, new words {rare:.2f},\nlong texts {long:.2f} "
        f"({len(full)} seeds)", fontsize="medium",
    )  # fmt: skip
    right.set_title("Typos: the whole encoder bends,\nthe head alone breaks", fontsize="medium")
