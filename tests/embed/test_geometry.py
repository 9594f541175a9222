"""Figures of a cloud of vectors, against slow sums, closed forms and what must not change them."""

import numpy as np
import pytest
from clouds import cloud, rotation
from hypothesis import given
from hypothesis import strategies as st

from npft.embed.geometry import (
    alignment,
    cone,
    cosine_contributions,
    mean_cosine,
    uniformity,
)
from npft.embed.rows import unit_rows
from npft.embed.transforms import standardize
from npft.errors import ConfigError, NonFiniteError, ShapeError



def slow_cosines(x):
    """The cosine of each pair of different rows."""
    return [x[i] @ x[j] / (np.linalg.norm(x[i]) * np.linalg.norm(x[j]))
            for i in range(len(x)) for j in range(len(x)) if i != j]


SEEDS = given(st.integers(0, 10**6))


# ---- mean cosine ----


@SEEDS
def test_mean_cosine_is_the_mean_over_all_pairs(seed):
    x = cloud(seed)
    assert mean_cosine(x) == pytest.approx(np.mean(slow_cosines(x)), abs=1e-12)


@SEEDS
def test_contributions_sum_to_the_mean_cosine_and_are_each_dimensions_part(seed):
    x = cloud(seed)
    parts = cosine_contributions(x)
    assert parts.sum() == pytest.approx(mean_cosine(x), abs=1e-12)
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    slow = np.mean([u[i] * u[j] for i in range(len(u)) for j in range(len(u)) if i != j], axis=0)
    assert parts == pytest.approx(slow, abs=1e-12)


def test_a_rogue_dimension_carries_the_mean_cosine():
    x = np.random.default_rng(0).standard_normal((2000, 20))
    x[:, 7] += 10
    parts = cosine_contributions(x)
    assert parts.argmax() == 7 and parts[7] > 0.95 * parts.sum()
    assert mean_cosine(np.delete(x, 7, axis=1)) < 0.01 < 0.7 < mean_cosine(x)


def test_an_isotropic_gaussian_has_mean_cosine_0():
    x = np.random.default_rng(0).standard_normal((2000, 32))
    assert abs(mean_cosine(x)) < 0.02


@pytest.mark.parametrize("length, s", [(1.0, 1.0), (3.0, 0.5), (10.0, 1.0), (0.5, 2.0)])
def test_a_shifted_gaussian_has_the_mean_cosine_of_its_shift(length, s):
    # E |x|² = |mu|² + D s²; for large D the lengths hardly vary.
    d = 512
    rng = np.random.default_rng(0)
    mu = rng.standard_normal(d)
    mu *= length / np.linalg.norm(mu)
    x = mu + s * rng.standard_normal((2000, d))
    assert mean_cosine(x) == pytest.approx(length**2 / (length**2 + d * s**2), abs=0.005)


@SEEDS
def test_mean_cosine_knows_neither_lengths_nor_axes_nor_order(seed):
    x = cloud(seed)
    rng = np.random.default_rng(seed)
    lengths = 10 ** rng.uniform(-3, 3, (len(x), 1))
    changed = rng.permutation(x * lengths) @ rotation(x.shape[1], seed)
    assert mean_cosine(changed) == pytest.approx(mean_cosine(x), abs=1e-12)


def test_float32_and_whole_numbers_are_measured_in_float64():
    x = cloud(0).round(1).astype(np.float32)
    assert mean_cosine(x) == mean_cosine(x.astype(np.float64))
    assert mean_cosine(np.array([[1, 0], [1, 1]])) == pytest.approx(0.5**0.5)


def test_standardising_takes_the_cone_away():
    x = 5 + np.random.default_rng(0).standard_normal((500, 16))
    assert mean_cosine(x) > 0.9
    assert abs(mean_cosine(standardize(x))) < 0.02


# ---- alignment and uniformity ----


@SEEDS
def test_alignment_is_2_minus_2_mean_cosines_of_the_positives(seed):
    x = cloud(seed)
    y = x + np.random.default_rng(seed).standard_normal(x.shape)
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(x, y)]
    assert alignment(x, y) == pytest.approx(2 - 2 * np.mean(cosines), abs=1e-12)
    assert alignment(x, x) == 0 and alignment(x, -x) == pytest.approx(4, abs=1e-12)


@given(st.integers(0, 10**6), st.floats(0.1, 20))
def test_uniformity_is_the_log_mean_over_all_pairs_and_never_above_0(seed, t):
    x = cloud(seed)
    distances = [2 - 2 * cosine for cosine in slow_cosines(x)]
    slow = np.log(np.mean(np.exp([-t * distance for distance in distances])))
    assert uniformity(x, t) == pytest.approx(slow, abs=1e-9)
    assert -4 * t <= uniformity(x, t) <= 0


