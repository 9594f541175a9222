"""The score of sentence vectors: the rank correlation of their cosines with graded similarity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.embed.similarity import bag_of_words_encoder, paired_cosines, similarity_score
from npft.errors import DataError, DtypeError, NonFiniteError, ShapeError
from npft.text.examples import Examples


@given(st.integers(0, 10**6))
def test_paired_cosines_are_those_of_each_pair(seed):
    x, y = np.random.default_rng(seed).standard_normal((2, 5, 3))
    slow = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(x, y)]
    assert paired_cosines(x, y) == pytest.approx(slow, abs=1e-12)
    assert paired_cosines(7 * x, x) == pytest.approx(1, abs=1e-12)


def test_paired_cosines_refuse_what_does_not_pair_up():
    with pytest.raises(ShapeError, match=r"paired_cosines: x has shape \(2, 3\), y \(1, 3\)"):
        paired_cosines(np.ones((2, 3)), np.ones((1, 3)))  # would broadcast
    with pytest.raises(NonFiniteError, match="paired_cosines: y: row 1 has length 0"):
        paired_cosines(np.ones((2, 2)), np.array([[1.0, 0.0], [0.0, 0.0]]))


def angles(texts):
    """A text is an angle in degrees."""
    return np.array([[np.cos(np.radians(float(t))), np.sin(np.radians(float(t)))] for t in texts])


def test_the_score_is_the_rank_correlation_of_cosine_and_grade():
    grades = np.array([5.0, 4.0, 2.5, 0.0])
    pairs = Examples(["0", "10", "20", "30"], grades, pairs=["5", "30", "60", "110"])
    assert similarity_score(angles, pairs) == 1
    backwards = Examples(pairs.texts, grades[::-1], pairs=pairs.pairs)
    assert similarity_score(angles, backwards) == -1
    mixed = Examples(pairs.texts, np.array([4.0, 5.0, 2.5, 0.0]), pairs=pairs.pairs)
    assert similarity_score(angles, mixed) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert similarity_score(lambda texts: 9 * angles(texts), mixed) == pytest.approx(0.8)
    assert pairs.texts == ["0", "10", "20", "30"]


def test_a_score_needs_pairs_and_grades_that_differ():
    for examples in (Examples(["1", "2"], [0.0, 5.0]), Examples(["1", "2"], pairs=["1", "2"])):
        with pytest.raises(DataError, match="similarity_score: the examples need pairs and grades"):
            similarity_score(angles, examples)
    with pytest.raises(NonFiniteError, match="spearman: one of the lists is constant"):
        similarity_score(angles, Examples(["1", "2"], [2.0, 2.0], pairs=["9", "5"]))


# ---- the bag of words ----


def test_the_bag_of_words_weighs_counts_by_how_rare_a_word_is():
    corpus = ["the cat", "the dog the dog", "The tea", "the cat again"]
    idf = {"again": np.log(4), "cat": np.log(2), "dog": np.log(4), "tea": np.log(4), "the": 0.0}
    rows = bag_of_words_encoder(corpus)(["cat cat dog", "the unknown", ""])
    expected = [[0, 2 * idf["cat"], idf["dog"], 0, 0, 1e-3], [0] * 5 + [1e-3], [0] * 5 + [1e-3]]
    assert rows == pytest.approx(np.array(expected), abs=1e-12)
    assert list(idf) == sorted(idf)


def test_the_bag_of_words_sees_shared_words_and_no_order():
    corpus = ["dog bites man", "man eats pie", "cat naps here"]
    encode = bag_of_words_encoder(corpus)
    same, some, none = paired_cosines(
        encode(["dog bites man"] * 3), encode(["man bites dog", "dog eats pie", "cat naps here"]))
    assert same == pytest.approx(1) and 0.05 < some < 0.95 and none < 1e-3
    pairs = Examples(corpus, np.array([5.0, 2.0, 0.0]), pairs=["bites dog man", "pie", "dog"])
    assert similarity_score(encode, pairs) == 1


def test_the_bag_of_words_refuses_a_corpus_without_words():
    for corpus in ([], ["", " "]):
        with pytest.raises(DataError, match=f"a corpus of {len(corpus)} texts without words"):
            bag_of_words_encoder(corpus)
    with pytest.raises(DtypeError, match="corpus is one string"):
        bag_of_words_encoder("dog bites man")


def test_pairs_of_one_cosine_have_one_rank():
    x = np.random.default_rng(0).standard_normal((4, 7))
    x, y = np.vstack([x, [1.0] * 7]), np.vstack([x, [1.0] * 6 + [2.0]])  # four times 1, by rounding
    assert set(paired_cosines(x, y)[:4]) == {1.0}
    pairs = Examples([*"01234"], [5.0] * 4 + [0.0], pairs=[*"56789"])
    rows = np.vstack([x, y])
    assert similarity_score(lambda texts: rows[[int(t) for t in texts]], pairs) == 1.0


@pytest.mark.parametrize("texts", ["win cash", [b"win"], 3])
def test_the_bag_of_words_encodes_lists_of_strings_only(texts):
    with pytest.raises(DtypeError, match="bag_of_words_encoder: texts"):
        bag_of_words_encoder(["win cash"])(texts)
