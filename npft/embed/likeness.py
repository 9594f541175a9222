"""Do two bodies see the same things alike? Their vectors may lie in spaces that share no axis.

    RDM    what a body finds unlike: 1 - correlation of each two of n things, (n, n)
    RSA    do two such tables order the pairs alike: Spearman over the n (n - 1) / 2 pairs
    CKA    how much of one cloud is a rotation of the other

(Kriegeskorte, Mur & Bandettini 2008; Kornblith et al. 2019.) A table of classes, 0 within one and
1 between two, can stand in the place of a body: RSA then says how well the classes show.
"""

from __future__ import annotations

import numpy as np

from npft.embed.rows import DIGITS, checked_rows, largest_numbers, power_of_two, unit_rows
from npft.errors import NonFiniteError, ShapeError
from npft.metrics.ranking import spearman

MOST = 3000  # things in a table of all pairs: what is done with it stays within 1 GB


def cka(x: np.ndarray, y: np.ndarray) -> float:
    """How alike two bodies see the same n things: linear centred kernel alignment.

        CKA = |XᵀY|² / (|XᵀX| |YᵀY|)      columns centred, |.| the Frobenius norm

    (Kornblith et al. 2019, section 3.) 1 if y is x rotated, scaled as a whole and moved; at least
    0. A scale of each column alone, or another linear map, does change it. It looks at D by D
    tables, n D² operations, and not at the similarities of all pairs, which would be n² D.

    x (n, D) and y (n, E) are paired rows. Raises ``ShapeError`` for different numbers of rows, or
    if all rows of one are equal: what is always the same resembles nothing.

    Two directions alike, of which one body keeps the first only: 2² / (√8 · 2)

    >>> x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> round(cka(x, x[:, :1]), 4), cka(x, 3 * x)
    (0.7071, 1.0)
    """
    x, y = _centred("cka: x", x), _centred("cka: y", y)
    if len(x) != len(y):
        raise ShapeError(f"cka: x has {len(x)} rows, y {len(y)}; give paired rows")
    if np.array_equal(x, y):  # BLAS rounds the product of one array with itself in another way
        return 1.0
    both, of_x, of_y = (float(np.square(a.T @ b).sum()) for a, b in ((x, y), (x, x), (y, y)))
    return min(1.0, both / float(np.sqrt(of_x * of_y)))  # rounding may exceed 1


def _centred(name: str, x: np.ndarray) -> np.ndarray:
    """x (n, D) with columns of mean 0, as a whole scaled to numbers of at most 1."""
    x = checked_rows(name, x)
    x[:, (x == x[0]).all(axis=0)] = 0  # by rounding, the centred column need not be exactly 0
    if not x.any():
        raise ShapeError(f"{name}: all rows are equal, so there is nothing to compare")
    x /= np.abs(x).max()  # the squares of very large or small numbers would not be finite, or 0
    x -= x.mean(axis=0)
    x /= np.abs(x).max()
    return x


def rdm(x: np.ndarray) -> np.ndarray:
    """The representational dissimilarity matrix (n, n): 1 - correlation of each two rows.

        RDM_ij = 1 - r(x_i, x_j)      Pearson, over the D columns

    0 for rows that rise and fall together, 1 for unrelated ones, 2 for opposite ones. It does not
    change if a row is scaled or if all its numbers rise alike. x (n, D), n at most 3,000: the
    table holds n² numbers.

    Raises ``ShapeError`` for more rows, ``NonFiniteError`` for a row of equal numbers, which
    correlates with nothing. To 12 digits, so that pairs that are equally unlike have one number.

    >>> rdm(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 2.0, 1.0]])).tolist()
    [[0.0, 0.0, 2.0], [0.0, 0.0, 2.0], [2.0, 2.0, 0.0]]
    """
    rows = checked_rows("rdm: x", x)
    _check_size("rdm", len(rows))
    constant = (rows == rows[:, :1]).all(axis=1)
    if constant.any():
        raise NonFiniteError(
            f"rdm: row {int(np.argmax(constant))} has the same number in every column, so it "
            "correlates with nothing; leave it out"
        )
    rows /= largest_numbers(rows, axis=1)[:, None]  # no mean overflows
    rows -= rows.mean(axis=1, keepdims=True)
    u = unit_rows("rdm: x", rows)
    table = 1 - u @ u.T
    table = ((table + table.T) / 2).round(DIGITS)  # the last ones may differ on both sides
    np.fill_diagonal(table, 0)
    return np.clip(table, 0, 2, out=table)


def rsa(x: np.ndarray, y: np.ndarray) -> float:
    """Representational similarity analysis: the rank correlation of two RDMs of the same n things.

        RSA = Spearman of the n (n - 1) / 2 entries above the diagonal; ties get their mean rank

    1 if both order all pairs alike, 0 if they have nothing to do with one another. x and y (n, n),
    symmetric: from ``rdm``, or a table of what should be unlike. n at least 3, at most 3,000.

    Raises ``ShapeError`` for tables that are not square, symmetric or of one size,
    ``NonFiniteError`` for one that finds all pairs equally unlike.

    >>> x = np.array([[0.0, 0.1, 0.9], [0.1, 0.0, 0.8], [0.9, 0.8, 0.0]])
    >>> classes = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    >>> rsa(x, x), round(rsa(x, classes), 4)  # ranks 1 3 2 against 1 2.5 2.5
    (1.0, 0.866)
    """
    pairs = []
    for name, table in (("x", x), ("y", y)):
        table = checked_rows(f"rsa: {name}", table)
        n = len(table)
        _check_size("rsa", n)
        table /= power_of_two(largest_numbers(table))  # what is nearly 0 depends on the rest
        if table.shape != (n, n) or n < 3 or not np.allclose(table, table.T):
            raise ShapeError(
                f"rsa: {name} has shape {table.shape}, expected a symmetric table (n, n) of n "
                "things, 3 or more; make it with rdm(vectors)"
            )
        pairs.append(table[np.triu_indices(n, 1)])
    if len(pairs[0]) != len(pairs[1]):
        raise ShapeError(f"rsa: x is a table of {len(x)} things, y of {len(y)}; give the same ones")
    return spearman(*pairs)


def _check_size(name: str, n: int) -> None:
    if n > MOST:
        raise ShapeError(
            f"{name}: {n} things have {n * (n - 1) // 2} pairs; give at most {MOST} of them"
        )
