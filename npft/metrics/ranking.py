"""Figures of merit for numbers: do they stand in the right order, on a line, near the truth?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from npft.autograd.inputs import numbers
from npft.errors import NonFiniteError, ShapeError, check_finite
from npft.metrics.score import Score


@dataclass(frozen=True)
class GradeMetrics(Score):
    """Rank correlation, correlation, and the root of the mean squared error."""

    main: ClassVar[str] = "spearman"
    spearman: float
    pearson: float
    rmse: float
    loss: float | None = None


def _two_lists(name: str, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = numbers(f"{name}: x", x, np.float64), numbers(f"{name}: y", y, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ShapeError(f"{name}: x has shape {x.shape}, y {y.shape}; expected two lists (n,)")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise NonFiniteError(f"{name}: a number is not finite, so it has no place; leave it out")
    return x, y


def pearson(x: Any, y: Any) -> float:
    """The correlation of two lists of numbers: the cosine of their deviations from the mean.

    x and y (n,). Raises ``ShapeError`` for lists of different lengths, ``NonFiniteError`` if a
    number is not finite or one of the lists is constant: it then orders nothing; ``DtypeError``
    for what are no numbers.

    >>> round(pearson([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]), 9)
    0.5
    """
    x, y = _two_lists("pearson", x, y)
    return _correlation("pearson", x, y)


def _correlation(name: str, x: np.ndarray, y: np.ndarray) -> float:
    if not len(x) or (x == x[0]).all() or (y == y[0]).all():
        raise NonFiniteError(f"{name}: one of the lists is constant, so it orders nothing")
    x, y = _below_1(x), _below_1(y)
    u, v = x - x.mean(), y - y.mean()
    u, v = u / np.abs(u).max(), v / np.abs(v).max()  # whose squares neither vanish nor overflow
    return float((u * v).sum() / np.sqrt((u * u).sum() * (v * v).sum()))


def _below_1(x: np.ndarray) -> np.ndarray:
    """x divided by a power of two, which rounds nothing, so that sums of it fit into a float."""
    return np.ldexp(x, -np.frexp(np.abs(x).max())[1])


def spearman(x: Any, y: Any) -> float:
    """The rank correlation of two lists of numbers; ties get their mean rank.

    x and y (n,). Raises as ``pearson``.

    >>> spearman([1.0, 2.0, 3.0], [10.0, 30.0, 20.0])
    0.5
    """
    from scipy.stats import rankdata

    x, y = _two_lists("spearman", x, y)
    rx, ry = rankdata(x) - (len(x) + 1) / 2, rankdata(y) - (len(y) + 1) / 2
    scale = np.sqrt((rx * rx).sum() * (ry * ry).sum())
    if not scale > 0:
        raise NonFiniteError("spearman: one of the lists is constant, so it orders nothing")
    return float((rx * ry).sum() / scale)


def grade_metrics(true: Any, predicted: Any) -> GradeMetrics:
    """Compare true and predicted grades (n,); a constant list has the correlations 0.

    Raises ``ShapeError`` for lists of different lengths or none, ``NonFiniteError`` for a number
    that is not finite, or two so far apart that their difference is not, ``DtypeError`` for what
    are no numbers.

    >>> grade_metrics([0.0, 1.0, 2.0], [0.0, 1.0, 5.0]).spearman
    1.0
    """
    y, z = _two_lists("grade_metrics", true, predicted)
    if not len(y):
        raise ShapeError("grade_metrics: no examples")
    orders = len(set(y.tolist())) > 1 and len(set(z.tolist())) > 1
    with np.errstate(over="ignore"):
        apart = y - z
    check_finite("grade_metrics: true - predicted", apart)
    size = np.frexp(np.abs(apart).max())[1]
    rmse = float(np.ldexp(np.sqrt(np.mean(np.ldexp(apart, -size) ** 2)), size))
    return GradeMetrics(*((spearman(y, z), pearson(y, z)) if orders else (0.0, 0.0)), rmse)
