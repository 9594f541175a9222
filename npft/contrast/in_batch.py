"""Contrastive losses: the partner of a text must be found among the other texts of the batch.

    in-batch    each of B anchors against the B partners: B - 1 negatives, which cost no encoder
                call; hard negatives, one for each anchor, make it 2 B columns
                                            (Henderson et al. 2017; Gao, Yao & Chen 2021, SimCSE)
    NT-Xent     each of the 2 B vectors against all others but itself: 2 B - 2 negatives
                                            (Chen et al. 2020, SimCLR)
    InfoNCE     dot products instead of cosines, and no temperature
                                            (van den Oord, Li & Vinyals 2018)
    SupCon      several positives for an anchor: all texts of its class
                                            (Khosla et al. 2020)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.kernels import check_ids, cosine_logits, log_softmax, row_dots, softmax
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.ops import concatenate, matmul, transpose
from npft.autograd.tensor import Tensor
from npft.embed.rows import checked_rows
from npft.errors import (
    ConfigError, DataError, NonFiniteError, ShapeError, as_array, check_finite, check_positive,
    check_shape,
)

LEFT_OUT = -1e9  # the cosine of a candidate that is none, in effect: a vector's with itself
COLDEST = 1e-20  # of temperatures: LEFT_OUT over it is still a float32


def check_tau(name: str, tau: Any) -> float:
    """A temperature; raises ``ConfigError`` for what is no number from 1e-20 on.

    >>> check_tau("InBatch: tau", 0.05)
    0.05
    """
    if check_positive(name, tau) < COLDEST:
        raise ConfigError(f"{name} is {tau}, expected a temperature of {COLDEST} or more")
    return float(tau)


def as_tensors(*views: Any) -> list[Tensor]:
    """The views as tensors; arrays become tensors without a gradient.

    Raises ``DtypeError`` for what is no array of floats.
    """
    return [view if isinstance(view, Tensor) else Tensor(view) for view in views]


def check_views(name: str, a: Tensor, b: Tensor) -> int:
    """B of two views (B, D), B at least 2, whose rows all have a direction.

    Raises ``ShapeError`` for other shapes, ``NonFiniteError`` as ``check_directions``.
    """
    if a.shape != b.shape or len(a.shape) != 2 or a.shape[0] < 2:
        raise ShapeError(
            f"{name}: a has shape {a.shape} and b {b.shape}; expected two views (B, D) of the same "
            "B texts, B at least 2: with one text there is nothing to push away"
        )
    check_directions(name, "a", a)
    check_directions(name, "b", b)
    return a.shape[0]


def check_directions(name: str, which: str, view: Tensor) -> None:
    """Raise ``NonFiniteError`` for a row of length 0, or of one whose square is no normal float."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        norm = np.sqrt(row_dots(view.data, view.data)).real
    good = (norm > np.sqrt(np.finfo(norm.dtype).tiny)) & (norm < np.inf)
    if not good.all():
        raise NonFiniteError(
            f"{name}: row {int(np.argmin(good))} of {which} has length 0, one too small or too "
            "large to be squared, or is not finite"
        )


def _without(logits: Tensor, left_out: np.ndarray, tau: float) -> Tensor:
    """Logits in which no candidate of the mask ``left_out`` has any share."""
    return logits + LEFT_OUT / min(float(tau), 1.0) * left_out.astype(logits.dtype)


def in_batch_loss(
    a: Tensor,
    b: Tensor,
    tau: float = 0.05,
    *,
    negatives: Tensor | None = None,
    left_out: np.ndarray | None = None,
) -> Tensor:
    """-log of the softmax share of the true partner among all candidates, mean over anchors.

        s_ij = cos(a_i, c_j) / tau,   loss = mean_i -log( exp(s_ii) / Σ_j exp(s_ij) )

    The candidates c are the B partners b and, behind them, the hard ``negatives``.

    a, b (B, D); negatives None or (M, D), usually one for each anchor; left_out None or (B, B + M)
    bool, the candidates that are no negatives of an anchor, such as repeats of its partner (see
    ``repeats``); the partner itself always counts.
    Raises ``ShapeError`` for different shapes or B = 1, ``ConfigError`` for a tau below 1e-20,
    ``NonFiniteError`` for a vector of length 0, or of one whose square is no normal float.

    Identical vectors everywhere give log B, with a hard negative for each anchor log 2 B:

    >>> x = Tensor(np.ones((4, 3)))
    >>> round(in_batch_loss(x, x).item(), 4), round(in_batch_loss(x, x, negatives=x).item(), 4)
    (1.3863, 2.0794)
    """
    tau, (a, b) = check_tau("in_batch_loss: tau", tau), as_tensors(a, b)
    n = check_views("in_batch_loss", a, b)
    candidates = b
    if negatives is not None:
        (negatives,) = as_tensors(negatives)
        check_shape("in_batch_loss: negatives", negatives.data, f"M {a.shape[1]}")
        check_directions("in_batch_loss", "negatives", negatives)
        candidates = concatenate(b, negatives, axis=0)  # (B + M, D)
    logits = cosine_logits(a, candidates, tau=tau)  # (B, B + M)
    if left_out is not None:
        mask = _mask("in_batch_loss: left_out", left_out, logits.shape)
        mask[np.arange(n), np.arange(n)] = False
        logits = _without(logits, mask, tau)
    return softmax_cross_entropy(logits, targets=np.arange(n))


