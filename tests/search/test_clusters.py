"""k-means: heaps that are apart are found, inertia never rises, no heap is empty."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, NonFiniteError, ShapeError
from npft.metrics.clusters import purity
from npft.search.clusters import k_means


def heaps(seed, k=4, n=10):
    rng = np.random.default_rng(seed)
    classes = np.repeat(np.arange(k), n)
    return 20 * np.eye(k)[classes] + rng.standard_normal((k * n, k)), classes


def test_heaps_that_are_far_apart_are_found_whatever_the_seed():
    for seed in range(5):
        x, classes = heaps(seed)
        found = k_means(x, 4, rng=np.random.default_rng(seed))
        assert purity(classes, found.labels) == 1 and sorted(np.bincount(found.labels)) == [10] * 4
        for heap in range(4):
            assert found.centres[heap] == pytest.approx(x[found.labels == heap].mean(axis=0))


@given(st.integers(0, 10**6))
def test_each_round_lowers_the_inertia_and_at_the_end_each_vector_is_with_its_nearest(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((30, 2))
    k = int(rng.integers(1, 8))
    walk = [k_means(x, k, rounds=n, rng=np.random.default_rng(seed)) for n in range(1, 8)]
    inertias = [found.inertia for found in walk]
    assert all(b <= a + 1e-9 for a, b in zip(inertias, inertias[1:]))
    end = k_means(x, k, rng=np.random.default_rng(seed))
    distances = ((x[:, None] - end.centres) ** 2).sum(axis=2)
    assert end.inertia == pytest.approx(distances.min(axis=1).sum())
    assert (np.bincount(end.labels, minlength=k) > 0).all()


def test_as_many_heaps_as_vectors_leave_nothing_and_one_heap_is_the_mean():
    x = np.random.default_rng(0).standard_normal((6, 3))
    assert k_means(x, 6, rng=np.random.default_rng(0)).inertia == pytest.approx(0, abs=1e-20)
    one = k_means(x, 1, rng=np.random.default_rng(0))
    assert one.centres[0] == pytest.approx(x.mean(axis=0))
    assert one.inertia == pytest.approx(((x - x.mean(axis=0)) ** 2).sum())


def test_a_heap_that_loses_all_its_vectors_gets_the_one_farthest_from_home():
    from npft.search.clusters import _without_empty

    labels, distances = np.array([0, 0, 2, 0]), np.array([1.0, 5.0, 9.0, 2.0])
    assert _without_empty(labels, distances, 3).tolist() == [0, 1, 2, 0]  # 9 is alone in its heap
    assert _without_empty(labels, distances, 4).tolist() == [0, 1, 2, 3]
    assert labels.tolist() == [0, 0, 2, 0]


def test_the_same_seed_gives_the_same_bits_and_the_input_is_kept():
    x, _ = heaps(1)
    before = x.copy()
    one, other = (k_means(x, 5, rng=np.random.default_rng(3)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other)) and np.array_equal(x, before)


def test_what_makes_no_heaps_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ShapeError, match="x has 2 different rows, k is 3"):
        k_means(np.array([[0.0], [1.0], [1.0], [0.0]]), 3, rng=rng)
    with pytest.raises(NonFiniteError, match="row 1 is not finite"):
        k_means(np.array([[0.0], [np.nan]]), 1, rng=rng)
    for options in ({"k": 0}, {"k": 1, "rounds": 0}, {"k": 1.5}):
        with pytest.raises(ConfigError):
            k_means(np.eye(3), **options, rng=rng)
    with pytest.raises(ConfigError, match="rng is 3"):
        k_means(np.eye(3), 1, rng=3)


@pytest.mark.parametrize("shift, scale", [(1.7e9, 1.0), (0.0, 1e200), (0.0, 1e-200), (-1e6, 1e-3)])
def test_neither_a_shift_nor_a_scale_changes_the_heaps(shift, scale):
    x = (shift + np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 30.0, 31.0])[:, None]) * scale
    runs = [k_means(x, 3, rng=np.random.default_rng(seed)) for seed in range(5)]
    best = min(runs, key=lambda found: np.abs(x - found.centres[found.labels]).max())
    assert purity([0, 0, 0, 1, 1, 1, 2, 2], best.labels) == 1
    expected = (shift + np.array([1.0, 11.0, 30.5])) * scale
    assert sorted(best.centres.ravel()) == pytest.approx(expected, rel=1e-12)
    if scale < 1e100:
        assert best.inertia == pytest.approx(4.5 * scale * scale, rel=1e-6, abs=0)
    else:
        assert best.inertia == np.inf
