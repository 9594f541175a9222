"""Retrieve and rerank: a quick search finds a few texts, a slow model puts them in order.

    bi-encoder       cos(encoder(query), encoder(text))   a text is read once, whatever is asked
    cross-encoder    model("query [SEP] text")            each pair is a pass of its own

A cross-encoder reads both texts in one sequence, so each word of one can look at each word of the
other. But nothing can be worked out beforehand: n texts and one query are n passes, and all pairs
of n texts n (n - 1) / 2 (Reimers & Gurevych 2019: for 10,000 texts 65 hours against 5 seconds). So
the bi-encoder, or BM25, finds the k best of all, and the cross-encoder reads only those:

    recall@k of the first bounds what the second can still find.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from npft.errors import (
    ConfigError, DataError, DtypeError, ShapeError, as_array, check_count, check_strings,
)
from npft.encoder.slices import put_back
from npft.heads.classes import Classifier
from npft.heads.grades import Regressor
from npft.search.top import Found, best
from npft.text.batch import Batch

Cross = Classifier | Regressor


def uncut_grades(model: Regressor, batch: Batch) -> np.ndarray:
    """The grade of each sequence (B,), not cut at its ends: there all sure pairs would tie."""
    head: Any = model.head()
    found, order = model.read(batch, lambda part: model.scores(part)["grades"].data[:, 0])
    return head.start + head.span * put_back(found, batch, order).astype(np.float64)


SCORES: dict[str, Callable[[Any, Batch], np.ndarray]] = {  # what a kind of model says of a pair
    Classifier.kind: Classifier.margins,
    Regressor.kind: uncut_grades,
}


def cross_scores(model: Cross, texts: Sequence[str], pairs: Sequence[str]) -> np.ndarray:
    """How well each text and its pair go together, by a model that reads both at once: (n,).

    model: a ``Regressor``, whose grades these are, not cut at their ends, or a ``Classifier`` of
    two classes: log P of the positive one (the second, unless it says otherwise) less log P of the
    other. The higher the better; ``model`` reads the text first. Raises ``ConfigError`` for another
    model, ``ShapeError`` for lists of different lengths, ``DtypeError`` for what is no list of
    strings.

    >>> from npft.loading import load
    >>> model = Classifier(load("tinyworld").body, 2, rng=np.random.default_rng(0))
    >>> cross_scores(model, ["win cash", "see you"], ["free cash", "at noon"]).shape
    (2,)
    """
    if getattr(model, "kind", None) not in SCORES:
        raise ConfigError(f"rerank: the model is a {type(model).__name__}, expected a Regressor or "
                          "a Classifier of two classes")
    first, second = check_strings("cross_scores: texts", texts), check_strings("pairs", pairs)
    if len(first) != len(second):
        raise ShapeError(f"cross_scores: {len(first)} texts and {len(second)} pairs; give a pair "
                         "for each text")
    return SCORES[model.kind](model, model.tokenize(first, second))


def rerank(
    model: Cross, queries: Sequence[str], texts: Sequence[str], found: Found, k: int = 10
) -> Found:
    """The texts that a search found for each query, in the order of a cross-encoder: its k best.

    texts: all n that were searched; found: the numbers of some of them for each of the Q queries,
    as ``Index.search`` and ``BM25.search`` give them. Q times as many passes as were found. Equal
    scores keep the order of the search. Raises ``DataError`` for numbers of texts that are not
    there, ``ShapeError`` for another number of queries, ``DtypeError`` for what is no ``Found``,
    else as ``cross_scores``.

    >>> from npft import BM25, Regressor, load
    >>> texts = ["win cash now", "see you at noon", "the cash is here"]
    >>> found = BM25(texts).search(["cash"], k=2)
    >>> model = Regressor(load("tinyworld").body, rng=np.random.default_rng(0))
    >>> ((first,),) = rerank(model, ["cash"], texts, found, k=1).documents.tolist()
    >>> first in found.documents[0]
    True
    """
    asked, said = check_strings("rerank: queries", queries), check_strings("rerank: texts", texts)
    if not isinstance(found, Found):
        raise DtypeError(f"rerank: found is {type(found).__name__}, expected what Index.search or "
                         "BM25.search returns, a Found")
    documents = as_array("rerank: documents", found.documents, "a row for each query")
    if documents.ndim != 2 or len(documents) != len(asked) or documents.size == 0:
        raise ShapeError(f"rerank: what was found has shape {documents.shape} for {len(asked)} "
                         "queries, expected a row of documents for each")
    if documents.dtype.kind not in "iu" or not 0 <= documents.min() <= documents.max() < len(said):
        raise DataError(f"rerank: documents go from {documents.min()} to {documents.max()}, but "
                        f"there are {len(said)} texts; give those that were searched")
    check_count("rerank: k", k)
    first = [query for query, row in zip(asked, documents) for _ in row]
    scores = cross_scores(model, first, [said[i] for i in documents.ravel()])
    scores = scores.reshape(documents.shape)
    kept = best(scores, min(k, documents.shape[1]))
    return Found(*(np.take_along_axis(part, kept, axis=1) for part in (documents, scores)))
