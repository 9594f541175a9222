"""Figure F4: the regimes of fine-tuning, F1 against the epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.style import GREY, color_of, label_end, spread_out

LINES = (
    ("full", "full"),
    ("scratch", "full, random body"),
    ("last", "last block"),
    ("head", "head only"),
)
ALWAYS_SPAM = 2 / 3  # the F1 of calling every message spam where half of them are


def draw_regimes(ax: Any, cells: list[dict[str, Any]]) -> None:
    """Test F1 after each epoch: mean over the seeds, band of one standard deviation.

    ``cells`` are results of ``run_cell`` for one task; the bag of words is a dashed line, the
    answer "spam" to everything a dotted one.
    """
    ends, names, colors = [], [], []
    for regime, name in LINES:
        color = color_of(regime)
        curves = np.array([c["curve"] for c in cells if c["regime"] == regime])  # (seeds, epochs)
        epochs = np.arange(curves.shape[1])
        mean, spread = curves.mean(axis=0), curves.std(axis=0, ddof=min(1, len(curves) - 1))
        low, high = np.clip([mean - spread, mean + spread], 0, 1)
        ax.fill_between(epochs, low, high, color=color, alpha=0.2, lw=0)
        ax.plot(epochs, mean, color=color)
        ends.append(float(curves[:, -1].mean()))
        names.append(name)
        colors.append(color)
    ax.axhline(ALWAYS_SPAM, color=GREY, ls=":", lw=2)
    words = float(np.mean([c["f1"] for c in cells if c["regime"] == "words"]))
    ax.axhline(words, color=GREY, ls="--", lw=2)
    for y, name, color in zip(
        spread_out([*ends, words, ALWAYS_SPAM], 0.05),
        [*names, "bag of words", "always 'spam'"],
        [*colors, GREY, GREY],
    ):
        label_end(ax, epochs[-1], y, name, color)
    seeds = len({c["seed"] for c in cells})
    final = sorted((y, r) for y, (r, _) in zip(ends, LINES) if r != "scratch")
    order = " < ".join(f"{regime} {y:.2f}" for y, regime in final)
    ax.set_title(f"{cells[0]['n']} labels: {order} ({seeds} seed{'s' if seeds > 1 else ''})")
    ax.set_xlabel("epoch")
    ax.set_ylabel("F1 of spam on 1,000 test messages")
    ax.set_ylim(0, 1)
    ax.set_xlim(0, epochs[-1])
    ax.set_xticks(range(0, int(epochs[-1]) + 1, 5))
