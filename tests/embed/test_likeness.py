"""How alike two bodies see the same things: CKA, tables of dissimilarity, and their agreement."""

import numpy as np
import pytest
from clouds import cloud, rotation
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from npft.embed import likeness
from npft.embed.likeness import cka, rdm, rsa
from npft.errors import NonFiniteError, ShapeError

SEEDS = given(st.integers(0, 10**6))


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


# ---- tables of dissimilarity ----


@SEEDS
def test_an_rdm_is_1_minus_the_correlation_of_each_two_rows(seed):
    x = cloud(seed, d=5)
    assert rdm(x) == pytest.approx(1 - np.corrcoef(x), abs=1e-12)


@SEEDS
def test_an_rdm_is_symmetric_with_0_on_its_diagonal_and_between_0_and_2(seed):
    table = rdm(np.vstack([x := cloud(seed, d=5), -3 * x + 1]))
    assert (table == table.T).all() and (table.diagonal() == 0).all()
    assert table.min() >= 0 and table.max() <= 2
    assert table.diagonal(len(x)) == pytest.approx(2, abs=1e-12)  # opposite rows


@SEEDS
def test_an_rdm_does_not_change_with_the_scale_and_the_level_of_a_row(seed):
    x, rng = cloud(seed, d=5), np.random.default_rng(seed)
    scale, level = 10 ** rng.uniform(-3, 3, (len(x), 1)), rng.standard_normal((len(x), 1))
    assert rdm(scale * (x + level)) == pytest.approx(rdm(x), abs=1e-9)


@pytest.mark.parametrize("scale", [1e-300, 1e307])
def test_an_rdm_of_very_large_or_small_numbers_is_that_of_others(scale):
    x = cloud(2, n=6, d=5) + 8  # the sum of a row is too large for a float
    assert rdm(scale * x) == pytest.approx(rdm(x), abs=1e-9)


def test_a_row_of_equal_numbers_has_no_rdm():
    x = cloud(0, n=5, d=3)
    x[2] = 0.1
    with pytest.raises(NonFiniteError, match="rdm: row 2 has the same number in every column"):
        rdm(x)


# ---- their agreement ----


@SEEDS
def test_rsa_is_the_rank_correlation_above_the_diagonal(seed):
    x, y = (rdm(cloud(seed + i, n=7, d=5)) for i in range(2))
    above = np.triu_indices(7, 1)
    assert rsa(x, y) == pytest.approx(spearmanr(x[above], y[above]).statistic, abs=1e-12)
    assert rsa(x, x) == pytest.approx(1) and rsa(x, 2 - x) == pytest.approx(-1)


def test_rsa_sees_only_the_order_of_the_pairs():
    x = rdm(cloud(0, n=9, d=5))
    assert rsa(x, x**3) == pytest.approx(1, abs=1e-12)


def test_rsa_with_classes_is_high_where_the_classes_stand_apart():
    labels = np.repeat([0, 1, 2], 6)
    classes = (labels[:, None] != labels).astype(float)
    rng = np.random.default_rng(0)
    centres = 5 * rng.standard_normal((3, 8))
    apart = rdm(centres[labels] + 0.1 * rng.standard_normal((18, 8)))
    nothing = rdm(rng.standard_normal((18, 8)))
    # 45 pairs within a class, all more alike than the 108 between two: Spearman of 0s and 1s
    assert rsa(apart, classes) > 0.75 > 0.2 > abs(rsa(nothing, classes))


@pytest.mark.parametrize("x, message", [
    (np.ones((3, 4)), r"x has shape \(3, 4\), expected a symmetric table"),
    (np.array([[0.0, 1.0], [1.0, 0.0]]), r"shape \(2, 2\), expected .* 3 or more"),
    (np.triu(np.ones((4, 4))), "symmetric"),
])
def test_what_is_no_table_of_pairs_is_refused(x, message):
    with pytest.raises(ShapeError, match=message):
        rsa(x, x)


def test_tables_of_different_things_or_without_an_order_are_refused():
    x = rdm(cloud(0, n=5, d=4))
    with pytest.raises(ShapeError, match="x is a table of 5 things, y of 4"):
        rsa(x, x[:4, :4])
    with pytest.raises(NonFiniteError, match="constant"):
        rsa(x, 1 - np.eye(5))


def test_tables_that_would_not_fit_into_memory_are_refused(monkeypatch):
    monkeypatch.setattr(likeness, "MOST", 4)
    for measure in (rdm, lambda x: rsa(x, x)):
        with pytest.raises(ShapeError, match="5 things have 10 pairs; give at most 4"):
            measure(cloud(0, n=5, d=5))


def test_pairs_that_are_equally_unlike_have_one_number():
    table = rdm(np.eye(11))
    assert len(set(table[np.triu_indices(11, 1)])) == 1
    with pytest.raises(NonFiniteError, match="constant"):
        rsa(table, rdm(cloud(0, n=11)))


def test_a_table_is_symmetric_or_not_at_any_scale():
    table = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 4.0], [2.0, 4.0, 0.0]])
    for scale in (1e-9, 1.0, 1e300):
        with pytest.raises(ShapeError, match="expected a symmetric table"):
            rsa(scale * table, table + table.T)


@pytest.mark.parametrize("large, small", [(1e300, 1e-30), (0.1, 1e-17)])
def test_a_column_that_never_varies_changes_no_alignment(large, small):
    x = np.column_stack([np.full(3, large), small * np.array([1.0, 0.0, 0.5])])
    assert cka(x, np.array([[2.0], [0.0], [1.0]])) == pytest.approx(1, abs=1e-12)
    assert cka(x, np.array([[1.0], [1.0], [0.0]])) < 0.5
