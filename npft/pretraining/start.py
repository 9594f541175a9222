"""What pretraining starts from: a text, a tokenizer, and a new model of lesson size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.heads.words import MaskedLM
from npft.pretraining.pairs import Documents
from npft.text import BPE, ByteTokenizer, Tokenizer, Unigram, WordPiece

TOKENIZERS = ("wordpiece", "byte", "bpe", "unigram")
INIT_STD = 0.1  # of new weights: 0.02 suits a width of 768; a width of 64 wants more
PRETRAIN_LR = 4e-3


class Text(NamedTuple):
    """What to pretrain on, and the sizes that suit it."""

    train: Documents
    held_out: Documents
    vocabulary: list[str]  # the texts a tokenizer is trained on
    vocab_size: int
    max_positions: int
    steps: int


class Vocabulary(NamedTuple):
    """Which tokenizer a new model gets.

    kind: one of ``TOKENIZERS``, by default WordPiece. size: at most so many pieces (bytes have
    256). lowercase: for WordPiece, whose default it is; the others keep capitals.
    """

    kind: str | None = None
    size: int | None = None
    lowercase: bool | None = None


def make_tokenizer(chosen: Vocabulary, texts: list[str], default_size: int) -> Tokenizer:
    """The tokenizer that was chosen, trained on the texts (bytes need no training).

    Raises ``ConfigError`` for what its kind cannot have.
    """
    kind, size = chosen.kind or "wordpiece", chosen.size
    if kind not in TOKENIZERS:
        raise ConfigError(f"tokenizer is {kind!r}, expected one of {', '.join(TOKENIZERS)}")
    if chosen.lowercase and kind != "wordpiece":
        raise ConfigError(f"--lowercase is for wordpiece; {kind} keeps capitals: leave it out")
    if kind == "byte":
        if size is not None:
            raise ConfigError("bytes have no --vocab-size: there are always 256; leave it out")
        return ByteTokenizer()
    size = default_size if size is None else size
    if kind == "wordpiece":
        return WordPiece.train(texts, vocab_size=size, lowercase=chosen.lowercase is not False)
    return (BPE if kind == "bpe" else Unigram).train(texts, vocab_size=size)


def new_encoder(
    tokenizer: Tokenizer, max_positions: int, rng: np.random.Generator, causal: bool = False
) -> Encoder:
    """A new body of the lesson's width and depth, without dropout: pretraining text is plenty."""
    config = EncoderConfig(
        vocab_size=tokenizer.vocab_size,
        max_positions=max_positions,
        dropout=0.0,
        causal=causal,
        init_std=INIT_STD,
    )
    return Encoder(config, tokenizer=tokenizer, rng=rng)


def new_masked_lm(
    tokenizer: Tokenizer, max_positions: int, nsp: bool, rng: np.random.Generator
) -> MaskedLM:
    """A new masked language model on ``new_encoder``."""
    return MaskedLM(new_encoder(tokenizer, max_positions, rng), nsp=nsp, rng=rng)
