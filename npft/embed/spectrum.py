"""The spectrum of a set of vectors: in how many directions do they spread, and how evenly?

    σ_1 >= σ_2 >= ...      singular values of the centred rows
    λ_i = σ_i² / n         the variance along the i-th principal direction

The mean is taken out first, so these figures do not see a cone that is only a shift. What cosines
say of angles, seen from 0, stands in ``geometry.py``. All functions take rows: x (n, D).
"""

from __future__ import annotations

import numpy as np

from npft.embed.rows import checked_rows, largest_numbers, power_of_two
from npft.errors import NonFiniteError, ShapeError


def principal(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The singular values of rows (n, D), largest first, and their directions: (k,) and (k, D).

    k = min(n, D). They are those of the small factor R of x = Q R, so that no table (n, n), and no
    square of a number, is made. Nothing is checked or centred.

    >>> s, directions = principal(np.array([[0.0, 3.0], [2.0, 0.0]]))
    >>> s.round(9).tolist(), np.abs(directions).round(9).tolist()
    ([3.0, 2.0], [[0.0, 1.0], [1.0, 0.0]])
    """
    _, s, directions = np.linalg.svd(np.linalg.qr(x, mode="r"), full_matrices=False)
    return s, directions


def singular_values(x: np.ndarray) -> np.ndarray:
    """The singular values of the centred rows, largest first: (min(n, D),)."""
    s, scale = _spectrum("singular_values", x)
    return s * scale


def _spectrum(name: str, x: np.ndarray) -> tuple[np.ndarray, float]:
    """The singular values of the centred rows, and a scale by which they are to be multiplied."""
    x = checked_rows(f"{name}: x", x)
    x[:, (x == x[0]).all(axis=0)] = 0  # by rounding, the centred column need not be exactly 0
    scale = float(power_of_two(largest_numbers(x)))  # no sum overflows
    x /= scale
    x -= x.mean(axis=0)
    return np.linalg.svd(x, compute_uv=False), scale


def _shares(name: str, x: np.ndarray) -> np.ndarray:
    """The singular values as shares of their sum; raises ``ShapeError`` if all rows are equal."""
    s, _ = _spectrum(name, x)
    if not s.any():
        raise ShapeError(f"{name}: all rows are equal, so they span no direction")
    return s / s.sum()


def effective_rank(x: np.ndarray) -> float:
    """How many directions the centred vectors really use: exp of the entropy of the spectrum.

        exp(-Σ p_i log p_i),   p_i = σ_i / Σ σ        (Roy & Vetterli 2007)

    Between 1 (a line) and D (all directions alike). Raises ``ShapeError`` if all rows are equal.

    >>> round(effective_rank(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])), 6)
    2.0
    """
    p = _shares("effective_rank", x)
    p = p[p > 0]
    return float(np.exp(-(p * np.log(p)).sum()))


def participation_ratio(x: np.ndarray) -> float:
    """How many directions carry the variance of the vectors.

        (Σ λ)² / Σ λ²

    1 for a line, k if k directions have the same variance and the others none. It counts squares,
    so small directions weigh less in it than in ``effective_rank``. Raises ``ShapeError`` if all
    rows are equal.

    Variances 9 : 1 give 10² / 82:

    >>> round(participation_ratio(np.array([[3.0, 0], [-3.0, 0], [0, 1.0], [0, -1.0]])), 6)
    1.219512
    """
    return _participation("participation_ratio", x)


def _participation(name: str, x: np.ndarray) -> float:
    variances = _shares(name, x) ** 2
    return float(variances.sum() ** 2 / (variances**2).sum())


def iso_score(x: np.ndarray) -> float:
    """IsoScore: 1 if all D directions have the same variance, 0 if only one has any.

        (P - 1) / (D - 1),   P the participation ratio

    (Rudman et al. 2022.) The paper goes there in five steps: variances v along the principal
    directions, scaled to v̂ of length √D; δ = |v̂ - 1| / √(2 (D - √D)); then
    φ = (D - δ² (D - √D))² / D² and (D φ - 1) / (D - 1). As |v̂ - 1|² = 2 D - 2 Σ v̂, the bracket is
    Σ v̂ and D φ is P. The mean does not matter, nor one scale for all; so a narrow cone far from 0
    may score 1, if it is round. Nor is 1 a virtue: classes that stand apart are not isotropic.

    Raises ``ShapeError`` for one column, or if all rows are equal.

    >>> iso_score(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    0.0
    >>> round(iso_score(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) + 9), 6)
    1.0
    """
    ratio = _participation("iso_score", x)
    width = np.shape(x)[1]
    if width < 2:
        raise ShapeError("iso_score: x has one column; directions need at least two")
    return max(0.0, (ratio - 1) / (width - 1))  # rounding may fall below


def partition_score(x: np.ndarray) -> float:
    """How alike the partition function is in all directions: I of Mu & Viswanath (2018).

        I = min_c Z(c) / max_c Z(c),   Z(c) = Σ_i exp(c · x_i)

    over the eigenvectors c of XᵀX, each taken both ways, as neither sign is the right one. 1 says
    that no direction stands out, almost 0 that one does. The mean stays in and the scale matters:
    all x_i = μ with |μ| = m give exp(-2 m). Computed from logarithms, so only I itself can be too
    small for a float, and is then 0.

    Raises ``NonFiniteError`` for numbers near the largest of floats.

    Two rows (1, 0): Z is 2 e and 2 / e along the first axis, and 2 along the other.

    >>> round(partition_score(np.array([[1.0, 0.0], [1.0, 0.0]])), 6)  # exp(-2)
    0.135335
    """
    x = checked_rows("partition_score: x", x)
    scale = power_of_two(largest_numbers(x))
    _, directions = np.linalg.svd(np.linalg.qr(x / scale, mode="r"))[1:]  # (D, D): also those of 0
    with np.errstate(over="ignore", invalid="ignore"):
        along = x @ directions.T  # (n, D)
        logs = np.concatenate([_log_sums(along), _log_sums(np.negative(along, out=along))])
    if not np.isfinite(logs).all():
        raise NonFiniteError("partition_score: x has numbers too large to add; scale them down")
    with np.errstate(under="ignore"):
        return float(np.exp(logs.min() - logs.max()))


def _log_sums(x: np.ndarray) -> np.ndarray:
    """log Σ_i exp(x_i) of each column, (n, D) to (D,)."""
    top = x.max(axis=0)
    parts = x - top
    return top + np.log(np.exp(parts, out=parts).sum(axis=0))
