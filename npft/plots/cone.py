"""Figure F0: the cone of sentence vectors, as a cone."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.globe import chance_band, draw_globe, draw_open_cone, draw_vectors, limb, projected
from npft.plots.style import BLUE, GREEN, ORANGE, PINK, SKY, color_of

STATES = {
    "random": ("random weights", color_of("random")),
    "mlm": ("after MLM", color_of("mlm")),
    "finetuned": ("after fine-tuning", color_of("finetuned")),
    "simcse": ("after SimCSE", color_of("simcse")),
    "simcse 0.1": ("after SimCSE", color_of("simcse")),
}
TOPIC_COLORS = (BLUE, ORANGE, GREEN, PINK, "#E69F00", SKY, "#8A8A8A", "#5B3A1E")
DARK = "#222222"
DIMS = 64  # of the lesson's vectors
OPENS = 10.0  # degrees: a cone that is so much wider at the end is said to open
PANEL = 5.8  # inches: the width of a panel for which the sizes of type below are meant


def draw_cone(axes: Any, cones: dict[str, list[dict[str, Any]]], dims: int = DIMS) -> None:
    """Sentence vectors on the unit sphere, whose pole is their mean direction, state by state.

    ``axes``, one for each state; ``cones`` maps a state to a cone for each seed
    (``EmbeddingTest.cone``), of which the first is drawn. The cone in the picture holds half of all
    sentences; grey is where 95 % of random directions of ``dims`` dimensions would lie.
    """
    axes = np.atleast_1d(axes)
    figure = axes[0].figure
    figure.set_layout_engine("none")
    width, height = figure.get_size_inches()
    panel = width / len(axes)
    scale = panel / PANEL

    def write(x: float, below: float, text: str, size: float, **how: Any) -> None:
        """Text at x (in panels), ``below`` the top of the figure by so many widths of a panel."""
        y = 1 - below * panel / height
        figure.text(x / len(axes), y, text, fontsize=size * scale, va="baseline", **how)

    states = [(STATES.get(name, (name,))[0], found) for name, found in cones.items()]
    halves = [float(np.mean([c["half_within"] for c in found])) for _, found in states]
    opens = " opens" if halves[-1] > halves[0] + OPENS else ""
    write(0.06, 0.115, f"The cone of sentence vectors{opens}: {_listed(halves)}", 29, weight="bold")
    seeds = len(states[0][1])
    write(0.06, 0.185, "Half of all sentences lie within this angle of their mean direction"
          + (f" (mean of {seeds} seeds; drawn: one)" if seeds > 1 else " (one seed)"), 18)
    for i, (ax, (label, found)) in enumerate(zip(axes, states)):
        top = 1 - 1.31 * panel / height
        ax.set_position((i / len(axes), top, 1 / len(axes), 0.94 * panel / height))
        draw_state(ax, found[0], dims, scale)
        write(i + 0.5, 0.285, label, 21, ha="center", weight="bold")
        cosine = _with_range([c["mean_cosine"] for c in found])
        write(i + 0.5, 0.345, f"mean cosine {cosine}", 18, ha="center")
    axes[0].text(0.06, 1.12, "mean direction", fontsize=15 * scale, va="center", color="#333333")
    axes[0].text(0, -0.5, "random directions", fontsize=15 * scale, ha="center", va="center",
                 color="#333333", zorder=9)
    drawn = states[0][1][0]
    for k, (name, text) in enumerate(zip("AB", drawn["said"])):
        write(0.06, 1.385 + 0.055 * k, f"{name}   {text}", 18)
    apart = _listed([found[0]["apart"] for _, found in states])
    write(0.06, 1.495, f"The angle between A and B: {apart}", 18)
    topics = sorted(set(drawn["topics"]))
    wide = len(axes) > 2  # else the topics take a row of their own, below the sentences
    for k, (topic, color) in enumerate(zip(topics, TOPIC_COLORS)):
        x, below = len(axes) - 1 + 0.27 * (k % 3), 1.385 + 0.055 * (k // 3)
        if not wide:
            x, below = 0.06 + 0.23 * k, 1.565
        write(x, below, "\N{BLACK CIRCLE}", 18, color=color)
        write(x + 0.045, below, topic, 18)
    note = 1.575 if wide else 1.645
    low, high = (f"{angle:.0f}\N{DEGREE SIGN}" for angle in chance_band(dims))
    write(0.06, note, f"Grey band: {low} to {high}, where 95 % of random directions of {dims} "
          "dimensions lie. The angle of each sentence to the mean direction (pole) is exact.", 14,
          color="#444444")
    write(0.06, note + 0.045, f"Around the pole, the other {dims - 1} dimensions are seen along "
          "the two widest only: sentences side by side may be far apart.", 14, color="#444444")


def draw_state(ax: Any, cone: dict[str, Any], dims: int, scale: float) -> None:
    """One globe with its cone, its vectors, and the two sentences that have names."""
    draw_globe(ax, dims)
    ax.set_xlim(-1.21, 1.21)
    ax.set_ylim(-1.02, 1.19)
    ax.annotate("", (0, 1.18), (0, 0.96), arrowprops={"arrowstyle": "-|>", "color": DARK}, zorder=8)
    for latitude in (30, 60, 90):
        right, up = limb(latitude)
        ax.text(right + 0.03, up + 0.01, f"{latitude}\N{DEGREE SIGN}", fontsize=14 * scale,
                va="center", color="#444444")
    topics = sorted(set(cone["topics"]))
    colors = [TOPIC_COLORS[topics.index(t) % len(TOPIC_COLORS)] for t in cone["topics"]]
    draw_open_cone(ax, cone["half_within"], DARK)
    draw_vectors(ax, cone["angle"], cone["around"], colors, 20 * scale**2)
    for i, name in zip(cone["named"], "AB"):
        x, y, _ = projected(cone["angle"][i], cone["around"][i])
        ax.plot([0, x], [0, y], color="black", lw=1.6 * scale, zorder=7)
        ax.plot(x, y, "o", ms=19 * scale, color="white", mec="black", mew=1.5 * scale, zorder=8)
        ax.text(x, y, name, fontsize=14 * scale, ha="center", va="center_baseline", zorder=9)
    ax.text(0, -0.82, f"half within {cone['half_within']:.0f}\N{DEGREE SIGN}", ha="center",
            fontsize=20 * scale, color=DARK)


def _listed(degrees: list[float]) -> str:
    return ", ".join(f"{d:.0f}\N{DEGREE SIGN}" for d in degrees)


def _with_range(values: list[float]) -> str:
    mean = f"{np.mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.2f} to {max(values):.2f})"
