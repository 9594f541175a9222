"""A real encoder beside the tiny ones: six claims about vectors, a panel each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE, label_end, spread_out

LINES = {  # name, colour
    "trained": ("real", BLUE),
    "random": ("random,\nreal shape", GREY),
    "mlm": ("tiny, MLM", ORANGE),
    "simcse 0.1": ("tiny, SimCSE", GREEN),
}
WAYS = (
    "mean", "cls", "max", "standardised", "whitened", "top removed", "token table", "bag of words",
    "random weights",
)  # fmt: skip
LABELLED = "4"  # uses of each tiny word that are labelled: of a real one there are two or three


def draw_scale(axes: Any, found: Mapping[str, Any], tiny: Mapping[str, Any]) -> None:
    """Six panels; a real encoder of ``scale_cell`` and ``sts_ways``, tiny ones of other figures.

    found: "cells", "sts" and "width", its number of dimensions. tiny: the results of the figures
    "layers", "polysemy" and "similarity".
    Bands are one standard deviation over the draws of sentences, or the seeds.
    """
    cells, layers = found["cells"], tiny["layers"]
    top, bottom = axes
    for ax, measure, what in (
        (top[0], "mean_cosine", "mean cosine"),
        (top[1], "iso_score", "IsoScore (1: even)"),
    ):
        ends = _by_depth(ax, {
            **{s: [c["layers"][s][measure] for c in cells] for s in ("trained", "random")},
            **{s: [c["layers"][s][measure] for c in layers] for s in ("mlm", "simcse 0.1")},
        }, what)  # fmt: skip
        ax.set_title(_title_of(measure, ends))
    _rogue(top[2], cells, layers, found["width"])
    ends = _by_depth(bottom[0], {
        **{s: [[row["self_similarity"] for row in c["contexts"][s]] for c in cells]
           for s in ("trained", "random")},
        **{s: [[row["self_similarity"] for row in c["contexts"][s]] for c in layers]
           for s in ("mlm", "simcse 0.1")},
    }, "likeness to itself, corrected")  # fmt: skip
    first, last = ends["trained"]
    bottom[0].set_title(
        f"A word becomes {_less(ends['trained'])} like itself: {first:.2f}\n"
        f"to {last:.2f}; in a tiny body {_less(ends['mlm'])} like itself"
    )
    _senses(bottom[1], cells, tiny["polysemy"])
    _ways(bottom[2], found["sts"], tiny["similarity"])
    axes[0, 0].figure.suptitle(
        "At both scales contrast opens the cone and senses are told; only the real encoder grows "
        "contextual and beats counting shared words", x=0.01, ha="left", fontsize=17,
    )  # fmt: skip


def _less(ends: tuple[float, float]) -> str:
    return "less" if ends[1] < ends[0] else "more"


def _title_of(measure: str, ends: Mapping[str, tuple[float, float]]) -> str:
    real, tiny = ends["trained"], ends["simcse 0.1"]
    if measure == "mean_cosine":
        return (
            f"Contrast opens the cone: to {real[1]:.2f},\nand to {tiny[1]:.2f} in the tiny one"
        )
    return f"Directions are used more evenly at\nthe end: {real[1]:.2f}, tiny {tiny[1]:.2f}"


def _by_depth(
    ax: Any, runs: Mapping[str, Sequence[Sequence[float]]], what: str
) -> dict[str, tuple[float, float]]:
    """Lines over the depth of each encoder; returns where each begins and ends."""
    ends, last = {}, {}
    for state, rows in runs.items():
        name, color = LINES[state]
        values = np.array(rows)  # (runs, L + 1)
        depth = np.linspace(0, 1, values.shape[1])
        mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
        ax.fill_between(depth, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
        ax.plot(depth, mean, color=color, marker="o", ms=5)
        ends[state] = float(mean[0]), float(mean[-1])
        last[state] = float(mean[-1])
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.05 * (high - low), high)
    _name(ax, last)
    ax.set_xticks([0, 1], ["embeddings", "last"])
    ax.set_ylabel(what)
    return ends


def _name(ax: Any, last: Mapping[str, float], x: float = 1.0) -> None:
    """Names behind the lines, kept apart."""
    low, high = ax.get_ylim()
    places = spread_out(list(last.values()), 0.11 * (high - low))
    for y, state in zip(places, last):
        label_end(ax, x, y, *LINES[state])
    ax.set_xlim(-0.05, 1.05)


def _rogue(ax: Any, cells: Sequence[Any], layers: Sequence[Any], wide: int) -> None:
    """The share of the mean cosine in the three largest of ``wide`` dimensions, by layer."""
    ends = {}
    for state in ("trained", "random"):
        values = np.array([[row["share"] for row in c["rogue"][state]] for c in cells])
        depth, color = np.linspace(0, 1, values.shape[1]), LINES[state][1]
        mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
        ax.fill_between(depth, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
        ax.plot(depth, mean, color=color, marker="o", ms=5)
        ends[state] = float(mean[-1])
    raw = np.array([c["rogue"]["mlm"]["raw"] for c in layers])
    share = raw[:, :3].sum(axis=1) / raw.sum(axis=1)
    ax.errorbar(1, share.mean(), yerr=share.std(ddof=1), fmt="s", color=ORANGE, ms=8)
    ends["mlm"] = float(share.mean())
    real = np.array([[row["share"] for row in c["rogue"]["trained"]] for c in cells]).mean(axis=0)
    at = int(real.argmax())
    dropped = np.mean([c["rogue"]["trained"][at]["dropped"] for c in cells], axis=0)
    ax.set_ylim(-0.08, 1)
    _name(ax, ends)
    ax.set_xticks([0, 1], ["embeddings", "last"])
    ax.set_ylabel("share of the largest three")
    ax.set_title(
        f"Three of {wide} carry {real[at]:.0%}, of {raw.shape[1]} (tiny) {share.mean():.0%};\n"
        f"without these three, {dropped[-1]:.2f} of {dropped[0]:.2f} is left"
    )


def _senses(ax: Any, cells: Sequence[Any], polysemy: Sequence[Any]) -> None:
    """How many ambiguous words are understood, and by guessing the most frequent sense."""
    documents = [c["accuracy"]["documents"][LABELLED] for c in polysemy]
    ends = _by_depth(ax, {
        **{s: [c["senses"][s] for c in cells] for s in ("trained", "random")},
        "mlm": [row["mlm"][:-1] for row in documents],
    }, "right senses")  # fmt: skip
    guess, tiny = (
        float(np.mean(x)) for x in
        ([c["mfs"] for c in cells], [c["mfs"]["documents"] for c in polysemy])
    )  # fmt: skip
    for y, color in ((guess, BLUE), (tiny, ORANGE)):
        ax.axhline(y, color=color, lw=1.2, ls="--")
    ax.text(0.5, 0.02, "dashed: the most frequent sense", color="#444444", ha="center",
            va="bottom", transform=ax.transAxes)  # fmt: skip
    ax.set_title(
        f"Senses: {ends['trained'][1]:.2f} are right (guess {guess:.2f}),\n"
        f"tiny {ends['mlm'][1]:.2f} (guess {tiny:.2f})"
    )


def _ways(ax: Any, sts: Mapping[str, Any], similarity: Sequence[Any]) -> None:
    """Rank correlation of cosine and grade, by way: a line for the interval."""
    for y, way in enumerate(WAYS):
        mean, low, high = sts["ways"][way]
        ax.plot([low, high], [y - 0.13] * 2, color=BLUE, lw=2.5)
        ax.plot(mean, y - 0.13, "o", color=BLUE, ms=7)
        values = [c["ways"][way]["similarity_words"] for c in similarity if way in c["ways"]]
        if values:
            spread = np.std(values, ddof=1)
            ax.plot([np.mean(values) - spread, np.mean(values) + spread], [y + 0.13] * 2,
                    color=ORANGE, lw=2.5)
            ax.plot(np.mean(values), y + 0.13, "s", color=ORANGE, ms=7)
    ax.set_yticks(range(len(WAYS)), WAYS)
    ax.set_ylim(len(WAYS) - 0.4, -0.6)
    ax.set_xlim(-0.05, 1)
    ax.set_xlabel("Spearman (tiny: on TinyWorld)")
    bag = float(np.mean([c["ways"]["bag of words"]["similarity_words"] for c in similarity]))
    mean = float(np.mean([c["ways"]["mean"]["similarity_words"] for c in similarity]))
    real = sts["ways"]
    ax.set_title(
        f"Mean {real['mean'][0]:.2f}, counting words {real['bag of words'][0]:.2f};\n"
        f"tiny {mean:.2f} and {bag:.2f}"
    )
