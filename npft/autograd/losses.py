"""Losses: each a number to make small, with the gradient of all it was computed from.

Every loss is a mean over what it judges, so that its size does not depend on the batch, but for
``squared_distance``, which is a sum because an anchor holds on to all weights at once.

Symbols: N rows (tokens or texts), V classes.
"""

from __future__ import annotations

import numpy as np

from npft.autograd.inputs import numbers
from npft.autograd.kernels import check_ids, log_probabilities, row_sums
from npft.autograd.shift import row_shift, small
from npft.autograd.tensor import primitive
from npft.errors import DataError, ShapeError, check_shape, check_share


@primitive
def softmax_cross_entropy(logits, *, targets: np.ndarray):
    """The mean of -log softmax(logits)[target] over the rows: a number, in nats.

    Computed as log Σ exp(z) - z[y], with y the target, without a softmax. Where the target has
    most of the sum these two nearly cancel, and log(1 + Σ_{j≠y} exp(z_j) / exp(z_y)), which is the
    same, keeps all digits of a small loss. The gradient is (p - onehot) / N.

    logits (N, V), targets (N,) integers in 0..V-1.
    Raises ``ShapeError`` for no rows or different lengths, ``IdError`` for a target outside.
    NaN for logits that are not finite: the training loop names the step.

    Equal logits give log V:

    >>> round(softmax_cross_entropy(np.zeros((3, 10)), targets=np.array([1, 5, 9])).item(), 4)
    2.3026
    """
    targets = _targets("softmax_cross_entropy", logits, targets)
    n = len(logits)
    rows = np.arange(n)
    shifted = logits if small(logits) else logits - row_shift(logits)
    p = np.exp(shifted)
    total = row_sums(p)
    terms = np.log(total) - shifted[rows, targets]
    sure = np.flatnonzero(2 * p[rows, targets].real > total.real)
    terms[sure] = _of_the_sure(p[sure], targets[sure])

    def vjp(g):
        p_grad = p * (g / (total * n))[:, None]
        p_grad[rows, targets] -= g / n
        return p_grad

    return terms.sum() / n, vjp


