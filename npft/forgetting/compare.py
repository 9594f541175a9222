"""Repairs side by side, at equal success on the task.

"A lower rate forgets less" may only mean that it has learnt less. So each method is read at the
first measurement at which it has learnt the task: where its F1 reaches 0.98 times the best F1 of
the weakest method (same seed, same body). What it has forgotten by then is its price.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.errors import ConfigError
from npft.forgetting.measure import ForgettingCurve

SHARE_OF_BEST = 0.98
LEARNT = 0.9  # of the plain run's best F1, on the mean over the seeds: less is not having learnt
TRIVIAL_F1 = 2 / 3  # of calling every message spam where half of them are: nor is this


def compare_methods(cells: list[dict[str, Any]], plain: str) -> dict[str, dict[str, Any]]:
    """Every method at matched F1, from cells with their "method", "seed" and "curve".

    One of the methods is the ``plain`` run. Returns for each method
    lists over the seeds: "f1" (best of the run), "end" (rise at the end), "learnt" (whether its
    mean best F1 is at least 0.9 times the plain run's and that of the trivial answer), and "rise"
    at matched F1 among the methods that have learnt; None where a run never reaches it.
    """
    curves: dict[str, dict[int, ForgettingCurve]] = {}
    for c in cells:
        curves.setdefault(c["method"], {})[c["seed"]] = ForgettingCurve.from_dict(c["curve"])
    found: dict[str, dict[str, Any]] = {
        name: {
            "f1": [float(curve.f1.max()) for curve in runs.values()],
            "end": [float(curve.rise[-1]) for curve in runs.values()],
        }
        for name, runs in curves.items()
    }
    if plain not in found:
        raise ConfigError(f"compare_methods: the plain run {plain!r} is missing; got {list(found)}")
    enough = max(LEARNT * np.mean(found[plain]["f1"]), TRIVIAL_F1)
    for row in found.values():
        row["learnt"] = bool(np.mean(row["f1"]) >= enough)
    learnt = [name for name, row in found.items() if row["learnt"]]
    matched = {
        seed: rise_at_matched_f1({name: curves[name][seed] for name in learnt})
        for seed in curves[plain]
    }
    for name, row in found.items():
        row["rise"] = [rises.get(name) for rises in matched.values()]
    return found


def rise_at_matched_f1(curves: dict[str, ForgettingCurve]) -> dict[str, float | None]:
    """For each method the rise at the first measurement with enough F1; None if it never has it.

    ``curves`` holds one curve for each method, all of one seed and body. Enough is 0.98 times the
    smallest of the methods' best F1. Step 0 is before learning, so its F1 is that of chance: it
    never counts as enough, and a method that never rises above it has learnt nothing, gets None,
    and does not say what is enough for the others. Raises ``ConfigError`` without curves.

    >>> def curve(f1, loss):
    ...     steps = np.arange(len(f1))
    ...     return ForgettingCurve(steps, np.array(loss), np.zeros(len(f1)), np.array(f1), 5.0)
    >>> quick = curve([0.1, 0.8, 0.9], [2.0, 2.5, 3.5])
    >>> gentle = curve([0.1, 0.5, 0.8], [2.0, 2.1, 2.2])
    >>> {k: round(v, 6) for k, v in rise_at_matched_f1({"quick": quick, "gentle": gentle}).items()}
    {'quick': 0.5, 'gentle': 0.2}
    """
    if not curves:
        raise ConfigError("rise_at_matched_f1: no curves to compare")
    learnt = {name: c for name, c in curves.items() if c.f1.max() > c.f1[0]}
    enough = SHARE_OF_BEST * min((c.f1.max() for c in learnt.values()), default=0.0)
    found: dict[str, float | None] = dict.fromkeys(curves)
    for name, curve in learnt.items():
        first = 1 + np.flatnonzero(curve.f1[1:] >= enough)[0]
        found[name] = float(curve.rise[first])
    return found
