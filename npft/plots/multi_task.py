"""Figure: what company does to a task with few labels, and what the weight of its loss changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE, spread_out

NAMES = {"pos": "parts of speech", "clinic_pos": "parts of speech, clinic",
         "clinic_entities": "entities, clinic", "random": "random labels",
         "senses": "word senses"}  # fmt: skip
COLORS = (BLUE, ORANGE, GREEN)


def gains(
    cells: list[dict[str, Any]], target: str, helper: str, weight: float = 1.0
) -> np.ndarray:
    """What the helper adds to the F1 of the target, joint minus alone: one number for each seed."""
    alone, joint = {}, {}
    for c in cells:
        if c["target"] == target and c["helper"] == "alone":
            alone[c["seed"]] = c["scores"][target]
        elif (c["target"], c["helper"]) == (target, helper):
            if c["weights"].get(helper, 1.0) == weight:
                joint[c["seed"]] = c["scores"][target]
    return np.array([joint[seed] - alone[seed] for seed in sorted(joint)])


def draw_multi_task(axes: Any, cells: list[dict[str, Any]]) -> None:
    """Left: targets beside helpers. Right: the weight of the helper's loss. A small dot a seed.

    ``cells`` are results of ``multi_task_cell``, with a "target" and a "helper", which is a task or
    "alone"; two pairs of them are there with several weights.
    """
    pairs = {(c["target"], c["helper"]) for c in cells if c["helper"] in c["scores"]}
    pairs = {(target, helper) for target, helper in pairs if target != helper}
    _draw_pairs(axes[0], cells, pairs)
    _draw_weights(axes[1], cells)


def _draw_pairs(ax: Any, cells: list[dict[str, Any]], pairs: set[tuple[str, str]]) -> None:
    targets = sorted({target for target, _ in pairs})
    found = {pair: gains(cells, *pair) for pair in pairs}
    means = {
        helper: np.mean([found[t, helper].mean() for t in targets if (t, helper) in found])
        for _, helper in pairs
    }
    helpers = sorted(means, key=lambda helper: (means[helper], helper))
    shifts = np.linspace(0.25, -0.25, len(targets))
    for target, shift, color in zip(targets, shifts, COLORS):
        for row, helper in enumerate(helpers):
            if (target, helper) in found:
                gain = found[target, helper]
                y = row + shift
                ax.plot(gain, np.full(len(gain), y), ".", color=color, alpha=0.4, ms=6)
                ax.plot(gain.mean(), y, "o", color=color, ms=8)
        ax.annotate(
            f"{NAMES.get(target, target)} ({_labels(cells, target)} labels)", (0, 1),
            xycoords="axes fraction", xytext=(6, -14 * (1 + targets.index(target))),
            textcoords="offset points", color=color, fontsize="x-small",
        )  # fmt: skip
    ax.axvline(0, color=GREY, lw=1)
    ax.set_yticks(range(len(helpers)), [NAMES.get(h, h) for h in helpers], fontsize="x-small")
    ax.set_ylim(-0.6, len(helpers) + 1.0)
    ax.set_xlabel("F1 beside this helper minus F1 alone", fontsize="small")
    low, high = (f(gain.mean() for gain in found.values()) for f in (min, max))
    seeds = len({c["seed"] for c in cells})
    ax.set_title(f"Company: {low:+.2f} to {high:+.2f} F1\n({seeds} seeds)", fontsize="medium")


def _labels(cells: list[dict[str, Any]], target: str) -> int:
    return next(c["labels"][target] for c in cells if c["target"] == target)


def _draw_weights(ax: Any, cells: list[dict[str, Any]]) -> None:
    weighed = sorted({(c["target"], c["helper"]) for c in cells if c["weights"]})
    weights = sorted({w for c in cells for w in c["weights"].values()} | {1.0})
    places = range(1 + len(weights))
    ends = []
    for (target, helper), color in zip(weighed, COLORS):
        rows = [np.zeros(1), *(gains(cells, target, helper, weight) for weight in weights)]
        for place, row in zip(places, rows):
            ax.plot(np.full(len(row), place), row, ".", color=color, alpha=0.4, ms=6)
        ax.plot(places, [row.mean() for row in rows], "o-", color=color, ms=8)
        ends.append(float(rows[-1].mean()))
    low, high = ax.get_ylim()
    for (target, helper), y, color in zip(weighed, spread_out(ends, (high - low) / 10), COLORS):
        ax.annotate(
            f"{NAMES.get(target, target)}\n+ {NAMES.get(helper, helper)}", (places[-1], y),
            xytext=(8, 0), textcoords="offset points", va="center", color=color,
            fontsize="x-small", annotation_clip=False,
        )  # fmt: skip
    ax.axhline(0, color=GREY, lw=1)
    ax.set_xticks(places, ["alone", *(f"{weight:g}" for weight in weights)])
    ax.set_xlabel("weight of the helper's loss", fontsize="small")
    ax.set_ylabel("F1 minus F1 alone", fontsize="small")
    ax.set_title("The weight of the helper's loss\nsets how much of it", fontsize="medium")
