"""Bag of words, frequent tags: exact where words tell, at chance where only their order does."""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError
from npft.finetune import baselines
from npft.finetune.baselines import (
    L2, bag_of_words, fit_softmax, frequent_tags, majority, shared_words, word_table,
)
from npft.text.examples import Examples
from npft.text.tagged import TaggedTexts


@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), max_size=5))
def test_a_word_table_counts_known_words(rows):
    columns = {"a": 1, "c": 0, "e": 2}
    table = word_table([" ".join(row).upper() for row in rows], columns).toarray()
    assert table.shape == (len(rows), 3)
    assert table.tolist() == [[row.count("c"), row.count("a"), row.count("e")] for row in rows]


def test_words_that_tell_the_class_are_learnt_exactly():
    rng = np.random.default_rng(0)

    def examples(n):
        labels = np.arange(n) % 3
        telling = ["cash", "tea", "goal"]
        texts = [" ".join(rng.permutation(["the", f"w{rng.integers(30)}", telling[k]]))
                 for k in labels]
        return Examples(texts, labels)

    found = bag_of_words(examples(60), examples(30))
    assert found.accuracy == found.f1 == 1.0 and found.confusion.tolist() == (
        10 * np.eye(3, dtype=int)).tolist()


def test_labels_go_by_their_names_in_whatever_order_a_set_has_them():
    train = Examples(["win", "win cash", "see you"], [1, 1, 0], ["ham", "spam"])
    turned = Examples(train.texts, 1 - train.labels, ["spam", "ham"])
    assert majority(Examples(["a", "b"], [0, 0], ["ham", "spam"]),
                    Examples(["c"], [0], ["spam"])).accuracy == 0.0
    for baseline in (majority, bag_of_words):
        assert baseline(train, turned) == baseline(train, train)
        assert baseline(turned, train, "spam").f1 == baseline(train, train, "spam").f1
        assert baseline(train, Examples(train.texts, train.labels)) == baseline(train, train)
        with pytest.raises(DataError, match=f"{baseline.__name__}: the test label 'eggs' is unkno"):
            baseline(train, Examples(["a"], [0], ["eggs"]))
        assert baseline(train, Examples(["a"], [1], ["eggs", "ham"])).confusion.sum() == 1
        with pytest.raises(DataError, match=f"{baseline.__name__}: both sets need"):
            baseline(train, Examples(["a"]))


def test_twins_with_the_same_words_in_another_order_are_told_apart_by_chance_only():
    rng = np.random.default_rng(0)

    def examples(n):
        words = [rng.permutation(["dog", "cat", "man", "bug", "cow"])[:2] for _ in range(n)]
        texts = [t for a, b in words for t in (f"{a} bites {b}", f"{b} bites {a}")]
        return Examples(texts, np.arange(2 * n) % 2)

    assert bag_of_words(examples(40), examples(25)).accuracy == 0.5


def test_the_features_are_tf_idf_of_length_one(monkeypatch):
    texts = ["a a b", "a c", "", "a b c d", "d d d"]
    caught, fit = [], baselines.fit_softmax

    def catch(x, *args):
        caught.append(x.toarray())
        return fit(x, *args)

    monkeypatch.setattr(baselines, "fit_softmax", catch)
    bag_of_words(Examples(texts, [0, 1, 0, 1, 1]), Examples(["a"], [0]))
    share = {w: sum(w in t.split() for t in texts) / 5 for w in "abcd"}
    expected = []
    for text in texts:
        row = np.array([text.split().count(w) * (np.log(1 / share[w]) + 1) for w in "abcd"])
        expected.append(row / max(np.linalg.norm(row), 1e-300))
    assert np.allclose(caught[0], expected, rtol=0, atol=1e-12)


def objective_of(monkeypatch, x, labels, classes):
    """The function that fit_softmax hands to SciPy, and the weights it returns."""
    caught = []
    minimize = scipy.optimize.minimize

    def catch(fun, start, **options):
        caught.append(fun)
        return minimize(fun, start, **options)

    monkeypatch.setattr(scipy.optimize, "minimize", catch)
    weights = fit_softmax(x, labels, classes)
    return caught[0], weights


