"""Senses by the nearest mean: formulas, what a word without labels gets, one sense a document."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError, NonFiniteError, ShapeError
from npft.senses.centroids import SenseCentroids, count_senses, most_frequent_senses

X = np.array([[4.0, 0.0], [2.0, 2.0], [0.0, 5.0], [0.0, 1.0]])
WORDS, SENSES = ["bank", "bank", "bank", "jam"], ["money", "money", "river", "food"]


def test_a_centroid_is_the_mean_of_a_senses_vectors_and_the_nearest_by_cosine_wins():
    x = X.copy()
    known = SenseCentroids(x, WORDS, SENSES)
    assert known.centroids["bank"]["money"].tolist() == [3, 1]
    assert known.centroids["jam"]["food"].tolist() == [0, 1]
    # (1, 0.5) lies nearer to (0, 5) in space when short: the cosine does not look at lengths
    asked = np.array([[1.0, 0.5], [0.1, 0.4], [100.0, 400.0], [9.0, 0.0]])
    assert known.predict(asked, ["bank"] * 3 + ["jam"]) == ["money", "river", "river", "food"]
    assert np.array_equal(x, X)


@given(st.integers(0, 10**6))
def test_prediction_is_the_plain_loop_over_the_senses_of_the_word(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((30, 5)), rng.standard_normal((10, 5))
    words = [f"w{k}" for k in rng.integers(0, 3, 30)]
    senses = [f"s{k}" for k in rng.integers(0, 4, 30)]
    asked = [words[k] for k in rng.integers(0, 30, 10)]
    expected = []
    for v, word in zip(y, asked):
        scores = {}
        for sense in sorted({s for w, s in zip(words, senses) if w == word}):
            rows = [r for r, w, s in zip(x, words, senses) if (w, s) == (word, sense)]
            mean = np.mean(rows, axis=0)
            scores[sense] = v @ mean / np.linalg.norm(v) / np.linalg.norm(mean)
        expected.append(max(scores, key=scores.get))
    assert SenseCentroids(x, words, senses).predict(y, asked) == expected


def test_the_most_frequent_sense_of_equals_is_the_first_by_name():
    counts = count_senses(["a", "a", "a", "b", "b"], ["y", "x", "y", "q", "p"])
    assert counts == {"a": {"y": 2, "x": 1}, "b": {"q": 1, "p": 1}}
    assert most_frequent_senses(counts) == {"a": "y", "b": "p"}


def test_a_word_without_labelled_uses_gets_its_most_frequent_sense_and_an_unknown_one_is_refused():
    counts = {"port": {"wine": 2, "harbour": 9}, "bank": {"river": 99}, "empty": {}}
    known = SenseCentroids(X, WORDS, SENSES, counts)
    assert known.predict(np.ones((1, 2)), ["port"]) == ["harbour"]
    # where there are labelled uses the vectors decide, whatever the counts say
    assert known.predict(np.array([[1.0, 0.0]]), ["bank"]) == ["money"]
    for word in ("pitch", "empty"):
        with pytest.raises(DataError, match=f"nothing is known of the senses of {word}; label"):
            known.predict(np.ones((1, 2)), [word])


def test_one_sense_per_discourse_decides_all_uses_in_a_document_by_the_sum_of_their_cosines():
    x = np.array([[1.0, 0.0], [0.0, 1.0]])
    known = SenseCentroids(x, ["bank"] * 2, ["money", "river"])
    # alone: money, river, river; together (0.995 + 0.6 + 0 > 0.0995 + 0.8 + 1 is false): river
    asked = np.array([[1.0, 0.1], [0.6, 0.8], [0.0, 2.0]])
    assert known.predict(asked, ["bank"] * 3) == ["money", "river", "river"]
    assert known.predict(asked, ["bank"] * 3, [0, 0, 0]) == ["river"] * 3
    # one against one: the surer use wins (0.995 + 0.6 > 0.0995 + 0.8), in any order
    assert known.predict(asked[:2], ["bank"] * 2, [5, 5]) == ["money"] * 2
    assert known.predict(asked[1::-1], ["bank"] * 2, [5, 5]) == ["money"] * 2
    # long vectors have no more say than short ones
    assert known.predict(asked * [[1], [1], [0.01]], ["bank"] * 3, [0, 0, 0]) == ["river"] * 3
    assert known.predict(asked, ["bank"] * 3, [0, 1, 2]) == ["money", "river", "river"]


def test_a_document_joins_the_uses_of_one_word_only():
    x = np.array([[1.0, 0.0], [0.0, 1.0]] * 2)
    known = SenseCentroids(x, ["bank", "bank", "jam", "jam"], ["a", "b", "c", "d"])
    asked = np.array([[1.0, 0.1], [0.1, 5.0]])
    assert known.predict(asked, ["bank", "jam"], ["d1", "d1"]) == ["a", "d"]


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: SenseCentroids(X[:3], WORDS, SENSES), ShapeError, "3 vectors of 4 words"),
    (lambda: SenseCentroids(X, WORDS[:3], SENSES), ShapeError, "3 words and 4 senses"),
    (lambda: SenseCentroids(X, "bank", SENSES), DtypeError, "words is one string"),
    (lambda: SenseCentroids(X * np.nan, WORDS, SENSES), NonFiniteError, "row 0 is not finite"),
    (lambda: SenseCentroids(X[:0], [], []), ShapeError, "at least one row"),
    (lambda: SenseCentroids(np.array([[1.0], [-1.0]]), ["a"] * 2, ["s"] * 2), DataError,
     "'s' of 'a' add up to 0, so their mean has no direction"),
    (lambda: SenseCentroids(X, WORDS, SENSES, {"a": 3}), ConfigError, "no dict of dicts"),
    (lambda: SenseCentroids(X, WORDS, SENSES, {"a": {"s": -1}}), ConfigError, "'s' is -1"),
    (lambda: SenseCentroids(X, WORDS, SENSES).predict(np.ones((1, 3)), ["bank"]), ShapeError,
     r"\(1, 3\), expected \(1, 2\): a row for each word, as wide"),
    (lambda: SenseCentroids(X, WORDS, SENSES).predict(np.ones((2, 2)), ["bank"]), ShapeError,
     r"\(2, 2\), expected \(1, 2\)"),
    (lambda: SenseCentroids(X, WORDS, SENSES).predict(np.zeros((1, 2)), ["bank"]), NonFiniteError,
     "row 0 has length 0"),
    (lambda: SenseCentroids(X, WORDS, SENSES).predict(np.ones((1, 2)), ["bank"], [1, 2]),
     ShapeError, "documents"),
])
def test_what_cannot_be_a_table_of_senses_is_refused_in_words(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_words_and_senses_may_come_one_by_one():
    one = SenseCentroids(X, iter(WORDS), iter(SENSES))
    assert one.frequent == SenseCentroids(X, WORDS, SENSES).frequent
    assert one.predict(X[2:3], ["bank"]) == ["river"]


def test_a_sense_whose_vectors_cancel_but_for_rounding_is_refused():
    x = np.array([[0.1, 0.0], [0.2, 0.0], [-0.3, 0.0]])  # 0.1 + 0.2 - 0.3 is 6e-17
    with pytest.raises(DataError, match="the vectors of 'money' of 'bank' add up to 0"):
        SenseCentroids(x, ["bank"] * 3, ["money"] * 3)
