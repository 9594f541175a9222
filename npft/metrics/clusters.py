"""Figures of merit for clusters: do they agree with classes that nobody showed?

    purity         every cluster votes for its most frequent class: the share that is then right
    homogeneity    1 - H(class | cluster) / H(class)      1 if a cluster holds one class only
    completeness   1 - H(cluster | class) / H(cluster)    1 if a class lies in one cluster only
    V-measure      their harmonic mean, which is normalised mutual information, 2 I / (H + H)

(Rosenberg & Hirschberg 2007.) Purity rises with the number of clusters, and is 1 where every text
is a cluster of its own; the V-measure pays for that with completeness. The names of the clusters do
not matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.errors import DataError, DtypeError, ShapeError


def _counts(name: str, classes: Any, clusters: Any) -> np.ndarray:
    """How many of each class lie in each cluster: (classes, clusters)."""
    try:
        rows, columns = np.asarray(classes), np.asarray(clusters)
    except ValueError:
        raise ShapeError(f"{name}: classes or clusters are lists of different lengths") from None
    if rows.ndim != 1 or rows.shape != columns.shape or rows.size == 0:
        raise ShapeError(f"{name}: classes have shape {rows.shape}, clusters {columns.shape}; "
                         "expected two lists (n,), n at least 1")
    for which, numbers in (("classes", rows), ("clusters", columns)):
        if numbers.dtype.kind not in "iu":
            raise DtypeError(f"{name}: {which} are {numbers.dtype}, expected whole numbers")
        if numbers.min() < 0:
            raise DataError(f"{name}: {which} go from {numbers.min()}, expected numbers from 0")
    _, rows = np.unique(rows, return_inverse=True)
    _, columns = np.unique(columns, return_inverse=True)
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1)
    return table


def purity(classes: Any, clusters: Any) -> float:
    """The share of things whose class is the most frequent one of their cluster.

    classes, clusters (n,): whole numbers from 0. Raises ``ShapeError``, ``DtypeError`` or
    ``DataError`` for others.

    >>> purity([0, 0, 1, 1, 1, 2], [0, 0, 0, 1, 1, 1])  # 2 and 2 of 6
    0.6666666666666666
    """
    table = _counts("purity", classes, clusters)
    return float(table.max(axis=0).sum() / table.sum())


def v_measure(classes: Any, clusters: Any) -> float:
    """The harmonic mean of homogeneity and completeness; 0 for independent, 1 for equal divisions.

    classes, clusters (n,): whole numbers from 0. One class is always homogeneous, one cluster
    always complete. Raises as ``purity``.

    >>> v_measure([0, 0, 1, 1], [7, 7, 3, 3]), v_measure([0, 1, 0, 1], [0, 0, 1, 1])
    (1.0, 0.0)
    """
    joint = _counts("v_measure", classes, clusters)
    joint /= joint.sum()
    of_class, of_cluster = _entropy(joint.sum(axis=1)), _entropy(joint.sum(axis=0))
    if of_class + of_cluster == 0:
        return 1.0  # one class in one cluster
    shared = of_class + of_cluster - _entropy(joint.ravel())
    return float(np.clip(2 * shared / (of_class + of_cluster), 0, 1))


def _entropy(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())
