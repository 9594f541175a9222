"""k-means: texts sorted into k heaps by their vectors, without a label.

    repeat:   each vector goes to the nearest of k centres            (assign)
              each centre moves to the mean of its vectors            (update)
    until no vector changes its heap                                  (Lloyd 1982)

Each of the two halves lowers the inertia, Σ |x - its centre|², or leaves it, so the walk ends, in a
place that depends on the first centres. k-means++ draws them apart: the first evenly, each next one
with a chance that grows as the squared distance to the nearest drawn so far (Arthur & Vassilvitskii
2007). A centre that loses all its vectors is put on the vector that lies farthest from its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from npft.embed.rows import checked_rows, largest_numbers, power_of_two
from npft.errors import ShapeError, check_count, check_rng


class Clusters(NamedTuple):
    """k heaps of n vectors."""

    labels: np.ndarray  # (n,) int64, the heap of each vector, from 0
    centres: np.ndarray  # (k, D)
    inertia: float  # Σ |x - its centre|², infinite where that is no float
    rounds: int  # until nothing changed, or as many as were allowed


def k_means(x: np.ndarray, k: int, *, rounds: int = 100, rng: np.random.Generator) -> Clusters:
    """Sort vectors x (n, D) into k heaps; k at most n.

    Give unit vectors to sort by cosine. The result depends on ``rng``: of several runs take the one
    of the least inertia. Raises ``ShapeError`` for fewer different vectors than k, ``ConfigError``
    for a k or rounds below 1, ``DtypeError``, ``ShapeError`` or ``NonFiniteError`` for what is no
    table of finite numbers.

    >>> x = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> found = k_means(x, 2, rng=np.random.default_rng(0))
    >>> sorted(found.centres.ravel().tolist()), found.inertia
    ([0.5, 10.5], 1.0)
    """
    x = checked_rows("k_means: x", x)
    check_count("k_means: k", k)
    check_count("k_means: rounds", rounds)
    check_rng("k_means: rng", rng)
    scale = power_of_two(largest_numbers(x))  # no square overflows
    x /= scale
    mean = x.mean(axis=0)
    x -= mean  # far from 0 the squares of ``_nearest`` would cancel
    centres = _drawn_apart(x, k, rng)
    labels = np.full(len(x), -1)
    for done in range(1, rounds + 1):
        before, (labels, distances) = labels, _nearest(x, centres)
        labels = _without_empty(labels, distances, k)
        centres = _means(x, labels, k)
        if (labels == before).all():
            break
    one = float(scale)
    inertia = float(((x - centres[labels]) ** 2).sum()) * one * one
    return Clusters(labels, (centres + mean) * scale, inertia, done)


def _drawn_apart(x: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """k different rows of x, far from one another: the start of k-means++."""
    chosen = [int(rng.integers(len(x)))]
    nearest = ((x - x[chosen[0]]) ** 2).sum(axis=1)  # (n,) squared distances
    for _ in range(k - 1):
        if not nearest.any():
            raise ShapeError(f"k_means: x has {len(chosen)} different rows, k is {k}; give a k of "
                             "at most as many")
        chosen.append(int(rng.choice(len(x), p=nearest / nearest.sum())))
        nearest = np.minimum(nearest, ((x - x[chosen[-1]]) ** 2).sum(axis=1))
    return x[chosen]


def _nearest(x: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number of the nearest centre of each row, and the squared distance to it: (n,), (n,).

    |x - c|² = |x|² - 2 x · c + |c|², so that no table (n, k, D) is needed.
    """
    squares = (centres**2).sum(axis=1) - 2 * (x @ centres.T)  # (n, k), without |x|²
    labels = squares.argmin(axis=1)
    distances = squares[np.arange(len(x)), labels] + np.einsum("nd,nd->n", x, x)
    return labels, np.maximum(distances, 0)  # rounding may go below 0


def _without_empty(labels: np.ndarray, distances: np.ndarray, k: int) -> np.ndarray:
    """The labels, with a vector in every heap: an empty one gets the vector farthest from home."""
    labels, distances = labels.copy(), distances.copy()
    for heap in range(k):
        if not (labels == heap).any():
            sizes = np.bincount(labels, minlength=k)
            farthest = int(np.where(sizes[labels] > 1, distances, -1.0).argmax())
            labels[farthest], distances[farthest] = heap, 0.0
    return labels


def _means(x: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    sums = np.zeros((k, x.shape[1]))
    np.add.at(sums, labels, x)
    return sums / np.bincount(labels, minlength=k)[:, None]
