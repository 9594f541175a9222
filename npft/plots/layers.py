"""Figure F13: two measures of a cloud of sentence vectors, layer by layer, which disagree."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.cone import STATES
from npft.plots.style import label_end, spread_out


def draw_layers(ax: Any, runs: list[dict[str, list[float]]]) -> None:
    """Mean cosine of sentence vectors after each layer: mean over the seeds, band of one sd.

    A run maps states ("random", "mlm", ...) to L + 1 numbers.
    """
    ends = _by_layer(ax, runs, "mean cosine of two sentences", (-0.05, 1.02))
    ax.set_title(
        f"The cone is there at the start ({ends['random']:.2f}); MLM opens it to {ends['mlm']:.2f}"
    )


def draw_isotropy(axes: Any, cells: list[dict[str, Any]]) -> None:
    """Mean cosine (left) and IsoScore (right) by layer; ``cells`` are of ``layers_cell``."""
    left, right = axes
    runs, isos = (
        [{state: found[figure] for state, found in c["layers"].items()} for c in cells]
        for figure in ("mean_cosine", "iso_score")
    )
    cosine = _by_layer(left, runs, "mean cosine of two sentences", (-0.05, 1.02))
    high = 1.15 * max(max(values) for run in isos for values in run.values())
    iso = _by_layer(right, isos, "IsoScore (1: all directions alike)", (0, high))
    left.set_title(
        f"MLM opens the cone ({cosine['random']:.2f} to {cosine['mlm']:.2f}),\n"
        f"SimCSE wholly ({cosine['simcse 0.1']:.2f})"
    )
    right.set_title(
        f"and spreads sentences less evenly ({iso['random']:.2f} to {iso['mlm']:.2f});\n"
        f"SimCSE evens them out ({iso['simcse 0.1']:.2f})"
    )
    left.set_xlabel(f"layer (mean of {len(cells)} seeds; band: one standard deviation)")


def _by_layer(
    ax: Any, runs: list[dict[str, list[float]]], what: str, limits: tuple[float, float]
) -> dict[str, float]:
    """Lines of all states that are there; returns where each ends."""
    ends = {}
    for state, (_, color) in STATES.items():
        values = np.array([r[state] for r in runs if state in r])  # (seeds, L + 1)
        if not len(values):
            continue
        mean = values.mean(axis=0)
        spread = values.std(axis=0, ddof=min(1, len(values) - 1))
        layers = np.arange(values.shape[1])
        ax.fill_between(layers, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
        ax.plot(layers, mean, color=color, marker="o")
        ends[state] = float(mean[-1])
    places = spread_out(list(ends.values()), 0.06 * (limits[1] - limits[0]))
    for y, state in zip(places, ends):
        label_end(ax, layers[-1], y, *STATES[state])
    ax.set_xticks(layers, ["embeddings", *(f"block {i}" for i in layers[1:])])
    ax.set_xlabel("layer")
    ax.set_ylabel(what)
    ax.set_ylim(*limits)
    return ends
