"""Purity and V-measure: worked by hand, at their ends, and blind to the names of clusters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import DataError, DtypeError, ShapeError
from npft.metrics.clusters import purity, v_measure

MANNING = ([0] * 5 + [1] * 1 + [0] * 1 + [1] * 4 + [2] * 1 + [0] * 2 + [2] * 3,
           [0] * 6 + [1] * 6 + [2] * 5)  # Manning et al. 2008, figure 16.4: 5, 4 and 3 of 17


def test_the_textbook_example():
    assert purity(*MANNING) == pytest.approx(12 / 17)
    assert round(v_measure(*MANNING), 2) == 0.36  # their normalised mutual information


def test_the_ends_one_cluster_single_texts_and_equal_divisions():
    classes = [0, 0, 1, 2, 2, 2]
    assert purity(classes, [5, 5, 1, 0, 0, 0]) == v_measure(classes, [5, 5, 1, 0, 0, 0]) == 1
    assert purity(classes, [0] * 6) == 0.5 and v_measure(classes, [0] * 6) == 0
    h = -(2 * np.log(2 / 6) + np.log(1 / 6) + 3 * np.log(3 / 6)) / 6
    assert purity(classes, range(6)) == 1
    assert v_measure(classes, range(6)) == pytest.approx(2 * h / (h + np.log(6)))
    assert v_measure([3, 3], [1, 1]) == 1


@given(st.integers(0, 10**6))
def test_names_of_clusters_do_not_matter_and_v_is_symmetric(seed):
    rng = np.random.default_rng(seed)
    classes, clusters = rng.integers(0, 4, (2, 20))
    names = rng.permutation(4) + 3
    assert purity(classes, names[clusters]) == purity(classes, clusters)
    assert v_measure(classes, names[clusters]) == pytest.approx(v_measure(clusters, classes))
    assert 0 <= v_measure(classes, clusters) <= 1


@pytest.mark.parametrize("figure", [purity, v_measure])
def test_bad_lists_are_refused(figure):
    for a, b, error, said in (
        ([0, 1], [0], ShapeError, r"clusters \(1,\)"), ([], [], ShapeError, "at least 1"),
        ([0.5], [0], DtypeError, "classes are float64"), ([0], ["a"], DtypeError, "clusters are"),
        ([0], [-1], DataError, "clusters go from -1"),
    ):
        with pytest.raises(error, match=said):
            figure(a, b)