def test_the_gradient_of_the_objective_is_right_and_zero_at_the_end(monkeypatch):
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((20, 4)), rng.integers(0, 3, 20)
    objective, weights = objective_of(monkeypatch, x, labels, 3)
    for _ in range(3):
        w = rng.standard_normal(weights.size)
        error = scipy.optimize.check_grad(lambda v: objective(v)[0], lambda v: objective(v)[1], w)
        assert error < 1e-5 * np.abs(objective(w)[1]).max()
    assert np.abs(objective(weights.ravel())[1]).max() < 1e-2

    def slow(w):  # the docstring's formula
        total = 0.0
        for row, label in zip(x, labels):
            z = row @ w[:-1] + w[-1]
            total += np.log(np.exp(z).sum()) - z[label]
        return total + L2 / 2 * (w[:-1] ** 2).sum()

    assert objective(weights.ravel())[0] == pytest.approx(slow(weights), abs=1e-10)
    for _ in range(20):
        assert slow(weights + 0.1 * rng.standard_normal(weights.shape)) > slow(weights)


def test_without_features_the_fit_is_the_share_of_each_class():
    labels = np.array([0] * 6 + [1] * 3 + [2])
    weights = fit_softmax(np.zeros((10, 2)), labels, 3)
    p = np.exp(weights[-1]) / np.exp(weights[-1]).sum()
    assert np.allclose(p, [0.6, 0.3, 0.1], atol=1e-4) and (weights[:-1] == 0).all()


def test_texts_of_unknown_words_only_get_the_most_frequent_class():
    train = Examples(["a b", "a c", "d"], [1, 1, 0])
    assert bag_of_words(train, Examples(["x y", ""], [1, 1])).accuracy == 1.0


def test_the_examples_are_not_changed():
    train, test = Examples(["a b", "c"], [1, 0]), Examples(["a"], [1])
    bag_of_words(train, test)
    assert train.texts == ["a b", "c"] and test.labels.tolist() == [1]


GOOD = Examples(["a", "b"], [0, 1])


@pytest.mark.parametrize("train, test", [
    (Examples(["a", "b"]), GOOD),
    (GOOD, Examples(["a", "b"])),
    (Examples([], []), GOOD),
    (GOOD, Examples([], [])),
    (Examples([]), GOOD),
    (Examples(["a", "b"], [0.0, 0.5]), GOOD),
    (GOOD, Examples(["a", "b"], [0.0, 0.5])),
])
def test_sets_without_class_labels_are_refused(train, test):
    with pytest.raises(DataError, match="both sets need examples labelled with classes"):
        bag_of_words(train, test)


def test_of_a_pair_it_sees_where_a_word_stands_and_what_both_share():
    texts, pairs = ["a b", "a c", "b a", "c a"] * 4, ["a b", "b c", "b c", "c a"] * 4
    same = [int(set(t.split()) == set(p.split())) for t, p in zip(texts, pairs)]
    known = Examples(texts, np.array(same), pairs=pairs)
    assert bag_of_words(known, known).accuracy == 1.0


def test_a_word_gets_its_most_frequent_tag_and_a_new_word_that_of_all_words():
    train = TaggedTexts([["run", "run", "the", "run", "dog", "cat"]],
                        [["VERB", "NOUN", "DET", "VERB", "NOUN", "NOUN"]])  # fmt: skip
    right = TaggedTexts([["run", "the", "new"]], [["VERB", "DET", "NOUN"]])
    wrong = TaggedTexts([["run", "the", "new"]], [["NOUN", "NOUN", "VERB"]])
    assert frequent_tags(train, right).accuracy == 1.0
    assert frequent_tags(train, wrong).accuracy == 0.0


def test_of_two_equally_frequent_tags_the_first_by_name_counts():
    for tags in (["VERB", "NOUN"], ["NOUN", "VERB"]):
        train = TaggedTexts([["run", "run"]], [tags])
        test = TaggedTexts([["run", "new"]], [["NOUN", "NOUN"]])
        assert frequent_tags(train, test).accuracy == 1.0


