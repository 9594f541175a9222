"""Figures F18 and F19: what the temperature and the dropout of contrastive learning decide."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.experiments.contrast import figures_of
from npft.plots.style import BLUE, GREEN, GREY, ORANGE, label_end, spread_out

GOLD_LOOKS = {
    "similarity_words": ("shared words", BLUE, "o"),
    "similarity_synonyms": ("synonyms only", ORANGE, "s"),
}


def _band(
    ax: Any, values: dict[float, np.ndarray], color: str, marker: str, style: str = "-"
) -> None:
    """The mean over the seeds, and a band of one standard deviation."""
    x, table = list(values), np.array(list(values.values()))  # (values, seeds)
    mean, spread = table.mean(axis=1), table.std(axis=1, ddof=1)
    ax.fill_between(x, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
    ax.plot(x, mean, color=color, marker=marker, ls=style)


def _golds(ax: Any, cells: list[dict[str, Any]], option: str) -> None:
    """Both rank correlations by an option; dotted, those of the body before."""
    ends, looks = [], []
    for gold, (name, color, marker) in GOLD_LOOKS.items():
        values = figures_of(cells, option, gold)
        _band(ax, values, color, marker)
        before = float(np.mean([cell["before"][gold] for cell in cells]))
        ax.axhline(before, color=color, ls=":", lw=2)
        ends.append(float(list(values.values())[-1].mean()))
        looks.append((name, color))
    last = list(values)[-1]
    for y, (name, color) in zip(spread_out(ends, 0.035), looks):
        label_end(ax, last, y, name, color)
    ax.set_ylim(0, None)
    ax.set_ylabel("Spearman with graded similarity")
    ax.text(
        0.02, 0.02, "dotted: the same body before", transform=ax.transAxes, color=GREY, fontsize=12
    )


def _where(pick: Any, cells: list[dict[str, Any]], option: str) -> str:
    """The values of an option with the highest (max) or lowest mean correlations, in words."""
    words, synonyms = (figures_of(cells, option, gold) for gold in GOLD_LOOKS)
    by_words = pick(words, key=lambda value: words[value].mean())
    by_synonyms = pick(synonyms, key=lambda value: synonyms[value].mean())
    return f"{by_words:g} for words, {by_synonyms:g} for synonyms"


def draw_temperature(axes: Any, cells: list[dict[str, Any]]) -> None:
    """Left: the share of all repulsion that the nearest of 63 negatives gets, before and after
    training. Right: what the trained vectors are worth.

    ``cells`` are those of ``contrast_cell``; lines are means over the seeds, bands one sd.
    """
    left, right = axes
    after = figures_of(cells, "tau", "hardest_share")
    runs = cells[0]["runs"]
    before = {
        tau: np.array([
            next(s for s, r in zip(c["before"]["hardest_share"], runs) if r["tau"] == tau)
            for c in cells
        ])
        for tau in after
    }
    _band(left, after, GREEN, "o")
    _band(left, before, GREY, "s", "--")
    even = 1 / (runs[0]["batch_size"] - 1)
    left.axhline(even, color=GREY, ls=":", lw=2)
    first = list(after)[0]
    left.text(first, even + 0.015, "all negatives alike", color=GREY)
    left.annotate(
        "after training", (list(after)[1], list(after.values())[1].mean()), xytext=(8, 8),
        textcoords="offset points", color=GREEN,
    )
    left.annotate(
        "before", (list(before)[2], list(before.values())[2].mean()), xytext=(-8, -2),
        textcoords="offset points", color=GREY, ha="right", va="top",
    )
    left.set_ylim(0, 1)
    left.set_ylabel("gradient share of the hardest negative")
    low, high = (float(list(after.values())[i].mean()) for i in (0, -1))
    left.set_title(f"a low temperature sees one negative:\n{low:.0%} of the push, then {high:.0%}")
    _golds(right, cells, "tau")
    right.set_title(f"worst at τ = {_where(min, cells, 'tau')}")
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xticks(list(after), [f"{tau:g}" for tau in after])
        ax.minorticks_off()
        ax.set_xlabel("temperature τ")


def draw_dropout(axes: Any, cells: list[dict[str, Any]]) -> None:
    """Left: what the vectors are worth by the dropout between two views. Right: their spread.

    ``cells`` are those of ``contrast_cell``; lines are means over the seeds, bands one sd.
    """
    left, right = axes
    _golds(left, cells, "dropout")
    ranks = figures_of(cells, "dropout", "effective_rank")
    _band(right, ranks, GREEN, "o")
    before = float(np.mean([cell["before"]["effective_rank"] for cell in cells]))
    right.axhline(before, color=GREY, ls=":", lw=2)
    right.text(0.0, before - 0.5, "the same body before", color=GREY, va="top")
    right.set_ylabel("effective rank (of 64 directions)")
    right.set_ylim(0, 45)
    for ax in axes:
        ax.set_xlabel("dropout p between the two views")
        ax.set_xlim(-0.01, max(ranks) + 0.01)
    zero = float(ranks[0.0].mean())
    right.set_title(f"p = 0: no collapse, rank {zero:.0f}")
    left.set_title(f"best at p = {_where(max, cells, 'dropout')}")
