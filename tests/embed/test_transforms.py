"""Straightened clouds: what is learnt from one table holds for it exactly, and for others alike."""

import numpy as np
import pytest
from clouds import cloud, cross, rotation
from hypothesis import given
from hypothesis import strategies as st

from npft.embed.geometry import mean_cosine
from npft.embed.spectrum import iso_score, singular_values
from npft.embed.transforms import RemoveTop, Standardize, Whiten, standardize
from npft.errors import ConfigError, NonFiniteError, ShapeError

TRANSFORMS = [Standardize(), Whiten(), RemoveTop(1)]
EACH = pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: type(t).__name__)


# ---- standardise ----


@given(st.integers(0, 10**6))
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


def test_standardising_another_table_takes_the_mean_and_deviation_of_the_first():
    x, y = cloud(0, n=9, d=4), cloud(1, n=5, d=4)
    z = Standardize().fit(x)
    assert z.transform(y) == pytest.approx((y - x.mean(axis=0)) / x.std(axis=0), abs=1e-12)
    assert z.mean == pytest.approx(x.mean(axis=0)) and z.deviation == pytest.approx(x.std(axis=0))
    assert (standardize(x) == z.transform(x)).all()


def test_columns_of_very_different_size_are_all_standardised():
    x = cloud(0, n=9, d=4)
    z = standardize(x * [1e200, 1e-200, 1.0, 1e300])
    assert z == pytest.approx(standardize(x), rel=1e-12)


# ---- whiten ----


@given(st.integers(0, 10**6))
def test_whitened_rows_have_mean_0_and_covariance_1(seed):
    x = cloud(seed, n=20)
    z = Whiten().fit(x).transform(x)
    assert z.mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert z.T @ z / len(z) == pytest.approx(np.eye(x.shape[1]), abs=1e-9)
    assert iso_score(z) == pytest.approx(1, abs=1e-9)


@given(st.integers(0, 10**6))
def test_whitening_undoes_any_invertible_map_up_to_a_rotation(seed):
    x = cloud(seed, n=20, d=4)
    a = Whiten().fit(x).transform(x)
    mapped = x @ (rotation(4, seed) * [1, 2, 3, 4]) + 5
    b = Whiten().fit(mapped).transform(mapped)
    assert a @ a.T == pytest.approx(b @ b.T, abs=1e-7)  # the same cosines and lengths


def test_whitening_another_table_is_the_map_of_the_first():
    x, y = cloud(0, n=20, d=4), cloud(1, n=5, d=4)
    z = Whiten().fit(x).transform(np.vstack([x, y]))
    inverse = np.linalg.inv(np.cov(x.T, bias=True))
    a, b = y - x.mean(axis=0), z[20:]
    assert b @ b.T == pytest.approx(a @ inverse @ a.T, abs=1e-9)  # Mahalanobis products


@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_directions_without_variance_are_left_out_of_whitening(shift, scale):
    flat = cloud(0, n=30, d=3) @ rotation(6)[:3] + shift  # three directions of six
    white = Whiten().fit(flat * scale)
    assert white.rank == 3
    z = white.transform(flat * scale)
    assert z.T @ z / 30 == pytest.approx(np.eye(3), abs=1e-6)


def test_a_direction_in_which_float32_rows_differ_by_rounding_alone_is_left_out():
    """As the last layer norm of an encoder leaves one: each of its rows has mean 0."""
    z = np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
    z -= z.mean(axis=1, keepdims=True)
    z /= z.std(axis=1, keepdims=True)
    assert 0 < np.abs(z.sum(axis=1)).max() < 1e-5
    white = Whiten().fit(z)
    assert white.rank == 7
    np.testing.assert_allclose(np.cov(white.transform(z).T, bias=True), np.eye(7), atol=1e-6)


def test_few_rows_span_one_direction_less_than_their_number():
    assert Whiten().fit(cloud(0, n=4, d=9)).rank == 3


def test_equal_rows_cannot_be_whitened():
    with pytest.raises(ShapeError, match="Whiten.fit: all rows are equal"):
        Whiten().fit(np.full((5, 3), 0.1))


# ---- without the top ----


def test_the_top_directions_are_gone_and_the_others_untouched():
    x = cross(4, 3, 2, 1) @ rotation(4) + 7
    s = singular_values(x)
    for k in range(4):
        z = RemoveTop(k).fit(x).transform(x)
        assert singular_values(z) == pytest.approx([*s[k:], *[0] * k], abs=1e-9)
        assert z.mean(axis=0) == pytest.approx(0, abs=1e-9)


def test_removing_none_takes_the_mean_out_and_with_it_a_cone_that_is_a_shift():
    x = cross(1, 1, 1) + 5
    z = RemoveTop(0).fit(x).transform(x)
    assert z == pytest.approx(cross(1, 1, 1), abs=1e-12)
    assert mean_cosine(x) > 0.9 and mean_cosine(z) < 0


def test_another_table_loses_what_lies_along_the_directions_of_the_first():
    x, y = cloud(0, n=20, d=4), cloud(1, n=5, d=4)
    top = RemoveTop(2).fit(x)
    z = top.transform(y)
    assert z @ top.directions.T == pytest.approx(0, abs=1e-12)
    moved = y - x.mean(axis=0) - z
    assert moved == pytest.approx(moved @ top.directions.T @ top.directions, abs=1e-12)


@pytest.mark.parametrize("k", [3, 4])
def test_all_directions_cannot_be_removed(k):
    with pytest.raises(ShapeError, match=rf"vary in 3 directions; nothing is left without {k}"):
        RemoveTop(k).fit(cloud(0, n=30, d=3) @ rotation(6)[:3])


@pytest.mark.parametrize("k", [-1, 1.5, True, None])
def test_a_number_of_directions_is_a_whole_number(k):
    with pytest.raises(ConfigError, match="RemoveTop: k is"):
        RemoveTop(k)


# ---- all of them ----


@EACH
def test_what_was_not_fitted_or_has_another_width_is_refused(transform):
    name = type(transform).__name__
    with pytest.raises(ConfigError, match=f"{name}.transform: nothing was learnt yet"):
        type(transform)(*[1] * isinstance(transform, RemoveTop)).transform(np.ones((2, 2)))
    with pytest.raises(ShapeError, match=f"{name}.transform: x has 3 columns, fit saw 4"):
        transform.fit(cloud(0, n=9, d=4)).transform(np.ones((2, 3)))


@EACH
def test_a_table_that_is_refused_leaves_what_was_learnt(transform):
    x = cloud(0, n=9, d=4)
    before = transform.fit(x).transform(x)
    with pytest.raises(NonFiniteError):
        transform.fit(np.full((3, 4), np.nan))
    if not isinstance(transform, Standardize):
        with pytest.raises(ShapeError):
            transform.fit(np.ones((3, 4)))
    assert (transform.transform(x) == before).all()


@EACH
def test_rows_too_far_from_those_fitted_are_refused_with_their_number(transform):
    y = np.zeros((3, 4))
    y[1] = 1.7e308
    with pytest.raises(NonFiniteError, match="row 1 is too far from those of fit"):
        transform.fit(1e306 * cloud(0, n=9, d=4) - 1e308).transform(y)
