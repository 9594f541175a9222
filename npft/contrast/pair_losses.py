"""Losses of pairs and triples that need no other texts: each row stands for itself.

    triplet             the partner nearer than a stranger, by a margin     (Schroff et al. 2015)
    cosine regression   the cosine is the grade                             (Reimers & Gurevych
    siamese softmax     a linear layer on (u, v, |u - v|) names the class    2019, SBERT)
    cosine distance     the vectors point where given ones do       (Sanh et al. 2019)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.inputs import numbers
from npft.autograd.losses import mse, softmax_cross_entropy
from npft.autograd.ops import abs, concatenate, norm, relu
from npft.autograd.tensor import Tensor
from npft.contrast.in_batch import as_tensors, check_directions
from npft.errors import DataError, ShapeError, check_count, check_finite, check_positive
from npft.nn.layers import Linear
from npft.nn.module import Module


def check_rows(name: str, **views: Tensor) -> int:
    """B of several views (B, D) of the same shape, B at least 1, all finite.

    Raises ``ShapeError`` or ``NonFiniteError``.
    """
    shapes = {view.shape for view in views.values()}
    shape = shapes.pop()
    if shapes or len(shape) != 2 or 0 in shape:
        given = ", ".join(f"{which} {view.shape}" for which, view in views.items())
        raise ShapeError(f"{name}: shapes are {given}; expected (B, D) for each")
    for which, view in views.items():
        check_finite(f"{name}: {which}", view.data)
    return shape[0]


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0) -> Tensor:
    """How much the negative is not yet farther than the positive by ``margin``: mean over rows.

        loss = mean_i max(0, margin + |a_i - p_i| - |a_i - n_i|)

    with Euclidean distances, of vectors as they are. A row whose negative is far enough teaches
    nothing, which is why hard negatives are looked for.

    anchor, positive, negative (B, D). Raises ``ShapeError`` for other shapes, ``NonFiniteError``,
    also for a distance too large to be squared, ``ConfigError`` for a margin that is not positive.

    Distances 1 and 3 with a margin of 5 lack 5 + 1 - 3:

    >>> a, p, n = (Tensor([[x, 0.0]]) for x in (0.0, 1.0, 3.0))
    >>> triplet_loss(a, p, n, margin=5.0).item(), triplet_loss(a, p, n, margin=1.0).item()
    (3.0, 0.0)
    """
    anchor, positive, negative = as_tensors(anchor, positive, negative)
    check_rows("triplet_loss", anchor=anchor, positive=positive, negative=negative)
    margin = check_positive("triplet_loss: margin", margin)
    with np.errstate(over="ignore"):  # a distance that has no float is refused
        near, far = norm(anchor - positive, axis=1), norm(anchor - negative, axis=1)
    check_finite("triplet_loss: the distance of a positive", near.data)
    check_finite("triplet_loss: the distance of a negative", far.data)
    return relu(near - far + margin).mean()


def cosine_regression_loss(a: Tensor, b: Tensor, grades: Any) -> Tensor:
    """The mean squared difference of the cosine of each pair and its grade.

        loss = mean_i (cos(a_i, b_i) - grade_i)²

    a, b (B, D), grades (B,) numbers from -1 to 1 (SBERT maps the grades 0 to 5 to 0 to 1).
    Raises ``ShapeError``, ``NonFiniteError`` for a vector of length 0, or of one whose square is no
    normal float, ``DataError`` for a grade outside.

    >>> a, b = Tensor([[3.0, 4.0]]), Tensor([[2.0, 0.0]])
    >>> round(cosine_regression_loss(a, b, np.array([1.0])).item(), 9)  # (0.6 - 1)²
    0.16
    """
    a, b = as_tensors(a, b)
    n = check_rows("cosine_regression_loss", a=a, b=b)
    for which, view in (("a", a), ("b", b)):
        check_directions("cosine_regression_loss", which, view)
    target = numbers("cosine_regression_loss: grades", grades, a.data.real.dtype)
    if target.shape != (n,):
        raise ShapeError(
            f"cosine_regression_loss: grades have shape {target.shape}, expected ({n},)"
        )
    if not (np.abs(target) <= 1).all():
        raise DataError("cosine_regression_loss: grades must be numbers from -1 to 1, as cosines")
    u, v = a / norm(a, axis=1, keepdims=True), b / norm(b, axis=1, keepdims=True)
    return mse((u * v).sum(axis=1), target=target)


def cosine_distance(x: Tensor, target: Any) -> Tensor:
    """How far the rows of x point from fixed rows: the mean of 1 - cos(x_i, t_i), from 0 to 2.

        d loss / d x_i = -(t_i / |t_i| - cos x_i / |x_i|) / (|x_i| B)

    at a right angle to x_i: the length of x is never learnt.

    x, target (B, D). Raises ``ShapeError``, ``NonFiniteError`` for a vector of length 0, or of one
    whose square is no normal float.

    >>> round(cosine_distance(Tensor([[3.0, 4.0]]), np.array([[2.0, 0.0]])).item(), 9)
    0.4
    """
    (x,) = as_tensors(x)
    t = Tensor(numbers("cosine_distance: target", target, x.data.real.dtype))
    check_rows("cosine_distance", x=x, target=t)
    for which, view in (("x", x), ("target", t)):
        check_directions("cosine_distance", which, view)
    unit = t.data / np.linalg.norm(t.data, axis=1, keepdims=True)
    return 1 - ((x * unit).sum(axis=1) / norm(x, axis=1)).mean()


class SiameseSoftmax(Module):
    """Classes of pairs from (u, v, |u - v|) by one linear layer: how SBERT learns from NLI.

        logits = W [u; v; |u - v|] + b      loss = cross-entropy, mean over the pairs

    The layer is thrown away after training; that (u, v, |u - v|) suffices for it has made the
    vectors comparable. Symmetric it is not: "a entails b" has a direction.

    width: D. classes: K. Called with u, v (B, D) it gives the logits (B, K).
    Raises ``ConfigError`` for a width below 1 or fewer than two classes, ``ShapeError`` for vectors
    of another width.

    >>> head = SiameseSoftmax(2, 3, rng=np.random.default_rng(0))
    >>> u = Tensor(np.ones((4, 2), np.float32))
    >>> head(u, u).shape, head.linear.weight.shape
    ((4, 3), (3, 6))
    """

    def __init__(self, width: int, classes: int, *, rng: np.random.Generator) -> None:
        check_count("SiameseSoftmax: width", width)
        check_count("SiameseSoftmax: classes", classes, least=2)
        self.linear = Linear(3 * width, classes, rng=rng)

    def forward(self, u: Tensor, v: Tensor) -> Tensor:
        u, v = as_tensors(u, v)
        check_rows("SiameseSoftmax", u=u, v=v)
        return self.linear(concatenate(u, v, abs(u - v), axis=1))  # (B, 3 D) -> (B, K)

    def loss(self, u: Tensor, v: Tensor, classes: np.ndarray) -> Tensor:
        """The cross-entropy of the classes (B,), whole numbers below K; ``IdError`` for others."""
        return softmax_cross_entropy(self.forward(u, v), targets=classes)
