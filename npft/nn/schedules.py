"""Learning-rate schedules: functions from the step (1, 2, ..., total) to a factor of the rate."""

from __future__ import annotations

import numpy as np

from npft.errors import ConfigError, check_share


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
