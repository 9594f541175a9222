"""Figure: entities from a frozen body beside full fine-tuning."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.experiments.frozen_tags import WAYS
from npft.plots.style import BLUE, ORANGE

PUBLISHED = 0.003  # by which BERT-base was better than its own frozen features


def draw_frozen_tags(ax: Any, cells: list[dict[str, Any]]) -> None:
    """F1 of entities for each way to train: a dot for each seed, a bar at their mean.

    ``cells`` are results of ``tag_cell``; orange for the fewest labels, blue for the most.
    """
    few, many = min(c["n"] for c in cells), max(c["n"] for c in cells)
    gaps = {}
    for n, color, shift in ((few, ORANGE, -0.15), (many, BLUE, 0.15)):
        f1 = {way: [c["f1"] for c in cells if (c["way"], c["n"]) == (way, n)] for way in WAYS}
        for y, values in enumerate(f1.values()):
            ax.plot(values, [y + shift] * len(values), "o", color=color, alpha=0.5, markersize=5)
            ax.plot([np.mean(values)], [y + shift], "|", color=color, markersize=18, mew=3)
        frozen = max(float(np.mean(f1[way])) for way in WAYS if way.startswith("frozen"))
        gaps[n] = float(np.mean(f1["full"])) - frozen
        ax.text(0.02, 0.97 - 0.07 * (n == many), f"{n:,} sentences", color=color, va="top",
                transform=ax.transAxes)  # fmt: skip
    ax.set_yticks(range(len(WAYS)), list(WAYS))
    ax.set_ylim(len(WAYS) - 0.5, -0.7)
    ax.set_xlim(0, 1)
    ax.set_xlabel("F1 of entities on 1,000 test sentences")
    seeds = len({c["seed"] for c in cells})
    ax.set_title(
        f"Frozen, {gaps[few]:.2f} and {gaps[many]:.2f} below full; BERT-base: {PUBLISHED} "
        f"({seeds} seeds)",
        fontsize=14,
    )
