"""The spread of a cloud about its mean, against closed forms and the papers' own steps."""

import numpy as np
import pytest
from clouds import cloud, cross, rotation
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from npft.embed.spectrum import (
    effective_rank,
    iso_score,
    participation_ratio,
    partition_score,
    principal,
    singular_values,
)
from npft.errors import NonFiniteError, ShapeError

SPREAD = [effective_rank, participation_ratio, iso_score]


@given(st.integers(0, 10**6))
def test_principal_directions_put_the_rows_together_again(seed):
    x = cloud(seed)
    s, directions = principal(x)
    assert s == pytest.approx(np.linalg.svd(x, compute_uv=False), rel=1e-9)
    assert directions @ directions.T == pytest.approx(np.eye(len(s)), abs=1e-12)
    assert (x @ directions.T) @ directions == pytest.approx(x, abs=1e-9)
    assert np.linalg.norm(x @ directions.T, axis=0) == pytest.approx(s, abs=1e-9)


@pytest.mark.parametrize("d", [1, 2, 5, 16])
def test_the_effective_rank_counts_equal_directions(d):
    x = np.vstack([np.eye(d), -np.eye(d)])  # all d directions alike
    assert effective_rank(x) == pytest.approx(d, abs=1e-9)
    line = np.outer([1.0, 2.0, -3.0, 0.5], np.arange(1, d + 1)) + 7
    assert effective_rank(line) == pytest.approx(1, abs=1e-9)


def test_the_effective_rank_of_a_known_spectrum():
    x = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # singular values 3 : 1
    assert singular_values(x) == pytest.approx([3 * 2**0.5, 2**0.5])
    p = np.array([0.75, 0.25])
    assert effective_rank(x) == pytest.approx(np.exp(-(p * np.log(p)).sum()), abs=1e-12)


@pytest.mark.parametrize("k, d", [(1, 2), (3, 3), (3, 8)])
def test_the_participation_ratio_counts_equal_variances(k, d):
    x = cross(*[2.0] * k, *[0.0] * (d - k)) + np.arange(d)
    assert participation_ratio(x) == pytest.approx(k, abs=1e-9)
    assert iso_score(x) == pytest.approx((k - 1) / (d - 1), abs=1e-9)


def iso_score_in_five_steps(x):
    """As the paper has it (Rudman et al. 2022, section 4)."""
    n = x.shape[1]
    v = np.linalg.eigvalsh(np.atleast_2d(np.cov(x.T)))  # 1, 2: the variances after a rotation
    v_hat = np.sqrt(n) * v / np.linalg.norm(v)  # 3
    delta = np.linalg.norm(v_hat - 1) / np.sqrt(2 * (n - np.sqrt(n)))  # 4
    phi = (n - delta**2 * (n - np.sqrt(n))) ** 2 / n**2  # 5
    return (n * phi - 1) / (n - 1)


@given(st.integers(0, 10**6))
def test_iso_score_is_what_the_five_steps_of_the_paper_give(seed):
    x = cloud(seed)
    assert iso_score(x) == pytest.approx(iso_score_in_five_steps(x), abs=1e-9)


def test_iso_score_is_0_for_a_line_and_1_for_a_round_cloud():
    line = np.outer([1.0, 2.0, -3.0, 0.5], [1.0, 2.0, 3.0]) + 7
    assert iso_score(line) == pytest.approx(0, abs=1e-12)
    assert iso_score(cross(3, 3, 3, 3)) == pytest.approx(1, abs=1e-12)
    gauss = np.random.default_rng(0).standard_normal((20_000, 16))
    assert iso_score(gauss) > 0.98


def test_a_narrow_cone_far_from_0_is_isotropic_if_it_is_round():
    assert iso_score(cross(1, 1, 1) + [100, 0, 0]) == pytest.approx(1, abs=1e-9)


