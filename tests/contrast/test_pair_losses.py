"""Losses of pairs and triples: hand-worked cases, gradients, and what they do not see."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.gradcheck import gradcheck
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.tensor import Tensor, grad
from npft.contrast.pair_losses import (
    SiameseSoftmax, cosine_distance, cosine_regression_loss, triplet_loss,
)
from npft.errors import (
    ConfigError, DataError, IdError, NonFiniteError, ShapeError,
)


def tables(seed, n, b=4, d=3):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((b, d)) for _ in range(n)]


@given(seed=st.integers(0, 10**6), margin=st.floats(0.1, 4))
def test_the_triplet_loss_is_its_formula(seed, margin):
    a, p, n = tables(seed, 3)
    length = np.linalg.norm
    by_row = [max(0, margin + length(x - y) - length(x - z)) for x, y, z in zip(a, p, n)]
    found = triplet_loss(Tensor(a), Tensor(p), Tensor(n), margin).item()
    assert found == pytest.approx(np.mean(by_row), abs=1e-12)


def test_a_triplet_with_equal_distances_lacks_the_whole_margin_and_a_met_one_teaches_nothing():
    a, p, n = (Tensor(x, requires_grad=True) for x in np.array([[[0.0]], [[1.0]], [[-1.0]]]))
    assert triplet_loss(a, p, n, 0.7).item() == pytest.approx(0.7)
    far = Tensor(np.array([[9.0]]), requires_grad=True)
    assert not any(g.any() for g in grad(triplet_loss(a, p, far, 0.7), [a, p, far]))
    same = Tensor(np.array([[0.0]]), requires_grad=True)  # distance 0: the length has a corner
    assert np.isfinite(grad(triplet_loss(a, same, n, 2.0), [same])[0]).all()


@given(seed=st.integers(0, 10**6))
def test_cosine_regression_is_the_mean_squared_error_of_cosines(seed):
    a, b = tables(seed, 2)
    grades = np.random.default_rng(seed).uniform(-1, 1, 4)
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    found = cosine_regression_loss(Tensor(a), Tensor(b), grades).item()
    assert found == pytest.approx(((cosines - grades) ** 2).mean(), abs=1e-12)
    longer = cosine_regression_loss(Tensor(5 * a), Tensor(b), grades).item()
    assert longer == pytest.approx(found, abs=1e-12)
    met = cosine_regression_loss(Tensor(a), Tensor(b), cosines).item()
    assert met == pytest.approx(0, abs=1e-9)


def test_the_gradients_are_the_derivatives():
    rng = np.random.default_rng(0)
    a, p, n = tables(5, 3)
    gradcheck(lambda *x: triplet_loss(*x, 2.0), a, p, n, rng=rng)
    gradcheck(lambda x, y: cosine_regression_loss(x, y, np.array([0.1, 1.0, -1.0, 0.5])), a, p,
              rng=rng)
    head = SiameseSoftmax(3, 3, rng=rng).astype(np.float64)
    # |u - v| has a corner where u = v, and nowhere here
    gradcheck(lambda x, y: head.loss(x, y, np.array([0, 2, 1, 1])), a, p, rng=rng,
              method="central")


def test_the_siamese_softmax_reads_both_vectors_and_their_distance():
    head = SiameseSoftmax(2, 2, rng=np.random.default_rng(0)).astype(np.float64)
    head.linear.weight.assign(np.array([[1.0, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 0]]))
    u, v = Tensor(np.array([[1.0, 0.0]])), Tensor(np.array([[3.0, -1.0]]))
    # u: 1; v: 9 - 4; |u - v| = (2, 1): 10 + 6
    assert head(u, v).data.tolist() == [[22.0, 0.0]]
    assert head.loss(u, v, np.array([1])).item() == pytest.approx(np.log1p(np.exp(22.0)))
    assert head(v, u).data[0, 0] != 22.0  # it has a direction
    head.linear.weight.assign(np.zeros((2, 6)))
    assert head.loss(u, v, np.array([0])).item() == pytest.approx(np.log(2))


def test_the_weights_of_the_head_get_their_gradient():
    head = SiameseSoftmax(3, 3, rng=np.random.default_rng(0)).astype(np.float64)
    u, v = tables(1, 2)
    head.loss(Tensor(u), Tensor(v), np.array([0, 1, 2, 0])).backward()
    features = np.hstack([u, v, np.abs(u - v)])
    logits = Tensor(features @ head.linear.weight.data.T, requires_grad=True)
    slope = grad(softmax_cross_entropy(logits, targets=np.array([0, 1, 2, 0])), [logits])[0]
    np.testing.assert_allclose(head.linear.weight.grad, slope.T @ features, atol=1e-12)


def test_float32_stays_float32_and_inputs_are_kept():
    a, p, n = (x.astype(np.float32) for x in tables(0, 3))
    grades, before = np.array([1.0, 0.5, 0.0, 1.0]), [x.tobytes() for x in (a, p, n)]
    for found in (triplet_loss(Tensor(a), Tensor(p), Tensor(n), np.float64(1.0)),
                  cosine_regression_loss(Tensor(a), Tensor(p), grades),
                  SiameseSoftmax(3, 2, rng=np.random.default_rng(0)).loss(
                      Tensor(a), Tensor(p), np.array([0, 1, 1, 0]))):
        assert found.dtype == np.float32
    assert [x.tobytes() for x in (a, p, n)] == before


X, ZERO, NAN = np.ones((2, 3)), np.zeros((2, 3)), np.full((2, 3), np.nan)


@pytest.mark.parametrize("wrong, error, message", [
    (lambda: triplet_loss(Tensor(X), Tensor(X), Tensor(X[:1])), ShapeError, r"negative \(1, 3\)"),
    (lambda: triplet_loss(Tensor(X[:0]), Tensor(X[:0]), Tensor(X[:0])), ShapeError, "B, D"),
    (lambda: triplet_loss(Tensor(X), Tensor(NAN), Tensor(X)), NonFiniteError, "positive is nan"),
    (lambda: triplet_loss(Tensor(X), Tensor(X), Tensor(X), margin=0), ConfigError, "margin is 0"),
    (lambda: cosine_regression_loss(Tensor(X), Tensor(ZERO), [0, 1]), NonFiniteError, "of b has"),
    (lambda: cosine_regression_loss(Tensor(X), Tensor(X), [0, 5]), DataError, "-1 to 1"),
    (lambda: cosine_regression_loss(Tensor(X), Tensor(X), [0, np.nan]), DataError, "-1 to 1"),
    (lambda: cosine_regression_loss(Tensor(X), Tensor(X), [0, -2]), DataError, "-1 to 1"),
    (lambda: cosine_regression_loss(Tensor(X), Tensor(X), [0]), ShapeError, r"expected \(2,\)"),
    (lambda: SiameseSoftmax(0, 3, rng=np.random.default_rng(0)), ConfigError, "width is 0"),
    (lambda: SiameseSoftmax(3, 1, rng=np.random.default_rng(0)), ConfigError, "classes is 1"),
    (lambda: SiameseSoftmax(3, 2, rng=1), ConfigError, "rng is 1"),
    (lambda: SiameseSoftmax(3, 2, rng=np.random.default_rng(0)).loss(
        Tensor(np.float32(X)), Tensor(np.float32(X)), np.array([0, 2])), IdError, "2"),
    (lambda: SiameseSoftmax(4, 2, rng=np.random.default_rng(0))(
        Tensor(np.float32(X)), Tensor(np.float32(X))), ShapeError, "linear"),
])
def test_what_cannot_work_is_refused_in_words(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


@pytest.mark.parametrize("length", [1e-30, 1e20, 0.0])
def test_a_length_that_cannot_be_squared_is_refused(length):
    far, near = (Tensor([[x, 0.0]], dtype=np.float32) for x in (length, 1.0))
    for loss in (lambda x, y: cosine_regression_loss(x, y, [1.0]), cosine_distance):
        for pair in ((far, near), (near, far)):
            given = pair if loss is not cosine_distance else (pair[0], pair[1].data)
            with pytest.raises(NonFiniteError, match="too small or too large to be squared"):
                loss(*given)


def test_a_distance_that_cannot_be_squared_is_refused():
    far, near = (Tensor([[x, 0.0]], dtype=np.float32) for x in (1e20, 1.0))
    for triple, which in (((far, near, far), "positive"), ((near, near, far), "negative")):
        with pytest.raises(NonFiniteError, match=f"triplet_loss: the distance of a {which} is inf"):
            triplet_loss(*triple)
    assert triplet_loss(far, far, far, 0.5).item() == 0.5


def test_pair_losses_take_arrays():
    a, p, n = tables(0, 3)
    assert triplet_loss(a, p, n).item() == triplet_loss(Tensor(a), Tensor(p), Tensor(n)).item()
    grades = np.zeros(4)
    assert (cosine_regression_loss(a, p, grades).item()
            == cosine_regression_loss(Tensor(a), Tensor(p), grades).item())
    assert cosine_distance(a, p).item() == cosine_distance(Tensor(a), p).item()
