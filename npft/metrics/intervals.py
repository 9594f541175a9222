"""How sure is a mean of a few runs: Student's t interval."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npft.errors import DataError, check_share


class Interval(NamedTuple):
    """A mean, and between which numbers the true one lies, at the level asked for."""

    mean: float
    low: float
    high: float


def interval(values: Any, level: float = 0.95) -> Interval:
    """The mean of n numbers with its t interval: mean ± t s / √n, t with n - 1 degrees of freedom.

    Right for numbers drawn independently from one normal distribution, and fair for means of
    others. For two methods run with the same seeds give the differences: what a seed does to both
    is then no noise.

    Raises ``DataError`` for fewer than two numbers, which have no spread, or some that are not
    finite, ``ConfigError`` for a level that is no share.

    Of 1, 2, 3: t = 4.303, s = 1

    >>> [round(x, 3) for x in interval([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    from scipy.special import stdtrit  # slow to import; quantiles of t

    check_share("interval: level", level)
    try:
        x = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("interval: the values are no numbers; give at least two") from None
    if x.ndim != 1 or x.size < 2 or not np.isfinite(x).all():
        raise DataError(
            f"interval: got {x.size} values of shape {x.shape}, expected (n,) with n 2 or more, "
            "all finite: one run says nothing of how much runs differ"
        )
    mean = float(x.mean())
    half = float(stdtrit(x.size - 1, (1 + level) / 2) * x.std(ddof=1) / np.sqrt(x.size))
    return Interval(mean, mean - half, mean + half)
