"""What pretraining starts from: a text, a tokenizer, and a new model of lesson size."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError
from npft.pretrain.objectives import MaskedLM
from npft.pretrain.pairs import Documents
from npft.pretrain.probe import hold_out
from npft.text import BPE, ByteTokenizer, Tokenizer, Unigram, WordPiece, read_text
from npft.worlds import TinyWorld, sms_fixture

MAX_POSITIONS, VOCAB_SIZE = 128, 4000  # for text from files
DOCUMENTS, HELD_OUT = 4000, 200  # of TinyWorld
TOKENIZERS = ("wordpiece", "byte", "bpe", "unigram")
INIT_STD = 0.1  # of new weights: 0.02 suits a width of 768; a width of 64 wants more


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
    vocab_size = default_size if vocab_size is None else vocab_size
    if kind == "wordpiece":
        return WordPiece.train(texts, vocab_size=vocab_size)
    if kind == "bpe":
        return BPE.train(texts, vocab_size=vocab_size)
    return Unigram.train(texts, vocab_size=vocab_size)


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


def read_parts(paths: list[Path]) -> tuple[Documents, Documents]:
    """The documents of text files in two parts: to train on, and the last 5 % of each file.

    A file is divided by itself (see ``hold_out``), so its held-out part is the same in any company
    and order of files, and what one run held out no later run trains on. A file too short to be
    divided is all for training. Raises ``DataError`` if nothing is held out.
    """
    train, held_out = [], []
    for path in paths:
        documents = read_text(path)
        try:
            first, last = hold_out(documents)
        except DataError:
            first, last = documents, []
        train += first
        held_out += last
    if not held_out:
        raise DataError("too little text to hold any out; give at least a few sentences")
    return train, held_out


class Text(NamedTuple):
    """What to pretrain on, and the sizes that suit it."""

    train: Documents
    held_out: Documents
    vocabulary: list[str]  # the texts a tokenizer is trained on
    vocab_size: int
    max_positions: int
    steps: int


def file_text(paths: list[Path]) -> Text:
    """The documents of text files; the last 5 % of each file are held out.

    The vocabulary is learnt from the training part alone.
    """
    train, held_out = read_parts(paths)
    sentences = [s for d in train for s in d]
    return Text(train, held_out, sentences, VOCAB_SIZE, MAX_POSITIONS, 1500)


def world_text(seed: int) -> Text:
    """4,000 documents of ``TinyWorld(seed)``, and 200 held out.

    The vocabulary also knows the words of the SMS training texts.
    """
    documents = [d.sentences for d in TinyWorld(seed).documents(DOCUMENTS + HELD_OUT)]
    train, held_out = documents[:DOCUMENTS], documents[DOCUMENTS:]
    texts = [s for d in train for s in d] + sms_fixture()[0].texts
    return Text(train, held_out, texts, 2000, 64, 2800)