def _mask(name: str, mask: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A copy of the mask; raises ``ShapeError`` unless it is a bool array of this shape."""
    array = as_array(name, mask, f"bool {shape}").copy()
    if array.shape != shape or array.dtype != bool:
        raise ShapeError(
            f"{name} has shape {array.shape} and dtype {array.dtype}, expected bool {shape}"
        )
    return array


def repeats(texts: np.ndarray) -> np.ndarray:
    """Which candidates are no negatives of an anchor because a text occurs twice in the batch.

    texts (K, B): a number for each text of a batch of rows (anchor, partner) or (anchor, partner,
    hard negative), equal for equal texts. Returns (B, (K - 1) B) bool: where a candidate is the
    anchor's own text or that of its partner, or the partner of an equal anchor.

    Rows 0 and 1 have the same anchor, so their partners are no negatives for each other:

    >>> repeats(np.array([[7, 7, 8], [1, 2, 3]]))[:, :2].astype(int).tolist()
    [[1, 1], [1, 1], [0, 0]]
    """
    texts = as_array("repeats: texts", texts, "a number for each text (K, B)")
    k, b = check_shape("repeats: texts", texts, "K B").values()
    if k < 2:
        raise ShapeError(f"repeats: texts have {k} columns, expected anchors and partners")
    anchors, partners, candidates = texts[0], texts[1], texts[1:].reshape(-1)
    same = (anchors[:, None] == candidates) | (partners[:, None] == candidates)
    same[:, :b] |= anchors[:, None] == anchors
    return same


def nt_xent(a: Tensor, b: Tensor, tau: float = 0.1) -> Tensor:
    """The normalised temperature-scaled cross-entropy of SimCLR over all 2 B vectors.

    Each vector's partner is the other view of its text; the 2 B - 2 vectors of other texts are its
    negatives, and the vector itself is left out (a sum over "all candidates" would hold it).

    a, b (B, D). Raises as ``in_batch_loss``. Identical vectors everywhere give log(2 B - 1):

    >>> x = Tensor(np.ones((4, 3)))
    >>> round(nt_xent(x, x).item(), 4)
    1.9459
    """
    tau, (a, b) = check_tau("nt_xent: tau", tau), as_tensors(a, b)
    n = check_views("nt_xent", a, b)
    both = concatenate(a, b, axis=0)  # (2 B, D)
    logits = cosine_logits(both, both, tau=tau)  # (2 B, 2 B)
    logits = _without(logits, np.eye(2 * n, dtype=bool), tau)
    partner = np.concatenate([np.arange(n, 2 * n), np.arange(n)])
    return softmax_cross_entropy(logits, targets=partner)


def info_nce(a: Tensor, b: Tensor) -> Tensor:
    """The original InfoNCE: scores are dot products a_i · b_j, with no length and no temperature.

        loss = mean_i -log( exp(a_i · b_i) / Σ_j exp(a_i · b_j) )

    A model can lower it by longer vectors alone; NT-Xent cannot be fooled so. log B minus the loss
    is a lower bound on the mutual information of the views.

    a, b (B, D). Raises as ``in_batch_loss``, but vectors of length 0 are as good as others, and
    what must be finite are the dot products.

    >>> x = np.eye(2)
    >>> round(info_nce(Tensor(x), Tensor(x)).item(), 4)  # log(1 + 1/e)
    0.3133
    >>> round(info_nce(Tensor(10 * x), Tensor(10 * x)).item(), 4)
    0.0
    """
    a, b = as_tensors(a, b)
    if a.shape != b.shape or len(a.shape) != 2 or a.shape[0] < 2:
        raise ShapeError(
            f"info_nce: a has shape {a.shape} and b {b.shape}; expected two views (B, D) of the "
            "same B texts, B at least 2"
        )
    for which, view in (("a", a), ("b", b)):
        check_finite(f"info_nce: {which}", view.data)
    with np.errstate(over="ignore", invalid="ignore"):
        scores = matmul(a, transpose(b))  # (B, B)
    check_finite("info_nce: the dot products", scores.data)
    return softmax_cross_entropy(scores, targets=np.arange(a.shape[0]))


def supcon_loss(x: Tensor, classes: np.ndarray, tau: float = 0.1) -> Tensor:
    """Supervised contrast: every other text of the same class is a positive.

        P_i = the others of the class of i
        loss = mean_i -1/|P_i| Σ_{p in P_i} log( exp(s_ip) / Σ_{j != i} exp(s_ij) )

    with s the cosines over tau. The mean is over the anchors that have a positive. Two views of
    each text with the text for a class are ``nt_xent``.

    x (N, D), classes (N,) whole numbers from 0. Raises as ``in_batch_loss``, ``IdError`` for a
    negative class, and ``DataError`` if no class occurs twice.

    Identical vectors everywhere give log(N - 1):

    >>> round(supcon_loss(Tensor(np.ones((4, 3))), np.array([0, 0, 1, 2])).item(), 4)  # log 3
    1.0986
    """
    tau, (x,) = check_tau("supcon_loss: tau", tau), as_tensors(x)
    n = check_shape("supcon_loss: x", x.data, "N D")["N"]
    check_directions("supcon_loss", "x", x)
    classes = as_array("supcon_loss: classes", classes, "a class for each row")
    classes = check_ids("supcon_loss: classes", classes, 1 << 62)
    check_shape("supcon_loss: classes", classes, str(n))
    itself = np.eye(n, dtype=bool)
    positive = (classes[:, None] == classes) & ~itself
    counts = positive.sum(axis=1)
    if not counts.any():
        raise DataError(f"supcon_loss: none of {n} classes occurs twice; there is no positive")
    log_p = log_softmax(_without(cosine_logits(x, x, tau=tau), itself, tau))
    weights = positive / np.maximum(counts, 1)[:, None] / (counts > 0).sum()
    return -(log_p * weights.astype(log_p.dtype)).sum()


def negative_weights(similarities: np.ndarray, tau: float) -> np.ndarray:
    """How strongly each negative is pushed away: the gradient of the loss by its similarity.

        w_ij = softmax_j(s_i / tau) / tau   for j != i,   0 for the partner

    similarities (B, B), the partner on the diagonal; returns (B, B). An anchor's own loss; the mean
    over the batch divides by B. Raises ``ShapeError`` for no square of at least 2 rows,
    ``NonFiniteError`` for what is not finite, ``ConfigError`` for a tau below 1e-20.

    >>> negative_weights(np.zeros((2, 2)), tau=0.5).tolist()  # half each, over one half
    [[0.0, 1.0], [1.0, 0.0]]
    """
    s = checked_rows("negative_weights: similarities", similarities)
    n = check_shape("negative_weights: similarities", s, "B B")["B"]
    if n < 2:
        raise ShapeError("negative_weights: one row has no negatives; give at least 2")
    check_tau("negative_weights: tau", tau)
    return np.where(np.eye(n, dtype=bool), 0, softmax(s / tau).data / tau)


def hardest_share(similarities: np.ndarray, tau: float) -> float:
    """The share of all repulsion that the nearest negative gets: mean over the anchors.

        max_{j != i} w_ij / Σ_{j != i} w_ij

    Near 1 / (B - 1) at a high temperature, where negatives count alike; near 1 at a low one, where
    only the nearest counts. Arguments and errors are those of ``negative_weights``.

    Of negatives with s = 0 and log 3, at tau = 1, the nearer gets three quarters:

    >>> s = np.log(np.array([[1.0, 1, 3], [3, 1, 1], [1, 3, 1]]))
    >>> round(hardest_share(s, tau=1.0), 9)
    0.75
    """
    negative_weights(similarities, tau)  # checks
    s = np.asarray(similarities, dtype=np.float64) / tau
    s = np.where(np.eye(len(s), dtype=bool), -np.inf, s)
    return float(softmax(s).data.max(axis=1).mean())
