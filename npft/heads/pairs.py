"""Next-sentence prediction: does the second segment follow the first?

    L_NSP = -log P(label | z_CLS)      mean over the pairs           (chapter 11, section 11.2.2)

Label 1: it follows. Only the first token, [CLS], is looked at: as it is, or as BERT does through
its pooler, tanh(W z_CLS + b).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.head import Head, Rng
from npft.encoder.pooling import Pool
from npft.errors import ConfigError, DataError
from npft.metrics.score import Hits
from npft.nn.layers import Linear
from npft.text.batch import Batch


class Pairs(Head):
    """A linear layer with two outputs on the pooled tokens: on [CLS], or on BERT's "pooler".

    Raises ``ConfigError`` for an encoder that cannot tell the two segments apart, or an unknown
    pool.
    """

    kind = "pairs"

    def __init__(
        self, encoder: Encoder, pool: str = "cls", *, rng: np.random.Generator
    ) -> None:
        c = encoder.config
        if c.type_vocab_size < 2:
            raise ConfigError(
                "Pairs: next-sentence prediction needs an encoder with type_vocab_size=2; "
                "or do without: MaskedLM(encoder, nsp=False)"
            )
        self.linear = Linear(c.hidden_size, 2, std=c.init_std, rng=rng)
        self.pool = Pool(pool, c.hidden_size)

    def options(self) -> dict[str, Any]:
        """None for [CLS], as in the files of the time when there was no other pool."""
        return {} if self.pool.kind == "cls" else {"pool": self.pool.kind}

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        return self.linear(self.pool(hidden, batch))  # (N, D) -> (B, D) -> (B, 2)

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` unless every sequence has the label 0 or 1."""
        labels = batch.labels
        if labels is None or not len(labels) or labels.dtype.kind != "i" or labels.max() > 1:
            raise DataError("Pairs: nsp needs the labels 0 and 1; make pairs, or pass nsp=False")

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        return softmax_cross_entropy(scores, targets=batch.labels)

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """1 where the second segment seems to follow, else 0: (B,)."""
        return scores.argmax(axis=1)

    def score(self, decisions: np.ndarray, batch: Batch) -> Hits:
        return Hits(float((decisions == batch.labels).mean()))
