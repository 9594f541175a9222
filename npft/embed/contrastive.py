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
from npft.encoder.encoder import Encoder
from npft.encoder.pooling import check_pool, pool
from npft.errors import ConfigError, DataError, NonFiniteError, ShapeError
from npft.nn.history import History
from npft.nn.loop import streams, train_steps
from npft.nn.module import evaluating, train_mode
from npft.nn.optim import AdamW, decay_groups
from npft.nn.progress import ProgressFn
from npft.nn.schedules import warmup_linear
from npft.text.batch import Batch, batches_of

SELF = -1e9  # the cosine of a vector with itself, in effect: it is never its own negative
WARMUP = 0.05  # share of the steps
WEIGHT_DECAY = 0.01


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
    kind: str = "mean",
    tau: float = 0.05,
    rng: np.random.Generator | None,
) -> Tensor:
    """The in-batch loss of two passes of the same texts with two draws of dropout.

    The encoder is in training mode. With dropout 0 the two views are equal, and all that is
    learnt is to push texts apart.
    """
    views = [pool(encoder(batch, rng), batch, kind) for _ in range(2)]
    return in_batch_loss(views[0], views[1], tau)


def train_contrastive(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    steps: int = 300,
    batch_size: int = 64,
    lr: float = 3e-4,
    tau: float = 0.05,
    kind: str = "mean",
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
    tok = encoder.tokenizer
    if tok is None:
        raise ConfigError("train_contrastive: the encoder has no tokenizer; pass one to Encoder")
    whole = all(isinstance(n, (int, np.integer)) for n in (steps, every, batch_size))
    if not whole or min(steps, every) < 1 or batch_size < 2 or not tau > 0:
        raise ConfigError(
            f"train_contrastive: steps {steps}, every {every}, batch_size {batch_size}, tau {tau}; "
            "expected whole numbers of at least 1, 1, 2, and a positive temperature"
        )
    check_pool(kind)
    data = tok(texts, max_length=encoder.config.max_positions)
    if len(data) < 2:
        raise DataError(f"train_contrastive: {len(data)} texts; a contrast needs at least two")
    rngs = streams(rng)

    def batches() -> Iterator[Batch]:
        while True:
            epoch = batches_of(data, min(batch_size, len(data)), rng=rngs.order)
            yield from (batch for batch in epoch if len(batch) > 1)

    def loss_fn(model: Encoder, batch: Batch, rng: np.random.Generator):
        return simcse_loss(model, batch, kind=kind, tau=tau, rng=rng), {}

    def measured() -> dict[str, float]:
        if measure is None:
            return {}
        with evaluating(encoder):
            return measure(encoder)

    optimizer = AdamW(decay_groups(encoder, lr=lr, weight_decay=WEIGHT_DECAY))
    warmup = max(1, round(WARMUP * steps))
    history, losses = History(), []
    if measure is not None:
        history.add(0, **measured())
    train_mode(encoder)
    try:
        for step in train_steps(
            encoder,
            batches(),
            loss_fn,
            optimizer,
            schedule=lambda s: warmup_linear(s, warmup, steps),
            rng=rngs.dropout,
        ):
            losses.append(step.loss)
            if step.step % every == 0 or step.step == steps:
                history.add(step.step, loss=float(np.mean(losses)), **measured())
                losses.clear()
            if progress is not None:
                progress(step.step, steps, f"loss {step.loss:.3f}")
            if step.step == steps:
                break
    finally:
        encoder.eval()
    return history
