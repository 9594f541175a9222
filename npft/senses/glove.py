"""Static vectors by prediction: GloVe, least squares of log counts.

    J = Σ f(X_ij) (w_i · c_j + a_i + b_j - log X_ij)²       over all i, j with X_ij > 0
    f(x) = min(1, (x / x_max)^0.75)

(Pennington, Socher & Manning 2014, eqs. 8 and 9.) Every word has a vector w as itself and one, c,
as company of others, and two offsets. With e_ij = 2 f (w_i · c_j + a_i + b_j - log X_ij) the
gradients are

    ∂J/∂w_i = Σ_j e_ij c_j    ∂J/∂c_j = Σ_i e_ij w_i    ∂J/∂a_i = Σ_j e_ij    ∂J/∂b_j = Σ_i e_ij

so that of a sparse table E they are E C, Eᵀ W and its two sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from npft.errors import DataError, NonFiniteError, check_count, check_positive, check_rng
from npft.senses.cooccurrence import Cooccurrences, check_cooccurrences
from npft.senses.static import StaticVectors

EXPONENT = 0.75
STEP = 10_000  # entries that a step of AdaGrad looks at


class GloveWeights(NamedTuple):
    """w and c (V, D), a and b (V,): vectors and offsets of words, and of words as company."""

    w: np.ndarray
    c: np.ndarray
    a: np.ndarray
    b: np.ndarray


def glove_loss(
    weights: GloveWeights, i: np.ndarray, j: np.ndarray, x: np.ndarray, x_max: float = 100.0
) -> tuple[float, GloveWeights]:
    """J over the entries X[i, j] = x, arrays (n,), and its gradients by the formulas above.

    Two words of vectors 1 and 2, without offsets, together e times: f = (e / 10)^0.75 = 0.376,
    the error is 1 · 2 - 1

    >>> one, zero = np.array([[1.0], [0.0]]), np.zeros(2)
    >>> at = GloveWeights(one, 2 * one[::-1], zero, zero)
    >>> i, j, x = np.array([0]), np.array([1]), np.array([np.e])
    >>> loss, gradients = glove_loss(at, i, j, x, x_max=10)
    >>> round(loss, 3), gradients.w.round(3).tolist(), gradients.b.round(3).tolist()
    (0.376, [[1.506], [0.0]], [0.0, 0.753])
    """
    from scipy.sparse import csr_array

    w, c, a, b = weights
    error = np.einsum("nd,nd->n", w[i], c[j]) + a[i] + b[j] - np.log(x)
    f = np.minimum(1.0, (x / x_max) ** EXPONENT)
    e = csr_array((2 * f * error, (i, j)), (len(w), len(c)))
    loss = (f * error**2).sum().item()
    return loss, GloveWeights(e @ c, e.T @ w, e.sum(axis=1), e.sum(axis=0))


def glove(
    near: Cooccurrences,
    dims: int = 64,
    *,
    epochs: int = 30,
    lr: float = 0.05,
    x_max: float = 100.0,
    rng: np.random.Generator,
) -> StaticVectors:
    """Train GloVe on counts, best those of ``cooccurrences(..., decay=True)``; vectors w + c.

    AdaGrad: a step divides each number's gradient by the root of the sum of its squares so far.
    ``x_max``: from which count on a pair has full weight. Raises ``DataError`` for counts that are
    not positive, ``NonFiniteError`` if training fails.

    >>> from npft import cooccurrences
    >>> near = cooccurrences(["the cat sat on the mat", "the dog sat on the mat"], window=2)
    >>> vectors = glove(near, dims=2, rng=np.random.default_rng(0))
    >>> vectors.vectors.shape[0] == len(near.words)
    True
    """
    check_cooccurrences("glove", near)
    check_count("glove: dims", dims)
    check_count("glove: epochs", epochs)
    lr, x_max = check_positive("glove: lr", lr), check_positive("glove: x_max", x_max)
    check_rng("glove: rng", rng)
    table = near.counts.tocoo()
    i, j, x, v = table.row, table.col, table.data, len(near.words)
    if not len(x) or not np.isfinite(x).all() or not (x > 0).all():
        raise DataError("glove: a count is not positive, or there are none")
    w, c = (rng.uniform(-0.5, 0.5, (v, dims)) / dims for _ in range(2))
    weights = GloveWeights(w, c, *((rng.uniform(-0.5, 0.5, v) / dims) for _ in range(2)))
    squares = [np.ones_like(part) for part in weights]
    for epoch in range(epochs):
        for part in np.array_split(rng.permutation(len(x)), -(-len(x) // STEP)):
            with np.errstate(over="ignore", invalid="ignore"):  # the loss tells
                loss, gradients = glove_loss(weights, i[part], j[part], x[part], x_max)
                for value, gradient, square in zip(weights, gradients, squares):
                    square += gradient**2
                    value -= lr * gradient / np.sqrt(square)
            if not np.isfinite(loss):
                raise NonFiniteError(f"glove: the loss is {loss} in epoch {epoch}; lower lr")
    return StaticVectors(near.words, weights.w + weights.c)
