"""Learning-rate schedules: functions from the step (1, 2, ..., total) to a factor of the rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npft.errors import ConfigError, check_count, check_share

SCHEDULES = ("linear", "cosine", "slanted", "constant")


def _check(step: int, warmup: float, total: int) -> None:
    if not (1 <= step <= total and 0 <= warmup <= total):
        raise ConfigError(
            f"schedule: step {step}, warmup {warmup}, total {total}; expected "
            "1 <= step <= total and 0 <= warmup <= total"
        )


def warmup_linear(step: int, warmup: int, total: int, floor: float = 0.05) -> float:
    """Rise in a line to 1 over ``warmup`` steps, then fall in a line to ``floor`` at the end.

    >>> [warmup_linear(s, 2, 4, floor=0.0) for s in (1, 2, 3, 4)]
    [0.5, 1.0, 0.5, 0.0]
    """
    _check(step, warmup, total)
    check_share("schedule: floor", floor, zero=True, one=True)
    if step <= warmup:
        return step / warmup
    return floor + (1 - floor) * (total - step) / (total - warmup)


def warmup_cosine(step: int, warmup: int, total: int) -> float:
    """Rise in a line to 1, then fall to 0 along half a cosine (Loshchilov & Hutter 2017).

    >>> [round(warmup_cosine(s, 0, 4), 3) for s in (1, 2, 3, 4)]
    [0.854, 0.5, 0.146, 0.0]
    """
    _check(step, warmup, total)
    if step <= warmup:
        return step / warmup
    return 0.5 * (1 + float(np.cos(np.pi * (step - warmup) / (total - warmup))))


def slanted_triangular(step: int, total: int, cut: float = 0.1, ratio: float = 32) -> float:
    """A short rise and a long fall, from 1 / ratio to 1 and back (Howard & Ruder 2018, eq. 3).

    >>> [round(slanted_triangular(s, 10, cut=0.5, ratio=2), 2) for s in (1, 5, 10)]
    [0.6, 1.0, 0.5]
    """
    _check(step, 0, total)
    if not (0 <= cut <= 1 and ratio >= 1):
        raise ConfigError(f"schedule: cut {cut}, ratio {ratio}; expected 0 <= cut <= 1 <= ratio")
    peak = cut * total
    p = step / peak if step <= peak else (total - step) / (total - peak)
    return (1 + p * (ratio - 1)) / ratio


def schedule_of(name: str, total: int, warmup: float = 0.0) -> Callable[[int], float]:
    """The schedule of this name over ``total`` steps.

        linear     up in a line, then down in a line to 0.05    ``warmup_linear``
        cosine     up in a line, then down along half a cosine  ``warmup_cosine``
        slanted    up and down in lines, from and to 1/32       ``slanted_triangular``
        constant   1 at every step

    The first two rise over the share ``warmup`` of the steps, and over one step at least.
    Raises ``ConfigError`` for another name.

    >>> cosine, constant = schedule_of("cosine", 5), schedule_of("constant", 5)
    >>> [round(cosine(s), 2) for s in (1, 2, 3, 4, 5)], constant(3)
    ([1.0, 0.85, 0.5, 0.15, 0.0], 1.0)
    """
    check_count("schedule: total", total)
    rise = max(1, round(check_share("schedule: warmup", warmup, zero=True, one=True) * total))
    if name == "linear":
        return lambda step: warmup_linear(step, rise, total)
    if name == "cosine":
        return lambda step: warmup_cosine(step, rise, total)
    if name == "slanted":
        return lambda step: slanted_triangular(step, total)
    if name == "constant":
        return lambda step: 1.0
    raise ConfigError(f"schedule is {name!r}, expected one of {', '.join(SCHEDULES)}")
