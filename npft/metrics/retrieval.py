"""Figures of merit for search: how far up a ranking stand the documents that were meant?

    rank      1    2    3    4        k = 3
    document  7    2    9    5        relevant: 2, 5 and 8
    hit       no   yes  no   yes

    recall@k      relevant documents among the first k / relevant documents         1/3
    precision@k   relevant documents among the first k / k                          1/3
    success@k     1 if there is any among the first k, else 0                       1
    MRR@k         1 / rank of the first relevant one, 0 if it is not among the k    1/2
    MAP@k         Σ over hits among the first k: precision there / relevant ones    1/6
    nDCG@k        DCG@k / DCG@k of the best ranking,
                  DCG@k = Σ_{rank <= k} grade / log2(rank + 1)

(Järvelin & Kekäläinen 2002 for nDCG, with the grade itself as gain, as trec_eval and BEIR have it;
others take 2^grade - 1, which is the same for grades 0 and 1.) success@20 is the "top-20 accuracy"
of Karpukhin et al. 2020.

Three rules, where others differ in silence. A query without a relevant document has no recall, so
it is refused. A ranking may be shorter than k: what is not in it was not found, and precision@k
still divides by k. Equal scores are no matter here: a ranking says which comes first, and every
ranking of npft puts the earlier document first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from npft.errors import (
    DataError, DtypeError, ShapeError, check_count, check_items, check_positive,
)
from npft.metrics.score import Score

Grades = Mapping[int, float] | Iterable[int]


@dataclass(frozen=True)
class RetrievalMetrics(Score):
    """The means over all queries; the names leave out the @k."""

    main: ClassVar[str] = "ndcg"
    recall: float
    success: float
    mrr: float
    map: float
    ndcg: float
    k: int
    queries: int


def _documents(name: str, given: Any, where: str = "the ranking") -> list[int]:
    """The numbers of documents, each once: those of a ranking, best first, or relevant ones."""
    found = list(check_items(f"{name}: {where}", given, of="document numbers"))
    for number in found:
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 0:
            raise DtypeError(f"{name}: {where} holds {number!r:.40}, expected the numbers of "
                             "documents, from 0")
    if len(set(found)) < len(found):
        raise DataError(f"{name}: a document stands twice in {where}")
    return [int(number) for number in found]


def _grades(name: str, relevant: Any) -> dict[int, float]:
    """{document: grade}, grades above 0; a set of documents has the grade 1 for each."""
    if isinstance(relevant, Mapping):
        numbers = _documents(name, relevant, "relevant")
        values = [check_positive(f"{name}: a grade", g, zero=True) for g in relevant.values()]
        found = {number: value for number, value in zip(numbers, values) if value > 0}
    else:
        found = dict.fromkeys(_documents(name, relevant, "relevant"), 1.0)
    if not found:
        raise DataError(f"{name}: no document is relevant, so there is nothing to find; leave the "
                        "query out")
    return found


def _hits(name: str, ranked: Any, relevant: Any, k: int) -> tuple[np.ndarray, int]:
    """Whether each of the first k is relevant, and how many relevant documents there are."""
    check_count(f"{name}: k", k)
    wanted = _grades(name, relevant)
    hits = np.array([number in wanted for number in _documents(name, ranked)[:k]], dtype=bool)
    return hits, len(wanted)


def recall_at_k(ranked: Sequence[int], relevant: Grades, k: int) -> float:
    """The share of the relevant documents that stand among the first k.

    ranked: document numbers, the best first. relevant: those that were meant, as a set or a list,
    or as {document: grade}, where grade 0 means irrelevant. Raises ``DataError`` if nothing is
    relevant or a document stands twice, ``DtypeError`` for numbers that are none, ``ConfigError``
    for a k below 1.

    >>> round(recall_at_k([7, 2, 9, 5], {2, 5, 8}, k=3), 4)
    0.3333
    """
    hits, total = _hits("recall_at_k", ranked, relevant, k)
    return float(hits.sum() / total)


def precision_at_k(ranked: Sequence[int], relevant: Grades, k: int) -> float:
    """The share of the first k that is relevant. Arguments and errors as in ``recall_at_k``.

    >>> precision_at_k([7, 2, 9, 5], {2, 5, 8}, k=4)
    0.5
    """
    hits, _ = _hits("precision_at_k", ranked, relevant, k)
    return float(hits.sum() / k)


def reciprocal_rank(ranked: Sequence[int], relevant: Grades, k: int) -> float:
    """1 / rank of the first relevant document, 0 if none is among the first k.

    Arguments and errors as in ``recall_at_k``.

    >>> reciprocal_rank([7, 2, 9, 5], {2, 5, 8}, k=3), reciprocal_rank([7, 2], {2}, k=1)
    (0.5, 0.0)
    """
    hits, _ = _hits("reciprocal_rank", ranked, relevant, k)
    return float(1 / (hits.argmax() + 1)) if hits.any() else 0.0


def ranking_precision(ranked: Sequence[int], relevant: Grades, k: int) -> float:
    """Average precision of a ranking: the mean over the relevant documents of the precision there.

    A relevant document that is not among the first k counts 0. Arguments and errors as in
    ``recall_at_k``. (``average_precision`` of curves.py is the same figure for scores of classes.)

    >>> round(ranking_precision([7, 2, 9, 5], {2, 5, 8}, k=4), 4)  # (1/2 + 2/4 + 0) / 3
    0.3333
    """
    hits, total = _hits("ranking_precision", ranked, relevant, k)
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    return float(precision[hits].sum() / total)


def ndcg_at_k(ranked: Sequence[int], relevant: Grades, k: int) -> float:
    """Discounted gain of a ranking, as a share of that of the best ranking.

    Arguments and errors as in ``recall_at_k``; also ``ConfigError`` for a grade below 0.

    The grades 1 and 3 in the wrong order: (1 + 3 / log2(3)) / (3 + 1 / log2(3))

    >>> round(ndcg_at_k([4, 2], {2: 3, 4: 1}, k=10), 4)
    0.7967
    """
    check_count("ndcg_at_k: k", k)
    grades = _grades("ndcg_at_k", relevant)
    gains = [grades.get(number, 0.0) for number in _documents("ndcg_at_k", ranked)[:k]]
    best = sorted(grades.values(), reverse=True)[:k]
    size = int(np.frexp(best[0])[1])  # of both the same, so that it falls out; sums below 1 fit
    return _dcg(gains, size) / _dcg(best, size)


def _dcg(gains: Sequence[float], size: int) -> float:
    """The discounted sum of gains / 2^size, a division that rounds nothing."""
    return float(np.sum(np.ldexp(gains, -size) / np.log2(np.arange(2, len(gains) + 2))))


def retrieval_metrics(
    rankings: Sequence[Sequence[int]], relevant: Sequence[Grades], k: int = 10
) -> RetrievalMetrics:
    """All figures at k, each the mean over the queries.

    rankings: for each query a ranking; relevant: for each query what was meant. Raises
    ``ShapeError`` for different numbers of queries or none, else as ``recall_at_k``.

    >>> retrieval_metrics([[7, 2, 9, 5], [1, 0]], [{2, 5, 8}, {1}], k=3).mrr  # (1/2 + 1) / 2
    0.75
    """
    rankings = list(check_items("retrieval_metrics: rankings", rankings, of="rankings"))
    relevant = list(check_items("retrieval_metrics: relevant", relevant, of="sets"))
    if len(rankings) != len(relevant) or not rankings:
        raise ShapeError(f"retrieval_metrics: {len(rankings)} rankings for {len(relevant)} "
                         "queries; give one ranking and one set for each of at least one query")
    both = [
        (_documents("retrieval_metrics", ranked),
         _grades("retrieval_metrics", wanted))  # read once, for each may be a generator
        for ranked, wanted in zip(rankings, relevant)
    ]  # fmt: skip

    def mean(figure: Any) -> float:
        return float(np.mean([figure(ranked, wanted, k) for ranked, wanted in both]))

    success = float(np.mean([reciprocal_rank(ranked, wanted, k) > 0 for ranked, wanted in both]))
    return RetrievalMetrics(
        mean(recall_at_k), success, mean(reciprocal_rank), mean(ranking_precision),
        mean(ndcg_at_k), k, len(both),
    )  # fmt: skip
