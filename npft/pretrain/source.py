"""Where training examples come from: sequences laid out in one of four ways, then corrupted.

    segments   [CLS] A [SEP]             whole sentences of one document
    pairs      [CLS] A [SEP] B [SEP]     B follows A, or comes from elsewhere     (BERT)
    order      [CLS] A [SEP] B [SEP]     neighbours, in their order or exchanged  (ALBERT)
    packed     [CLS] text [SEP]          full rows of contiguous text             (RoBERTa)

An objective is a layout, a way to corrupt, and a model that knows its loss:
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from npft.autograd.tensor import Tensor
from npft.encoder.checkpoint import load_as
from npft.encoder.encoder import Encoder
from npft.errors import CheckpointError, ConfigError
from npft.nn.module import Module
from npft.pretrain.masking import Masked
from npft.pretrain.packing import pack
from npft.pretrain.pairs import Corpus
from npft.text.batch import Batch, batches_of
from npft.text.tokenizer import Tokenizer

LAYOUTS = ("segments", "pairs", "order", "packed")


class Corrupt(Protocol):
    """A way to make a training example: what is hidden, and what must be predicted."""

    def __call__(
        self, batch: Batch, tokenizer: Tokenizer, *, rng: np.random.Generator
    ) -> Masked: ...


class Pretrainable(Module):
    """What ``pretrain`` trains: a model that knows its loss and its held-out figures."""

    kind: str
    encoder: Encoder
    load = classmethod(load_as)

    @property
    def body(self) -> Encoder:
        """The encoder."""
        return self.encoder

    def options(self) -> dict[str, Any]:
        """What a file must hold beside configuration, tokenizer and weights: here nothing."""
        return {}

    @classmethod
    def from_options(
        cls, encoder: Encoder, options: dict[str, Any], *, rng: np.random.Generator
    ) -> Pretrainable:
        """The inverse of ``options``. Raises ``CheckpointError`` for others."""
        model = cls(encoder, rng=rng, **options)  # type: ignore[call-arg]
        if model.options() != options:
            raise CheckpointError(f"the options are {options}, expected those of a {cls.kind}")
        return model

    def loss(
        self,
        masked: Masked,
        *,
        whole: Masked | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss and its named parts; of a slice, its share of the loss of the ``whole``."""
        raise NotImplementedError

    def measure(self, masked: Masked) -> dict[str, tuple[float, int]]:
        """Held-out figures as sums, each with the number of things it is a sum over."""
        raise NotImplementedError


class Source:
    """The sequences of a corpus in one layout: ``starts`` are the numbers to draw them by.

    ``unread`` is the share of the tokens that no sequence ever has room for: the ends of sentences
    longer than a segment. Packed rows go on in the next row, and lose none.

    Raises ``ConfigError`` for an unknown layout, ``DataError`` for pairs from documents of one
    sentence.
    """

    def __init__(self, corpus: Corpus, layout: str, max_length: int) -> None:
        if layout not in LAYOUTS:
            raise ConfigError(f"layout is {layout!r}, expected one of {', '.join(LAYOUTS)}")
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
        too_long = np.maximum(np.diff(corpus.sentence) - room, 0)
        self.unread = float(too_long.sum() / len(corpus.tokens))

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
        source: Source,
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

    def __next__(self) -> Masked:
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
        """Continue behind the last example before ``state`` was taken.

        Raises ``CheckpointError`` for an order of sequences that this text does not have.
        """
        place = state["place"]
        right = epoch.ndim == 1 and np.isin(epoch, self.source.starts).all()
        if not right or type(place) is not int or place < 0:
            raise CheckpointError("its place in the text is none")
        self.place, self.epoch = place, epoch
        self.order.bit_generator.state = state["order"]
        self.masks.bit_generator.state = state["masks"]
