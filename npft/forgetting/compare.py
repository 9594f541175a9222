"""Repairs side by side, at equal success on the task.

"A lower rate forgets less" may only mean that it has learnt less. So each method is read at the
first measurement at which it has learnt the task: where its F1 reaches 0.98 times the best F1 of
the weakest method (same seed, same body). What it has forgotten by then is its price.

``least_forgetting`` asks instead at an F1 that you name, and says how sure the answer is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from npft.errors import ConfigError, check_items, check_share, quoted
from npft.forgetting.measure import ForgettingCurve
from npft.metrics.intervals import Interval, interval

SHARE_OF_BEST = 0.98
LEARNT = 0.9  # of the plain run's best F1, on the mean over the seeds: less is not having learnt
TRIVIAL_F1 = 2 / 3  # of calling every message spam where half of them are: nor is this


def curves_of(cells: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, ForgettingCurve]]:
    """{method: {seed: its curve}}; a cell with "strength" counts as the method "METHOD STRENGTH".

    Raises ``ConfigError`` for no cells, two of one method and seed, or methods of other seeds: the
    mean of a method over easy seeds alone would be no match for the others.
    """
    curves: dict[str, dict[int, ForgettingCurve]] = {}
    for c in check_items("comparing methods: cells", cells, of="cells"):
        if not isinstance(c, Mapping) or not {"method", "seed", "curve"} <= c.keys():
            raise ConfigError(
                f"comparing methods: a cell is {quoted(c)}, expected a dict with \"method\", "
                '"seed" and "curve"'
            )
        name = f"{c['method']} {c['strength']}" if "strength" in c else c["method"]
        runs = curves.setdefault(name, {})
        if c["seed"] in runs:
            raise ConfigError(f"comparing methods: two cells are of {name!r}, seed {c['seed']}")
        runs[c["seed"]] = ForgettingCurve.from_dict(c["curve"])
    if not curves:
        raise ConfigError("comparing methods: there are no cells to compare")
    seeds = {name: sorted(runs) for name, runs in curves.items()}
    first, *others = seeds
    for name in others:
        if seeds[name] != seeds[first]:
            raise ConfigError(
                f"comparing methods: {first!r} has the seeds {seeds[first]} and {name!r} "
                f"{seeds[name]}; give all methods the same"
            )
    return curves


def compare_methods(cells: list[dict[str, Any]], plain: str) -> dict[str, dict[str, Any]]:
    """Every method at matched F1, from cells with their "method", "seed" and "curve".

    One of the methods is the ``plain`` run. Returns for each method
    lists over the seeds: "f1" (best of the run), "end" (rise at the end), "learnt" (whether its
    mean best F1 is at least 0.9 times the plain run's and that of the trivial answer), and "rise"
    at matched F1 among the methods that have learnt; None where a run never reaches it, and for a
    method that has not learnt. Raises ``ConfigError`` as ``curves_of``, or without the plain run.
    """
    curves = curves_of(cells)
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
        seed: rise_at_matched_f1({name: curves[name][seed] for name in learnt}) if learnt else {}
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
        found[name] = rise_at(curve, enough)
    return found


class Priced(NamedTuple):
    """What one method forgets until the F1 that was asked for.

    rise: by seed, in nats, None for a run that never has that F1. mean: over the seeds.
    behind: how much more than the best method it forgets, seed by seed.
    Both are None if a run never came so far, or for fewer than two seeds.
    """

    rise: dict[int, float | None]
    mean: Interval | None
    behind: Interval | None


class Ranking(NamedTuple):
    """Which method forgets least, ``best`` by its mean, and which are not told apart from it.

    best: None if no method reaches the F1 with every seed. tied: the other methods that do, whose
    interval of ``behind`` holds 0, or that have none, with fewer than two seeds. methods: what each
    of them forgets.
    """

    best: str | None
    tied: list[str]
    methods: dict[str, Priced]


def least_forgetting(cells: list[dict[str, Any]], f1: float, level: float = 0.95) -> Ranking:
    """Which method forgets least at F1 >= ``f1``, from cells as ``compare_methods`` takes them.

    Each run is read at its first measurement after step 0 with so much F1. A method that does not
    come so far with every seed has no mean: the runs that did would be the lucky ones. The others
    are compared with the best one by their differences, seed by seed, with a t interval at
    ``level``. Each comparison is made at that level by itself; of very many methods
    some will seem to differ by chance.

    A cell with "strength" counts as the method "METHOD STRENGTH". Raises ``ConfigError`` for no
    cells, two cells of one method and seed, methods of other seeds, a cell whose curve is none, or
    an F1 that is none.

    >>> def cell(method, seed, rise):
    ...     f1, loss = [0.0, 0.5, 0.9], [2.0, 2.0, 2.0 + rise]
    ...     curve = {"step": [0, 1, 2], "f1": f1, "mlm_loss": loss, "mlm_acc": f1, "unigram": 9.0}
    ...     return {"method": method, "seed": seed, "curve": curve}
    >>> plain, replay, anchor = [1.0, 1.5, 1.1], [0.1, 0.6, 0.2], [0.2, 0.4, 0.5]
    >>> rises = {"plain": plain, "replay": replay, "anchor": anchor}
    >>> cells = [cell(m, seed, rise) for m in rises for seed, rise in enumerate(rises[m])]
    >>> found = least_forgetting(cells, f1=0.9)
    >>> found.best, found.tied
    ('replay', ['anchor'])
    >>> [round(x, 3) for x in found.methods["plain"].behind]  # 0.9 with every seed
    [0.9, 0.9, 0.9]
    """
    check_share("least_forgetting: f1", f1, one=True)
    check_share("least_forgetting: level", level)
    rises = {
        name: {seed: rise_at(curve, f1) for seed, curve in runs.items()}
        for name, runs in curves_of(cells).items()
    }
    complete = {
        name: {seed: rise for seed, rise in runs.items() if rise is not None}
        for name, runs in rises.items()
        if None not in runs.values()
    }
    means = {name: float(np.mean(list(runs.values()))) for name, runs in complete.items()}
    best = min(means, key=means.__getitem__, default=None)
    methods = {}
    for name, runs in rises.items():
        own, best_runs = complete.get(name, {}), complete.get(best or "", {})
        apart = [rise - best_runs[seed] for seed, rise in own.items()]
        methods[name] = Priced(runs, _of(list(own.values()), level), _of(apart, level))
    tied = [
        name
        for name, found in methods.items()
        if name in means and name != best and (found.behind is None or found.behind.low <= 0)
    ]
    return Ranking(best, tied, methods)


def _of(values: list[float], level: float) -> Interval | None:
    return interval(values, level) if len(values) > 1 else None


def rise_at(curve: ForgettingCurve, f1: float) -> float | None:
    """The rise at the first measurement after step 0 with F1 >= ``f1``; None if there is none."""
    enough = np.flatnonzero(curve.f1[1:] >= f1)
    return float(curve.rise[1 + enough[0]]) if len(enough) else None
