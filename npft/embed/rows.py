"""Tables of vectors, a row for each text or token: what they must be, and their cosines.

Everything that measures or compares vectors begins here, in float64.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from npft.errors import DtypeError, NonFiniteError, ShapeError, as_array, check_shape

TILE = 512  # rows: a square of as many cosines, 2 MiB, stays in a core's own cache
DIGITS = 12  # of a cosine in float64; the rest is rounding, and would order what is equal


def checked_rows(name: str, x: np.ndarray) -> np.ndarray:
    """x (n, D) in float64, n and D at least 1.

    Raises ``DtypeError`` for what is no table of real numbers, ``ShapeError`` for another number
    of axes or no rows, ``NonFiniteError`` for a row that is not finite.
    """
    array = as_array(name, x, "rows of one length (n, D)")
    if array.dtype.kind not in "fiu":
        raise DtypeError(f"{name} has dtype {array.dtype}, expected real numbers (n, D)")
    check_shape(name, array, "n D")
    if array.size == 0:
        raise ShapeError(f"{name} has shape {array.shape}; give at least one row of numbers")
    with np.errstate(over="ignore"):  # a longdouble may be too large for a float64
        rows = array.astype(np.float64)
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise NonFiniteError(f"{name}: row {int(np.argmin(finite))} is not finite; leave it out")
    return rows


def power_of_two(numbers: np.ndarray) -> np.ndarray:
    """For each number the largest power of two that is not larger: to divide by it is exact.

    A table divided by that of its largest number has squares that neither overflow nor vanish, and
    the same digits. Of 0 it is a half.

    >>> power_of_two(np.array([1.0, 5.0, 0.3]))
    array([1.  , 4.  , 0.25])
    """
    return np.ldexp(1.0, np.frexp(numbers)[1] - 1)


def largest_numbers(x: np.ndarray, axis: int | None = None) -> np.ndarray:
    """The largest absolute value of x, or of each row or column, without a copy of x."""
    return np.maximum(x.max(axis=axis), -x.min(axis=axis))


def add_up(sums: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Whether the sum of some rows is more than what rounding leaves where they cancel: (n,).

    sums (n, D); largest (n,), the largest absolute value of the rows of each, times how many.

    >>> left = 0.1 + 0.2 - 0.3
    >>> add_up(np.array([[left, 0.0], [0.0, 0.1]]), np.array([0.9, 0.9]))
    array([False,  True])
    """
    return np.abs(sums).max(axis=1) > 1e-9 * largest


def unit_rows(name: str, x: np.ndarray) -> np.ndarray:
    """x (n, D) in float64 with every row scaled to length 1.

    Raises as ``checked_rows``, and ``NonFiniteError`` for a row of length 0.
    """
    x = checked_rows(name, x)
    largest = largest_numbers(x, axis=1)[:, None]  # (n, 1)
    if not largest.all():
        raise NonFiniteError(
            f"{name}: row {int(np.argmin(largest))} has length 0, so it has no direction; leave "
            "it out"
        )
    x /= largest  # the squares of very large or small numbers would not be finite, or 0
    x /= np.sqrt(np.einsum("nd,nd->n", x, x))[:, None]
    return x


def paired_unit_rows(name: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``unit_rows`` of x and y (n, D); raises ``ShapeError`` unless their shapes are the same."""
    u, v = unit_rows(f"{name}: x", x), unit_rows(f"{name}: y", y)
    if u.shape != v.shape:
        raise ShapeError(f"{name}: x has shape {u.shape}, y {v.shape}; give paired rows")
    return u, v


def pair_cosines(u: np.ndarray) -> Iterator[np.ndarray]:
    """The cosines of all pairs of different unit rows, each pair once, some at a time.

    All n (n - 1) / 2 of them would take 40 GB for 100,000 vectors.

    >>> u = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    >>> np.concatenate(list(pair_cosines(u))).round(9).tolist()
    [0.0, 0.6, 0.8]
    """
    for i in range(0, len(u), TILE):
        for j in range(i, len(u), TILE):
            cosines = u[i : i + TILE] @ u[j : j + TILE].T
            if i == j:
                cosines = cosines[np.triu_indices(len(cosines), 1)]
            if cosines.size:  # one row alone has no pair
                yield cosines
