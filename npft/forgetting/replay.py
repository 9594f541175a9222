"""Replay: a share of every batch comes from pretraining (Robins 1995).

    L = L_task on the task's examples  +  weight · L_pretraining on the replayed sequences

L_pretraining is L_MLM, plus L_NSP for a body that was pretrained with next sentences.

Replay needs the pretraining text, which a published model seldom comes with.
"""

from __future__ import annotations

import numpy as np

from npft.autograd.tensor import Tensor
from npft.errors import ConfigError
from npft.nn.loop import Repair
from npft.nn.module import Module, freeze
from npft.pretrain.masking import mask_tokens
from npft.pretrain.objectives import MaskedLM
from npft.pretrain.pairs import Corpus, Documents
from npft.pretrain.source import Source


class ReplayMixer(Repair):
    """Replace a ``share`` of each batch by freshly masked pretraining sequences.

    A batch of 32 at share 0.2 holds 26 task examples and 6 replayed sequences (rounded; an ``int``
    of both products would lose one). Share 0 is plain training, bit for bit. The prediction head of
    ``mlm`` is frozen, so that only the encoder learns from replay.

    documents: the pool. weight: of the replay loss. rng draws sequences, masks and dropout.
    Raises ``ConfigError`` for a share outside [0, 1), a weight < 0, a share of the batch that is
    less than one sequence or leaves no task example, and a model whose encoder is not that of
    ``mlm``; ``DataError`` for an empty pool.
    """

    name = "replay"

    def __init__(
        self,
        documents: Documents,
        mlm: MaskedLM,
        share: float = 0.2,
        weight: float = 1.0,
        *,
        rng: np.random.Generator,
    ) -> None:
        if not 0 <= share < 1:
            raise ConfigError(f"ReplayMixer: share is {share}, expected 0 <= share < 1")
        if not 0 <= weight < np.inf:
            raise ConfigError(f"ReplayMixer: weight is {weight}, expected a finite number >= 0")
        tok = mlm.encoder.tokenizer
        if tok is None:
            raise ConfigError("ReplayMixer: the encoder has no tokenizer; pass one to Encoder")
        layout = "pairs" if mlm.nsp else "segments"
        self.source = Source(Corpus(documents, tok), layout, mlm.encoder.config.max_positions)
        self.mlm = mlm
        self.share = share
        self.weight = weight
        self.rng = rng
        self.replayed = 0  # sequences in each step; known once the batch size is
        freeze(mlm, lambda name: not name.startswith("encoder."))

    def task_size(self, batch_size: int) -> int:
        """How many examples of the task a batch holds; the rest of it is replay."""
        self.replayed = round(self.share * batch_size)
        if self.replayed >= batch_size:
            raise ConfigError(
                f"ReplayMixer: share {self.share} of a batch of {batch_size} leaves no task example"
            )
        if self.replayed == 0 and self.share > 0:
            raise ConfigError(
                f"ReplayMixer: share {self.share} of a batch of {batch_size} is less than one "
                "sequence; use a larger batch or share, or share 0 for none"
            )
        return batch_size - self.replayed

    def loss(self, model: Module) -> Tensor | None:
        """weight · L_pretraining on newly drawn sequences, or None if none are replayed."""
        if getattr(model, "encoder", None) is not self.mlm.encoder:
            raise ConfigError(
                "ReplayMixer: the model that trains has another encoder than mlm, so replay would "
                "change nothing; build the Classifier on mlm.encoder"
            )
        if self.replayed == 0:
            return None
        starts = self.source.starts
        chosen = starts[self.rng.integers(0, len(starts), self.replayed)]
        batch = self.source.draw(chosen, self.rng)
        batch = batch[np.argsort(batch.lengths, kind="stable")]
        masked = mask_tokens(batch, self.source.corpus.tokenizer, rng=self.rng)
        total, _ = self.mlm.loss(masked, rng=self.rng)
        return total * self.weight
