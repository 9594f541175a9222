"""Figure F15: the uses of one word, told apart by the last block, and word senses by layer."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, label_end, spread_out

MARKS = ((BLUE, "o"), (ORANGE, "^"), (GREEN, "s"))  # of the senses of a word
TEXTS = {"slips": "a slip in every sentence", "two senses": "both senses in one text"}
WHOLE, BESIDE = "static, whole text", "static, 3 beside"


def draw_polysemy(axes: Any, cells: list[dict[str, Any]], k: int) -> None:
    """A map of one word's uses; accuracy by layer in two kinds of text, with k labels a word.

    ``axes`` are three, ``cells`` results of ``senses_cell``, of which the first has the "map". Mean
    over the seeds, with their range.
    """
    draw_map(axes[0], cells[0]["map"])
    rises = []
    for ax, (text, name) in zip(axes[1:], TEXTS.items()):
        draw_senses(ax, cells, text, k, labels=ax is axes[-1])
        mean = np.mean([c["accuracy"][text][str(k)]["mlm"] for c in cells], axis=0)
        frequent = float(np.mean([c["mfs"][text] for c in cells]))
        blind = mean[0] < frequent + 0.01  # the embeddings tell nothing worth naming
        rises.append(blind and mean[-2] > frequent and bool((np.diff(mean[:-1]) > 0).all()))
        ax.set_title(
            f"{name}:\n{mean[0]:.2f} to {mean[-2]:.2f}, most frequent {frequent:.2f}", fontsize=14
        )
    axes[1].set_ylabel("accuracy of the sense")
    seeds = f"{len(cells)} seed{'s' if len(cells) > 1 else ''}, bars: range"
    finding = "The blocks tell senses apart, the embeddings do not" if all(rises) else "Word senses"
    axes[0].figure.suptitle(
        f"{finding} ({k} labelled uses of a word; {seeds})", x=0.01, ha="left", fontsize=16
    )


def draw_map(ax: Any, found: dict[str, Any]) -> None:
    """The first two principal components of a word's vectors, a mark for each sense."""
    points, senses = np.array(found["points"]), np.array(found["senses"])
    names = sorted(set(found["senses"]))
    for name, (color, mark) in zip(names, MARKS):
        x, y = points[senses == name].T
        ax.scatter(x, y, c=color, marker=mark, s=34, alpha=0.75, lw=0)
    (left, low), (right, high) = points.min(axis=0), points.max(axis=0)
    span = high - low
    ax.set_ylim(low - 0.1 * span, high + 0.95 * span)
    height = high + 0.9 * span
    for row in sorted(found["shown"], key=lambda row: -points[row, 0]):  # so that no lines cross
        color, mark = MARKS[names.index(senses[row])]
        x, y = points[row]
        start = (1.0, 0.5) if x > (left + right) / 2 else (0.02, 0.0)
        said = textwrap.wrap(found["texts"][row], 28)
        ax.annotate(
            "\n".join(said), (x, y), xytext=(left, height), fontsize=12,
            color=color, va="top", arrowprops={
                "arrowstyle": "-", "color": color, "lw": 1, "relpos": start, "shrinkB": 5,
            },
        )  # fmt: skip
        ax.plot(x, y, mark, color=color, ms=9, mec="black")
        height -= (0.1 + 0.085 * len(said)) * span
    word = names[0].split(".")[0]
    parts = ", ".join(
        f"{n.split('.')[1]} {'●▲■'[i]}" for i, n in enumerate(names)
    )
    ax.set_title(f"\u201c{word}\u201d after the last block:\n{parts}", fontsize=14)
    ax.set_xlabel(f"PC 1 ({found['shares'][0]:.0%} of the variance)")
    ax.set_ylabel(f"PC 2 ({found['shares'][1]:.0%})")
    ax.set_xticks([])
    ax.set_yticks([])


def draw_senses(ax: Any, cells: list[dict[str, Any]], text: str, k: int, labels: bool) -> None:
    """Accuracy by layer of the trained and the random body, and of what has no layers."""
    rows = [c["accuracy"][text][str(k)] for c in cells]
    n = len(rows[0]["mlm"]) - 1  # embeddings and blocks; the sum of blocks, set apart, is no layer
    places = np.array([*range(n), n + 0.3])
    ends: list[tuple[float, str, str]] = []
    for way, name, color in (("mlm", "after MLM", BLUE), ("random", "random body", GREY)):
        values = np.array([row[way] for row in rows])  # (seeds, L + 2)
        mean = values.mean(axis=0)
        down, up = mean - values.min(axis=0), values.max(axis=0) - mean
        spread = np.maximum([down, up], 0)  # of equal values the mean may be off by rounding
        for part in (slice(0, n), slice(n, n + 1)):
            ax.errorbar(
                places[part], mean[part], spread[:, part], color=color, marker="o", capsize=3,
                elinewidth=1.5,
            )  # fmt: skip
        ends.append((float(mean[-1]), name, color))
    flat = {
        BESIDE: (GREEN, "-.", [row["ppmi"][1] for row in rows]),
        WHOLE: (PINK, ":", [row["ppmi"][0] for row in rows]),
        "most frequent": (ORANGE, "--", [c["mfs"][text] for c in cells]),
    }
    for name, (color, line, found) in flat.items():
        ax.axhline(np.mean(found), color=color, ls=line, lw=2)
        ends.append((float(np.mean(found)), name, color))
    ticks = ["embed-\ndings", *(f"block\n{i}" for i in range(1, n)), "sum of\nblocks"]
    ax.set_xticks(places, ticks)
    ax.set_xlim(-0.3, n + 0.6)
    ax.set_ylim(0.35, 1.02)
    if labels:
        heights = spread_out([y for y, _, _ in ends], 0.055)
        for height, (_, name, color) in zip(heights, ends):
            label_end(ax, n + 0.55, height, name, color)
