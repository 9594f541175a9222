"""Classification figures from counts, against hand counts and a slow loop."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import DtypeError, IdError, ShapeError
from npft.metrics.classes import classification_metrics, confusion_matrix


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


def test_a_class_that_is_nowhere_counts_0_in_the_mean():
    m = classification_metrics(np.array([0, 1, 0]), np.array([0, 1, 0]), 3)
    assert m.accuracy == 1.0 and m.f1 == m.precision == m.recall == pytest.approx(2 / 3)


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
        assert got == pytest.approx(want[1] if classes == 2 else sum(want) / classes, abs=1e-15)
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
