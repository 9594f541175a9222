"""Figures F0, F13 and F16: the cone of embeddings, through the layers and along training."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, label_end, spread_out

STATES = {
    "random": ("random weights", GREY),
    "mlm": ("after MLM", BLUE),
    "finetuned": ("after fine-tuning", ORANGE),
    "simcse 0.1": ("after SimCSE", GREEN),
}


def draw_cone(axes: Any, cones: dict[str, dict[str, Any]]) -> None:
    """Sentence vectors seen along their mean direction: a narrow cone is a small disc.

    ``axes`` are polar axes, one for each cone; a cone is {"radius", "direction", "mean_cosine"}
    with angles in radians. The radius is the angle to the mean direction, in degrees.
    """
    axes = np.atleast_1d(axes)
    first, last = list(cones.values())[0], list(cones.values())[-1]
    axes[0].figure.suptitle(
        f"The cone opens: mean cosine {first['mean_cosine']:.2f} to {last['mean_cosine']:.2f} "
        "(one seed; radius: angle to the mean sentence vector)",
        fontsize=16, y=0.99,
    )
    for ax, (name, c) in zip(axes, cones.items()):
        label, color = STATES.get(name, (name, PINK))
        ax.scatter(c["direction"], np.degrees(c["radius"]), s=7, color=color, alpha=0.5, lw=0)
        ax.set_ylim(0, 120)
        ax.set_yticks([30, 60, 90, 120], ["30°", "60°", "90°", ""])
        ax.set_xticks([])
        ax.set_title(f"{label}\nmean cosine {c['mean_cosine']:.2f}", loc="center", fontsize=14)


def draw_layers(ax: Any, runs: list[dict[str, list[float]]]) -> None:
    """Mean cosine of sentence vectors after each layer: mean over the seeds, band of one sd."""
    ends, names, colors = [], [], []
    for state, (label, color) in STATES.items():
        values = np.array([r[state] for r in runs if state in r])  # (seeds, L + 1)
        if not len(values):
            continue
        mean = values.mean(axis=0)
        spread = values.std(axis=0, ddof=min(1, len(values) - 1))
        layers = np.arange(values.shape[1])
        ax.fill_between(layers, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
        ax.plot(layers, mean, color=color, marker="o")
        ends.append(float(mean[-1]))
        names.append(label)
        colors.append(color)
    for y, name, color in zip(spread_out(ends, 0.06), names, colors):
        label_end(ax, layers[-1], y, name, color)
    ax.set_xticks(layers, ["embeddings", *(f"block {i}" for i in layers[1:])])
    ax.set_xlabel("layer")
    ax.set_ylabel("mean cosine of two sentences")
    ax.set_ylim(-0.05, 1.02)
    opened = dict(zip(names, ends))
    ax.set_title(
        f"The cone is there at the start ({opened['random weights']:.2f}); "
        f"MLM opens it to {opened['after MLM']:.2f}"
    )


def draw_alignment_uniformity(ax: Any, paths: dict[str, list[dict[str, Any]]], gold: str) -> None:
    """SimCSE in the plane of uniformity and alignment, from its start (ring) to its end (dot).

    ``paths`` maps a dropout to rows with "uniformity", "alignment" and the Spearman correlation
    ``gold``, means over the seeds; lower is better on both axes.
    """
    for i, ((dropout, rows), color) in enumerate(zip(paths.items(), (ORANGE, PINK, BLUE))):
        x = [r["uniformity"] for r in rows]
        y = [r["alignment"] for r in rows]
        ax.plot(x, y, color=color, marker=".", lw=1.5)
        ax.plot(x[0], y[0], "o", color="white", mec="black", ms=11, zorder=3)
        ax.plot(x[-1], y[-1], "o", color=color, ms=11, zorder=3)
        ax.text(
            0.98, 0.95 - 0.08 * i, transform=ax.transAxes, ha="right", va="top", color=color,
            s=f"dropout {dropout}: Spearman {rows[0][gold]:.2f} to {rows[-1][gold]:.2f}",
        )
    ax.annotate("after MLM", (x[0], y[0]), xytext=(-8, 12), textcoords="offset points", ha="right")
    ax.set_xlabel("uniformity (lower: more evenly spread)")
    ax.set_ylabel("alignment of paraphrases (lower: closer)")
    ax.set_title("SimCSE spreads sentences out; paraphrases move apart as well")
