"""How often words stand near each other: what vectors without an encoder are made of.

    text     the bank lends the money          window 2
    counts   bank: the 2, lends 1              "the" stands one word before and two behind

A word is known by the company it keeps (Firth 1957).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from npft.errors import ConfigError, DataError, DtypeError, check_count, check_strings
from npft.text.basic import basic_words

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Cooccurrences(NamedTuple):
    """V words, the most frequent first, and (V, V) sparse float64 counts, a symmetric table."""

    words: list[str]
    counts: csr_array


def cooccurrences(
    texts: Sequence[str], window: int = 5, min_count: int = 2, decay: bool = False
) -> Cooccurrences:
    """Count for each pair of words how often they stand at most ``window`` words apart in a text.

    Words are those of ``basic_words``. Rarer ones than ``min_count`` are left out, but keep their
    place. ``decay``: words d apart count 1/d, as in GloVe. Raises ``DataError`` if no two words
    stand near each other.

    >>> words, counts = cooccurrences(["the bank lends the money"], window=2, min_count=1)
    >>> words, counts.toarray().astype(int).tolist()
    (['the', 'bank', 'lends', 'money'], [[0, 2, 2, 1], [2, 0, 1, 0], [2, 1, 0, 1], [1, 0, 1, 0]])
    """
    from scipy.sparse import coo_array, csr_array

    check_count("cooccurrences: window", window)
    check_count("cooccurrences: min_count", min_count)
    if not isinstance(decay, bool):
        raise ConfigError(f"cooccurrences: decay is {decay!r}, expected True or False")
    rows = [basic_words(text) for text in check_strings("cooccurrences: texts", texts)]
    found = Counter(word for row in rows for word in row)
    words = sorted((w for w, n in found.items() if n >= min_count), key=lambda w: (-found[w], w))
    number = {word: k for k, word in enumerate(words)}
    ids = np.array([number.get(word, -1) for row in rows for word in row], dtype=np.int64)
    text = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    shape = (len(words), len(words))
    one_way = csr_array(shape)
    for d in range(1, min(window, max(map(len, rows), default=0) - 1) + 1):
        near = (text[:-d] == text[d:]) & (ids[:-d] >= 0) & (ids[d:] >= 0)
        weights = np.full(near.sum(), 1 / d if decay else 1.0)
        one_way = one_way + coo_array((weights, (ids[:-d][near], ids[d:][near])), shape).tocsr()
    if not one_way.nnz:
        raise DataError(
            f"cooccurrences: in {len(rows)} texts no two words that occur {min_count} times or "
            "more stand near each other; give more text"
        )
    return Cooccurrences(words, csr_array(one_way + one_way.T))


def check_cooccurrences(name: str, near: Any) -> None:
    """Raise ``DtypeError`` for what is no ``Cooccurrences``."""
    if not isinstance(near, Cooccurrences):
        raise DtypeError(
            f"{name}: the counts are a {type(near).__name__}, expected what cooccurrences(texts) "
            "returns"
        )
