"""The vectors that verbs compare: of the model in a folder, pooled as it says or as asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from npft.embed.sentences import SentenceEncoder
from npft.loading import load


def own_pool(model: Any) -> str | None:
    """The pool that a sentence encoder was saved with; None for a model of another kind."""
    return model.heads["vectors"].pool if model.kind == SentenceEncoder.kind else None


def sentence_encoder_in(folder: Path, pool: str | None = None) -> SentenceEncoder:
    """The sentence encoder in a folder; of another model its encoder, pooled by mean.

    pool: another pool than the model's own; the vectors then have length 1.
    Raises ``CheckpointError`` for a folder without a model, ``ConfigError`` for one without a
    tokenizer.
    """
    model: Any = load(folder)
    if pool is None and own_pool(model) is not None:
        encoder: SentenceEncoder = model
        return encoder
    return SentenceEncoder(model.body, pool or "mean")


def unit_encoder_in(folder: Path, pool: str | None = None) -> SentenceEncoder:
    """The same with vectors of length 1 in any case: what cosines are made of."""
    found = sentence_encoder_in(folder, pool)
    return SentenceEncoder(found.body, own_pool(found) or "mean")
