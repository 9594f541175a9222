"""What pretraining starts from: a text, a tokenizer, and a new model of lesson size."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.heads.words import MaskedLM
from npft.pretrain.pairs import Documents
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


def make_tokenizer(
    kind: str, texts: list[str], vocab_size: int | None, default_size: int
) -> Tokenizer:
    """A tokenizer of one of ``TOKENIZERS``, trained on the texts (bytes need no training).

    Without a ``vocab_size`` it has the ``default_size``. Raises ``ConfigError`` for bytes with one.
    """
    if kind not in TOKENIZERS:
        raise ConfigError(f"tokenizer is {kind!r}, expected one of {', '.join(TOKENIZERS)}")
    if kind == "byte":
        if vocab_size is not None:
            raise ConfigError("bytes have no --vocab-size: there are always 256; leave it out")
        return ByteTokenizer()
    trained: Any = {"wordpiece": WordPiece, "bpe": BPE, "unigram": Unigram}[kind]
    return trained.train(texts, vocab_size=default_size if vocab_size is None else vocab_size)


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
