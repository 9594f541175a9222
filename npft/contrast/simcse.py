"""SimCSE: contrastive learning from texts alone (Gao, Yao & Chen 2021).

A batch is encoded twice, with two draws of dropout: the two vectors of a text are a positive pair,
all others are negatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from npft.autograd.tensor import Tensor
from npft.contrast.bi_encoder import BiEncoder, train_bi_encoder
from npft.contrast.in_batch import in_batch_loss
from npft.contrast.objectives import InBatch
from npft.encoder import pooling
from npft.encoder.encoder import Encoder, check_encoder
from npft.errors import DataError, check_count, check_strings
from npft.nn.fit import measure_of
from npft.nn.history import History
from npft.nn.progress import ProgressFn
from npft.text.batch import Batch


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

    >>> from npft import load
    >>> encoder = load("tinyworld").body.eval()  # no dropout: both views are equal
    >>> batch = encoder.tokenizer(["win cash", "win cash"])
    >>> round(simcse_loss(encoder, batch, rng=None).item(), 4)  # two texts that are one: log 2
    0.6931
    """
    views = [pooling.pool(encoder(batch, rng), batch, pool) for _ in range(2)]
    return in_batch_loss(views[0], views[1], tau)


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

    This is ``train_bi_encoder`` on two columns of the same texts: train such a ``BiEncoder`` for
    another loss, a projection head, or large batches in little memory.

    Raises ``DataError`` for fewer than 2 texts, ``ConfigError`` for numbers out of range or what is
    no encoder with a tokenizer, ``NonFiniteError`` with the step if training fails.

    >>> from npft import load, set_dropout
    >>> encoder, texts = load("tinyworld").body, ["win cash", "see you at noon", "it rains"]
    >>> set_dropout(encoder, 0.1)
    >>> history = train_contrastive(
    ...     encoder, texts, steps=4, batch_size=3, every=2, rng=np.random.default_rng(0))
    >>> history.at("loss").tolist()
    [2, 4]
    """
    check_encoder("train_contrastive", encoder)
    check_count("train_contrastive: batch_size", batch_size, least=2)
    texts = check_strings("texts", texts)
    if len(texts) < 2:
        raise DataError(f"train_contrastive: {len(texts)} texts; a contrast needs at least two")
    asked = measure_of("train_contrastive", encoder, measure)
    return train_bi_encoder(
        BiEncoder(encoder, InBatch(tau, mask_repeats=False), pool=pool),
        [texts, texts],
        steps=steps,
        batch_size=batch_size,
        lr=lr,
        every=every,
        measure=None if asked is None else lambda _: asked(),
        progress=progress,
        rng=rng,
    )
