"""BM25: the example worked by hand, its limits, and the formula for any texts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError
from npft.search.bm25 import BM25

TEXTS = ["win cash", "cash or cash now", "see you soon"]


def test_three_documents_worked_by_hand():
    found = BM25(TEXTS).search(["cash now", "soon", "nothing"], k=3)
    # idf: cash log(1 + 1.5/2.5) = 0.47000, now and soon log(1 + 2.5/1.5) = 0.98083
    first = 0.470004 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 3))  # 0.54421
    second = 0.470004 * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 4 / 3))  # 0.59086
    second += 0.980829 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 4 / 3))  # + 0.86313
    assert found.documents.tolist() == [[1, 0, 2], [2, 0, 1], [0, 1, 2]]
    assert found.scores[0] == pytest.approx([second, first, 0], abs=1e-5)
    assert found.scores[1] == pytest.approx([0.980829, 0, 0], abs=1e-5)  # |d| is the mean
    assert not found.scores[2].any()


@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=6), min_size=1, max_size=6),
       st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4),
       st.sampled_from([0.5, 1.2, 2.0]), st.sampled_from([0.0, 0.75, 1.0]))
def test_scores_are_the_formula_written_out(rows, query, k1, b):
    rows = [*rows, ["a"]]
    found = BM25([" ".join(row) for row in rows], k1, b).search([" ".join(query)], len(rows))
    n, mean = len(rows), np.mean([len(row) for row in rows])
    slow = []
    for row in rows:
        tf = Counter(row)
        score = 0.0
        for w in query:
            n_w = sum(w in r for r in rows)
            if tf[w]:
                weight = tf[w] * (k1 + 1) / (tf[w] + k1 * (1 - b + b * len(row) / mean))
                score += np.log(1 + (n - n_w + 0.5) / (n_w + 0.5)) * weight
        slow.append(score)
    order = found.documents[0]
    assert sorted(order.tolist()) == list(range(n))
    assert found.scores[0] == pytest.approx(np.array(slow)[order], abs=1e-12)
    assert (np.diff(found.scores[0]) <= 0).all()


def test_a_word_that_is_said_again_counts_less_each_time_and_never_more_than_k1_plus_1():
    bm25 = BM25([" ".join(["cash"] * m + ["x"] * (40 - m)) for m in range(1, 40)] + ["y"] * 5)
    scores = np.sort(bm25.search(["cash"], 39).scores[0])
    gains = np.diff(scores)
    assert (gains > 0).all() and (np.diff(gains) < 0).all()
    assert scores[-1] < 2.2 * np.log(1 + 5.5 / 39.5)


def test_a_word_of_every_document_still_counts_for_it():
    found = BM25(["a b", "a a"]).search(["a"])
    assert (found.scores > 0).all() and found.documents[0, 0] == 1


def test_many_queries_in_blocks_are_those_one_by_one(monkeypatch):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("abcdefgh"), 5)) for _ in range(30)]
    whole = BM25(texts).search(texts, 7)
    monkeypatch.setattr("npft.search.bm25.BLOCK", 64)  # two queries at once
    parts = BM25(texts).search(texts, 7)
    assert np.array_equal(whole.documents, parts.documents)
    assert np.array_equal(whole.scores, parts.scores)


def test_what_cannot_be_searched_is_refused():
    for texts in ([], ["", " "]):
        with pytest.raises(DataError, match=f"{len(texts)} texts without a word"):
            BM25(texts)
    for texts in ("win cash", [1], [None]):
        with pytest.raises(DtypeError, match="BM25: texts"):
            BM25(texts)
    for k1, b in ((0, 0.5), (float("nan"), 0.5), (1.2, 1.5), (1.2, "x")):
        with pytest.raises(ConfigError, match="BM25: (k1|b) is"):
            BM25(TEXTS, k1, b)
    with pytest.raises(ConfigError, match="k is 0"):
        BM25(TEXTS).search(["a"], 0)
