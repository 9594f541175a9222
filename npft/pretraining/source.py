"""Where training examples come from: sequences laid out in one of four ways, then corrupted.

    segments   [CLS] A [SEP]             whole sentences of one document
    pairs      [CLS] A [SEP] B [SEP]     B follows A, or comes from elsewhere     (BERT)
    order      [CLS] A [SEP] B [SEP]     neighbours, in their order or exchanged  (ALBERT)
    packed     [CLS] text [SEP]          full rows of contiguous text             (RoBERTa)

An objective is a layout, a way to corrupt, and a model whose heads know the loss (catalogue.py).
"""

from __future__ import annotations

import json
from typing import Any, Protocol

import numpy as np

from npft.encoder.model import Model
from npft.errors import CheckpointError, ConfigError, check_choice, quoted
from npft.pretraining.packing import pack
from npft.pretraining.pairs import Corpus
from npft.text.batch import Batch, batches_of
from npft.text.tokenizer import Tokenizer

LAYOUTS = ("segments", "pairs", "order", "packed")


def set_generator(rng: np.random.Generator, state: Any) -> None:
    """Let a generator go on from where ``state``, which comes from a file, was taken.

    Raises ``CheckpointError`` for what is no such state: NumPy alone would round and drop parts.
    """
    rng.bit_generator.state = state
    if json.dumps(rng.bit_generator.state, sort_keys=True) != json.dumps(state, sort_keys=True):
        raise CheckpointError("the state of a generator is damaged")


class Corrupt(Protocol):
    """A way to make a training example: what the model sees, and what it must predict where."""

    def __call__(
        self, batch: Batch, tokenizer: Tokenizer, *, rng: np.random.Generator
    ) -> Batch: ...


def check_corrupt(caller: str, corrupt: Any) -> None:
    """Raise ``ConfigError`` that names the caller for what is no function, such as its name.

    >>> check_corrupt("pretrain", "mask_tokens")
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: pretrain: corrupt is 'mask_tokens', expected a function: mask_tokens
    """
    if not callable(corrupt):
        raise ConfigError(
            f"{caller}: corrupt is {quoted(corrupt)}, expected a function: mask_tokens"
        )


def layout_for(model: Model) -> str:
    """The layout a model is pretrained on unless told otherwise: pairs if it learns them."""
    return "pairs" if "nsp" in model.heads else "segments"


def checked_layout(caller: str, layout: str | None, model: Model) -> str:
    """The layout that is given, or that of the model; ``ConfigError`` that names the caller."""
    return check_choice(f"{caller}: layout", layout or layout_for(model), LAYOUTS)


class Sequences(Protocol):
    """Where a feed takes its sequences from: one source, or a mixture of several."""

    tokenizer: Tokenizer
    layout: str
    max_length: int
    starts: np.ndarray  # the numbers that sequences are drawn by
    unread: float  # the share of the tokens that stand in no sequence

    def epoch(self, rng: np.random.Generator) -> np.ndarray: ...

    def draw(self, starts: np.ndarray, rng: np.random.Generator) -> Batch: ...


class Source:
    """The sequences of a corpus in one layout: ``starts`` are the numbers to draw them by.

    ``unread`` is the share of the tokens that stand in no sequence: the ends of sentences longer
    than a segment, and in the layout "order" documents of one sentence, which has no neighbour.
    Packed rows go on in the next row, and lose none.

    Raises ``ConfigError`` for an unknown layout, ``DataError`` for pairs from documents of one
    sentence.
    """

    def __init__(self, corpus: Corpus, layout: str, max_length: int) -> None:
        check_choice("layout", layout, LAYOUTS)
        self.corpus, self.layout, self.max_length = corpus, layout, max_length
        self.tokenizer = corpus.tokenizer
        if layout == "packed":
            self.rows = pack(corpus, max_length)
            self.starts = np.arange(len(self.rows))
            self.unread = 0.0
            return
        self.starts = corpus.starts(followed=layout != "segments")
        alone = layout == "segments"
        room = corpus.room(max_length, 2) if alone else corpus.room(max_length, 3) // 2
        lengths = np.diff(corpus.sentence)
        unread = np.maximum(lengths - room, 0)
        if layout == "order":  # "pairs" takes such a sentence for a random second one
            alone_in_document = np.bincount(corpus.document)[corpus.document] == 1
            unread = np.where(alone_in_document, lengths, unread)
        self.unread = float(unread.sum() / len(corpus.tokens))

    def epoch(self, rng: np.random.Generator) -> np.ndarray:
        """The starts of one epoch, in a new order."""
        return rng.permutation(self.starts)

    def draw(self, starts: np.ndarray, rng: np.random.Generator) -> Batch:
        """One sequence for each start."""
        if self.layout == "packed":
            return self.rows[starts]
        if self.layout == "segments":
            return self.corpus.segments(starts, self.max_length)
        make = self.corpus.pairs if self.layout == "pairs" else self.corpus.ordered
        return make(starts, self.max_length, rng=rng)


class Feed:
    """Endless training examples, epoch after epoch in a new order; it can stop and go on.

    ``order`` draws the order and the pairs, ``masks`` what is hidden. ``state`` holds all that the
    next example depends on, so that a run that was stopped goes on with the same bits.
    """

    def __init__(
        self,
        source: Sequences,
        corrupt: Corrupt,
        batch_size: int,
        *,
        order: np.random.Generator,
        masks: np.random.Generator,
    ) -> None:
        self.source, self.corrupt, self.batch_size = source, corrupt, batch_size
        self.order, self.masks = order, masks
        self.epoch = np.zeros(0, dtype=np.int64)  # the starts in the order of this epoch ...
        self.place = 0  # ... and how many of them are used up

    def __iter__(self) -> Feed:
        return self

    def __next__(self) -> Batch:
        if self.place >= len(self.epoch):
            self.epoch, self.place = self.source.epoch(self.order), 0
        chosen = self.epoch[self.place : self.place + self.batch_size]
        self.place += self.batch_size
        batch = self.source.draw(chosen, self.order)
        by_length = next(batches_of(batch, len(batch)))
        return self.corrupt(by_length, self.source.tokenizer, rng=self.masks)

    def state(self) -> tuple[dict[str, Any], np.ndarray]:
        """The place and the states of the generators, and the order of the epoch."""
        generators = {"order": self.order, "masks": self.masks}
        states = {name: rng.bit_generator.state for name, rng in generators.items()}
        return {"place": self.place, **states}, self.epoch

    def go_on(self, state: dict[str, Any], epoch: np.ndarray) -> None:
        """Go on with the example that came next when ``state`` was taken.

        Raises ``CheckpointError`` for an order of sequences that this text does not have.
        """
        place = state["place"]
        rows = epoch.ndim == 1 and epoch.dtype.kind == "i"
        right = rows and bool(np.isin(epoch, self.source.starts).all())
        known = set(state) == {"place", "order", "masks"}
        if not right or not known or type(place) is not int or place < 0:
            raise CheckpointError("its place in the text is none")
        self.place, self.epoch = place, epoch
        set_generator(self.order, state["order"])
        set_generator(self.masks, state["masks"])
