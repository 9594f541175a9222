"""Figure: which way of searching finds the passage that answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.metrics.intervals import interval
from npft.plots.style import BLUE, GREY, ORANGE

NAMES = {
    "raw": "raw vectors", "simcse": "SimCSE", "e5": "neighbours (E5)", "bm25": "BM25, words",
    "dpr": "questions (DPR)", "dpr + bm25": "DPR, hard negatives",
}  # fmt: skip
FIGURES = {"mrr": ("MRR", BLUE, "o"), "top20": ("among the first 20", ORANGE, "D")}


def draw_retrieval(ax: Any, cells: list[dict[str, Any]]) -> None:
    """MRR and top-20 accuracy of each way of searching: a mark for each seed, a bar for the mean.

    ``cells`` are results of ``retrieval_cell``. Ways are sorted by their mean MRR.
    """
    scores: dict[str, dict[str, np.ndarray]] = {
        way: {k: np.array([c["scores"][way][k] for c in cells]) for k in FIGURES}
        for way in cells[0]["scores"]
    }
    ways = sorted(scores, key=lambda way: float(scores[way]["mrr"].mean()))
    for row, way in enumerate(ways):
        ax.axhline(row, color=GREY, lw=0.5, alpha=0.4)
        for name, (_, color, marker) in FIGURES.items():
            values = scores[way][name]
            ax.plot(values, np.full(len(values), row), marker, color=color, ms=6, alpha=0.5, lw=0)
            ax.plot([values.mean()] * 2, [row - 0.32, row + 0.32], color=color, lw=3)
    for name, (text, color, _) in FIGURES.items():
        ax.annotate(text, (float(scores[ways[-1]][name].mean()), len(ways) - 0.6), color=color,
                    ha="center", va="bottom")
    ax.set_yticks(range(len(ways)), [_name(way) for way in ways])
    ax.set_ylim(-0.6, len(ways) + 0.1)
    ax.set_xlim(0, 1)
    ax.set_xlabel("mean over the questions (1: always found first)")
    gain = interval(scores["dpr"]["mrr"] - scores["bm25"]["mrr"])
    how = "better than" if gain.low > 0 else "worse than" if gain.high < 0 else "about as well as"
    ax.figure.suptitle(
        f"Vectors trained on questions search {how} words\n"
        f"(MRR {gain.mean:+.2f}, 95% {gain.low:.2f} to {gain.high:.2f}; {len(cells)} seeds)",
        x=0.01, ha="left", fontsize=16,
    )  # fmt: skip


def _name(way: str) -> str:
    first, *again = way.split(" + rerank")
    return NAMES.get(first, first) + (", reranked" if again else "")