@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
def test_no_measure_of_spread_knows_axes_or_scale_or_shift(seed, scale):
    x = cloud(seed)
    changed = scale * (x + 3) @ rotation(x.shape[1], seed)
    for measure in SPREAD:
        assert measure(changed) == pytest.approx(measure(x), rel=1e-7, abs=1e-9)
    most = min(len(x) - 1, x.shape[1])
    assert 1 - 1e-9 <= participation_ratio(x) <= effective_rank(x) ** 2
    assert 1 - 1e-12 <= effective_rank(x) <= most + 1e-9
    assert 0 <= iso_score(x) <= 1


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1.7e308 / 40])
def test_the_spread_of_very_large_and_very_small_numbers_is_that_of_others(scale):
    x = cloud(3, n=9, d=4)
    for measure in SPREAD:
        assert measure(scale * x) == pytest.approx(measure(x), rel=1e-9)
    assert singular_values(scale * x) / scale == pytest.approx(singular_values(x), rel=1e-9)


@given(arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 4)),
              elements=st.floats(-1e3, 1e3)))
def test_equal_rows_span_no_direction_whatever_their_rounding(x):
    for measure in SPREAD:
        with pytest.raises(ShapeError, match=f"{measure.__name__}: all rows are equal"):
            measure(np.tile(x[:1], (3, 1)))


def test_one_column_has_no_iso_score():
    with pytest.raises(ShapeError, match="iso_score: x has one column"):
        iso_score(np.array([[1.0], [2.0]]))


# ---- the partition function ----


def slow_partition_score(x):
    _, axes = np.linalg.eigh(x.T @ x)
    z = [np.exp(x @ (sign * c)).sum() for c in axes.T for sign in (1, -1)]
    return min(z) / max(z)


@given(st.integers(0, 10**6))
def test_the_partition_score_is_the_smallest_sum_of_exponentials_over_the_largest(seed):
    x = cloud(seed)
    assert partition_score(x) == pytest.approx(slow_partition_score(x), rel=1e-7)
    assert 0 < partition_score(x) <= 1
    assert partition_score(-x) == pytest.approx(partition_score(x), rel=1e-9)


@pytest.mark.parametrize("length", [0.0, 0.5, 3.0])
def test_equal_rows_have_the_partition_score_of_their_length(length):
    x = np.tile([length * 0.6, 0.0, length * 0.8], (5, 1))
    assert partition_score(x) == pytest.approx(np.exp(-2 * length), rel=1e-12)


def test_a_cross_of_equal_arms_has_partition_score_1():
    assert partition_score(cross(2, 2, 2)) == pytest.approx(1, abs=1e-12)


def test_a_shifted_gaussian_has_the_partition_score_of_its_shift():
    # Z(c) = n exp(c . mu + s^2 / 2): largest along mu, smallest against it
    mu = np.array([0.0, 0.5, 0.0])
    x = mu + 0.3 * np.random.default_rng(0).standard_normal((50_000, 3))
    assert partition_score(x) == pytest.approx(np.exp(-1.0), rel=0.02)


def test_the_partition_score_of_long_vectors_comes_from_logarithms():
    assert partition_score(cross(800, 800)) == pytest.approx(1, abs=1e-9)  # exp(800) is no float
    assert partition_score(np.tile([1e4, 0.0], (3, 1))) == 0  # exp(-2e4) is none either
    with pytest.raises(NonFiniteError, match="partition_score: x has numbers too large to add"):
        partition_score(np.full((3, 2), 1.7e308))


@pytest.mark.parametrize("large, small", [(1e300, 1e-30), (0.1, 1e-17), (1e308, 1e308)])
def test_a_column_that_never_varies_is_no_direction(large, small):
    x = np.column_stack([np.full(5, large), small * (np.arange(5.0) / 4)])
    for measure, expected in ((effective_rank, 1), (participation_ratio, 1), (iso_score, 0)):
        assert measure(x) == pytest.approx(expected, abs=1e-12)
