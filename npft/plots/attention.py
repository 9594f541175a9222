"""Figures of attention: who looks at whom (F1), and how attention falls with distance (F24)."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, label_end, spread_out


def draw_attention(ax: Any, weights: np.ndarray, words: list[str], title: str) -> None:
    """A map of attention weights (T, T): row i shows what token i looks at; rows sum to 1.

    Weights that are exactly 0, behind a causal mask, are hatched.
    """
    weights = np.asarray(weights)
    ax.imshow(weights, cmap="Blues", vmin=0)
    hidden = np.argwhere(weights == 0)
    for i, j in hidden:
        ax.text(j, i, "/", ha="center", va="center", color="0.75")
    ax.set_xticks(range(len(words)), words, rotation=60, ha="right")
    ax.set_yticks(range(len(words)), words)
    ax.grid(False)
    ax.set_xlabel("looks at")
    ax.set_ylabel("token")
    ax.set_title(title)


def draw_decay(ax: Any, distance: np.ndarray, heads: dict[str, np.ndarray], gamma: dict) -> None:
    """Mean attention against distance: for each name an array (n_heads, n), drawn head by head.

    ``gamma`` has the fitted exponents (n_heads,) by the same names; the range is written behind
    the lines.
    """
    ends, labels = [], []
    for (name, lines), color in zip(heads.items(), (GREY, BLUE, ORANGE, GREEN, PINK)):
        for line in lines:
            ax.plot(distance, line, color=color, lw=1, alpha=0.5)
        middle = np.exp(np.mean(np.log(lines), axis=0))  # the mean of the logarithms
        ax.plot(distance, middle, color=color)
        low, high = np.min(gamma[name]), np.max(gamma[name])
        ends.append(float(np.log10(middle[-1])))
        # + 0.0, because -0.0 would be written with its sign
        labels.append((f"{name}\nγ {round(low, 1) + 0.0} to {round(high, 1) + 0.0}", color))
    for end, (text, color) in zip(spread_out(ends, 0.6), labels):
        label_end(ax, distance[-1], 10.0**end, text, color)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("distance between two tokens")
    ax.set_ylabel("mean attention weight")
