"""The geometry of a set of vectors: do they fill the space, or do they lie in a narrow cone?

All functions take rows: x (n, D), one vector for each text or token. Read more than one figure:
a low mean cosine says that vectors point in many directions, not that the directions mean
anything. These figures are of angles, seen from 0; those of ``spectrum.py`` are of the spread
about the mean, and the two may disagree.
"""

from __future__ import annotations

import numpy as np

from npft.embed.rows import pair_cosines, paired_unit_rows, unit_rows
from npft.errors import ConfigError, ShapeError, check_positive


def mean_cosine(x: np.ndarray) -> float:
    """The mean cosine of all pairs of different rows: the anisotropy of Ethayarajh (2019).

        A = (|Σ u_i|² - n) / (n (n - 1)),   u_i = x_i / |x_i|

    This costs n D operations instead of n² D. Vectors drawn evenly from all directions give 0,
    vectors in a narrow cone almost 1. Raises ``ShapeError`` for fewer than two rows.

    >>> mean_cosine(np.array([[1.0, 0.0], [0.0, 2.0]]))
    0.0
    """
    u = unit_rows("mean_cosine: x", x)
    n = len(u)
    if n < 2:
        raise ShapeError(f"mean_cosine: {n} rows make no pair; give at least two")
    total = u.sum(axis=0)
    return float((total @ total - n) / (n * (n - 1)))


def cosine_contributions(x: np.ndarray) -> np.ndarray:
    """What each dimension adds to the mean cosine: (D,), whose sum is ``mean_cosine(x)``.

        A_k = ((Σ_i u_ik)² - Σ_i u_ik²) / (n (n - 1))     (Timkey & van Schijndel 2021)

    One or two "rogue" dimensions often carry most of it.

    >>> cosine_contributions(np.array([[3.0, 4.0], [3.0, -4.0]])).round(2).tolist()
    [0.36, -0.64]
    """
    u = unit_rows("cosine_contributions: x", x)
    n = len(u)
    if n < 2:
        raise ShapeError(f"cosine_contributions: {n} rows make no pair; give at least two")
    return (u.sum(axis=0) ** 2 - np.einsum("nd,nd->d", u, u)) / (n * (n - 1))


def alignment(x: np.ndarray, y: np.ndarray) -> float:
    """The mean squared distance of paired unit vectors: E |u - v|² (Wang & Isola 2020).

    x (n, D) and y (n, D) are the vectors of n positive pairs. As |u - v|² = 2 - 2 cos, this is
    2 - 2 times the mean cosine of the pairs; 0 is best.

    >>> alignment(np.array([[2.0, 0.0]]), np.array([[0.0, 3.0]]))
    2.0
    """
    u, v = paired_unit_rows("alignment", x, y)
    u -= v
    return float(np.einsum("nd,nd->", u, u) / len(u))


def uniformity(x: np.ndarray, t: float = 2.0) -> float:
    """log E exp(-t |u - v|²) over all pairs of different unit vectors (Wang & Isola 2020).

    0 means that all vectors are the same; evenly spread vectors in many dimensions come near
    -2 t (for t = 2: -4). Lower is more even. x (n, D), at least two rows. Raises ``ShapeError``
    for fewer, ``ConfigError`` for a t that is not above 0, or so large that 4 t is no float.

    >>> round(uniformity(np.array([[1.0, 0.0], [-1.0, 0.0]])), 6)
    -8.0
    """
    t = check_positive("uniformity: t", t)
    if not 4 * t < np.inf:  # the largest exponent
        raise ConfigError(f"uniformity: t is {t}, so that 4 t is no float; give a smaller one")
    u = unit_rows("uniformity: x", x)
    n = len(u)
    if n < 2:
        raise ShapeError(f"uniformity: {n} rows make no pair; give at least two")
    top, total = -np.inf, 0.0  # the sum of exp(exponent - top): nothing underflows
    for cosines in pair_cosines(u):
        exponents = np.minimum(cosines, 1.0)  # rounding may exceed 1
        exponents -= 1
        exponents *= 2 * t  # -t |u - v|² = 2 t (cos - 1)
        higher = max(top, exponents.max())
        exponents -= higher
        total = total * np.exp(top - higher) + np.exp(exponents, out=exponents).sum()
        top = higher
    return float(top + np.log(total / (n * (n - 1) / 2)))


def cone(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vectors seen along their mean direction: radius and direction of each, in radians.

    The radius (n,) is the angle between a unit vector and the axis, the mean of the unit vectors.
    The direction (n,) is where the vector stands around the axis, in the plane of the first two
    principal directions of what is left when the axis is taken out. A narrow cone is a small disc.
    Raises ``ShapeError`` for fewer than two rows or columns, or if the unit vectors add up to 0 and
    so have no mean direction.

    >>> radius, _ = cone(np.array([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0]]))
    >>> np.degrees(radius).round(6).tolist()
    [45.0, 45.0]
    """
    u = unit_rows("cone: x", x)
    if min(u.shape) < 2:
        raise ShapeError(f"cone: x has shape {u.shape}; give at least two rows and two columns")
    axis = u.sum(axis=0)
    length = np.sqrt(axis @ axis)
    if not length > 1e-9 * len(u):
        raise ShapeError("cone: the unit vectors add up to 0, so they have no mean direction")
    axis = axis / length
    along = u @ axis
    u -= along[:, None] * axis  # what is left (n, D)
    # its principal directions are those of the small factor R of u = Q R
    _, _, directions = np.linalg.svd(np.linalg.qr(u, mode="r"))
    first, second = (u @ d for d in directions[:2])
    return np.arccos(np.clip(along, -1, 1)), np.arctan2(second, first)
