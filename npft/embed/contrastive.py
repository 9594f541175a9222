"""Contrastive learning: pull two views of a text together, push other texts away.

    SimCSE      a batch is encoded twice, with two draws of dropout: the two vectors of a text are
                a positive pair, all others are negatives        (Gao, Yao & Chen 2021)

    in-batch    each of B anchors against the B second views: B - 1 negatives
    NT-Xent     each of the 2 B vectors against all others but itself: 2 B - 2 negatives
                                                                 (Chen et al. 2020, SimCLR)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from npft.autograd.kernels import cosine_logits
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.ops import concatenate
from npft.autograd.tensor import Tensor
from npft.encoder import pooling
from npft.encoder.encoder import Encoder
from npft.errors import DataError, NonFiniteError, ShapeError, check_count
from npft.nn.fit import WEIGHT_DECAY, fit, reported, warmup
from npft.nn.history import History
from npft.nn.loop import Loss, streams
from npft.nn.module import Module, evaluating
from npft.nn.optim import AdamW, check_positive, decay_groups
from npft.nn.progress import ProgressFn
from npft.text.batch import Batch, batches_of

SELF = -1e9  # the cosine of a vector with itself, in effect: it is never its own negative
WARMUP = 0.05  # share of the steps


def _check_views(name: str, a: Tensor, b: Tensor) -> int:
    if a.shape != b.shape or len(a.shape) != 2 or a.shape[0] < 2:
        raise ShapeError(
            f"{name}: a has shape {a.shape} and b {b.shape}; expected two views (B, D) of the same "
            "B texts, B at least 2: with one text there is nothing to push away"
        )
    for which, view in (("a", a), ("b", b)):
        good = np.isfinite(view.data).all(axis=1) & (view.data != 0).any(axis=1)
        if not good.all():
            raise NonFiniteError(
                f"{name}: row {int(np.argmin(good))} of {which} has length 0 or is not finite"
            )
    return a.shape[0]


def in_batch_loss(a: Tensor, b: Tensor, tau: float = 0.05) -> Tensor:
    """-log of the softmax share of the true partner among the B second views, mean over anchors.

        s_ij = cos(a_i, b_j) / tau,   loss = mean_i -log( exp(s_ii) / Σ_j exp(s_ij) )

    a, b (B, D). Raises ``ShapeError`` for different shapes or B = 1, ``ConfigError`` for
    tau <= 0, ``NonFiniteError`` for a vector of length 0 or one that is not finite.

    Identical vectors everywhere give log B:

    >>> x = Tensor(np.ones((4, 3)))
    >>> round(in_batch_loss(x, x).item(), 4)
    1.3863
    """
    n = _check_views("in_batch_loss", a, b)
    return softmax_cross_entropy(cosine_logits(a, b, tau=tau), targets=np.arange(n))


def nt_xent(a: Tensor, b: Tensor, tau: float = 0.1) -> Tensor:
    """The normalised temperature-scaled cross-entropy of SimCLR over all 2 B vectors.

    Each vector's partner is the other view of its text; the 2 B - 2 vectors of other texts are its
    negatives, and the vector itself is left out (a sum over "all candidates" would hold it).

    a, b (B, D). Raises as ``in_batch_loss``. Identical vectors everywhere give log(2 B - 1):

    >>> x = Tensor(np.ones((4, 3)))
    >>> round(nt_xent(x, x).item(), 4)
    1.9459
    """
    n = _check_views("nt_xent", a, b)
    both = concatenate(a, b, axis=0)  # (2 B, D)
    logits = cosine_logits(both, both, tau=tau)  # (2 B, 2 B)
    logits = logits + SELF / min(float(tau), 1.0) * np.eye(2 * n, dtype=logits.dtype)
    partner = np.concatenate([np.arange(n, 2 * n), np.arange(n)])
    return softmax_cross_entropy(logits, targets=partner)


def simcse_loss(
    encoder: Encoder,
    batch: Batch,
    *,
    pool: str = "mean",
    tau: float = 0.05,
    rng: np.random.Generator | None,
) -> Tensor:
    """The in-batch loss of two passes of the same texts with two draws of dropout.

    The encoder is in training mode. With dropout 0 the two views are equal, and all that is
    learnt is to push texts apart.
    """
    views = [pooling.pool(encoder(batch, rng), batch, pool) for _ in range(2)]
    return in_batch_loss(views[0], views[1], tau)


class Contrast(Module):
    """An encoder and how its vectors are contrasted: what ``fit`` trains.

    The loss of a batch is no sum over its sequences, for each is a negative of the others; so a
    batch is never cut.
    """

    def __init__(self, encoder: Encoder, pool: str, tau: float) -> None:
        self.encoder, self.pool, self.tau = encoder, pooling.check_pool(pool), tau
        check_positive("contrastive: tau", tau)

    def loss(self, batch: Batch, rng: np.random.Generator | None = None) -> Loss:
        return Loss(simcse_loss(self.encoder, batch, pool=self.pool, tau=self.tau, rng=rng), {})


def train_contrastive(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    steps: int = 300,
    batch_size: int = 64,
    lr: float = 3e-4,
    tau: float = 0.05,
    pool: str = "mean",
    every: int = 10,
    measure: Callable[[Encoder], dict[str, float]] | None = None,
    progress: ProgressFn | None = None,
    rng: np.random.Generator,
) -> History:
    """Train an encoder by unsupervised SimCSE on texts.

    AdamW with warm-up and linear decay. The noise between the two views is the encoder's dropout
    (``set_dropout``). The history holds the mean "loss" since the last row, and at step 0, every
    ``every`` steps and at the end what ``measure(encoder)`` returns.

    Raises ``DataError`` for fewer than 2 texts, ``ConfigError`` for numbers out of range or an
    encoder without a tokenizer, ``NonFiniteError`` with the step if training fails.
    """
    tok = encoder.need_tokenizer("train_contrastive")
    check_count("train_contrastive: batch_size", batch_size, least=2)
    data = tok(texts, max_length=encoder.config.max_positions)
    if len(data) < 2:
        raise DataError(f"train_contrastive: {len(data)} texts; a contrast needs at least two")
    rngs = streams(rng)

    def batches() -> Iterator[Batch]:
        while True:
            epoch = batches_of(data, min(batch_size, len(data)), rng=rngs.order)
            yield from (batch for batch in epoch if len(batch) > 1)

    def measured() -> dict[str, float]:
        assert measure is not None  # it is not called without one
        with evaluating(encoder):
            return measure(encoder)

    history = History()
    walk = fit(
        Contrast(encoder, pool, tau),
        batches(),
        AdamW(decay_groups(encoder, lr=lr, weight_decay=WEIGHT_DECAY)),
        history,
        steps=steps,
        schedule=warmup(steps, WARMUP),
        every=every,
        measure=None if measure is None else measured,
        rng=rngs.dropout,
    )
    for _ in reported(walk, steps, history, progress):
        pass
    return history
