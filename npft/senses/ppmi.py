"""Static vectors by counting: positive mutual information, and its singular vectors.

    PMI_ij  = log( P(i, j) / (P(i) P(j)) )       how much more often than by chance, in nats
    PPMI_ij = max(0, PMI_ij - log k)             M, of which most entries are 0
    M ≈ U Σ Vᵀ,   W = U Σ^p                      the D largest singular values

Skip-gram with k negative samples finds, in the limit, a factorisation of PMI - log k (Levy &
Goldberg 2014), so counting and predicting are two ways to one table. They take p = 1/2; p = 1 keeps
the distances of the rows of M, p = 0 makes all directions alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from npft.errors import ConfigError, DataError, check_count, check_number, check_positive
from npft.senses.cooccurrence import Cooccurrences, check_cooccurrences
from npft.senses.static import StaticVectors

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def ppmi(counts: csr_array, shift: float = 1.0) -> csr_array:
    """The positive part of PMI - log ``shift`` of a table of counts (V, C), sparse.

    ``shift`` is k, the number of negative samples that skip-gram would draw, 1 or more.

    Of four pairs two are (0, 0), one (0, 1), one (1, 0): log(2/4 / (3/4 3/4)) is negative, and
    log(1/4 / (3/4 1/4)) is log 4/3

    >>> from scipy.sparse import csr_array
    >>> ppmi(csr_array(np.array([[2.0, 1.0], [1.0, 0.0]]))).toarray().round(3).tolist()
    [[0.0, 0.288], [0.288, 0.0]]
    """
    from scipy.sparse import coo_array, csr_array

    if check_positive("ppmi: shift", shift) < 1:
        raise ConfigError(f"ppmi: shift is {shift}, expected 1 or more")
    table = coo_array(counts, copy=True)
    table.eliminate_zeros()  # a 0 that is written down has no logarithm
    if not np.isfinite(table.data).all() or (table.data < 0).any() or not table.nnz:
        raise DataError("ppmi: counts are negative, not finite, or all 0")
    i, j = table.row, table.col
    n, of_row, of_column = table.data.sum(), table.sum(axis=1), table.sum(axis=0)
    pmi = np.log(table.data) + np.log(n) - np.log(of_row[i]) - np.log(of_column[j])
    positive = csr_array((np.maximum(pmi - np.log(shift), 0), (i, j)), table.shape)
    positive.eliminate_zeros()
    return positive


def ppmi_svd(
    near: Cooccurrences, dims: int = 64, shift: float = 1.0, power: float = 0.5
) -> StaticVectors:
    """The vectors U Σ^power of the ``dims`` largest singular values of the shifted PPMI table.

    ``power``: 0 or more. The sign of a column is free: its largest entry is made positive, so that
    the same counts give the same vectors. Raises ``ConfigError`` unless ``dims`` is less than the
    number of words, ``DataError`` if no pair is more frequent than by chance.

    >>> from npft import cooccurrences
    >>> near = cooccurrences(["cat sat", "dog sat"], window=1, min_count=1)
    >>> sat, cat, dog = ppmi_svd(near, dims=2).vectors  # the most frequent word first
    >>> np.allclose(cat, dog), np.allclose(cat, sat)  # cat and dog stand beside the same word
    (True, False)
    """
    from scipy.sparse.linalg import svds

    check_cooccurrences("ppmi_svd", near)
    if check_count("ppmi_svd: dims", dims) >= len(near.words):
        raise ConfigError(
            f"ppmi_svd: dims is {dims}, expected less than the {len(near.words)} words; give "
            "fewer, or more text"
        )
    if check_number("ppmi_svd: power", power) < 0:
        raise ConfigError(f"ppmi_svd: power is {power}, expected 0 or more")
    table = ppmi(near.counts, shift)
    if not table.nnz:
        raise DataError("ppmi_svd: no pair of words is more frequent than by chance; give more "
                        "text, or a smaller shift")
    start = np.random.default_rng(0).standard_normal(len(near.words))  # of the iteration
    u, s, _ = svds(table, k=dims, v0=start)
    u, s = u[:, ::-1], s[::-1]  # the largest first
    if s[-1] <= 1e-9 * s[0]:
        raise ConfigError(f"ppmi_svd: dims is {dims}, but the table has only "
                          f"{int((s > 1e-9 * s[0]).sum())} directions; give fewer")
    largest = u[np.abs(u).argmax(axis=0), np.arange(dims)]
    return StaticVectors(near.words, u * np.sign(largest) * s**power)
