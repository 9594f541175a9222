"""How sure is a mean of a few runs: Student's t interval."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npft.autograd.inputs import numbers
from npft.errors import DataError, DtypeError, check_share


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

    Raises ``DataError`` for fewer than two numbers, which have no spread, for some that are not
    finite, or so large that the interval has no ends; ``ConfigError`` for a level that is no share.

    Of 1, 2, 3: t = 4.303, s = 1

    >>> [round(x, 3) for x in interval([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    from scipy.special import stdtrit  # slow to import; quantiles of t

    check_share("interval: level", level)
    try:
        x = numbers("interval: values", values, np.float64)
    except DtypeError:
        raise DataError("interval: the values are no numbers; give at least two") from None
    if x.ndim != 1 or x.size < 2 or not np.isfinite(x).all():
        raise DataError(
            f"interval: got {x.size} values of shape {x.shape}, expected (n,) with n 2 or more, "
            "all finite: one run says nothing of how much runs differ"
        )
    size = np.frexp(np.abs(x).max())[1]  # numbers below 1 have sums and squares that fit
    x = np.ldexp(x, -size)
    mean = float(x.mean())
    half = float(stdtrit(x.size - 1, (1 + level) / 2) * x.std(ddof=1) / np.sqrt(x.size))
    with np.errstate(over="ignore"):
        found = Interval(*np.ldexp([mean, mean - half, mean + half], size).tolist())
    if not np.isfinite(found).all():
        raise DataError(f"interval: it goes from {found.low} to {found.high}, which is no answer; "
                        "give smaller numbers, or a lower level")
    return found
