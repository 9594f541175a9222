"""Figures of a cloud of vectors, against slow sums, closed forms and what must not change them."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from npft.embed.geometry import (
    alignment,
    cka,
    cone,
    cosine_contributions,
    effective_rank,
    mean_cosine,
    singular_values,
    standardize,
    uniformity,
)
from npft.embed.rows import TILE, checked_rows, unit_rows
from npft.errors import ConfigError, DtypeError, NonFiniteError, ShapeError

ALL = [mean_cosine, cosine_contributions, standardize, uniformity, singular_values,
       effective_rank, cone, lambda x: unit_rows("x", x), lambda x: alignment(x, x),
       lambda x: cka(x, x)]
EACH = pytest.mark.parametrize("measure", ALL)


def cloud(seed, n=None, d=None):
    """Vectors with a mean and columns of different scale."""
    rng = np.random.default_rng(seed)
    n, d = n or rng.integers(2, 12), d or rng.integers(2, 9)
    scale, shift = rng.uniform(0.1, 3, d), rng.standard_normal(d)
    return rng.standard_normal((n, d)) * scale + shift


def rotation(d, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


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


def test_very_large_and_very_small_vectors_have_their_direction():
    x = np.array([[3e200, 4e200], [3e-200, 4e-200], [3.0, 4.0]])
    assert unit_rows("x", x) == pytest.approx(np.tile([0.6, 0.8], (3, 1)), abs=1e-15)
    assert mean_cosine(x) == pytest.approx(1, abs=1e-15)


def test_float32_and_whole_numbers_are_measured_in_float64():
    x = cloud(0).round(1).astype(np.float32)
    assert mean_cosine(x) == mean_cosine(x.astype(np.float64))
    assert mean_cosine(np.array([[1, 0], [1, 1]])) == pytest.approx(0.5**0.5)


# ---- standardise ----


@SEEDS
def test_standardised_columns_have_mean_0_and_deviation_1(seed):
    z = standardize(cloud(seed))
    assert z.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert z.std(axis=0) == pytest.approx(1, abs=1e-12)


@given(st.floats(-1e6, 1e6), st.integers(1, 9))
def test_a_constant_column_becomes_0_and_changes_no_other(value, n):
    x = np.random.default_rng(0).standard_normal((n, 2))
    with_constant = np.column_stack([x[:, 0], np.full(n, value), x[:, 1]])
    z = standardize(with_constant)
    assert (z[:, 1] == 0).all()
    assert (z[:, [0, 2]] == standardize(x)).all()


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


# ---- linear CKA ----


def slow_cka(x, y):
    """By the similarities of all pairs: <K, L> / (|K| |L|), K and L centred (n, n)."""
    k, l = ((a - a.mean(axis=0)) @ (a - a.mean(axis=0)).T for a in (x, y))
    return (k * l).sum() / np.sqrt((k * k).sum() * (l * l).sum())


@SEEDS
def test_cka_is_the_alignment_of_the_centred_similarities_of_all_pairs(seed):
    x, y = cloud(seed, n=9), cloud(seed + 1, n=9)
    assert cka(x, y) == pytest.approx(slow_cka(x, y), abs=1e-12)
    assert cka(y, x) == pytest.approx(cka(x, y), rel=1e-12) and 0 <= cka(x, y) <= 1


@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.booleans())
def test_cka_is_1_under_a_rotation_a_common_scale_and_a_shift(seed, scale, mirrored):
    x = cloud(seed, n=9)
    moved = scale * (-1 if mirrored else 1) * x @ rotation(x.shape[1], seed) + 3.0
    assert cka(x, moved) == pytest.approx(1, abs=1e-9)


def test_cka_of_the_same_numbers_is_1_to_the_last_bit():
    assert {cka(x, x) for x in (cloud(seed) for seed in range(20))} == {1.0}


def test_cka_is_0_where_nothing_goes_together_and_falls_if_one_column_is_stretched():
    x = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert cka(x[:, :1], x[:, 1:]) == 0
    # stretched by s: (1 + s^2) / sqrt(2 (1 + s^4))
    assert cka(x, x * [1, 3]) == pytest.approx(10 / np.sqrt(2 * 82))


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_cka_does_not_depend_on_how_large_numbers_are(scale):
    x, y = cloud(1, n=9), cloud(2, n=9)
    assert cka(scale * x, y / scale) == pytest.approx(cka(x, y), rel=1e-9)


def test_cka_refuses_what_is_not_paired_and_what_is_always_the_same():
    x = cloud(0, n=5)
    with pytest.raises(ShapeError, match="cka: x has 5 rows, y 4; give paired rows"):
        cka(x, x[:4])
    for other in (np.full((5, 3), 0.1), np.zeros((5, 2))):
        with pytest.raises(ShapeError, match="cka: y: all rows are equal"):
            cka(x, other)
    with pytest.raises(ShapeError, match="cka: x: all rows are equal"):
        cka(x[:1], x[:1])


@EACH
def test_memory_grows_with_the_number_of_vectors_and_not_with_its_square(measure):
    def peak(n):
        x = np.random.default_rng(0).standard_normal((n, 8))
        tracemalloc.start()
        measure(x)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    tiles = 8 * TILE**2 * 8  # bytes; what is worked on at once, however many there are
    assert peak(8192) < 2.5 * peak(4096) and peak(8192) < 4 * 8192 * 8 * 8 + tiles


def test_uniformity_with_a_large_t_does_not_underflow():
    x = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert uniformity(x, t=1e6) == -4e6


# ---- effective rank ----


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


@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
def test_the_effective_rank_knows_neither_axes_nor_scale_nor_shift(seed, scale):
    x = cloud(seed)
    changed = scale * (x + 3) @ rotation(x.shape[1], seed)
    assert effective_rank(changed) == pytest.approx(effective_rank(x), rel=1e-9)
    assert 1 - 1e-12 <= effective_rank(x) <= min(len(x) - 1, x.shape[1]) + 1e-9


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


# ---- manners ----


@EACH
def test_the_input_is_not_changed(measure):
    x = cloud(0)
    before = x.tobytes()
    measure(x)
    assert x.tobytes() == before


@EACH
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_with_their_row(measure, value):
    x = cloud(0, n=5)
    x[3, 1] = value
    with pytest.raises(NonFiniteError, match="row 3 is not finite"):
        measure(x)


@pytest.mark.parametrize("measure", [mean_cosine, cosine_contributions, uniformity, cone,
                                     lambda x: alignment(x, np.ones_like(x)),
                                     lambda x: alignment(np.ones_like(x), x)])
def test_a_zero_vector_has_no_direction(measure):
    x = cloud(0, n=5)
    x[2] = 0
    with pytest.raises(NonFiniteError, match="row 2 has length 0, so it has no direction"):
        measure(x)


@EACH
@pytest.mark.parametrize("x, error, message", [
    (np.ones(3), ShapeError, r"has shape \(3,\), expected 2 axes"),
    (np.ones((2, 3, 4)), ShapeError, r"has shape \(2, 3, 4\), expected 2 axes"),
    (np.ones((0, 3)), ShapeError, r"has shape \(0, 3\); give at least one row"),
    (np.ones((3, 0)), ShapeError, r"has shape \(3, 0\); give at least one row"),
    ([[1.0, 2.0], [3.0]], ShapeError, "rows of different lengths"),
    (np.ones((2, 2), complex), DtypeError, "dtype complex128, expected real"),
    ([["a", "b"]], DtypeError, "expected real numbers"),
    ([[None, 1.0]], DtypeError, "expected real numbers"),
])
def test_what_is_no_table_of_numbers_is_refused(measure, x, error, message):
    with pytest.raises(error, match=message):
        measure(x)


@pytest.mark.parametrize("measure", [mean_cosine, cosine_contributions, uniformity])
def test_one_row_makes_no_pair(measure):
    with pytest.raises(ShapeError, match="1 rows make no pair; give at least two"):
        measure(np.ones((1, 4)))


@given(arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 4)),
              elements=st.floats(-1e3, 1e3)))
def test_equal_rows_span_no_direction_whatever_their_rounding(x):
    with pytest.raises(ShapeError, match="effective_rank: all rows are equal"):
        effective_rank(np.tile(x[:1], (3, 1)))


@pytest.mark.parametrize("t", [0.0, -1.0, np.nan, np.inf, None, "2", True, 10**400])
def test_a_uniformity_without_a_positive_t_is_refused(t):
    with pytest.raises(ConfigError, match="uniformity: t is"):
        uniformity(cloud(0), t)


def test_pairs_of_different_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"alignment: x has shape \(4, 3\), y \(5, 3\)"):
        alignment(np.ones((4, 3)), np.ones((5, 3)))


def test_checked_rows_gives_a_new_table_in_float64():
    x = np.ones((2, 2))
    rows = checked_rows("x", x)
    assert rows.dtype == np.float64 and not np.shares_memory(rows, x)
