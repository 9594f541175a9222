"""The k best of many: what every search ends with.

    scores of a query     0.2  0.9  0.5  0.9  0.1        k = 3
    documents found       1, 3, 2                         equal scores: the earlier document first

To sort 100,000 scores costs more than to compute them. The k-th best is found by partition, in
time that grows as n, and only k of them are sorted. Scores come in blocks of documents, so that
memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from npft.errors import ConfigError, check_count, check_strings

BLOCK = 1 << 22  # scores at once: 16 MiB in float32


class Found(NamedTuple):
    """What was found for each of Q queries, the best first."""

    documents: np.ndarray  # (Q, k) int64: their numbers, from 0
    scores: np.ndarray  # (Q, k)


def best(scores: np.ndarray, k: int) -> np.ndarray:
    """The columns of the k largest scores of each row, the largest first: (Q, n) to (Q, k).

    Equal scores: the earlier column first. k is at most n.

    >>> best(np.array([[0.2, 0.9, 0.5, 0.9, 0.1]]), 3)
    array([[1, 3, 2]])
    """
    n = scores.shape[1]
    if k < n:
        kth = np.partition(scores, n - k, axis=1)[:, n - k]  # (Q,)
        columns = np.stack([_first(row, limit, k) for row, limit in zip(scores, kth)])
    else:
        columns = np.broadcast_to(np.arange(n), scores.shape)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def _first(row: np.ndarray, limit: np.generic, k: int) -> np.ndarray:
    """The k columns of a row above the limit, or equal to it and as early as possible."""
    above = np.flatnonzero(row > limit)
    equal = np.flatnonzero(row == limit)[: k - len(above)]
    return np.sort(np.concatenate([above, equal]))


def best_of_blocks(blocks: Iterable[np.ndarray], k: int) -> Found:
    """The k best of scores that come in blocks of columns, each (Q, some of the documents)."""
    start, found = 0, None
    for scores in blocks:
        columns = best(scores, min(k, scores.shape[1]))
        new = Found(columns + start, np.take_along_axis(scores, columns, axis=1))
        start += scores.shape[1]
        if found is None:
            found = new
            continue
        both = [np.concatenate(pair, axis=1) for pair in zip(found, new)]  # earlier ones first
        kept = best(both[1], min(k, both[1].shape[1]))
        found = Found(*(np.take_along_axis(part, kept, axis=1) for part in both))
    assert found is not None  # callers have documents
    return found


def check_search(name: str, queries: Sequence[str], k: int, rows: int) -> tuple[list[str], int]:
    """The queries, and how many documents are found: k, or all if there are fewer.

    Raises ``DtypeError`` for what is no list of strings, ``ConfigError`` for no query or a k
    below 1.
    """
    asked = check_strings(f"{name}: queries", queries)
    if not asked:
        raise ConfigError(f"{name}: there are no queries; give at least one")
    return asked, min(check_count(f"{name}: k", k), rows)
