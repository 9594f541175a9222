"""Figure: pretraining objectives that have cost the same, judged by the same measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREY, ORANGE

NAMES = {  # of objectives, as a hall reads them
    "mlm": "masked words", "mlm,nsp": "and next sentence", "mlm,sop": "and sentence order",
    "static": "masks drawn once", "roberta": "long rows, new masks", "span": "masked spans",
    "span,sbo": "and span borders", "clm": "next word", "electra": "replaced words",
    "mpnet": "permuted words", "mlm, relative": "masked, by distance",
}  # fmt: skip
CONTROLS = {"random": "random body", "words": "words alone"}


def draw_objectives(
    axes: Any, cells: list[dict[str, Any]], objectives: Sequence[str], tasks: Sequence[str]
) -> None:
    """One panel for the loss of masked words and one for each task: rows are objectives.

    ``cells`` hold "objective", "seed", "budget", F1 by the name of the task and, where there is
    one, "word_loss" beside "unigram". Small dots are seeds, a large one is their mean; the dashed
    line is guessing by frequency, the dotted ones are a random body and words alone, with bands
    from their lowest to their highest seed.
    """
    rows = list(reversed(objectives))
    winners = set()
    for ax, measure in zip(np.ravel(axes), ("word_loss", *tasks)):
        for (control, label), color, y in zip(CONTROLS.items(), (GREY, ORANGE), (0.01, 0.99)):
            values = _values(cells, control, measure)
            if values:
                ax.axvspan(min(values), max(values), color=color, alpha=0.15, lw=0)
                ax.axvline(np.mean(values), color=color, ls=":", lw=2)
                ax.text(np.mean(values), y, label, transform=ax.get_xaxis_transform(), color=color,
                        ha="center", va="bottom" if y < 0.5 else "top", fontsize="small")
        means = {}
        for y, name in enumerate(rows):
            values = _values(cells, name, measure)
            if not values:
                ax.text(0.5, y, "no head for words", transform=ax.get_yaxis_transform(),
                        color=GREY, ha="center", va="center", fontsize="small")
                continue
            means[name] = float(np.mean(values))
            ax.plot(values, [y] * len(values), "o", color=BLUE, ms=4, alpha=0.4)
            ax.plot(means[name], y, "o", color=BLUE, ms=9)
        ax.set_ylim(-0.9, len(rows) - 0.1)
        ax.set_yticks(range(len(rows)), [NAMES.get(name, name) for name in rows], fontsize="small")
        ax.grid(axis="y", visible=False)
        if measure == "word_loss":
            unigram = float(np.mean([c["unigram"] for c in cells if "unigram" in c]))
            ax.axvline(unigram, color=GREY, ls="--", lw=2)
            best = min(means, key=lambda n: means[n])
            ax.set_xlabel("loss of masked words (nats)")
            ax.set_title(f"words: {NAMES.get(best, best)} {means[best]:.2f},\n"
                         f"by frequency {unigram:.2f}", fontsize=14)
        else:
            best = max(means, key=lambda n: means[n])
            ax.set_xlabel(f"F1, {measure}")
            random = float(np.mean(_values(cells, "random", measure)))
            below = sum(mean < random for mean in means.values())
            ax.set_title(f"{measure}: {NAMES.get(best, best)} {means[best]:.2f},\n"
                         f"{below} below a random body", fontsize=14)
        winners.add(best)
    found = f"\"{NAMES.get(best, best)}\" is best everywhere"
    if len(winners) > 1:
        found = "none is best everywhere"
    budget, seeds = cells[0]["budget"] / 1e9, len({c["seed"] for c in cells})
    np.ravel(axes)[0].figure.suptitle(
        f"{len(rows)} ways, {budget:,.0f} billion operations each: {found} "
        f"({seeds} seed{'s' if seeds > 1 else ''})",
        x=0.01, ha="left", fontsize=17,
    )


def _values(cells: list[dict[str, Any]], name: str, measure: str) -> list[float]:
    return [c[measure] for c in cells if c["objective"] == name and c.get(measure) is not None]
