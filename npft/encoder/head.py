"""A head: all that a task adds to a body.

    hidden (N, D) -> forward -> scores -> loss          in training
                                scores -> decide -> decode, or score against the labels

A new task is one file with one class like this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.layers import combined, width_of_layers
from npft.errors import ConfigError, DataError
from npft.nn.module import Module
from npft.text.batch import Batch
from npft.text.tokenizer import Tokenizer

Rng = np.random.Generator | None
Texts = Sequence[Any]  # strings, or texts as lists of words


class Asked(NamedTuple):
    """Texts that a user asks about, the second texts if they are pairs, and how they were read."""

    texts: Texts
    pairs: Texts | None
    batch: Batch
    tokenizer: Tokenizer


def check_examples(head: str, examples: Any, parts: Sequence[str], make: str) -> None:
    """Raise ``DataError`` that names the head for examples without the parts that it reads.

    They may be of any class that has these; ``make`` says how one of npft is made.

    >>> check_examples("Classes", ["a text"], ("texts",), "Examples(texts)")
    Traceback (most recent call last):
        ...
    npft.errors.DataError: Classes: the examples are a list, expected Examples: make Examples(texts)
    """
    if not all(hasattr(examples, part) for part in parts):
        raise DataError(
            f"{head}: the examples are a {type(examples).__name__}, expected "
            f"{make.partition('(')[0]}: make {make}"
        )


class Head(Module):
    """What a task adds to a body: a few weights, a loss, and a way to say what it found.

    To train, ``forward`` and ``loss`` must be written, and ``count`` where the loss is over other
    things than sequences. To evaluate, ``decide`` and ``score`` (which returns a ``Score``, such as
    ``Hits``); to predict, ``decode``. A decision is about a sequence unless ``tokens`` is True. To
    be saved a head needs a ``kind``, its name in files, and its ``options``, with which
    ``cls(encoder, **options, rng=rng)`` makes it again.

    A head that learns how long a text is, in tens of tokens:

    >>> from npft.autograd.losses import mse
    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.encoder.model import Model
    >>> from npft.encoder.pooling import pool
    >>> from npft.nn.layers import Linear
    >>> class Length(Head):
    ...     kind = "length"
    ...     def __init__(self, encoder, *, rng):
    ...         self.linear = Linear(encoder.config.hidden_size, 1, std=0.0, rng=rng)
    ...     def forward(self, hidden, batch, rng=None):
    ...         return self.linear(pool(hidden, batch, "mean"))  # (B, 1)
    ...     def loss(self, scores, batch):
    ...         return mse(scores, target=batch.lengths[:, None] / 10)
    >>> rng = np.random.default_rng(0)
    >>> encoder = Encoder(EncoderConfig.lesson(), rng=rng)
    >>> model = Model(encoder, {"length": Length(encoder, rng=rng)})
    >>> batch = Batch(np.zeros(30, int), [0, 10, 30])  # of 10 and of 20 tokens
    >>> model.eval().loss(batch).total.item()  # (1² + 2²) / 2, for it says 0 of both
    2.5
    """

    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type[Head]]] = {}
    tokens = False  # whether a decision is about a token, and not about a sequence
    layers, combine = 1, "mean"  # how many of the last blocks it reads, and how: see layers.py

    def __init_subclass__(cls) -> None:
        """Enter a class with a ``kind`` under it, so that files of models with such a head load.

        Raises ``ConfigError`` for a kind that another class has: its files would be read as this.
        """
        if "kind" in vars(cls):
            other = Head.kinds.setdefault(cls.kind, cls)
            if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ConfigError(
                    f"{cls.__name__}: the kind {cls.kind!r} is that of {other.__module__}."
                    f"{other.__qualname__}; give the new head a kind of its own"
                )
            Head.kinds[cls.kind] = cls  # defined anew, as a cell of a notebook does

    def read_layers(self, encoder: Encoder, layers: int, combine: str) -> int:
        """Let the head read the last ``layers`` blocks; returns how many columns it then reads."""
        width = width_of_layers(encoder.config, layers, combine)
        self.layers, self.combine = layers, combine
        return width

    def seen(self, states: Sequence[Tensor]) -> Tensor:
        """What the head reads of the outputs of the last blocks."""
        return combined(states[-self.layers :], self.combine)

    def layer_options(self) -> dict[str, Any]:
        """What ``read_layers`` was told, as options; none if the head reads the last block."""
        return {} if self.layers == 1 else {"layers": self.layers, "combine": self.combine}

    def options(self) -> dict[str, Any]:
        """The arguments that make such a head again: ``cls(encoder, **options, rng=rng)``."""
        return {}

    @classmethod
    def completed(cls, options: dict[str, Any]) -> dict[str, Any]:
        """The options in a file, with those that came later added: as the head was before them."""
        return options

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        """Scores from the hidden states (N, D). In training mode ``rng`` draws dropout."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """The loss on a labelled batch: one number, the mean over ``count`` things."""
        raise NotImplementedError(f"{type(self).__name__} defines no loss")

    def count(self, batch: Batch) -> float:
        """How many things the loss is a mean over: here the sequences. Or what they weigh."""
        return len(batch)

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` if the batch lacks labels that this head can learn from."""
        if self.count(batch) == 0:
            raise DataError(f"{type(self).__name__}: the batch has nothing to learn from")

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """What the scores say, one decision for each sequence (or, with ``tokens``, token)."""
        raise NotImplementedError(f"{type(self).__name__} defines no decide")

    def score(self, decisions: np.ndarray, batch: Batch) -> Any:
        """How good the decisions are against the labels of the batch: a ``Score``."""
        raise NotImplementedError(f"{type(self).__name__} defines no score")

    def inputs(self, examples: Any) -> tuple[Texts, Texts | None]:
        """The texts of examples, and their second texts if they are pairs."""
        make = "Examples(texts, labels=...)"
        check_examples(type(self).__name__, examples, ("texts", "pairs"), make)
        return examples.texts, examples.pairs

    def tokenize(
        self, tokenizer: Tokenizer, texts: Texts, pairs: Texts | None, max_length: int
    ) -> Batch:
        """The batch this head reads, without labels; too long a text is cut."""
        return tokenizer(texts, pairs, max_length=max_length)

    def labelled(self, tokenizer: Tokenizer, batch: Batch, examples: Any) -> Batch:
        """The tokenized batch with the labels of the examples."""
        return batch.replace(labels=examples.labels)

    def decode(self, decisions: np.ndarray, asked: Asked) -> Any:
        """Decisions as a user wants them, one for each text: names, tags, answers, numbers."""
        return decisions
