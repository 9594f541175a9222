"""Spans with types, several in a text and also one inside another: what tags cannot say.

    words    United  Airlines  Holding  said      with at most three words a span:
             0       1         2        3         00 01 02  11 12 13  22 23  33
    spans    (0, 1, ORG)  (0, 2, ORG)

All spans of a text of T words are T (T + 1) / 2; with at most L words each, about T L (Jurafsky &
Martin, section 11.5.2). Two ways to write one are joined here: data have the word after the last,
as Python's slices do, and a ``Batch`` has the last word, as its answers do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.errors import (
    ConfigError, DataError, IdError, ShapeError, as_array, check_items, check_whole,
)

CUT = -2  # the first and the last word of a span that is whole in no sequence, as ``CUT_SPAN``
NONE = np.zeros((0, 3), dtype=np.int64)  # the spans of a sequence that has none
NONE.flags.writeable = False


def all_spans(n_words: Any, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """All spans of at most ``longest`` words of B texts that stand end to end, (S,) and (S,).

    n_words: (B,) the words of each text. Returns the first and the last word of each span, counted
    through all texts, by the first word and then by the last.

    >>> first, last = all_spans([3, 2], longest=2)
    >>> [f"{i}{j}" for i, j in zip(first, last)]
    ['00', '01', '11', '12', '22', '33', '34', '44']
    >>> len(all_spans([9], 9)[0]), len(all_spans([32], 32)[0]), len(all_spans([32], 10)[0])
    (45, 528, 275)
    """
    n_words = np.asarray(n_words, dtype=np.int64)
    ends = np.repeat(np.cumsum(n_words), n_words)  # (W,): the word after the last of its text
    words = np.arange(len(ends))
    most = min(longest, len(words))  # a longer limit may fit into no int64
    begun = np.minimum(most, ends - words)  # (W,): how many spans begin with each word
    first = np.repeat(words, begun)
    return first, first + _counted(begun)


def members(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The words of S spans, span after span, (M,), and where each span begins, (S + 1,).

    >>> members(np.array([0, 1]), np.array([2, 1]))
    (array([0, 1, 2, 1]), array([0, 3, 4]))
    """
    sizes = last - first + 1
    return np.repeat(first, sizes) + _counted(sizes), np.append(0, np.cumsum(sizes))


def _counted(sizes: np.ndarray) -> np.ndarray:
    """0, 1, ... up to each size, end to end: (2, 3) gives 0 1 0 1 2."""
    return np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def checked_typed_spans(rows: Any, words: np.ndarray | None, offsets: np.ndarray) -> np.ndarray:
    """Typed spans of B sequences as a read-only (B,) array of int64 arrays (S, 3).

    A row is first word, last word and class; words by their numbers in ``words``. Raises
    ``ConfigError`` without words, ``ShapeError``, ``DtypeError``, ``IdError`` for a class below 0,
    ``DataError`` for a span outside its sequence, or one that has two types.
    """
    if words is None:
        raise ConfigError("Batch: typed_spans count words, and the batch has no word numbers")
    rows = list(check_items("Batch: typed_spans", rows, "lists of spans"))
    if len(rows) != len(offsets) - 1:
        raise ShapeError(f"Batch: typed_spans of {len(rows)} sequences, the batch has "
                         f"{len(offsets) - 1}")
    out = np.empty(len(rows), dtype=object)
    for row, given in enumerate(rows):
        name = f"Batch: typed_spans[{row}]"
        spans = as_array(name, given, "three numbers for each span")
        if spans.size == 0:
            out[row] = NONE
            continue
        spans = check_whole(name, spans)
        if spans.ndim != 2 or spans.shape[1] != 3:
            raise ShapeError(f"{name} has shape {spans.shape}, expected (S, 3): first word, last "
                             "word, class")
        own = words[offsets[row] : offsets[row + 1]]
        first, last, kind = spans.T
        inside = (first <= last) & np.isin(first, own[own >= 0]) & np.isin(last, own[own >= 0])
        cut = (first == CUT) & (last == CUT)
        if not (inside | cut).all():
            wrong = spans[int(np.argmin(inside | cut)), :2].tolist()
            raise DataError(f"{name} has {wrong}, expected the first and the last word of a span "
                            f"of the sequence, or ({CUT}, {CUT}) for one that is not in it")
        if (kind < 0).any():
            raise IdError(f"{name} has class {kind.min()}, expected 0 or more")
        if len(np.unique(spans[inside, :2], axis=0)) < inside.sum():
            raise DataError(f"{name} has one span twice, expected one type for each span; keep "
                            "one of them")
        out[row] = spans
        out[row].flags.writeable = False
    out.flags.writeable = False
    return out