def test_frequent_tags_needs_words_to_learn_from():
    with pytest.raises(DataError, match="some tagged words"):
        frequent_tags(TaggedTexts([], []), TaggedTexts([["a"]], [["X"]]))


def test_the_baselines_say_what_their_f1_is_of():
    train = Examples(["a", "b"], [0, 1], ["ham", "spam"])
    assert bag_of_words(train, train).averaged == "binary, positive class 'spam'"
    assert bag_of_words(Examples(["a", "b"], [0, 1]), GOOD).averaged == "binary, positive class 1"
    more = Examples(["a", "c"], [0, 2])  # a class that training does not have
    assert bag_of_words(train, more).averaged == "macro over 2 of 3 classes"
    words = [["in", "New", "York"], ["Rome"]]
    bio = TaggedTexts(words, [["O", "B-LOC", "I-LOC"], ["B-LOC"]])
    assert frequent_tags(bio, bio[1:]).averaged == "entities, BIO"  # though no I- occurs there
    assert frequent_tags(bio, bio, "plain").averaged == "macro over 3 tags"
    iobes = TaggedTexts(words, [["O", "B-LOC", "E-LOC"], ["S-LOC"]])
    found = frequent_tags(iobes, iobes)
    assert (found.averaged, found.f1) == ("entities, IOBES", 1.0)
    with pytest.raises(ConfigError, match="say which it is"):
        frequent_tags(TaggedTexts([["Rome"]], [["B-LOC"]]), bio)


def test_the_majority_of_training_is_said_of_every_test_text():
    train = Examples(list("abcde"), [2, 2, 0, 1, 2], ["x", "y", "z"])
    found = majority(train, Examples(list("fgh"), [2, 0, 2], ["x", "y", "z"]))
    assert found.accuracy == 2 / 3 and found.confusion.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 2]]
    assert found.absent == ("y",)
    with pytest.raises(DataError, match="labelled with classes"):
        majority(train, Examples(["a"], [0.5]))


def test_the_positive_class_of_a_baseline_can_be_chosen():
    train = Examples(list("abc"), [0, 0, 1], ["ham", "spam"])
    test = Examples(list("de"), [0, 1], ["ham", "spam"])
    assert majority(train, test).f1 == 0.0
    assert majority(train, test, "ham").f1 == bag_of_words(train, test, "ham").f1 == 2 / 3


def test_grades_that_are_a_line_of_the_shared_words_are_found_exactly():
    rng = np.random.default_rng(0)
    words = list("abcdefgh")

    def examples(n):
        firsts, seconds, grades = [], [], []
        for _ in range(n):
            a, b = (set(rng.choice(words, size=rng.integers(1, 6))) for _ in range(2))
            firsts.append(" ".join(sorted(a)))
            seconds.append(" ".join(sorted(b)).upper())
            grades.append(1 + 3 * len(a & b) / len(a | b))
        return Examples(firsts, np.array(grades), pairs=seconds)

    found = shared_words(examples(40), examples(20))
    assert found.rmse < 1e-12 and found.spearman == pytest.approx(1.0)
    one = Examples(["a"], [2.0], pairs=["a"])
    assert shared_words(one, Examples(["a", "b"], [1.0, 3.0], pairs=["c", "d"])).rmse == 1.0
    with pytest.raises(DataError, match="pairs of texts with grades"):
        shared_words(one, Examples(["a"], [1.0]))


def test_the_table_of_a_large_vocabulary_is_sparse():
    columns = {f"w{i}": i for i in range(50_000)}
    table = word_table([f"w{i} w{i}" for i in range(2_000)], columns)
    assert table.shape == (2_000, 50_000) and table.nnz == 2_000 and table.max() == 2


@pytest.mark.parametrize("baseline", [majority, bag_of_words, frequent_tags, shared_words])
def test_what_is_no_labelled_set_is_refused(baseline):
    good = Examples(["a"], [0], pairs=["b"])
    if baseline is frequent_tags:
        good = TaggedTexts([["a"]], [["N"]])
    for wrong in (None, 3, ["a"]):
        for train, test in ((wrong, good), (good, wrong)):
            with pytest.raises(DataError, match=baseline.__name__):
                baseline(train, test)
