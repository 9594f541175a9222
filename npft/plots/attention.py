"""Figures of attention: who looks at whom (F1), and how attention falls with distance (F24)."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, label_end, spread_out

FALLING = 0.5  # the exponent above which attention is said to fall with distance


def draw_attention(
    ax: Any, weights: np.ndarray, words: list[str], title: str, most: float | None = None
) -> None:
    """A map of attention weights (T, T): row i shows what token i looks at; rows sum to 1.

    Weights that are exactly 0, behind a causal mask, are hatched. ``most`` is the weight of the
    darkest colour, for maps side by side; without it the largest.
    """
    weights = np.asarray(weights)
    ax.imshow(weights, cmap="Blues", vmin=0, vmax=most)
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
    """Mean attention against distance: for each name an array (n_heads, n) of the heads.

    ``gamma`` has the fitted exponents (n_heads,) by the same names. The heads of a name are drawn
    in two groups, those that fall with distance (``FALLING``) and the others: their mean, with a
    band from the lowest to the highest. How many they are is written behind the line.
    """
    ends, labels = [], []
    for (name, lines), color in zip(heads.items(), (GREY, BLUE, ORANGE, GREEN, PINK)):
        exponents = np.asarray(gamma[name])
        for falling, dash in ((False, "--"), (True, "-")):
            group = np.asarray(lines)[(exponents > FALLING) == falling]
            if not len(group):
                continue
            middle = np.exp(np.mean(np.log(group), axis=0))  # the mean of the logarithms
            ax.fill_between(
                distance, group.min(axis=0), group.max(axis=0), color=color, alpha=0.18, lw=0
            )
            ax.plot(distance, middle, color=color, ls=dash)
            ends.append(float(np.log10(middle[-1])))
            said = f"γ > {FALLING:g}" if falling else f"γ < {FALLING:g}"
            labels.append((f"{name}: {len(group)} of\n{len(lines)} heads, {said}", color))
    for end, (text, color) in zip(spread_out(ends, 0.6), labels):
        label_end(ax, distance[-1], 10.0**end, text, color)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ticks = [d for d in (1, 2, 5, 10, 20) if d <= distance[-1]]
    ax.set_xticks(ticks, [str(d) for d in ticks])
    ax.minorticks_off()
    ax.set_xlabel("distance d between two tokens")
    ax.set_ylabel("mean attention, about d to the power -γ")
