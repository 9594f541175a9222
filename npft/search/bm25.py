"""BM25: search by words, the baseline that every search by vectors must beat.

    score(q, d) = Σ_{words w of q} idf(w) · tf (k1 + 1) / (tf + k1 (1 - b + b |d| / mean |d|))
    idf(w)      = log(1 + (n - n_w + 0.5) / (n_w + 0.5))

tf: how often w stands in document d of |d| words; n documents, of which n_w hold w. The weight of a
word rises with tf but stays below k1 + 1 times its idf, and long documents count a little less
(Robertson & Zaragoza 2009). The 1 inside the logarithm is Lucene's: without it a word of more than
half of the documents would count against them. Lucene leaves out k1 + 1, which changes all scores
alike and no ranking. A word that stands twice in a query counts twice.

All that does not depend on the query is worked out once, as an inverted index: for each word the
documents that hold it, and its weight there. A search reads only the lists of its own words, and is
one sparse product. A document that says the same in other words is not found.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np

from npft.errors import DataError, check_positive, check_share, check_strings
from npft.finetune.baselines import word_table
from npft.search.top import BLOCK, Found, best_of_blocks, check_search
from npft.text.basic import basic_words


class BM25:
    """The words of n texts, weighted, and the search among them.

    ``k1``: how soon more of the same word stops to count, above 0; ``b``: how much length counts,
    from 0 to 1. Words are those of ``basic_words``: in lower case, without accents, and signs are
    words too. Raises ``DtypeError`` for what is no list of strings, ``DataError`` for texts without
    a word, ``ConfigError`` for a k1 or b out of range.

    n = 3, n_cash = 2, |d| = 2, 4, 3 and their mean 3; idf = log(1 + 1.5 / 2.5) = 0.4700:
    0.4700 · 2.2 / (1 + 1.2 · (0.25 + 0.75 · 2/3)) and 0.4700 · 2 · 2.2 / (2 + 1.2 · 1.25)

    >>> bm25 = BM25(["win cash", "cash or cash now", "see you soon"])
    >>> found = bm25.search(["cash"], k=2)
    >>> found.documents, found.scores.round(4)
    (array([[1, 0]]), array([[0.5909, 0.5442]]))
    """

    def __init__(self, texts: Sequence[str], k1: float = 1.2, b: float = 0.75) -> None:
        from scipy.sparse import csr_array

        texts = check_strings("BM25: texts", texts)
        k1 = check_positive("BM25: k1", k1)
        b = check_share("BM25: b", b, zero=True, one=True)
        self.columns: dict[str, int] = {}
        places, counts, ends = array("q"), array("d"), array("q", [0])
        for text in texts:  # plain lists of all words would take ten times the memory
            found = Counter(basic_words(text))
            places.extend(self.columns.setdefault(word, len(self.columns)) for word in found)
            counts.extend(found.values())
            ends.append(len(places))
        if not self.columns:
            raise DataError(f"BM25: {len(texts)} texts without a word; there is nothing to find")
        tf, words, rows = (np.frombuffer(part, part.typecode) for part in (counts, places, ends))
        n, holds = len(texts), np.bincount(words)  # (W,) documents with each word
        idf = np.log1p((n - holds + 0.5) / (holds + 0.5))
        lengths = np.add.reduceat(np.append(tf, 0.0), rows[:-1]) * (np.diff(rows) > 0)  # (n,)
        slow = k1 * (1 - b + b * lengths / lengths.mean())
        weights = idf[words] * tf * (k1 + 1) / (tf + np.repeat(slow, np.diff(rows)))
        table = csr_array((weights, words, rows), shape=(n, len(self.columns)))
        self.postings = table.T.tocsr()  # (W, n): for each word the documents that hold it

    def __len__(self) -> int:
        return self.postings.shape[1]

    def search(self, queries: Sequence[str], k: int = 10) -> Found:
        """The k best documents of each query, or all if there are fewer: (Q, k), with their scores.

        A document without a word of the query has the score 0; equal scores: the earlier first.
        Raises ``DtypeError`` for queries that are no list of strings, ``ConfigError`` for no query
        or a k below 1.
        """
        queries, k = check_search("BM25.search", queries, k, len(self))
        some = max(1, BLOCK // len(self))  # queries at once
        parts = [self._found(queries[i : i + some], k) for i in range(0, len(queries), some)]
        return Found(*(np.concatenate(part) for part in zip(*parts)))

    def _found(self, queries: list[str], k: int) -> Found:
        scores = (word_table(queries, self.columns) @ self.postings).toarray()  # (Q, n)
        return best_of_blocks([scores], k)
