"""Figures of rankings: worked by hand, and rules for ties and queries without an answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError, ShapeError
from npft.metrics.retrieval import (
    ndcg_at_k, precision_at_k, ranking_precision, recall_at_k, reciprocal_rank, retrieval_metrics,
)

RANKED, RELEVANT = [7, 2, 9, 5], {2, 5, 8}
ALL = (recall_at_k, precision_at_k, reciprocal_rank, ranking_precision, ndcg_at_k)


@pytest.mark.parametrize("k, recall, precision, mrr, ap", [
    (1, 0, 0, 0, 0), (2, 1 / 3, 1 / 2, 1 / 2, 1 / 6), (3, 1 / 3, 1 / 3, 1 / 2, 1 / 6),
    (4, 2 / 3, 1 / 2, 1 / 2, 1 / 3), (10, 2 / 3, 1 / 5, 1 / 2, 1 / 3),
])
def test_figures_at_k_are_those_worked_by_hand(k, recall, precision, mrr, ap):
    found = [figure(RANKED, RELEVANT, k) for figure in ALL[:4]]
    assert found == pytest.approx([recall, precision, mrr, ap])


def test_ndcg_divides_the_discounted_grades_by_those_of_the_best_ranking():
    # Järvelin and Kekäläinen's example of grades, the first six of them
    ranked, grades = [0, 1, 2, 3, 4, 5], {0: 3, 1: 2, 2: 3, 3: 0, 4: 1, 5: 2}
    dcg = 3 + 2 / np.log2(3) + 3 / 2 + 1 / np.log2(6) + 2 / np.log2(7)
    best = 3 + 3 / np.log2(3) + 2 / 2 + 2 / np.log2(5) + 1 / np.log2(6)
    assert ndcg_at_k(ranked, grades, 6) == pytest.approx(dcg / best)
    assert round(ndcg_at_k(ranked, grades, 6), 3) == 0.961  # the figure in textbooks
    assert ndcg_at_k(ranked, grades, 1) == 1.0
    assert ndcg_at_k(RANKED, RELEVANT, 2) == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))


@given(st.integers(0, 10**6))
def test_the_ideal_ranking_scores_one_and_grades_all_alike_are_a_set(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 9)), int(rng.integers(1, 12))
    grades = {int(i): float(g) for i, g in enumerate(rng.integers(0, 4, n))} | {n: 1.0}
    ideal = sorted(grades, key=lambda i: -grades[i])
    assert ndcg_at_k(ideal, grades, k) == pytest.approx(1)
    shuffled = rng.permutation(n + 1).tolist()
    assert 0 <= ndcg_at_k(shuffled, grades, k) <= 1 + 1e-12
    wanted = {i for i in grades if grades[i] > 0}
    for figure in ALL:
        assert figure(shuffled, dict.fromkeys(wanted, 1), k) == figure(shuffled, wanted, k)
    assert recall_at_k(shuffled, grades, n + 1) == 1


def test_average_precision_of_a_whole_ranking_is_that_of_the_scores_behind_it():
    from npft.metrics.curves import average_precision

    rng = np.random.default_rng(0)
    scores, relevant = rng.permutation(30), rng.random(30) < 0.3
    ranked = np.argsort(-scores).tolist()
    wanted = set(np.flatnonzero(relevant).tolist())
    assert ranking_precision(ranked, wanted, 30) == pytest.approx(
        average_precision(relevant.astype(int), scores))


def test_the_metrics_of_many_queries_are_means_and_success_is_at_least_one_hit():
    found = retrieval_metrics([RANKED, [1, 0], [3]], [RELEVANT, {1: 2, 0: 0}, {4}], k=2)
    assert found.queries == 3 and found.k == 2
    assert found.recall == pytest.approx((1 / 3 + 1 + 0) / 3)
    assert found.success == pytest.approx(2 / 3) and found.mrr == pytest.approx((1 / 2 + 1) / 3)
    assert found.map == pytest.approx((1 / 6 + 1) / 3)
    assert found.best_by == found.ndcg


def test_each_ranking_and_each_set_may_come_from_a_generator():
    found = retrieval_metrics(map(iter, [[1, 0], [2]]), map(iter, [[1], [3]]), 3)
    assert found == retrieval_metrics([[1, 0], [2]], [{1}, {3}], 3) and found.recall == 0.5


def test_very_large_grades_count_as_their_ratios_do():
    found = ndcg_at_k([4, 2], {2: 1.7e308, 4: 1.7e308 / 2}, 10)
    assert found == pytest.approx(ndcg_at_k([4, 2], {2: 2, 4: 1}, 10))
    assert ndcg_at_k([4, 2], {2: 5e-324, 4: 5e-324}, 10) == 1.0


def test_what_is_no_ranking_is_refused_in_words():
    for figure in ALL:
        with pytest.raises(DataError, match="no document is relevant"):
            figure([1, 2], {}, 3)
        with pytest.raises(DataError, match="no document is relevant"):
            figure([1, 2], {1: 0.0}, 3)
        with pytest.raises(DataError, match="twice in the ranking"):
            figure([1, 1], {1}, 3)
        with pytest.raises(DataError, match="twice in relevant"):
            figure([1, 2], [1, 1], 3)
        with pytest.raises(DtypeError, match="the ranking holds 1.5"):
            figure([1.5], {1}, 3)
        with pytest.raises(DtypeError, match="the ranking holds -1"):
            figure([-1], {1}, 3)
        with pytest.raises(ConfigError, match="k is 0"):
            figure([1], {1}, 0)
    with pytest.raises(ConfigError, match="a grade is nan"):
        ndcg_at_k([1], {1: float("nan")}, 1)
    with pytest.raises(ShapeError, match="1 rankings for 2 queries"):
        retrieval_metrics([[1]], [{1}, {2}])
    with pytest.raises(ShapeError, match="0 rankings for 0"):
        retrieval_metrics([], [])
