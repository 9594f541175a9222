"""Timing that can be trusted: warm-up, turns, medians.

Machines are noisy: a neighbour, a clock that changes, a cold cache. So two things are never timed
one after the other but in turns, in many short rounds, and what is reported is the median of the
rounds' ratios, with the smallest and the largest.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import numpy as np


def seconds(call: Callable[[], object], calls: int) -> float:
    """The time of one call, as the mean of ``calls`` in a row."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def in_turns(calls: dict[str, Callable[[], object]], rounds: int, least: float = 0.1) -> dict:
    """Time several calls in turns: for each name, the seconds of a call in each round.

    Each round repeats a call for about ``least`` seconds. The first calls are not counted. What was
    imported is taken out of the sight of Python's garbage collector, which would otherwise look
    through all of PyTorch now and then, and at moments that fall to either side by chance.
    """
    gc.collect()
    gc.freeze()
    repeats = {}
    for name, call in calls.items():
        call()
        repeats[name] = max(1, round(least / seconds(call, 1)))
    found = {name: np.empty(rounds) for name in calls}
    for r in range(rounds):
        for name, call in calls.items():
            found[name][r] = seconds(call, repeats[name])
    return found


def spread(values: np.ndarray) -> list[float]:
    """Median, smallest and largest."""
    return [float(f"{v:.4g}") for v in (np.median(values), np.min(values), np.max(values))]


def compared(ours: np.ndarray, theirs: np.ndarray) -> dict:
    """The milliseconds of both, and the ratio ours / theirs of each round."""
    return {
        "npft_ms": spread(1000 * ours),
        "peer_ms": spread(1000 * theirs),
        "ratio": spread(ours / theirs),
    }
