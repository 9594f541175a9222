"""Which method forgets least, once the task is learnt as well by all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from npft.forgetting.compare import Ranking
from npft.plots.style import GREY, color_of


def best_strengths(ranking: Ranking, methods: Mapping[str, str]) -> dict[str, str]:
    """{method: its name at the strength that forgets least}, the best method first.

    ``methods`` maps each name in the ranking, such as "anchor 0.1", to its method. Left out are
    methods without a mean at any strength.
    """
    known = {n: p.mean.mean for n, p in ranking.methods.items() if p.mean is not None}
    best: dict[str, str] = {}
    for name in sorted(known, key=known.__getitem__):
        best.setdefault(methods[name], name)
    return best


def draw_repairs(
    axes: Any, rankings: Mapping[str, tuple[float, Ranking]], methods: Mapping[str, str]
) -> None:
    """The rise at equal success, a panel a task: mean and 95 % interval, dots for the seeds.

    ``rankings`` maps a task to the F1 that was asked for and what ``least_forgetting`` found; of
    each method its best strength is shown. Hollow marks cannot be told apart from the best.
    """
    for ax, (task, (f1, ranking)) in zip(axes, rankings.items()):
        best = best_strengths(ranking, methods)
        for row, (method, name) in enumerate(best.items()):
            priced, color = ranking.methods[name], color_of(method)
            rises = [rise for rise in priced.rise.values() if rise is not None]
            ax.plot(rises, [row] * len(rises), "|", color=color, markersize=9, alpha=0.6)
            if priced.mean is not None:
                ax.plot(priced.mean[1:], [row] * 2, color=color, lw=2.5)
                tied = name == ranking.best or name in ranking.tied
                ax.plot(
                    priced.mean.mean, row, "o", color=color, mfc="white" if tied else color,
                    markersize=9, mew=2,
                )  # fmt: skip
        ax.set_yticks(range(len(best)), best.values())
        for label, method in zip(ax.get_yticklabels(), best):
            label.set_color(color_of(method))
        ax.invert_yaxis()
        ax.axvline(0, color=GREY, lw=1)
        never = sorted({methods[name] for name in ranking.methods} - best.keys())
        note = "\n".join([f"never at {f1:.2f} with every seed:", *never]) if never else ""
        ax.text(0.98, 0.97, note, ha="right", va="top", transform=ax.transAxes, color=GREY,
                fontsize="small")
        ax.set_xlabel(f"rise when F1 reaches {f1:.2f}\n(nats, mean and 95 % interval)")
        ax.set_title(_finding(task, ranking, best))


def _finding(task: str, ranking: Ranking, best: Mapping[str, str]) -> str:
    """Who forgets least there, and how much less than plain fine-tuning."""
    if ranking.best is None:
        return f"{task}: no method learns it"
    said = f"{task}:\n{ranking.best} forgets least"
    plain = ranking.methods["plain"].mean
    own = ranking.methods[ranking.best].mean
    if plain is not None and own is not None and plain.mean > 0:
        said += f", {own.mean:.2f} nats to {plain.mean:.2f}"
    return said
