"""Classification figures from counts, against hand counts and a slow loop."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError, IdError, ShapeError
from npft.metrics.classes import (
    averages, classification_metrics, confusion_matrix, micro, positive_class, worst_confusions,
)


def test_two_classes_counted_by_hand():
    true = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    called = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0])
    m = classification_metrics(true, called, 2, loss=0.5)  # TP 3, FN 1, FP 1, TN 5
    assert m.confusion.tolist() == [[5, 1], [1, 3]]
    assert (m.accuracy, m.precision, m.recall, m.f1, m.loss) == (0.8, 0.75, 0.75, 0.75, 0.5)
    called[-2:] = 1  # FP 3
    m = classification_metrics(true, called, 2)
    assert (m.precision, m.recall, m.f1, m.loss) == (0.5, 0.75, 0.6, None)


def test_three_classes_are_means_over_the_classes():
    m = classification_metrics(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 3)
    assert m.precision == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert m.recall == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert m.f1 == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert m.accuracy == 0.5


def test_nothing_over_nothing_is_0():
    m = classification_metrics(np.array([0, 0]), np.array([0, 0]), 2)  # no positive at all
    assert (m.accuracy, m.precision, m.recall, m.f1) == (1.0, 0.0, 0.0, 0.0)
    m = classification_metrics(np.array([1]), np.array([0]), 2)
    assert (m.precision, m.recall, m.f1) == (0.0, 0.0, 0.0)


def test_the_published_confusion_of_three_kinds_of_mail():
    """Jurafsky & Martin, figures 4.5 and 4.6: macro-averaged precision .60, micro-averaged .73."""
    called_rows = np.array([[8, 10, 1], [5, 60, 50], [3, 30, 200]])  # urgent, normal, spam
    true = np.concatenate([np.repeat([0, 1, 2], row) for row in called_rows])
    called = np.repeat([0, 1, 2], called_rows.sum(axis=1))
    m = classification_metrics(true, called, 3)
    assert m.confusion.tolist() == called_rows.T.tolist()
    assert (round(m.precision, 2), round(m.accuracy, 2)) == (0.60, 0.73)
    assert m.recall == pytest.approx((8 / 16 + 60 / 100 + 200 / 251) / 3)


def test_the_micro_average_of_all_classes_is_three_times_the_accuracy():
    """Jurafsky & Martin, figure 4.6: micro-averaged precision .73 of the three kinds of mail."""
    confusion = np.array([[8, 5, 3], [10, 60, 30], [1, 50, 200]])
    found = micro(confusion, [0, 1, 2])
    assert set(found) == {268 / 367} and round(found[0], 2) == 0.73
    # without spam: 8 + 60 hits of 19 + 115 calls and of 16 + 100 messages
    assert micro(confusion, [0, 1]) == pytest.approx((68 / 134, 68 / 116, 136 / 250))
    assert micro(confusion, []) == micro(np.zeros((2, 2), int), [0]) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("classes", [[2], [-1], [0, 0], [False, True], [1.0], ["0"]])
def test_a_micro_average_over_classes_that_are_none_is_refused(classes):
    with pytest.raises(IdError, match=r"micro: classes are .* different ones of 0\.\.1"):
        micro(np.eye(2, dtype=int), classes)


def test_the_averages_of_an_empty_table_are_0_and_no_class_counts_from_the_end():
    assert averages(np.zeros((2, 2), int)) == averages(np.zeros((2, 2), int), 1) == (0, 0, 0)
    for positive in (-1, 2, True, 0.0):
        with pytest.raises(IdError, match=r"averages: positive is .*, expected .* of 0\.\.1"):
            averages(np.eye(2, dtype=int), positive)


@pytest.mark.parametrize("find", [
    averages, lambda counts: micro(counts, [0]), lambda counts: worst_confusions(counts, ["a"] * 2),
])
@pytest.mark.parametrize("counts, error, words", [
    ([[0.5, 0.5], [0.2, 0.8]], DtypeError, "holds float64, expected counts"),
    ([[1.0, np.nan], [0, 0]], DtypeError, "holds float64"),
    ([[1, -2], [0, 0]], DataError, "holds -2"),
    ([[1, 2], [0]], ShapeError, "rows of different lengths"),
    ([1, 2], ShapeError, r"shape \(2,\), expected \(K, K\)"),
])
def test_a_table_of_what_are_no_counts_is_refused(find, counts, error, words):
    with pytest.raises(error, match=words):
        find(counts)


@pytest.mark.parametrize("classes", [2.5, None, -1, 0])
def test_a_number_of_classes_that_is_none_is_refused(classes):
    for find in (confusion_matrix, classification_metrics):
        with pytest.raises(ConfigError, match="classes is"):
            find([0, 1], [0, 1], classes)


def test_lists_and_equal_results_compare_and_what_is_no_list_is_refused():
    one, other = (classification_metrics([0, 1], said, 2) for said in ([0, 1], [0, 0]))
    assert one == classification_metrics([0, 1], [0, 1], 2) != other and one != "x"
    assert len({one, classification_metrics([0, 1], [0, 1], 2), other}) == 2
    with pytest.raises(ShapeError, match="lists of different lengths"):
        classification_metrics([[0], [0, 1]], [0, 1], 2)
    with pytest.raises(ShapeError, match="true and"):
        classification_metrics((k for k in [0, 1]), [0, 1], 2)


def test_a_class_that_is_nowhere_has_no_part_in_the_mean_and_is_named():
    true = np.array([0, 1, 0])
    m = classification_metrics(true, true, 3)
    assert m.accuracy == m.f1 == m.precision == m.recall == 1.0
    assert m.averaged == "macro over 2 of 3 classes" and m.absent == (2,)
    m = classification_metrics(true, true, 4, names=["a", "b", "c", "d"])
    assert m.absent == ("c", "d") and m.as_dict()["absent"] == ["c", "d"]


def test_a_class_that_is_called_but_never_right_counts_0_in_the_mean():
    m = classification_metrics(np.array([0, 1, 1]), np.array([0, 1, 2]), 4)
    assert m.f1 == pytest.approx((1 + 2 / 3 + 0) / 3) and m.absent == (3,)
    assert m.averaged == "macro over 3 of 4 classes"


@pytest.mark.parametrize("true, called, precision, recall, f1", [
    # gold 0, 2, 3; 4 is called and 1 occurs nowhere
    ([0, 0, 0, 2, 2, 3, 3, 3, 3, 0], [0, 2, 0, 2, 4, 3, 3, 0, 4, 0],
     0.5625, 0.4375, 0.4791666666666667),
    # labels 1 to 4 in a model of five classes, of which 0 is empty
    ([1, 1, 2, 2, 3, 3, 4, 4, 4], [1, 2, 2, 2, 3, 4, 4, 4, 1],
     0.7083333333333333, 0.6666666666666666, 0.6583333333333333),
])
def test_macro_averages_are_those_of_scikit_learn(true, called, precision, recall, f1):
    m = classification_metrics(np.array(true), np.array(called), 5)
    assert (m.precision, m.recall, m.f1) == pytest.approx((precision, recall, f1), abs=1e-12)


@pytest.mark.parametrize("positive, figures", [
    ("spam", (5 / 7, 5 / 6, 10 / 13)), ("ham", (2 / 3, 1 / 2, 4 / 7)),
    (None, (5 / 7, 5 / 6, 10 / 13)),
])
def test_either_of_two_classes_may_be_the_positive_one_as_in_scikit_learn(positive, figures):
    true = np.array([1, 1, 0, 1, 1, 0, 1, 0, 0, 1])
    called = np.array([1, 0, 0, 1, 1, 1, 1, 0, 1, 1])
    m = classification_metrics(true, called, 2, names=["ham", "spam"], positive=positive)
    assert (m.precision, m.recall, m.f1) == pytest.approx(figures, abs=1e-12)
    assert m.averaged == f"binary, positive class {positive or 'spam'!r}" and m.absent == ()
    numbered = classification_metrics(
        true, called, 2, positive={"spam": 1, "ham": 0, None: None}[positive])
    assert numbered.f1 == m.f1 and numbered.accuracy == m.accuracy == 0.7
    assert numbered.averaged == f"binary, positive class {int(positive != 'ham')}"


@pytest.mark.parametrize("options, error, words", [
    ({"classes": 2, "positive": "jam"}, ConfigError, "positive is 'jam', expected 0 or 1"),
    ({"classes": 2, "names": ["a", "b"], "positive": 1}, ConfigError, "expected 'a' or 'b'"),
    ({"classes": 3, "positive": 1}, ConfigError, "positive is 1 of 3 classes; only one of two"),
    ({"classes": 2, "names": ["a"]}, ShapeError, "1 names for 2 classes"),
])
def test_names_and_positive_classes_that_cannot_be_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        classification_metrics(np.array([0, 1]), np.array([1, 1]), **options)


@pytest.mark.parametrize("answer, f1", [(1, 2 / 3), (0, 0.0)])
def test_the_trivial_answers_score_what_they_must(answer, f1):
    true = np.arange(40) % 2
    m = classification_metrics(true, np.full(40, answer), 2)
    assert m.accuracy == 0.5 and m.f1 == pytest.approx(f1) and m.recall == answer


labels = st.integers(1, 5).flatmap(
    lambda k: st.tuples(
        st.just(k), st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1)
    )
)


@given(labels, st.sampled_from([np.int64, np.int8, np.uint8, np.int32]))
def test_the_figures_are_those_of_a_slow_loop(case, dtype):
    classes, pairs = case
    true, called = (np.array(column, dtype) for column in zip(*pairs))
    m = classification_metrics(true, called, classes)
    precision, recall, f1 = [], [], []
    for c in range(classes):
        tp = sum(t == c and p == c for t, p in pairs)
        fp = sum(t != c and p == c for t, p in pairs)
        fn = sum(t == c and p != c for t, p in pairs)
        precision.append(tp / (tp + fp) if tp + fp else 0.0)
        recall.append(tp / (tp + fn) if tp + fn else 0.0)
        f1.append(2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0)
        for d in range(classes):
            assert m.confusion[c, d] == pairs.count((c, d))
    for got, want in zip((m.precision, m.recall, m.f1), (precision, recall, f1)):
        there = [want[c] for c in range(classes) if any(c in pair for pair in pairs)]
        mean = want[1] if classes == 2 else sum(there) / len(there)
        assert got == pytest.approx(mean, abs=1e-15)
    assert m.absent == tuple(c for c in range(classes) if not any(c in pair for pair in pairs))
    assert m.accuracy == pytest.approx(sum(t == p for t, p in pairs) / len(pairs))


def test_small_integers_with_many_classes_do_not_wrap():
    true = np.arange(100, dtype=np.uint8)
    assert classification_metrics(true, true, 100).accuracy == 1.0
    assert confusion_matrix(true.astype(np.int8), true, 100).trace() == 100


def test_figures_are_plain_numbers_for_json():
    m = classification_metrics(np.array([0, 1]), np.array([1, 1]), 2)
    again = json.loads(json.dumps(m.as_dict()))
    assert again == m.as_dict() and again["confusion"] == [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    "true, called, error, message",
    [
        ([0, 2], [0, 1], IdError, r"a true label is outside 0\.\.1"),
        ([0, 1], [0, 2], IdError, "a predicted label is outside"),
        ([-1, 1], [0, 1], IdError, "a true label is outside"),
        ([0, 1], [0], ShapeError, r"\(2,\) true and \(1,\) predicted"),
        ([[0, 1]], [[0, 1]], ShapeError, r"\(1, 2\) true"),
        ([0.0, 1.0], [0, 1], DtypeError, "true has dtype float64"),
        ([0, 1], [0.0, np.nan], DtypeError, "predicted has dtype float64"),
        ([], [], ShapeError, "no examples"),
    ],
)
def test_labels_that_do_not_fit_are_refused(true, called, error, message):
    with pytest.raises(error, match=message):
        classification_metrics(np.array(true), np.array(called), 2)


def test_no_input_is_changed():
    true, called = np.array([0, 1, 1]), np.array([1, 1, 0])
    true.flags.writeable = called.flags.writeable = False
    classification_metrics(true, called, 2)
    assert confusion_matrix(np.zeros(0, int), np.zeros(0, int), 2).tolist() == [[0, 0], [0, 0]]


# ---- a wide matrix ----


def test_the_worst_confusions_by_hand():
    counts = np.array([[90, 4, 0, 6], [3, 7, 0, 0], [0, 6, 0, 6], [1, 0, 0, 0]])
    found = worst_confusions(counts, ["a", "b", "c", "d"])
    assert found == [  # equal counts in the order of the classes
        ("a", "d", 6, 0.06), ("c", "b", 6, 0.5), ("c", "d", 6, 0.5), ("a", "b", 4, 0.04),
        ("b", "a", 3, 0.3), ("d", "a", 1, 1.0)]
    assert worst_confusions(counts, ["a", "b", "c", "d"], k=2) == found[:2]
    assert worst_confusions(counts.tolist(), ["a", "b", "c", "d"]) == found  # as it is in JSON
    assert counts[0, 0] == 90  # not changed


@given(labels)
def test_all_confusions_together_are_the_errors(case):
    classes, pairs = case
    true, called = (np.array(column) for column in zip(*pairs))
    m = classification_metrics(true, called, classes)
    names = [f"c{i}" for i in range(classes)]
    found = worst_confusions(m.confusion, names, k=classes * classes)
    assert sum(n for _, _, n, _ in found) == sum(t != p for t, p in pairs)
    assert [n for _, _, n, _ in found] == sorted((n for _, _, n, _ in found), reverse=True)
    for t, p, n, share in found:
        i, j = names.index(t), names.index(p)
        assert i != j and n == pairs.count((i, j)) > 0
        assert share == n / sum(a == i for a, _ in pairs)


@pytest.mark.parametrize("counts, names, k, error, words", [
    (np.eye(3, dtype=int), ["a", "b"], 10, ShapeError, r"shape \(3, 3\), expected .* the 2 names"),
    (np.ones((2, 3)), ["a", "b"], 10, ShapeError, r"shape \(2, 3\)"),
    (np.eye(2), ["a", "b"], 0, ConfigError, "worst_confusions: k is 0"),
])
def test_a_matrix_that_does_not_fit_its_names_is_refused(counts, names, k, error, words):
    with pytest.raises(error, match=words):
        worst_confusions(counts, names, k)


def test_names_that_are_none_are_refused_and_may_come_from_a_generator():
    m = classification_metrics([0, 1], [0, 1], 2, names=iter(["a", "b"]), positive="a")
    assert m.averaged == "binary, positive class 'a'"
    assert worst_confusions([[0, 1], [0, 0]], iter(["a", "b"])) == [("a", "b", 1, 1.0)]
    for names in (3, "ab", [1, 2]):
        for find in (lambda n: classification_metrics([0, 1], [0, 1], 2, names=n),
                     lambda n: worst_confusions([[0, 1], [0, 0]], n),
                     lambda n: positive_class(2, n)):
            with pytest.raises(DtypeError, match="names"):
                find(names)
    with pytest.raises(ConfigError, match="classes is '2'"):
        positive_class("2")
