"""Figure F6: what fine-tuning forgets, and what keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from npft.forgetting.measure import ForgettingCurve
from npft.plots.style import GREY, color_of, label_end, spread_out


def dashes_of(names: Iterable[str]) -> dict[str, str]:
    """A kind of line for each method of a picture: whole, then dashed where a colour comes again.

    >>> dashes_of(["plain", "anchor 0.01", "proximal 10"])
    {'plain': '-', 'anchor 0.01': '-', 'proximal 10': '--'}
    """
    seen = Counter[str]()
    dashes = {}
    for name in names:
        dashes[name] = ("-", "--", ":", "-.")[seen[color_of(name)] % 4]
        seen[color_of(name)] += 1
    return dashes


def draw_forgetting(
    axes: Any, curves: dict[str, list[ForgettingCurve]], trivial: float | None = None
) -> None:
    """The rise of the held-out loss (left axes) and the task's F1 (right axes) against the step.

    ``axes`` are two axes side by side. ``curves`` maps the name of a method to its curves, one for
    each seed; the first is plain fine-tuning. Lines are means, bands one standard deviation. The
    dashed line on the left is the way back to guessing by frequency, on the right the F1 of the
    ``trivial`` answer.
    """
    left, right = axes
    last = min(int(runs[0].step[-1]) for runs in curves.values())  # replay makes more steps
    dashes = dashes_of(curves)
    for ax, values in ((left, "rise"), (right, "f1")):
        for name, runs in curves.items():
            measured = np.array([getattr(c, values) for c in runs])
            mean, spread = measured.mean(axis=0), measured.std(axis=0, ddof=min(1, len(runs) - 1))
            step, color = runs[0].step, color_of(name)
            ax.fill_between(step, mean - spread, mean + spread, color=color, alpha=0.18, lw=0)
            ax.plot(step, mean, color=color, ls=dashes[name])
        ax.set_xlabel("step of fine-tuning")
        ax.set_xlim(0, last)
    controls = {} if trivial is None else {"all called spam": trivial}
    _name_lines(left, curves, "rise", last, {})
    _name_lines(right, curves, "f1", last, controls)
    floor = float(np.mean([c.unigram - c.mlm_loss[0] for runs in curves.values() for c in runs]))
    left.axhline(floor, color=GREY, ls="--", lw=1.5)
    left.text(1, floor, "guessing by frequency", color=GREY, va="bottom", fontsize="small")
    left.set_ylabel("rise of the pretraining loss (nats)")
    right.set_ylabel("F1 of the new task")
    right.set_ylim(0, 1)
    for y in controls.values():
        right.axhline(y, color=GREY, ls="--", lw=1.5)
    _titles(left, right, curves, last)


def at_step(runs: list[ForgettingCurve], values: str, step: int) -> float:
    """The mean over the runs of what was measured last up to a step."""
    return float(np.mean([getattr(c, values)[c.step <= step][-1] for c in runs]))


def _name_lines(
    ax: Any, curves: dict[str, list[ForgettingCurve]], values: str, last: int,
    controls: dict[str, float],
) -> None:
    """The name of each method, and of each constant answer, beside the end of its line."""
    low, high = ax.get_ylim()
    ends = {name: at_step(runs, values, last) for name, runs in curves.items()} | controls
    for y, name in zip(spread_out(list(ends.values()), 0.065 * (high - low)), ends):
        label_end(ax, last, y, name, color_of(name))


def _titles(
    left: Any, right: Any, curves: dict[str, list[ForgettingCurve]], last: int
) -> None:
    """The finding: what the first method forgets, and what is kept by the best that learns."""
    first, *others = curves
    rise = {name: at_step(runs, "rise", last) for name, runs in curves.items()}
    f1 = {name: at_step(runs, "f1", last) for name, runs in curves.items()}
    seeds = max(len(runs) for runs in curves.values())
    over = f"{seeds} seeds" if seeds > 1 else "1 seed"
    learnt = [name for name in others if f1[name] >= 0.95 * f1[first]]
    keeps = min(learnt, key=lambda name: rise[name], default=first)
    times = {name: f"{rise[name]:.1f} nats, perplexity x {np.exp(rise[name]):.1f}" for name in rise}
    kept = f"\n{keeps}: {times[keeps]}" if keeps != first else ""
    left.set_title(f"forgotten, {first}: {times[first]}{kept}")
    right.set_title(
        f"learnt, {first}: F1 {f1[first]:.2f}\n{keeps}: {f1[keeps]:.2f} ({over}, mean and sd)"
    )
