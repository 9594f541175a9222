"""Figure: pretraining objectives that have cost the same, judged by the same measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREY, ORANGE

CONTROLS = {"random": "random body", "words": "words alone"}


def draw_objectives(
    axes: Any, cells: list[dict[str, Any]], objectives: Sequence[str], tasks: Sequence[str]
) -> None:
    """One panel for the loss of masked words and one for each task: rows are objectives.

    ``cells`` hold "objective", "seed", "budget", F1 by the name of the task and, where there is
    one, "word_loss" beside "unigram". Small dots are seeds, a large one is their mean; the dashed
    line is guessing by frequency, the dotted ones are a random body and words alone.
    """
    rows = list(reversed(objectives))
    for ax, measure in zip(axes, ("word_loss", *tasks)):
        for control, color in zip(CONTROLS, (GREY, ORANGE)):
            values = _values(cells, control, measure)
            if values:
                ax.axvspan(min(values), max(values), color=color, alpha=0.15, lw=0)
                ax.axvline(np.mean(values), color=color, ls=":", lw=2)
        means = {}
        for y, name in enumerate(rows):
            values = _values(cells, name, measure)
            if not values:
                ax.text(0.5, y, "no head for words", transform=ax.get_yaxis_transform(),
                        color=GREY, ha="center", va="center", fontsize="small")
                continue
            means[name] = float(np.mean(values))
            ax.plot(values, [y] * len(values), "o", color=BLUE, ms=5, alpha=0.4)
            ax.plot(means[name], y, "o", color=BLUE, ms=11)
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_yticks(range(len(rows)), rows if measure == "word_loss" else [])
        ax.grid(axis="y", visible=False)
        if measure == "word_loss":
            unigram = float(np.mean([c["unigram"] for c in cells if "unigram" in c]))
            ax.axvline(unigram, color=GREY, ls="--", lw=2)
            best = min(means, key=lambda n: means[n])
            ax.set_xlabel("loss of masked words (nats; dashed: unigram)")
            ax.set_title(f"{best} {means[best]:.2f}, unigram {unigram:.2f}")
        else:
            best = max(means, key=lambda n: means[n])
            ax.set_xlabel(f"F1, {measure}")
            ax.set_title(f"{measure}: {best} {means[best]:.2f}")


def _values(cells: list[dict[str, Any]], name: str, measure: str) -> list[float]:
    return [c[measure] for c in cells if c["objective"] == name and c.get(measure) is not None]
