"""Correlations against SciPy and published values, also with ties; the error of grades by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from npft.errors import DtypeError, NonFiniteError, ShapeError
from npft.metrics.ranking import GradeMetrics, grade_metrics, pearson, spearman

# ---- the rank correlation ----


LISTS = st.lists(st.tuples(st.integers(-3, 3), st.floats(-2, 2).map(lambda v: round(v, 1))),
                 min_size=2, max_size=30)


@given(LISTS)
def test_spearman_is_scipys_also_with_ties(rows):
    x, y = (np.array(column, dtype=float) for column in zip(*rows))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        with pytest.raises(NonFiniteError, match="one of the lists is constant"):
            spearman(x, y)
        return
    found = spearman(x, y)
    assert found == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    assert found == pytest.approx(spearman(y, x), abs=1e-12)
    assert spearman(-x, y) == pytest.approx(-found, abs=1e-12)
    assert spearman(np.exp(x), 3 * y - 7) == pytest.approx(found, abs=1e-12)
    assert spearman(x, x**3) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("x, y", [([1, 2, 3], [1, 2]), ([[1, 2]], [[2, 1]]), (1.0, 2.0)])
def test_spearman_refuses_lists_that_do_not_pair_up(x, y):
    with pytest.raises(ShapeError, match="spearman: x has shape .*; expected two lists"):
        spearman(np.array(x), np.array(y))


@pytest.mark.parametrize("x, y, message", [
    ([1.0, np.nan], [1.0, 2.0], "is not finite"), ([1.0, 2.0], [np.inf, 2.0], "is not finite"),
    ([], [], "is constant"), ([1.0], [1.0], "is constant"), ([0.1] * 3, [1, 2, 3], "is constant"),
])
def test_spearman_refuses_what_orders_nothing(x, y, message):
    with pytest.raises(NonFiniteError, match=message):
        spearman(np.array(x), np.array(y))


def test_spearman_of_a_published_example():
    """IQ and hours of television a week of ten people (the example of Wikipedia): -29/165."""
    iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    assert spearman(iq, hours) == pytest.approx(-29 / 165, abs=1e-12)


def test_ties_get_their_mean_rank_worked_by_hand():
    # ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: deviations -1.5, 0, 0, 1.5 and -1.5, -.5, .5, 1.5
    assert spearman([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(4.5 / np.sqrt(4.5 * 5))


# ---- the correlation ----


ANSCOMBE = {
    "1": ([10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5],
          [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]),
    "2": ([10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5],
          [9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74]),
    "3": ([10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5],
          [7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73]),
    "4": ([8, 8, 8, 8, 8, 8, 8, 19, 8, 8, 8],
          [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.50, 5.56, 7.91, 6.89]),
}


@pytest.mark.parametrize("which", ANSCOMBE)
def test_pearson_of_anscombes_quartet(which):
    """Four very different clouds of one correlation, 0.816 (Anscombe 1973)."""
    assert round(pearson(*ANSCOMBE[which]), 3) in (0.816, 0.817)


@given(LISTS)
def test_pearson_is_scipys_and_knows_neither_scale_nor_shift(rows):
    x, y = (np.array(column, dtype=float) for column in zip(*rows))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        with pytest.raises(NonFiniteError, match="one of the lists is constant"):
            pearson(x, y)
        return
    found = pearson(x, y)
    assert -1 - 1e-12 <= found <= 1 + 1e-12
    assert found == pytest.approx(pearsonr(x, y).statistic, abs=1e-12)
    assert found == pytest.approx(pearson(y, x), abs=1e-12)
    assert pearson(-2 * x + 1, y) == pytest.approx(-found, abs=1e-12)
    assert pearson(x, 3 * x - 7) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e-5, 1e200])
def test_pearson_of_very_large_and_very_small_numbers(scale):
    x, y = np.array([1.0, 2, 4]), np.array([1.0, 3, 2])
    assert pearson(x * scale, y) == pytest.approx(pearsonr(x, y).statistic, abs=1e-9)


def test_sums_that_fit_into_no_float_are_no_matter():
    x = [1.7e308, 1.7e308, 1e308]
    assert pearson(x, [1, 2, 3]) == pytest.approx(pearson([1.7, 1.7, 1], [1, 2, 3]), abs=1e-12)
    assert grade_metrics([1e200, 0.0], [-1e200, 0.0]).rmse == pytest.approx(np.sqrt(2) * 1e200)
    with pytest.raises(NonFiniteError, match="true - predicted is inf"):
        grade_metrics([1.7e308], [-1.7e308])


@pytest.mark.parametrize("x", [
    ["1", "2"], [[1], [1, 2]], (k for k in [1, 2]), [1j, 2.0], [None, 1.0], "ab", None,
])
def test_what_are_no_numbers_is_refused(x):
    for find in (pearson, spearman, grade_metrics):
        with pytest.raises(DtypeError, match=f"{find.__name__}: [xy]: a .* array of floats"):
            find(x, [1.0, 2.0])
        with pytest.raises(DtypeError, match=f"{find.__name__}: [xy]: a .* array of floats"):
            find([1.0, 2.0], x)


@pytest.mark.parametrize("x, y", [([1, 2, 3], [1, 2]), ([[1, 2]], [[2, 1]]), (1.0, 2.0)])
def test_pearson_refuses_lists_that_do_not_pair_up(x, y):
    with pytest.raises(ShapeError, match="pearson: x has shape .*; expected two lists"):
        pearson(np.array(x), np.array(y))


@pytest.mark.parametrize("x, y, message", [
    ([1.0, np.nan], [1.0, 2.0], "is not finite"), ([1.0, 2.0], [np.inf, 2.0], "is not finite"),
    ([], [], "is constant"), ([1.0], [1.0], "is constant"), ([0.1] * 3, [1, 2, 3], "is constant"),
])
def test_pearson_refuses_what_lies_on_no_line(x, y, message):
    with pytest.raises(NonFiniteError, match=message):
        pearson(np.array(x), np.array(y))


# ---- grades ----


def test_grade_metrics_worked_by_hand():
    found = grade_metrics([0.0, 2.0, 4.0], [1.0, 1.0, 4.0])
    assert found.rmse == pytest.approx(np.sqrt(2 / 3))
    # ranks 1, 2, 3 and 1.5, 1.5, 3; deviations -2, 0, 2 and -1, -1, 2
    assert found.spearman == pytest.approx(1.5 / np.sqrt(2 * 1.5))
    assert found.pearson == pytest.approx(6 / np.sqrt(8 * 6))
    assert found.best_by == found.spearman and found.loss is None


@given(LISTS)
def test_grade_metrics_are_scipys(rows):
    y, z = (np.array(column, dtype=float) for column in zip(*rows))
    found = grade_metrics(y, z)
    assert found.rmse == pytest.approx(float(((y - z) ** 2).mean()) ** 0.5, abs=1e-12)
    if np.ptp(y) > 0 and np.ptp(z) > 0:
        assert found.spearman == pytest.approx(spearmanr(y, z).statistic, abs=1e-12)
        assert found.pearson == pytest.approx(pearsonr(y, z).statistic, abs=1e-12)
    else:
        assert (found.spearman, found.pearson) == (0.0, 0.0)


def test_the_right_grades_are_perfect_and_constant_ones_order_nothing():
    assert grade_metrics([1.0, 3.0, 2.0], [1.0, 3.0, 2.0]) == GradeMetrics(1.0, 1.0, 0.0)
    for y, z in (([1.0, 2.0], [5.0, 5.0]), ([5.0, 5.0], [1.0, 2.0]), ([1.0], [1.0])):
        found = grade_metrics(y, z)
        assert (found.spearman, found.pearson) == (0.0, 0.0)
        assert found.rmse == pytest.approx(np.sqrt(np.mean((np.array(y) - z) ** 2)))


def test_grades_that_cannot_be_compared_are_refused():
    with pytest.raises(ShapeError, match="grade_metrics: no examples"):
        grade_metrics([], [])
    with pytest.raises(ShapeError, match="expected two lists"):
        grade_metrics([1.0], [1.0, 2.0])
    with pytest.raises(NonFiniteError, match="grade_metrics: a number is not finite"):
        grade_metrics([1.0, 2.0], [np.nan, 1.0])
