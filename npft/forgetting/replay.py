"""Replay: a share of every batch comes from pretraining (Robins 1995).

    L = L_task on the task's examples  +  weight · L_pretraining on the replayed sequences

L_pretraining is L_MLM, plus L_NSP for a body that was pretrained with next sentences.

Replay needs the pretraining text, which a published model seldom comes with.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.tensor import Tensor
from npft.errors import ConfigError, check_rng, check_share
from npft.forgetting.anchors import check_body
from npft.forgetting.measure import check_words
from npft.heads.words import MaskedLM
from npft.nn.module import Module, freeze
from npft.nn.optim import check_positive
from npft.nn.repair import Repair
from npft.pretraining.masking import mask_tokens
from npft.pretraining.pairs import Corpus, Documents
from npft.pretraining.source import Source, layout_for
from npft.text.batch import Batch


def source_for(owner: str, documents: Documents, mlm: MaskedLM) -> Source:
    """The sequences that ``mlm`` was pretrained on, of the documents, in its own layout."""
    check_words(owner, mlm)
    corpus = Corpus(documents, mlm.encoder.need_tokenizer(owner))
    return Source(corpus, layout_for(mlm), mlm.encoder.config.max_positions)


def draw_masked(source: Source, n: int, *, rng: np.random.Generator) -> Batch:
    """n sequences of a source, any of them perhaps twice, with masks drawn now, by length."""
    chosen = source.starts[rng.integers(0, len(source.starts), n)]
    drawn = source.draw(chosen, rng)
    drawn = drawn[np.argsort(drawn.lengths, kind="stable")]
    return mask_tokens(drawn, source.tokenizer, rng=rng)


class ReplayMixer(Repair):
    """Replace a ``share`` of each batch by freshly masked pretraining sequences.

    A batch of 32 at share 0.2 holds 26 task examples and 6 replayed sequences (rounded; an ``int``
    of both products would lose one). Share 0 is plain training, bit for bit. The prediction head of
    ``mlm`` is frozen, so that only the encoder learns from replay.

    documents: the pool. weight: of the replay loss. rng, which nothing
    else may use, draws sequences, masks and dropout.
    Raises ``ConfigError`` for a share outside [0, 1), a weight < 0, a share of the batch that is
    less than one sequence or leaves no task example, and a model whose encoder is not that of
    ``mlm``; ``DataError`` for an empty pool.

    >>> from npft import load
    >>> text, rng = [["the teller counts", "the chef cooks"]], np.random.default_rng(0)
    >>> replay = ReplayMixer(text, load("tinyworld"), share=0.2, rng=rng)
    >>> replay.task_size(32), replay.replayed  # examples of the task, and of the old text
    (26, 6)
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
        check_share("ReplayMixer: share", share, zero=True)
        check_positive("ReplayMixer: weight", weight, zero=True)
        check_rng("ReplayMixer: rng", rng)
        self.source = source_for("ReplayMixer", documents, mlm)
        self.mlm = mlm
        self.share = share
        self.weight = weight
        self.rng = rng
        self.replayed: int | None = None  # sequences in each step; known once the batch size is
        self.masked: Batch | None = None  # those of the present step
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

    def before_step(self, model: Module, batch: Any) -> None:
        """Draw and mask the sequences of this step."""
        check_body("ReplayMixer", model, self.mlm.encoder)
        if self.replayed is None:
            raise ConfigError(
                "ReplayMixer: nobody asked it how many examples of the task fit into a batch; call "
                "task_size(batch_size) and train on batches of that size"
            )
        if self.replayed == 0:
            return
        self.masked = draw_masked(self.source, self.replayed, rng=self.rng)

    def penalty(self, model: Module) -> Tensor | None:
        """weight · L_pretraining on the sequences of this step, or None if none are replayed."""
        if self.masked is None:
            return None
        return self.mlm.loss(self.masked, self.rng).total * self.weight
