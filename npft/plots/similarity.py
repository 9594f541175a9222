"""Figure F17 and the similarity table: what the cosine of two sentences says of their likeness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.metrics.intervals import interval
from npft.plots.style import BLUE, GREY, ORANGE

GOLDS = {"similarity_words": ("pairs that share words", BLUE, "o"),
         "similarity_synonyms": ("pairs that share only meanings", ORANGE, "s")}
# Groups of ways in the order of their lines, and how each is named.
WAYS = {
    "no encoder": {"bag of words": "bag of words", "glove": "GloVe, mean of words",
                   "ppmi": "PPMI and SVD, mean of words"},
    "after MLM": {"last": "last token", "max": "maximum", "mean": "mean", "cls": "[CLS]",
                  "first and last": "mean of first and last block"},
    "its mean, moved": {"top removed": "top direction removed", "standardised": "standardised",
                        "whitened": "whitened"},
    "trained further": {"simcse": "SimCSE, unsupervised", "siamese classes": "siamese, NLI classes",
                        "simcse supervised": "SimCSE, NLI triples",
                        "graded pairs": "siamese, graded pairs"},
}  # fmt: skip


def draw_similarity(ax: Any, cells: Sequence[dict[str, Any]]) -> None:
    """A line for each way to read a vector: the mean over the seeds with its 95 % interval.

    cells: of ``similarity_cell``, one for each seed.
    """
    y, places, labels = 0.0, [], []
    for group, ways in WAYS.items():
        ax.text(-0.145, y, group, fontsize=13, weight="bold", va="center")
        y += 1
        for way, label in ways.items():
            for offset, (gold, (_, color, marker)) in zip((-0.14, 0.14), GOLDS.items()):
                mean, low, high = interval([c["ways"][way][gold] for c in cells])
                ax.plot([low, high], [y + offset] * 2, color=color, lw=2.5)
                ax.plot(mean, y + offset, marker, color=color, ms=8)
            places.append(y)
            labels.append(label)
            y += 1
        y += 0.3
    ax.set_ylim(y - 0.3, -0.8)
    synonyms = {
        way: float(np.mean([c["ways"][way]["similarity_synonyms"] for c in cells]))
        for way in ("ppmi", "mean", "simcse", "graded pairs")
    }
    ax.set_title(
        "Where only the meaning is shared: word vectors {ppmi:.2f}, MLM {mean:.2f}, SimCSE "
        "{simcse:.2f}, graded pairs {graded:.2f}".format(
            graded=synonyms.pop("graded pairs"), **synonyms), loc="right")
    ax.set_yticks(places, labels, fontsize=13)
    ax.axvline(0, color=GREY, lw=1)
    ax.set_xlabel(f"Spearman correlation of cosine and grade (mean of {len(cells)} seeds, 95 %)")
    for k, (name, color, marker) in enumerate(GOLDS.values()):
        ax.plot(0.58, 5.0 + 1.1 * k, marker, color=color, ms=8)
        ax.text(0.6, 5.0 + 1.1 * k, name, color=color, fontsize=14, va="center")
    ax.set_xlim(-0.15, 1)


TITLES = {"mean": "after MLM", "simcse": "after SimCSE", "simcse supervised":
          "after NLI triples"}


def draw_cosines(axes: Any, cells: Sequence[dict[str, Any]], bins: np.ndarray) -> None:
    """How cosines of pairs of one meaning, and of random pairs, are distributed: a panel a state.

    cells: of ``similarity_cell``, one for each seed: their mean, and a thin line for each.
    """
    middle = (bins[:-1] + bins[1:]) / 2
    nearer = {way: [c["cosines"][way]["nearer"] for c in cells] for way in TITLES}
    said = ", ".join(f"{np.mean(nearer[way]):.0%} {title}" for way, title in TITLES.items())
    axes[0].figure.suptitle(f"A pair of one meaning is nearer than a random pair: {said}",
                            fontsize=16, x=0.01, ha="left")
    for ax, (way, title) in zip(axes, TITLES.items()):
        for kind, color in (("random", GREY), ("alike", ORANGE)):
            counts = np.array([c["cosines"][way][kind] for c in cells], dtype=float)
            density = counts / counts.sum(axis=1, keepdims=True) / np.diff(bins)
            for line in density:
                ax.plot(middle, line, color=color, lw=0.7, alpha=0.6)
            ax.fill_between(middle, density.mean(axis=0), color=color, alpha=0.3, lw=0)
            ax.plot(middle, density.mean(axis=0), color=color)
        low, high = min(nearer[way]), max(nearer[way])
        ax.set_title(f"{title}\nin {low:.0%} to {high:.0%} of cases by seed")
        ax.set_xlabel("cosine")
        ax.set_xlim(-0.7, 1)
        ax.set_ylim(0, 7)
    axes[0].text(0.02, 0.7, "random pairs", color="#444444", transform=axes[0].transAxes)
    axes[0].text(0.02, 0.78, "pairs of one meaning", color=ORANGE, transform=axes[0].transAxes)
    axes[0].set_ylabel(f"density ({len(cells)} seeds)")
