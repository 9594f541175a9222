"""Straightening a cloud of vectors: learnt from one table, applied to any other of the same width.

    Standardize     each column: mean 0, deviation 1
    Whiten          all directions: mean 0, variance 1, uncorrelated
    RemoveTop(k)    mean 0, and nothing along the k directions that vary most

    straight = Whiten().fit(training).transform(test)

Fitted on the texts that are then measured, they know more than a user will; fit on other ones.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from npft.embed.rows import checked_rows, largest_numbers, power_of_two
from npft.embed.spectrum import principal
from npft.errors import ConfigError, NonFiniteError, ShapeError, check_count

Fitted = TypeVar("Fitted", bound="Transform")


class Transform:
    """What all have in common: the mean of the rows fitted is taken out, then each does its own.

    mean: (D,) after ``fit``. Tables are float64 inside; those given are never changed.
    """

    mean: np.ndarray | None = None

    def fit(self: Fitted, x: np.ndarray) -> Fitted:
        """Learn from rows x (n, D); returns the transform itself.

        Raises ``DtypeError``, ``ShapeError`` or ``NonFiniteError`` for what is no table of finite
        numbers, ``ShapeError`` for one with too few directions.
        """
        rows = checked_rows(f"{type(self).__name__}.fit: x", x)
        x, given = rows, np.asarray(x).dtype
        scale = power_of_two(largest_numbers(x, axis=0))  # no sum overflows
        x /= scale
        mean = x.mean(axis=0)
        x -= mean
        self.learn(x, scale, np.finfo(given).eps if given.kind == "f" else 0.0)
        self.mean = mean * scale  # last: a table that is refused leaves no half-fitted transform
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """The rows x (m, D) changed as was learnt, in float64.

        Raises ``ConfigError`` before ``fit``, ``ShapeError`` for another number of columns,
        ``NonFiniteError`` for rows so far from the fitted ones that numbers overflow.
        """
        name = f"{type(self).__name__}.transform"
        if self.mean is None:
            raise ConfigError(f"{name}: nothing was learnt yet; call fit(x) first")
        x = checked_rows(f"{name}: x", x)
        if x.shape[1] != len(self.mean):
            raise ShapeError(f"{name}: x has {x.shape[1]} columns, fit saw {len(self.mean)}")
        with np.errstate(over="ignore", invalid="ignore"):
            x -= self.mean
            x = self.change(x)
        finite = np.isfinite(x).all(axis=1)
        if not finite.all():
            raise NonFiniteError(
                f"{name}: row {int(np.argmin(finite))} is too far from those of fit; leave it out"
            )
        return x

    def learn(self, x: np.ndarray, scale: np.ndarray, eps: float) -> None:
        """Learn from centred rows x (n, D), whose columns were divided by ``scale`` (D,).

        eps: to how much of a number the rows were rounded when they were given.
        """
        raise NotImplementedError

    def change(self, x: np.ndarray) -> np.ndarray:
        """Change centred rows (m, D), which may be overwritten."""
        raise NotImplementedError


class Standardize(Transform):
    """Each column shifted to mean 0 and scaled to standard deviation 1.

        z = (x - mean) / sd          (Jurafsky & Martin, eq. 11.10-11.12)

    The chapter's text says "dividing by the variance"; its formula divides by the standard
    deviation, as here. A column that was constant in ``fit`` tells nothing and becomes 0.

    deviation: (D,) after ``fit``, 0 where the column is constant.

    >>> z = Standardize().fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> z.transform(np.array([[2.0, 5.0], [4.0, 9.0]])).tolist()
    [[0.0, 0.0], [2.0, 0.0]]
    """

    deviation: np.ndarray

    def learn(self, x: np.ndarray, scale: np.ndarray, eps: float) -> None:
        constant = (x == x[0]).all(axis=0)  # by rounding, its deviation need not be exactly 0
        x *= x
        self.deviation = np.where(constant, 0.0, np.sqrt(x.mean(axis=0)) * scale)

    def change(self, x: np.ndarray) -> np.ndarray:
        constant = self.deviation == 0
        x /= np.where(constant, 1.0, self.deviation)
        x[:, constant] = 0.0
        return x


class Whiten(Transform):
    """All directions made alike: mean 0, variance 1, and no two of them correlated.

        z = (x - mean) U Λ^(-1/2)      U, Λ: eigenvectors and eigenvalues of the covariance

    (Su et al. 2021.) The covariance of the fitted rows becomes the identity. A direction in which
    they do not vary, beyond the rounding of their dtype, cannot be scaled to variance 1 and is left
    out: the result has ``rank`` columns, the direction that varied most first.

    rank: how many directions are kept, at most min(n - 1, D).

    >>> white = Whiten().fit(np.array([[3.0, 0.0, 7.0], [-3, 0, 7], [0, 1, 7], [0, -1, 7]]))
    >>> white.rank  # the third column never varies
    2
    >>> np.abs(white.transform(np.array([[3.0, 1.0, 0.0]]))).round(6).tolist()
    [[1.414214, 1.414214]]
    """

    rank: int
    directions: np.ndarray  # (rank, D)
    deviations: np.ndarray  # (rank,)

    def learn(self, x: np.ndarray, scale: np.ndarray, eps: float) -> None:
        deviations, directions = _varying(x, scale, eps)
        if len(deviations) == 0:
            raise ShapeError("Whiten.fit: all rows are equal, but for rounding; give others too")
        self.deviations, self.directions, self.rank = deviations, directions, len(deviations)

    def change(self, x: np.ndarray) -> np.ndarray:
        x = x @ self.directions.T
        x /= self.deviations
        return x


class RemoveTop(Transform):
    """The mean taken out, and all that lies along the k directions that vary most.

        z = x' - Σ_j (x' · u_j) u_j,   x' = x - mean,  u_1 ... u_k the first principal directions

    ("All but the top", Mu & Viswanath 2018, who take k near D / 100.) k = 0 takes out the mean
    alone. The rows keep their D columns. ``fit`` raises ``ShapeError`` where k directions are all
    there are: what then stays is rounding.

    >>> top = RemoveTop(1).fit(np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    >>> top.transform(np.array([[5.0, 2.0]])).round(9).tolist()
    [[0.0, 2.0]]
    """

    directions: np.ndarray  # (k, D)

    def __init__(self, k: int) -> None:
        self.k = check_count("RemoveTop: k", k, least=0)

    def learn(self, x: np.ndarray, scale: np.ndarray, eps: float) -> None:
        deviations, directions = _varying(x, scale, eps)
        if self.k >= len(deviations):
            raise ShapeError(
                f"RemoveTop.fit: the rows vary in {len(deviations)} directions; nothing is left "
                f"without {self.k} of them; give more rows or a smaller k"
            )
        self.directions = directions[: self.k]

    def change(self, x: np.ndarray) -> np.ndarray:
        x -= (x @ self.directions.T) @ self.directions
        return x


def _varying(x: np.ndarray, scale: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """The standard deviations of centred rows along their principal directions, and these.

    Only those in which rows vary more than by rounding: of numbers as large as ``scale`` here, and
    of the rows as they were given. The last layer norm of an encoder leaves such a direction, in
    which float32 vectors differ in their last digits alone.
    """
    one = scale.max()
    x *= scale / one  # the columns in one unit again
    s, directions = principal(x)
    here = np.finfo(np.float64).eps * max(x.shape)
    rounding = max(here, eps) * np.sqrt(x.size)  # |numbers| are below 2
    kept = s > rounding
    return s[kept] / np.sqrt(len(x)) * one, directions[kept]


def standardize(x: np.ndarray) -> np.ndarray:
    """The rows x (n, D) standardised by their own columns: see ``Standardize``.

    >>> standardize(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    return Standardize().fit(x).transform(x)