def _of_the_sure(p: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """log(1 + Σ_{j≠y} p_j / p_y) of each row of p (N, V), y the targets (N,); overwrites p."""
    rows = np.arange(len(p))
    own = p[rows, targets]
    p[rows, targets] = 0
    return np.log1p(row_sums(p) / own)


@primitive
def weighted_cross_entropy(logits, *, targets: np.ndarray, weights: np.ndarray, smoothing=0.0):
    """Cross-entropy in which classes count differently, and a target is not wholly sure.

        t_ic = (1 - ε) [c = y_i] + ε / V                        targets, smoothed by ε
        loss = Σ_i Σ_c w_c t_ic (-log p_ic) / W                 W = Σ_i w_{y_i}

    in nats, p = softmax(logits), y the targets. The gradient is (a_i p_i - w t_i) / W with
    a_i = Σ_c w_c t_ic. With all weights 1 and ε = 0 this is ``softmax_cross_entropy``. A weight
    makes each example of its class count as so many; smoothing keeps logits from growing without
    end (Szegedy et al. 2016, section 7). W holds the weights of the targets alone, as in PyTorch.

    logits (N, V), targets (N,) integers in 0..V-1, weights (V,) above 0, smoothing 0 or more and
    below 1.
    Raises as ``softmax_cross_entropy``, and ``ShapeError`` or ``DataError`` for other weights,
    ``ConfigError`` for another ε.

    Equal logits of two classes give log 2 for every row, and so for every mean:

    >>> y, w = np.array([0, 1, 1]), np.array([3.0, 1.0])
    >>> round(weighted_cross_entropy(np.zeros((3, 2)), targets=y, weights=w).item(), 4)
    0.6931
    """
    targets = _targets("weighted_cross_entropy", logits, targets)
    smoothing = check_share("weighted_cross_entropy: smoothing", smoothing, zero=True)
    n, classes = logits.shape
    w = numbers("weighted_cross_entropy: weights", weights, logits.real.dtype, new=False)
    check_shape("weighted_cross_entropy: weights", w, str(classes))
    if not (np.all(w > 0) and np.all(np.isfinite(w))):
        raise DataError(
            f"weighted_cross_entropy: weights are {w.tolist()}, expected finite numbers above 0"
        )
    wt = np.tile(w * (smoothing / classes), (n, 1))  # (N, V): w t
    wt[np.arange(n), targets] += (1 - smoothing) * w[targets]
    total = w[targets].sum()
    log_p = log_probabilities(logits)

    def vjp(g):
        return (g / total) * (row_sums(wt)[:, None] * np.exp(log_p) - wt)

    with np.errstate(invalid="ignore"):
        terms = np.where(wt == 0, 0, wt * log_p)  # a class of p = 0 that no target asks for
    return -terms.sum() / total, vjp


def _targets(name: str, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The targets (N,) as an array, after a check that they fit logits (N, V)."""
    n, classes = check_shape(f"{name}: logits", logits, "N V").values()
    targets = check_ids(f"{name}: targets", targets, classes)
    if targets.shape != (n,) or n == 0:
        raise ShapeError(
            f"{name}: {n} rows of logits and targets of shape {targets.shape}; "
            "give one target for each row, and at least one row"
        )
    return targets


@primitive
def kl_divergence(logits, *, targets: np.ndarray):
    """How far softmax(logits) = q is from given probabilities p: the mean of Σ p log(p / q).

    In nats; 0 if they agree (Kullback & Leibler 1951). A student learns a teacher's p by it
    (distillation). A p of 0 adds nothing. The gradient is (q - p) / N.

    logits (N, V); targets (N, V), rows of probabilities.
    Raises ``ShapeError`` for another shape or no rows, ``DataError`` for rows that are no
    probabilities.

    >>> round(kl_divergence(np.zeros((1, 2)), targets=np.array([[1.0, 0.0]])).item(), 4)  # log 2
    0.6931
    """
    p = _like("kl_divergence", logits, targets)
    n = check_shape("kl_divergence: logits", logits, "N V")["N"]
    if not (np.all(p >= 0) and np.allclose(p.sum(axis=1), 1, atol=1e-5)):
        raise DataError("kl_divergence: targets must be rows of probabilities that sum to 1")
    log_q = log_probabilities(logits)  # (N, V)
    with np.errstate(invalid="ignore"):  # 0 times log 0 is left out
        terms = np.where(p > 0, p * (np.log(np.where(p > 0, p, 1)) - log_q), 0)
    return terms.sum() / n, lambda g: (g / n) * (np.exp(log_q) - p)


@primitive
def bce_with_logits(logits, *, targets: np.ndarray):
    """Binary cross-entropy of sigmoid(z) = q: the mean of -t log q - (1 - t) log(1 - q), in nats.

    Computed as max(z, 0) - z t + log(1 + exp(-|z|)), which never overflows; the gradient is
    (q - t) / size.

    logits of any shape; targets of the same shape, each from 0 to 1.
    Raises ``ShapeError`` for another shape or nothing, ``DataError`` for a target outside.

    >>> round(bce_with_logits(np.array([0.0]), targets=np.array([1.0])).item(), 4)  # log 2
    0.6931
    """
    t = _like("bce_with_logits", logits, targets)
    if not np.all((t >= 0) & (t <= 1)):
        raise DataError("bce_with_logits: targets must be numbers from 0 to 1")
    negative = logits.real < 0
    e = np.exp(np.where(negative, logits, -logits))  # exp(-|z|)
    terms = np.where(negative, 0, logits) - logits * t + np.log1p(e)
    slope = np.where(negative, e, 1) / (1 + e) - t  # sigmoid(z) - t
    return terms.sum() / t.size, lambda g: (g / t.size) * slope


@primitive
def mse(x, *, target: np.ndarray):
    """The mean squared error: the mean of (x - target)². The gradient is 2 (x - target) / size.

    x of any shape, target of the same shape. Raises ``ShapeError`` for another shape or nothing.

    >>> mse(np.array([1.0, 4.0]), target=np.array([1.0, 2.0])).item()
    2.0
    """
    difference = x - _like("mse", x, target)
    size = difference.size
    return (difference * difference).sum() / size, lambda g: 2 * g / size * difference


@primitive
def squared_distance(x, *, target: np.ndarray):
    """Σ (x - target)² over all elements: a number. The gradient is 2 (x - target).

    >>> squared_distance(np.array([1.0, 4.0]), target=np.array([1.0, 2.0])).item()
    4.0
    """
    difference = x - _like("squared_distance", x, target)
    return (difference * difference).sum(), lambda g: 2 * g * difference


def _like(name: str, x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The target in the dtype of x, after a check that the shapes agree."""
    if np.shape(target) != np.shape(x) or np.size(x) == 0:
        raise ShapeError(
            f"{name}: the input has shape {np.shape(x)} and the target {np.shape(target)}; "
            "expected the same shape, and at least one element"
        )
    return numbers(f"{name}: the target", target, x.real.dtype, new=False)
