"""Figure F4: the regimes of fine-tuning, F1 against the epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, label_end, spread_out

LINES = (
    ("full", "full", BLUE),
    ("scratch", "full, random body", PINK),
    ("last", "last block", GREEN),
    ("head", "head only", ORANGE),
)


def draw_regimes(ax: Any, cells: list[dict[str, Any]]) -> None:
    """Test F1 after each epoch: mean over the seeds, band from the lowest to the highest.

    ``cells`` are results of ``run_cell`` for one task; the bag of words is a dashed line.
    """
    ends, names, colors = [], [], []
    for regime, name, color in LINES:
        curves = np.array([c["curve"] for c in cells if c["regime"] == regime])  # (seeds, epochs)
        epochs = np.arange(curves.shape[1])
        ax.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=color, alpha=0.2, lw=0)
        ax.plot(epochs, curves.mean(axis=0), color=color)
        ends.append(float(curves[:, -1].mean()))
        names.append(name)
        colors.append(color)
    words = float(np.mean([c["f1"] for c in cells if c["regime"] == "words"]))
    ax.axhline(words, color=GREY, ls="--", lw=2)
    for y, name, color in zip(
        spread_out([*ends, words], 0.05), [*names, "bag of words"], [*colors, GREY]
    ):
        label_end(ax, epochs[-1], y, name, color)
    seeds = len({c["seed"] for c in cells})
    by_name = dict(zip([r for r, _, _ in LINES], ends))
    best = max(by_name, key=lambda r: by_name[r])
    title = {n: t for n, t, _ in LINES}[best]
    ax.set_title(
        f"{cells[0]['n']} labels: '{title}' ends highest, head only {by_name['head']:.2f}, "
        f"full {by_name['full']:.2f} ({seeds} seed{'s' if seeds > 1 else ''})"
    )
    ax.set_xlabel("epoch")
    ax.set_ylabel("F1 of spam on 1,000 test messages")
    ax.set_ylim(0, 1)
    ax.set_xlim(0, epochs[-1])
