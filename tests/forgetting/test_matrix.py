"""The figures of a sequence of tasks: the worked example, slow sums, bounds, what is undefined."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from npft.errors import ConfigError, NonFiniteError, ShapeError
from npft.forgetting.matrix import Path, TaskMatrix

WORKED = [[0.8, 0.5, 0.5], [0.9, 0.8, 0.5], [0.6, 0.7, 0.9]]
SCORES = st.integers(2, 5).flatmap(
    lambda t: arrays(float, (t, t), elements=st.floats(0, 1, width=32)))
EACH = given(SCORES)
OF_TWO = ["backward_transfer", "forward_transfer", "forgetting", "first_minus_last",
          "cl_backward_transfer", "remembering", "positive_backward_transfer"]


def test_the_worked_example():
    m = TaskMatrix(WORKED, before=[0.5, 0.4, 0.3], joint=[0.8, 0.9, 0.8])
    assert m.forgetting == pytest.approx(0.20)
    assert m.first_minus_last == pytest.approx(0.15)
    assert m.backward_transfer == pytest.approx(-0.15)
    assert m.average_accuracy == pytest.approx(2.2 / 3)
    assert m.learning_accuracy == pytest.approx(2.5 / 3)
    assert m.forward_transfer == pytest.approx((0.1 + 0.2) / 2)
    assert m.intransigence == pytest.approx([0.0, 0.1, -0.1])
    assert m.cl_accuracy == pytest.approx((0.8 + 0.9 + 0.8 + 0.6 + 0.7 + 0.9) / 6)
    assert m.cl_backward_transfer == pytest.approx((0.1 - 0.2 - 0.1) / 3)
    assert m.remembering == pytest.approx(1 - 0.2 / 3)
    assert m.positive_backward_transfer == 0


@EACH
def test_each_figure_is_its_sum_written_out(r):
    t, m = len(r), TaskMatrix(r, before=r[0] / 2)
    old = range(t - 1)
    slow = {
        "average_accuracy": np.mean([r[-1, j] for j in range(t)]),
        "learning_accuracy": np.mean([r[j, j] for j in range(t)]),
        "backward_transfer": np.mean([r[-1, j] - r[j, j] for j in old]),
        "forward_transfer": np.mean([r[j - 1, j] - r[0, j] / 2 for j in range(1, t)]),
        "forgetting": np.mean([max(r[i, j] for i in old) - r[-1, j] for j in old]),
        "first_minus_last": np.mean([r[j, j] - r[-1, j] for j in old]),
        "cl_accuracy": np.mean([r[i, j] for i in range(t) for j in range(i + 1)]),
        "cl_backward_transfer": np.mean(
            [r[i, j] - r[j, j] for i in range(t) for j in range(i)]),
    }
    for name, value in slow.items():
        assert getattr(m, name) == pytest.approx(value, abs=1e-12), name


@EACH
def test_bounds_for_scores_from_0_to_1(r):
    m = TaskMatrix(r)
    for name in ("average_accuracy", "learning_accuracy", "cl_accuracy", "remembering",
                 "positive_backward_transfer"):
        assert -1e-12 <= getattr(m, name) <= 1 + 1e-12
    assert -1 <= m.backward_transfer <= 1 and -1 <= m.forgetting <= 1
    assert m.forgetting >= m.first_minus_last - 1e-12 == -m.backward_transfer - 1e-12
    assert m.remembering == 1 or m.positive_backward_transfer == 0


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_where_nothing_changes_from_row_to_row_nothing_is_transferred_or_forgotten(row):
    m = TaskMatrix(np.tile(row, (len(row), 1)), before=row, joint=row)
    assert m.backward_transfer == m.forgetting == m.forward_transfer == 0
    assert m.remembering == 1 and set(m.intransigence) == {0.0}
    assert m.average_accuracy == m.learning_accuracy


def test_the_two_kinds_of_forgetting_differ_only_where_a_task_was_better_than_when_learnt():
    helped = np.array(WORKED)
    assert TaskMatrix(helped).forgetting - TaskMatrix(helped).first_minus_last > 0.04
    helped[1, 0] = 0.7  # the second task hurts the first at once
    assert TaskMatrix(helped).forgetting == TaskMatrix(helped).first_minus_last


def test_tasks_not_trained_yet_may_be_without_a_score():
    r = np.array(WORKED)
    r[np.triu_indices(3, 1)] = np.nan
    m, full = TaskMatrix(r, before=[0.5, 0.4, 0.3]), TaskMatrix(WORKED)
    for name in set(OF_TWO) - {"forward_transfer"} | {"average_accuracy", "cl_accuracy"}:
        assert getattr(m, name) == getattr(full, name)
    with pytest.raises(ConfigError, match="forward_transfer: needs .* give it probe_epochs"):
        m.forward_transfer  # noqa: B018
    probed = dataclasses.replace(m, ahead=[0.6, 0.5])
    assert probed.forward_transfer == pytest.approx((0.2 + 0.2) / 2)
    assert probed.forgetting == m.forgetting  # what a probe finds is no score of the task's head


def test_what_was_not_measured_has_no_figure():
    m = TaskMatrix(WORKED)
    with pytest.raises(ConfigError, match="intransigence: needs .*joint_scores"):
        m.intransigence  # noqa: B018
    with pytest.raises(ConfigError, match="forward_transfer: needs the scores before any training"):
        m.forward_transfer  # noqa: B018


@pytest.mark.parametrize("name", OF_TWO)
def test_one_task_alone_has_no_past(name):
    one = TaskMatrix([[0.7]], before=[0.5])
    assert one.average_accuracy == one.learning_accuracy == one.cl_accuracy == 0.7
    with pytest.raises(ConfigError, match="there is one task, expected two or more in sequence"):
        getattr(one, name)


@pytest.mark.parametrize("fields, error, words", [
    ({"r": np.zeros((2, 3))}, ShapeError, r"r has shape \(2, 3\), expected \(T, T\)"),
    ({"r": np.zeros((0, 0))}, ShapeError, r"r has shape \(0, 0\)"),
    ({"r": [0.5]}, ShapeError, r"r has shape \(1,\)"),
    ({"r": [[0.5, 0.5], [np.nan, 0.5]]}, NonFiniteError, "only above the diagonal"),
    ({"r": [[0.5, np.inf], [0.5, 0.5]]}, NonFiniteError, "a score that is not finite"),
    ({"before": [0.5]}, ShapeError, r"before has shape \(1,\), expected \(3,\) with 3 tasks"),
    ({"joint": np.zeros((3, 1))}, ShapeError, r"joint has shape \(3, 1\), expected \(3,\)"),
    ({"ahead": np.zeros(3)}, ShapeError, r"ahead has shape \(3,\), expected \(2,\)"),
    ({"before": [0.5, np.nan, 0.5]}, NonFiniteError, "before has a score that is not finite"),
])
def test_what_is_no_table_of_scores_is_refused(fields, error, words):
    with pytest.raises(error, match=words):
        TaskMatrix(**{"r": WORKED} | fields)


def test_the_table_is_a_copy():
    r = np.array(WORKED)
    m = TaskMatrix(r)
    r[2] = 0
    assert m.average_accuracy == pytest.approx(2.2 / 3)


# ---- the path ----


def path(scores, ends, step=None):
    scores = np.array(scores, float)
    return Path(np.arange(len(scores)) if step is None else np.array(step), scores, np.array(ends))


N = np.nan
DIP = path([[0.5, N, N], [0.9, N, N],  # task 1, to step 1
            [0.3, 0.6, N], [0.7, 0.8, N],  # task 2, to step 3
            [0.6, 0.2, 0.5], [0.5, 0.9, 1.0]], [1, 3, 5])


def test_the_path_by_hand():
    np.testing.assert_array_equal(DIP.at_ends, [[0.9, N, N], [0.7, 0.8, N], [0.5, 0.9, 1.0]])
    assert DIP.min_accuracy == pytest.approx((0.3 + 0.2) / 2)
    assert DIP.worst_case_accuracy == pytest.approx(1 / 3 + 2 / 3 * 0.25)
    # task 1 under task 2: 0.7 - 0.3; task 1 under task 3: none; task 2 under task 3: 0.8 - 0.2
    assert DIP.stability_gap == pytest.approx((0.4 + 0 + 0.6) / 3)


def test_measured_at_the_ends_of_tasks_alone_there_is_no_gap():
    ends = path(DIP.at_ends, DIP.ends, step=DIP.ends)
    assert ends.stability_gap == 0 < DIP.stability_gap
    assert ends.min_accuracy > DIP.min_accuracy
    assert TaskMatrix(ends.at_ends).backward_transfer == TaskMatrix(DIP.at_ends).backward_transfer


def test_what_is_lost_for_good_is_no_gap():
    falls = path([[0.5, N], [1.0, N], [0.7, 0.5], [0.2, 1.0]], [1, 3])
    assert falls.stability_gap == 0 and falls.min_accuracy == 0.2


@EACH
def test_no_score_since_a_task_was_learnt_is_below_min_accuracy_on_average(r):
    p = path(np.tril(r) + np.triu(np.full_like(r, N), 1), range(len(r)))
    assert p.min_accuracy <= r[-1, :-1].mean() + 1e-12
    share = 1 / len(r)
    assert p.worst_case_accuracy == pytest.approx(share * r[-1, -1] + (1 - share) * p.min_accuracy)
    assert p.stability_gap == 0


@pytest.mark.parametrize("fields, words", [
    ({"scores": np.zeros(3)}, r"have shapes \[\(3,\), \(3,\), \(2,\)\], expected \(S, T\)"),
    ({"ends": np.array([2])}, r"expected \(S, T\), \(S,\), \(T,\)"),
    ({"step": np.arange(4)}, r"expected \(S, T\), \(S,\), \(T,\)"),
    ({"step": np.array([0, 2, 2])}, "expected rising steps"),
    ({"ends": np.array([1, 3])}, r"ends are \[1 3\], expected rising steps, among them the ends"),
    ({"ends": np.array([0, 1])}, "the last of both the same"),
    ({"ends": np.array([2, 2])}, "expected rising steps"),
])
def test_arrays_that_do_not_fit_are_no_path(fields, words):
    good = {"step": np.arange(3), "scores": np.zeros((3, 2)), "ends": np.array([1, 2])}
    assert Path(**good).min_accuracy == 0
    with pytest.raises(ShapeError, match=words):
        Path(**good | fields)


@pytest.mark.parametrize("name", ["min_accuracy", "worst_case_accuracy", "stability_gap"])
def test_a_path_of_one_task_has_no_past(name):
    with pytest.raises(ConfigError, match="there is one task"):
        getattr(path([[0.5], [0.6]], [1]), name)


def test_equal_tables_and_paths_compare_though_not_all_is_measured():
    r = np.array([[0.5, N], [0.6, 0.7]])
    assert TaskMatrix(r) == TaskMatrix(r.copy()) != TaskMatrix(r, joint=[1, 1])
    assert DIP == Path(DIP.step, DIP.scores, DIP.ends) != path([[0.5], [0.6]], [1])
    assert len({TaskMatrix(r), TaskMatrix(r.copy())}) == 1 == len({DIP, DIP})


@pytest.mark.parametrize("fields", [
    {"scores": [[0.1], [0.2, 0.3]]}, {"scores": [["0.1", "0.2"]] * 3}, {"scores": None},
    {"step": ["0", "1", "2"]}, {"ends": [1, None]}, {"step": [0, 1.5, 2]}, {"ends": [N, 2]},
])
def test_what_are_no_numbers_are_no_path(fields):
    good = {"step": np.arange(3), "scores": np.zeros((3, 2)), "ends": np.array([1, 2])}
    with pytest.raises(ShapeError, match="Path: (step|scores|ends) is "):
        Path(**good | fields)
