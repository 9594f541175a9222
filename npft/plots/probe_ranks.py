"""Figure: does a linear probe rank checkpoints as fine-tuning does?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.experiments.probe_ranks import AGAIN, LOOKS, SETTINGS, over_seeds, over_steps
from npft.plots.style import BLUE, GREEN, GREY, ORANGE, SKY, label_column

COLORS = dict(zip(SETTINGS, (SKY, BLUE, GREEN, ORANGE)))
COPIES = {"probe": "probe", "steps": "number of steps"}
BODIES = {"probe": "probe", "loss": "held-out loss", "again": "second fine-tuning"}

ALIKE = 0.1  # rank correlations that differ by less are called alike


def draw_probe_ranks(axes: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Left: full fine-tuning against the probe, a dot a copy. Right: how far each forecast ranks.

    ``rows`` are those of ``ranks_cell``, each with its "seed". The line of a task goes through the
    means of the seeds, from the first step to the last, which has the large dot. On the right a
    small dot is a seed (above) or a step (below), a large one the mean of a task, the upright
    stroke the mean of all.
    """
    left, right = axes
    ends = {}
    for setting, name in SETTINGS.items():
        own = [r for r in rows if (r["task"], r["n"]) == setting]
        way = np.array([
            np.mean([(r["probe"], r["full"]) for r in own if r["step"] == step], axis=0)
            for step in LOOKS
        ])  # (steps, 2)
        color = COLORS[setting]
        left.plot([r["probe"] for r in own], [r["full"] for r in own], "o", color=color, ms=4,
                  alpha=0.35)
        left.plot(*way.T, color=color, lw=1.5)
        left.plot(*way[-1], "o", color=color, ms=10)
        ends[name] = (float(way[-1, 0]), float(way[-1, 1]))
    label_column(left, ends, {SETTINGS[k]: color for k, color in COLORS.items()}, 1.03, 0.06)
    left.set_xlim(0.05, 1.02)
    left.set_xlabel("F1 of the linear probe")
    left.set_ylabel("F1 of full fine-tuning")
    copies = {f: {s: over_steps(rows, f, *s) for s in SETTINGS} for f in COPIES}
    bodies = {f: _of_steps(rows, f) for f in BODIES}
    places = {f"copies {f}": 5.4 - y for y, f in enumerate(COPIES)}
    places |= {f"bodies {f}": 2 - y for y, f in enumerate(BODIES)}
    for f, found in copies.items():
        _row(right, places[f"copies {f}"], found)
    for f, found in bodies.items():
        _row(right, places[f"bodies {f}"], found)
    right.set_yticks(list(places.values()), [*COPIES.values(), *BODIES.values()])
    right.set_ylim(-0.7, 6.6)
    for y, text in ((6.2, "the copies of one body"), (2.8, "bodies of other seeds, equal steps")):
        right.text(0.02, y, text, color=GREY, va="center",
                   transform=right.get_yaxis_transform())
    right.axvline(0, color=GREY, lw=1)
    right.set_xlim(-1.05, 1.05)
    right.set_xlabel("rank correlation with full fine-tuning")
    seeds = len({row["seed"] for row in rows})
    left.set_title(f"{len(LOOKS)} copies of {seeds} bodies,\nthe last after {LOOKS[-1]:,} steps",
                   fontsize=14)  # fmt: skip
    among = {f: _mean(found) for f, found in bodies.items()}
    right.set_title(f"Among bodies the probe {among['probe']:.2f},\nfine-tuning itself "
                    f"{among['again']:.2f}", fontsize=14)
    probe, steps = (_mean(copies[f]) for f in ("probe", "steps"))
    than = "as well as" if abs(probe - steps) < ALIKE else "better than"
    if probe <= steps - ALIKE:
        than = "worse than"
    left.figure.suptitle(
        f"A linear probe ranks checkpoints {than} their number of steps ({probe:.2f}, "
        f"{steps:.2f}; {seeds} seeds)", x=0.01, ha="left", fontsize=16,
    )  # fmt: skip


def _of_steps(
    rows: Sequence[Mapping[str, Any]], forecast: str
) -> dict[tuple[str, int], np.ndarray]:
    """{setting: the rank correlation over the seeds, at each step of ``AGAIN``}."""
    found: dict[tuple[str, int], list[float]] = {}
    for step in AGAIN:
        for setting, value in over_seeds(rows, forecast, step).items():
            found.setdefault(setting, []).append(value)
    return {setting: np.array(values) for setting, values in found.items()}


def _mean(found: Mapping[tuple[str, int], np.ndarray]) -> float:
    return float(np.concatenate(list(found.values())).mean())


def _row(ax: Any, y: float, found: Mapping[tuple[str, int], np.ndarray]) -> None:
    """A forecast: a line of dots for each task, and the mean of all."""
    for k, (setting, values) in enumerate(found.items()):
        height, color = y + 0.15 * (1.5 - k), COLORS[setting]
        ax.plot(values, [height] * len(values), "o", color=color, ms=4, alpha=0.45)
        ax.plot(values.mean(), height, "o", color=color, ms=8)
    mean = _mean(found)
    ax.plot([mean, mean], [y - 0.4, y + 0.4], color="black", lw=2)
    ax.annotate(f"{mean:.2f}", (1.08, y), va="center", annotation_clip=False)
