"""Scores of two classes: pairs counted one by one, curves by hand, what has no figure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import DataError, DtypeError, NonFiniteError, ShapeError
from npft.metrics.curves import average_precision, precision_recall, roc_auc, roc_auc_of_classes

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3)), min_size=2, max_size=20)


def columns(rows):
    return [np.array(column) for column in zip(*rows)]


@given(ROWS)
def test_auc_is_the_count_of_pairs_in_order_ties_half(rows):
    true, scores = columns(rows)
    pairs = [(a, b) for a in scores[true == 1] for b in scores[true == 0]]
    if not pairs:
        return
    count = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs)
    assert roc_auc(true, scores) == pytest.approx(count / len(pairs), abs=1e-12)
    # only the order matters, and the other class has the rest
    assert roc_auc(true, np.exp(scores / 2)) == pytest.approx(count / len(pairs), abs=1e-12)
    assert roc_auc(1 - true, scores) == pytest.approx(1 - count / len(pairs), abs=1e-12)


@given(ROWS)
def test_auc_is_the_area_under_recall_against_false_alarms(rows):
    true, scores = columns(rows)
    if len(set(true)) < 2:
        return
    cuts = [np.inf, *sorted(set(scores), reverse=True)]
    recall = [(scores[true == 1] >= t).mean() for t in cuts]
    alarms = [(scores[true == 0] >= t).mean() for t in cuts]
    area = np.diff(alarms) @ (np.add(recall[1:], recall[:-1]) / 2)  # of trapezoids
    assert roc_auc(true, scores) == pytest.approx(area, abs=1e-12)


@given(ROWS)
def test_each_point_of_the_curve_is_what_a_loop_counts_at_its_threshold(rows):
    true, scores = columns(rows)
    if not true.any():
        return
    curve = precision_recall(true, scores)
    assert curve.thresholds.tolist() == sorted(set(scores), reverse=True)
    area, before = 0.0, 0.0
    for t, precision, recall in zip(*curve):
        called = scores >= t
        assert precision == true[called].mean() and recall == called[true == 1].mean()
        area, before = area + (recall - before) * precision, recall
    assert average_precision(true, scores) == pytest.approx(area, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.float32, bool])
def test_the_figures_do_not_depend_on_the_kind_of_number(dtype):
    top = {np.uint8: 255, bool: True}.get(dtype, 100)
    low = np.iinfo(dtype).min if dtype in (np.int8, np.int64) else 0
    scores = np.array([low, top, top, low]).astype(dtype)
    assert average_precision([0, 1, 0, 1], scores) == average_precision([0, 1, 0, 1], [0, 1, 1, 0])
    assert average_precision([0, 1, 1, 0], scores) == roc_auc([0, 1, 1, 0], scores) == 1.0


def test_the_ends_of_the_scale():
    assert roc_auc([0, 0, 1], [1, 2, 3]) == average_precision([0, 0, 1], [1, 2, 3]) == 1.0
    assert roc_auc([0, 0, 1], [2, 3, 1]) == 0.0
    assert average_precision([0, 0, 1], [2, 3, 1]) == pytest.approx(1 / 3)
    assert roc_auc([0, 0, 1], [5, 5, 5]) == 0.5  # one score for all tells nothing
    assert average_precision([0, 0, 1], [5, 5, 5]) == pytest.approx(1 / 3)
    assert average_precision([1, 1], [0.0, 1.0]) == 1.0  # positives alone: all that is called is


def test_the_auc_of_two_classes_each_against_the_other_is_the_auc():
    true, scores = np.array([0, 1, 1, 0, 1]), np.array([0.1, 0.3, 0.9, 0.4, 0.6])
    both = np.stack([1 - scores, scores], axis=1)
    assert roc_auc_of_classes(true, both) == pytest.approx(roc_auc(true, scores), abs=1e-12)


def test_a_class_that_does_not_occur_has_no_part_in_the_mean():
    true, scores = np.array([0, 1, 1]), np.array([[2.0, 1, 9], [1, 2, 0], [0, 1, 5]])
    assert roc_auc_of_classes(true, scores) == pytest.approx((1 + 0.75) / 2)


@pytest.mark.parametrize("find, message", [
    (lambda: roc_auc([1, 1], [1, 2]), "2 positive and 0 negative examples make no pair"),
    (lambda: roc_auc([0], [1]), "0 positive and 1 negative"),
    (lambda: precision_recall([0, 0], [1, 2]), "none of the 2 examples is positive"),
    (lambda: average_precision([0], [1.0]), "none of the 1 examples is positive"),
    (lambda: roc_auc_of_classes([1, 1], np.eye(2)), "only class 1 occurs"),
    (lambda: roc_auc_of_classes([0, 2], np.eye(2)), "labels go from 0 to 2, but .* for 2 classes"),
    (lambda: roc_auc([0, 2], [1, 2]), r"labels go from 0 to 2, expected 1 .* \(labels == k\)"),
])
def test_what_has_no_figure_is_refused_in_words(find, message):
    with pytest.raises(DataError, match=message):
        find()


@pytest.mark.parametrize("function", [roc_auc, precision_recall, average_precision])
@pytest.mark.parametrize("true, scores, error, message", [
    ([], [], ShapeError, "0 scores and labels of shape"),
    ([0, 1, 1], [1.0, 2.0], ShapeError, r"2 scores and labels of shape \(3,\)"),
    ([0, 1], [[1.0, 2.0]], ShapeError, "scores has shape"),
    ([0.0, 1.0], [1.0, 2.0], DtypeError, "labels are float64 .* expected whole numbers"),
    (["ham", "spam"], [1.0, 2.0], DtypeError, "labels are <U4"),
    ([0, 1], ["a", "b"], DtypeError, "and scores <U1"),
    ([0, 1], [np.nan, 1.0], NonFiniteError, "scores is nan at"),
    ([[0], [1, 0]], [1.0, 2.0], ShapeError, "lists of different lengths"),
    ([0, 1], [[1.0], [1.0, 2.0]], ShapeError, "lists of different lengths"),
])
def test_what_is_no_list_of_labels_and_scores_is_refused(function, true, scores, error, message):
    with pytest.raises(error, match=message):
        function(true, scores)
