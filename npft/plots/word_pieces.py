"""Figure: the first token of a word decides on its tag, or all of its tokens together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.experiments.word_pieces import TASKS, VOCABULARIES, piece_scores
from npft.heads.tags import PIECES
from npft.plots.style import BLUE, ORANGE, label_end, spread_out

COLORS = dict(zip(VOCABULARIES, (ORANGE, BLUE)))
SAID = {"first": "first token\nof the word", "mean": "mean of all\nits tokens",
        "max": "largest of all\nits tokens"}  # fmt: skip
PANELS = {"pos": ("parts of speech", "accuracy on new texts"),
          "entities": ("entities", "F1 on new texts")}  # fmt: skip


def draw_word_pieces(axes: Any, cells: Sequence[Mapping[str, Any]]) -> None:
    """A thin line for each tagger through its three scores, a thick one for the mean of the seeds.

    ``cells`` are results of ``piece_cell``.
    """
    tokens = {n: np.mean([c["tokens"] for c in cells if c["vocabulary"] == n]) for n in COLORS}
    few = min(COLORS)  # of few pieces most words are several
    better = []
    for ax, task in zip(axes, TASKS):
        ends, gains = {}, []
        for size, color in COLORS.items():
            scores = piece_scores(cells, size, task)  # (3, seeds)
            ax.plot(scores, color=color, alpha=0.35, lw=1)
            ax.plot(scores.mean(1), color=color, marker="o", lw=3)
            ends[f"{tokens[size]:.1f} tokens\na word", color] = float(scores[-1].mean())
            gain = scores[1].mean() - scores[0].mean()
            gains.append(f"{gain:+.2f} at {tokens[size]:.1f}")
            better += [gain > 0] if size == few else []
        low, high = ax.get_ylim()
        for y, end in zip(spread_out(list(ends.values()), 0.16 * (high - low)), ends):
            label_end(ax, len(PIECES) - 1, y, *end)
        name, label = PANELS[task]
        ax.set_xticks(range(len(PIECES)), [SAID[way] for way in PIECES])
        ax.set_xlim(-0.2, len(PIECES) - 0.8)
        ax.set_ylabel(label)
        ax.set_title(f"{name}: the mean gains\n{', '.join(gains)} tokens", fontsize=14)
    said = "says more than" if all(better) else "is no clear gain over"
    axes[0].figure.suptitle(
        f"In words of many pieces the mean of all {said} the first "
        f"({len({c['seed'] for c in cells})} seeds)", x=0.01, ha="left", fontsize=16,
    )  # fmt: skip