@given(st.integers(0, 10**6), st.integers(2, 9))
def test_collapsed_vectors_have_uniformity_0_and_mean_cosine_1(seed, n):
    x = np.tile(cloud(seed, n=2)[:1], (n, 1))
    x *= np.arange(1, n + 1)[:, None]  # the length does not matter
    assert -1e-12 < uniformity(x) <= 0
    assert mean_cosine(x) == pytest.approx(1, abs=1e-12) and alignment(x, x) == 0


def test_isotropic_vectors_in_many_dimensions_have_uniformity_near_minus_4():
    # E exp(-2 (2 - 2 cos)) with cos of deviation 1 / sqrt(D): -4 + 8 / D
    for d in (256, 1024):
        x = np.random.default_rng(0).standard_normal((600, d))
        assert uniformity(x) == pytest.approx(-4 + 8 / d, abs=0.005)


@pytest.mark.parametrize("n", [511, 512, 513, 1030])
def test_uniformity_over_several_tiles_is_that_of_all_pairs_at_once(n):
    u = unit_rows("x", cloud(0, n=n, d=4))
    cosines = np.minimum((u @ u.T)[np.triu_indices(n, 1)], 1)
    assert uniformity(u) == pytest.approx(np.log(np.exp(-2 * (2 - 2 * cosines)).mean()), abs=1e-12)


def test_uniformity_with_a_large_t_does_not_underflow():
    x = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert uniformity(x, t=1e6) == -4e6


# ---- the cone ----


@SEEDS
def test_the_cones_radius_is_the_angle_to_the_mean_direction(seed):
    x = cloud(seed, n=20, d=6) + 2
    radius, direction = cone(x)
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    axis = u.mean(axis=0) / np.linalg.norm(u.mean(axis=0))
    assert radius == pytest.approx(np.arccos(u @ axis), abs=1e-9)
    assert ((radius >= 0) & (radius <= np.pi)).all() and (np.abs(direction) <= np.pi).all()
    turned, _ = cone(3 * x @ rotation(6, seed))
    assert turned == pytest.approx(radius, abs=1e-7)


def test_a_ring_around_an_axis_is_seen_as_a_ring():
    angles = np.arange(12) * np.pi / 6
    ring = np.column_stack([np.cos(angles), np.sin(angles), np.full(12, 1.0)])
    radius, direction = cone(ring)
    assert radius == pytest.approx(np.pi / 4, abs=1e-12)
    steps = np.diff(np.unwrap(direction))
    assert np.abs(steps) == pytest.approx(np.pi / 6, abs=1e-9)


def test_vectors_without_a_mean_direction_have_no_cone():
    with pytest.raises(ShapeError, match="cone: the unit vectors add up to 0"):
        cone(np.array([[1.0, 0.0], [-2.0, 0.0]]))


@pytest.mark.parametrize("shape", [(1, 3), (3, 1)])
def test_one_row_or_column_has_no_cone(shape):
    with pytest.raises(ShapeError, match="cone: x has shape .* at least two rows and two columns"):
        cone(np.ones(shape))


# ---- what is refused ----


@pytest.mark.parametrize("measure", [mean_cosine, cosine_contributions, uniformity, cone,
                                     lambda x: alignment(x, np.ones_like(x)),
                                     lambda x: alignment(np.ones_like(x), x)])
def test_a_zero_vector_has_no_direction(measure):
    x = cloud(0, n=5)
    x[2] = 0
    with pytest.raises(NonFiniteError, match="row 2 has length 0, so it has no direction"):
        measure(x)


@pytest.mark.parametrize("measure", [mean_cosine, cosine_contributions, uniformity])
def test_one_row_makes_no_pair(measure):
    with pytest.raises(ShapeError, match="1 rows make no pair; give at least two"):
        measure(np.ones((1, 4)))


@pytest.mark.parametrize("t", [0.0, -1.0, np.nan, np.inf, None, "2", True, 10**400])
def test_a_uniformity_without_a_positive_t_is_refused(t):
    with pytest.raises(ConfigError, match="uniformity: t is"):
        uniformity(cloud(0), t)


def test_pairs_of_different_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"alignment: x has shape \(4, 3\), y \(5, 3\)"):
        alignment(np.ones((4, 3)), np.ones((5, 3)))


def test_uniformity_refuses_a_t_whose_exponents_are_no_floats():
    assert uniformity(np.array([[1.0, 0.0], [1.0, 0.0]]), t=4e307) == 0
    with pytest.raises(ConfigError, match="uniformity: t is 1e[+]308"):
        uniformity(np.array([[1.0, 0.0], [1.0, 0.0]]), t=1e308)
