"""Figures F6 and F8: what fine-tuning forgets, and what each repair saves."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.forgetting.measure import ForgettingCurve
from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, label_end, spread_out

COLORS = (ORANGE, BLUE, GREEN, PINK, "#E69F00", "#56B4E9", GREY)


def _mean_band(runs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over the seeds, and one standard deviation below and above it."""
    mean, spread = runs.mean(axis=0), runs.std(axis=0, ddof=min(1, len(runs) - 1))
    return mean, mean - spread, mean + spread


def draw_forgetting(axes: Any, curves: dict[str, list[ForgettingCurve]]) -> None:
    """The rise of the held-out loss (left axes) and the task's F1 (right axes) against the step.

    ``axes`` are two axes side by side. ``curves`` maps the name of a method to its curves, one for
    each seed. The dashed line is the way back to guessing by frequency.
    """
    left, right = axes
    all_curves = [c for runs in curves.values() for c in runs]
    floor = float(np.mean([c.unigram - c.mlm_loss[0] for c in all_curves]))
    for ax, values in ((left, "rise"), (right, "f1")):
        ends, names, colors = [], [], []
        for (name, runs), color in zip(curves.items(), COLORS):
            share = np.linspace(0, 1, len(runs[0].step))  # methods differ in steps an epoch
            mean, low, high = _mean_band(np.array([getattr(c, values) for c in runs]))
            ax.fill_between(100 * share, low, high, color=color, alpha=0.18, lw=0)
            ax.plot(100 * share, mean, color=color)
            ends.append(float(mean[-1]))
            names.append(name)
            colors.append(color)
        low, high = ax.get_ylim()
        for y, name, color in zip(spread_out(ends, 0.065 * (high - low)), names, colors):
            label_end(ax, 100, y, name, color)
        ax.set_xlabel("share of fine-tuning (%)")
        ax.set_xlim(0, 100)
    left.axhline(floor, color=GREY, ls="--", lw=1.5)
    left.text(1, floor, "back to guessing by frequency", color=GREY, va="bottom", fontsize="small")
    left.set_ylabel("rise of held-out loss (nats)")
    right.set_ylabel("F1 of the new task")
    right.set_ylim(0, 1)
    first = next(iter(curves))
    rise = float(np.mean([c.rise[-1] for c in curves[first]]))
    seeds = max(len(runs) for runs in curves.values())
    over = f"{seeds} seeds" if seeds > 1 else "1 seed"
    left.set_title(f"Forgotten: up to {rise:.1f} nats")
    right.set_title(f"Learnt: F1 {np.mean([c.f1[-1] for c in curves[first]]):.2f} ({over})")


def draw_repairs(ax: Any, points: dict[str, dict[str, Any]]) -> None:
    """Every method in the plane of forgetting and success: up and to the left is better.

    ``points`` is what ``compare_methods`` returns. Across: the rise at the first measurement with
    enough F1, for methods that have learnt the task; the others are crosses at their final rise.
    Up: the best F1 of the run. Bars are one standard deviation over the seeds.
    """
    groups = list(dict.fromkeys(name.split()[0] for name in points))
    colors = dict(zip(groups, (BLUE, ORANGE, PINK, GREEN, GREY)))
    heights = spread_out([float(np.mean(p["f1"])) for p in points.values()], 0.013)
    for (name, p), height in zip(points.items(), heights):
        reached = p["learnt"] and None not in p["rise"]
        rise, f1 = np.array(p["rise"] if reached else p["end"]), np.array(p["f1"])
        spread = [v.std(ddof=1) if len(v) > 1 else 0.0 for v in (rise, f1)]
        color = colors[name.split()[0]]
        ax.errorbar(
            rise.mean(), f1.mean(), xerr=spread[0], yerr=spread[1], color=color, lw=0.8,
            fmt="o" if reached else "x", markersize=8, alpha=0.9 if reached else 0.5,
        )
        ax.annotate(
            name, (rise.mean(), height), xytext=(9, 1), textcoords="offset points", color=color,
            fontsize="small", va="bottom",
        )
    ax.set_xlabel("rise of held-out loss (nats) once learnt; crosses: never learnt, at the end")
    ax.set_ylabel("best F1 of the run")
    rises = {n: np.mean(p["rise"]) for n, p in points.items() if p["learnt"]}
    best = min(rises, key=lambda n: rises[n])
    ax.set_title(f"At matched F1, '{best}' forgets least: {rises[best]:.2f} nats")
