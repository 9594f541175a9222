"""Contrastive losses against slow sums, hand-worked cases, limits; what may not change them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.gradcheck import gradcheck
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.tensor import Tensor, grad
from npft.contrast.in_batch import (
    hardest_share, in_batch_loss, info_nce, negative_weights, nt_xent, repeats, supcon_loss,
)
from npft.errors import ConfigError, DataError, DtypeError, IdError, NonFiniteError, ShapeError

LOSSES = pytest.mark.parametrize("loss", [in_batch_loss, nt_xent])


def views(seed, b=None, d=None):
    rng = np.random.default_rng(seed)
    b, d = b or rng.integers(2, 7), d or rng.integers(2, 6)
    return rng.standard_normal((b, d)), rng.standard_normal((b, d))


def cosine(x, y):
    return x @ y / (np.linalg.norm(x) * np.linalg.norm(y))


def slow_in_batch(a, b, tau):
    total = 0.0
    for i in range(len(a)):
        scores = [cosine(a[i], b[j]) / tau for j in range(len(b))]
        total -= scores[i] - np.log(np.exp(scores).sum())
    return total / len(a)


def slow_nt_xent(a, b, tau):
    both, n, total = np.vstack([a, b]), len(a), 0.0
    for i in range(2 * n):
        candidates = sum(np.exp(cosine(both[i], both[j]) / tau) for j in range(2 * n) if j != i)
        total -= cosine(both[i], both[(i + n) % (2 * n)]) / tau - np.log(candidates)
    return total / (2 * n)


SLOW = {in_batch_loss: slow_in_batch, nt_xent: slow_nt_xent}
COUNT = {in_batch_loss: lambda b: b, nt_xent: lambda b: 2 * b - 1}  # candidates of an anchor


@LOSSES
@given(seed=st.integers(0, 10**6), tau=st.floats(0.05, 5))
def test_a_loss_is_its_slow_double_sum(loss, seed, tau):
    a, b = views(seed)
    assert loss(Tensor(a), Tensor(b), tau).item() == pytest.approx(SLOW[loss](a, b, tau), abs=1e-9)


@LOSSES
@pytest.mark.parametrize("b", [2, 3, 8])
@pytest.mark.parametrize("tau", [0.01, 0.1, 10.0])
def test_identical_vectors_give_the_log_of_the_number_of_candidates(loss, b, tau):
    x = Tensor(np.tile([[0.3, -2.0, 1.0]], (b, 1)))
    assert loss(x, x, tau).item() == pytest.approx(np.log(COUNT[loss](b)), abs=1e-9)


@LOSSES
@pytest.mark.parametrize("tau", [1e9, 1e300])
def test_a_very_high_temperature_gives_the_log_of_the_number_of_candidates(loss, tau):
    a, b = views(0, b=5)
    found = loss(Tensor(a), Tensor(b), tau).item()
    assert found == pytest.approx(np.log(COUNT[loss](5)), abs=1e-8)


def test_two_texts_worked_by_hand():
    # a_1 = b_1 = (1, 0), a_2 = b_2 = (0, 1), tau = 1: the partner scores 1, all others 0.
    x = Tensor(np.eye(2))
    assert in_batch_loss(x, x, 1.0).item() == pytest.approx(np.log(1 + np.exp(-1)), abs=1e-12)
    assert nt_xent(x, x, 1.0).item() == pytest.approx(np.log(1 + 2 * np.exp(-1)), abs=1e-12)
    # cosines of b_2 = (3, 4): .6 with text 1 and .8 with text 2; tau = 1/2 doubles them
    y = Tensor(np.array([[1.0, 0.0], [3.0, 4.0]]))
    e = np.exp
    by_hand = -np.log(e(2) / (e(2) + e(1.2))) / 2 - np.log(e(1.6) / (e(0) + e(1.6))) / 2
    assert in_batch_loss(x, y, 0.5).item() == pytest.approx(by_hand, abs=1e-12)
    rows = [e(2) / (e(0) + e(2) + e(1.2)),  # a_1: not itself; a_2, b_1, b_2
            e(1.6) / (e(0) + e(0) + e(1.6)),  # a_2: a_1, b_1, b_2
            e(2) / (e(2) + e(0) + e(1.2)),  # b_1: a_1, a_2, b_2
            e(1.6) / (e(1.2) + e(1.6) + e(1.2))]  # b_2: a_1, a_2, b_1
    assert nt_xent(x, y, 0.5).item() == pytest.approx(-np.mean(np.log(rows)), abs=1e-12)


def test_the_in_batch_loss_is_the_cross_entropy_of_the_similarity_matrix():
    a, b = views(1, b=6)
    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    expected = softmax_cross_entropy(u @ v.T / 0.05, targets=np.arange(6)).item()
    assert in_batch_loss(Tensor(a), Tensor(b)).item() == pytest.approx(expected, abs=1e-12)


@LOSSES
@pytest.mark.parametrize("tau", [1e-12, 1e-3])
def test_a_tiny_temperature_asks_only_whether_the_partner_is_nearest(loss, tau):
    x = Tensor(np.eye(4))
    assert loss(x, x, tau).item() == 0
    swapped = Tensor(np.eye(4)[[1, 0, 3, 2]])
    assert loss(x, swapped, tau).item() == pytest.approx(1 / tau, rel=1e-2)
    halfway = 0.5 * np.eye(4)[:2] + 0.75**0.5 * np.eye(4)[2:]  # cosine .5, to others 0
    assert loss(Tensor(np.eye(4)[:2]), Tensor(halfway), tau).item() == pytest.approx(0, abs=1e-9)


@given(seed=st.integers(0, 10**6))
def test_what_must_not_change_a_loss(seed):
    a, b = views(seed)
    rng = np.random.default_rng(seed)
    order, lengths = rng.permutation(len(a)), rng.uniform(0.1, 9, (len(a), 1))
    turn = np.linalg.qr(rng.standard_normal((a.shape[1], a.shape[1])))[0]
    for loss in (in_batch_loss, nt_xent):
        before = loss(Tensor(a), Tensor(b)).item()
        same = [(a[order], b[order]), (a * lengths, b), (a, b * lengths), (a @ turn, b @ turn)]
        for x, y in same:
            assert loss(Tensor(x), Tensor(y)).item() == pytest.approx(before, abs=1e-9)
    # the two views of NT-Xent play the same part; in-batch, one is the anchor
    assert nt_xent(Tensor(b), Tensor(a)).item() == pytest.approx(
        nt_xent(Tensor(a), Tensor(b)).item(), abs=1e-9)


def test_the_anchor_of_the_in_batch_loss_matters():
    a, b = (Tensor(x) for x in views(2, b=4))
    assert abs(in_batch_loss(a, b).item() - in_batch_loss(b, a).item()) > 0.1


@LOSSES
@pytest.mark.parametrize("tau", [0.1, 1.0])
def test_the_gradient_is_the_derivative(loss, tau):
    a, b = views(3, b=3, d=4)
    gradcheck(lambda x, y: loss(x, y, tau), a, b, rng=np.random.default_rng(0))


@LOSSES
def test_a_step_downhill_brings_partners_together_and_others_apart(loss):
    a, b = views(4, b=5, d=8)
    ga, gb = grad(loss(x := Tensor(a, requires_grad=True), y := Tensor(b, requires_grad=True), 0.5),
                  [x, y])

    def margin(a, b):
        c = np.array([[cosine(x, y) for y in b] for x in a])
        return np.trace(c) / 5 - (c.sum() - np.trace(c)) / 20

    assert margin(a - 0.1 * ga, b - 0.1 * gb) > margin(a, b)


@LOSSES
def test_float32_stays_float32_and_inputs_are_kept(loss):
    a, b = (x.astype(np.float32) for x in views(5))
    before = a.tobytes(), b.tobytes()
    for tau in (0.05, np.float64(0.05)):
        x = Tensor(a, requires_grad=True)
        found = loss(x, Tensor(b), tau)
        assert found.dtype == np.float32 and grad(found, [x])[0].dtype == np.float32
    assert (a.tobytes(), b.tobytes()) == before


@LOSSES
@pytest.mark.parametrize("a, b", [
    (np.ones((1, 3)), np.ones((1, 3))), (np.ones((0, 3)), np.ones((0, 3))),
    (np.ones((3, 2)), np.ones((2, 2))), (np.ones((2, 3)), np.ones((2, 2))),
    (np.ones(4), np.ones(4)), (np.ones((2, 2, 2)), np.ones((2, 2, 2))),
])
def test_what_are_not_two_views_of_a_batch_is_refused(loss, a, b):
    with pytest.raises(ShapeError, match=f"{loss.__name__}: a has shape .* B at least 2"):
        loss(Tensor(a), Tensor(b))


@LOSSES
@pytest.mark.parametrize("tau", [0, 0.0, -0.1, np.nan, np.inf, 1e-40, "warm"])
def test_a_temperature_that_is_none_is_refused(loss, tau):
    a, b = views(0)
    for dtype in (np.float32, np.float64):
        with pytest.raises(ConfigError, match=f"{loss.__name__}: tau is .*, expected a "):
            loss(Tensor(a, dtype=dtype), Tensor(b, dtype=dtype), tau)


@LOSSES
def test_the_lowest_temperature_gives_a_finite_loss_in_float32(loss):
    x = Tensor(np.eye(3), dtype=np.float32, requires_grad=True)
    found = loss(x, x, 1e-20)
    assert found.item() == 0
    found.backward()
    assert np.isfinite(x.grad).all()


@LOSSES
def test_arrays_are_taken_as_tensors(loss):
    a, b = views(0)
    assert loss(a, b).item() == loss(Tensor(a), Tensor(b)).item()
    with pytest.raises(DtypeError, match="a list that cannot be made an array"):
        loss([[1.0], [1.0, 2.0]], b)


@LOSSES
@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 1e-200, 1e200])
def test_vectors_without_a_direction_are_refused(loss, value):
    a, b = views(0, b=3)
    a[1] = value
    with pytest.raises(NonFiniteError, match="row 1 of a has length 0, one too"):
        loss(Tensor(a), Tensor(b))
    with pytest.raises(NonFiniteError, match="row 1 of b has length 0, one too"):
        loss(Tensor(b), Tensor(a))


# ---- hard negatives ----


def slow_hard(a, b, c, tau):
    candidates, total = np.vstack([b, c]), 0.0
    for i in range(len(a)):
        scores = [cosine(a[i], x) / tau for x in candidates]
        total -= scores[i] - np.log(np.exp(scores).sum())
    return total / len(a)


@given(seed=st.integers(0, 10**6), tau=st.floats(0.05, 5))
def test_hard_negatives_are_further_columns(seed, tau):
    a, b = views(seed)
    c = np.random.default_rng(seed).standard_normal(a.shape)
    found = in_batch_loss(Tensor(a), Tensor(b), tau, negatives=Tensor(c)).item()
    assert found == pytest.approx(slow_hard(a, b, c, tau), abs=1e-9)


@pytest.mark.parametrize("b, m", [(2, 2), (5, 5), (4, 3)])
def test_identical_vectors_with_hard_negatives_give_the_log_of_all_columns(b, m):
    x, c = (Tensor(np.tile([[0.3, -2.0]], (n, 1))) for n in (b, m))
    assert in_batch_loss(x, x, negatives=c).item() == pytest.approx(np.log(b + m), abs=1e-9)


def test_a_hard_negative_worked_by_hand():
    # a_1 = b_1 = (1, 0), a_2 = b_2 = (0, 1); the hard negatives are (0, 1) and (-1, 0), tau = 1
    x, c = Tensor(np.eye(2)), Tensor(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    e = np.exp
    rows = [e(1) / (e(1) + 1 + 1 + e(-1)), e(1) / (1 + e(1) + e(1) + 1)]
    found = in_batch_loss(x, x, 1.0, negatives=c).item()
    assert found == pytest.approx(-np.mean(np.log(rows)), abs=1e-12)


def test_a_negative_that_is_far_away_changes_nothing_and_a_near_one_does():
    x = Tensor(np.eye(4)[:2])
    plain = in_batch_loss(x, x, 0.05).item()
    far = Tensor(-np.eye(4)[:2])
    assert in_batch_loss(x, x, 0.05, negatives=far).item() == pytest.approx(plain, abs=1e-8)
    assert in_batch_loss(x, x, 0.05, negatives=x).item() > plain + 0.5


# ---- repeats ----


def test_a_text_that_occurs_twice_is_no_negative():
    # rows 0 and 2 have the same anchor; row 1's hard negative is the partner of row 0
    texts = np.array([[1, 2, 1], [5, 6, 7], [8, 5, 9]])
    partners = [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    hard = [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert repeats(texts).astype(int).tolist() == np.hstack([partners, hard]).tolist()


def test_what_is_left_out_has_no_share_and_no_gradient():
    a, b = views(7, b=4, d=3)
    left_out = np.zeros((4, 4), bool)
    left_out[0, 1] = left_out[2, 2] = True  # the second is its partner, which always counts
    s = np.array([[cosine(x, y) for y in b] for x in a]) / 0.5
    by_hand = [s[i, i] - np.log(sum(np.exp(s[i, j]) for j in range(4) if (i, j) != (0, 1)))
               for i in range(4)]
    found = in_batch_loss(Tensor(a), Tensor(b), 0.5, left_out=left_out)
    assert found.item() == pytest.approx(-np.mean(by_hand), abs=1e-12)
    only = np.zeros((4, 4), bool)
    only[:, 1] = True  # b_1 is a candidate of its own anchor alone,
    y = Tensor(b, requires_grad=True)
    in_batch_loss(Tensor(a), y, 0.5, left_out=only).backward()
    moved = b + 1e-3 * np.eye(4)[:, [1]] * np.cross(a[1], b[1])  # turned, its cosine to a_1 kept
    change = ((moved - b) * y.grad).sum()
    assert abs(change) < 1e-12  # and pushed by no other
    assert left_out[2, 2]  # the mask given is not written to


def test_all_texts_repeated_leave_nothing_to_learn():
    texts = np.array([[1, 1, 1], [2, 2, 2]])
    a, b = views(0, b=3)
    assert in_batch_loss(Tensor(a), Tensor(b), left_out=repeats(texts)).item() == 0


# ---- InfoNCE of dot products, several positives ----


@given(seed=st.integers(0, 10**6))
def test_info_nce_is_the_cross_entropy_of_dot_products(seed):
    a, b = views(seed)
    expected = softmax_cross_entropy(a @ b.T, targets=np.arange(len(a))).item()
    assert info_nce(Tensor(a), Tensor(b)).item() == pytest.approx(expected, abs=1e-12)


def test_info_nce_counts_lengths_and_the_in_batch_loss_does_not():
    a, b = (Tensor(x) for x in views(1, b=4))
    longer = Tensor(3 * a.data)
    assert abs(info_nce(longer, b).item() - info_nce(a, b).item()) > 0.1
    assert in_batch_loss(longer, b).item() == pytest.approx(in_batch_loss(a, b).item(), abs=1e-12)
    zero = Tensor(np.zeros((4, 2)))
    assert info_nce(zero, zero).item() == pytest.approx(np.log(4))


def slow_supcon(x, classes, tau):
    terms = []
    for i, mine in enumerate(classes):
        others = [j for j in range(len(x)) if j != i]
        total = sum(np.exp(cosine(x[i], x[j]) / tau) for j in others)
        positives = [cosine(x[i], x[j]) / tau for j in others if classes[j] == mine]
        if positives:
            terms.append(-np.mean([s - np.log(total) for s in positives]))
    return np.mean(terms)


@given(seed=st.integers(0, 10**6), tau=st.floats(0.05, 5))
def test_supcon_is_its_slow_double_sum(seed, tau):
    rng = np.random.default_rng(seed)
    x, classes = rng.standard_normal((6, 3)), rng.integers(0, 3, 6)
    classes[1] = classes[0]
    found = supcon_loss(Tensor(x), classes, tau).item()
    assert found == pytest.approx(slow_supcon(x, classes, tau), abs=1e-9)


def test_supcon_of_two_views_with_the_text_for_a_class_is_nt_xent():
    a, b = views(3, b=5)
    found = supcon_loss(Tensor(np.vstack([a, b])), np.tile(np.arange(5), 2), 0.2).item()
    assert found == pytest.approx(nt_xent(Tensor(a), Tensor(b), 0.2).item(), abs=1e-12)


def test_the_gradients_of_further_losses_are_the_derivatives():
    rng = np.random.default_rng(0)
    a, b = views(3, b=3, d=4)
    c, masked = rng.standard_normal((3, 4)), rng.random((3, 6)) < 0.3
    gradcheck(lambda x, y, z: in_batch_loss(x, y, 0.5, negatives=z, left_out=masked), a, b, c,
              rng=rng)
    gradcheck(info_nce, a, b, rng=rng)
    gradcheck(lambda x: supcon_loss(x, np.array([0, 1, 0, 2, 1]), 0.5),
              rng.standard_normal((5, 3)), rng=rng)


# ---- the temperature ----


@given(seed=st.integers(0, 10**6), tau=st.floats(0.05, 5))
def test_negative_weights_are_the_gradient_of_the_loss_by_the_similarities(seed, tau):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    s = Tensor(rng.uniform(-1, 1, (n, n)), requires_grad=True)
    slope = n * grad(softmax_cross_entropy(s / tau, targets=np.arange(n)), [s])[0]
    off = ~np.eye(n, dtype=bool)
    np.testing.assert_allclose(negative_weights(s.data, tau)[off], slope[off], atol=1e-12)
    # what pushes the negatives away pulls the partner near
    pushed = negative_weights(s.data, tau).sum(axis=1)
    np.testing.assert_allclose(pushed, -np.diag(slope), atol=1e-12)


def test_a_low_temperature_pushes_the_nearest_negative_alone_and_a_high_one_all_alike():
    s = np.random.default_rng(0).uniform(-1, 1, (9, 9))
    shares = [hardest_share(s, tau) for tau in (1e-6, 0.05, 0.5, 1e6)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == pytest.approx(1) and shares[-1] == pytest.approx(1 / 8, rel=1e-4)
    w = negative_weights(s, 0.5)
    assert hardest_share(s, 0.5) == pytest.approx((w.max(axis=1) / w.sum(axis=1)).mean())
    assert hardest_share(np.array([[1.0, 0.2], [0.3, 1.0]]), 0.1) == 1  # the only one


# ---- what cannot work ----


@pytest.mark.parametrize("wrong, error, message", [
    (lambda x: in_batch_loss(x, x, negatives=Tensor(np.ones((2, 5)))), ShapeError, "negatives"),
    (lambda x: in_batch_loss(x, x, negatives=Tensor(np.zeros((2, 2)))), NonFiniteError,
     "row 0 of negatives"),
    (lambda x: in_batch_loss(x, x, left_out=np.eye(2)), ShapeError, "expected bool"),
    (lambda x: in_batch_loss(x, x, left_out=np.eye(3, dtype=bool)), ShapeError, "expected bool"),
    (lambda x: repeats(np.array([1, 2])), ShapeError, "repeats: texts"),
    (lambda x: repeats(np.array([[1, 2]])), ShapeError, "1 columns"),
    (lambda x: info_nce(x, Tensor(np.ones((3, 2)))), ShapeError, "info_nce"),
    (lambda x: info_nce(x, Tensor(np.full((2, 2), np.nan))), NonFiniteError, "info_nce: b"),
    (lambda x: supcon_loss(x, np.array([0, 1])), DataError, "none of 2 classes occurs twice"),
    (lambda x: supcon_loss(x, np.array([-1, -1])), IdError, "-1"),
    (lambda x: supcon_loss(x, np.array([0.0, 0.0])), DtypeError, "float64"),
    (lambda x: supcon_loss(x, np.array([0, 0, 0])), ShapeError, "classes"),
    (lambda x: supcon_loss(Tensor(np.zeros((2, 2))), np.array([0, 0])), NonFiniteError, "row 0"),
    (lambda x: negative_weights(np.ones((2, 3)), 1.0), ShapeError, "similarities"),
    (lambda x: negative_weights(np.ones((1, 1)), 1.0), ShapeError, "at least 2"),
    (lambda x: hardest_share(np.full((2, 2), np.nan), 1.0), NonFiniteError, "similarities"),
    (lambda x: hardest_share(np.eye(2), 0.0), ConfigError, "tau is 0.0"),
    (lambda x: negative_weights([[1.0], [1.0, 2.0]], 1.0), ShapeError, "different lengths"),
    (lambda x: repeats([[1], [1, 2]]), ShapeError, "repeats: texts holds lists of different"),
])
def test_what_cannot_work_is_refused_in_words(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong(Tensor(np.eye(2)))


def test_supcon_and_repeats_take_arrays_and_lists():
    x = np.random.default_rng(0).standard_normal((4, 3))
    assert supcon_loss(x, [0, 0, 1, 1]).item() == supcon_loss(Tensor(x), np.array([0, 0, 1, 1])).item()
    texts = [[7, 7, 8], [1, 2, 3]]
    assert repeats(texts).tolist() == repeats(np.array(texts)).tolist()


def test_dot_products_that_are_no_floats_are_refused():
    x = Tensor(1e20 * np.eye(2), dtype=np.float32)
    with pytest.raises(NonFiniteError, match="info_nce: the dot products is inf"):
        info_nce(x, x)
    with pytest.raises(ShapeError, match="supcon_loss: classes holds lists of different lengths"):
        supcon_loss(Tensor(np.eye(2)), [[0], [0, 1]])
