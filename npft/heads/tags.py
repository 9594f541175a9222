"""A tag for every word, such as its part of speech or the entity it belongs to.

    y_i = softmax(W z_i)        W (K, D), one distribution for each token

(Jurafsky & Martin, eqs. 11.14 and 11.15.) A word may be several tokens: in training each of them
has the word's tag, in decoding its first token decides (``text/labels_and_tokens.py``), or the mean
or the largest of what its tokens say of each tag:

    tokens       San    ##itas     first   mean   max
    P(B-LOC)     0.6    0.0        0.6     0.3    0.6
    P(I-LOC)     0.3    0.5        0.3     0.4    0.5

A text longer than the encoder's positions is read in windows (``text/windows.py``), so every word
gets a tag and every word is scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.autograd.kernels import softmax, take_rows
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.segments import segment_max, segment_mean
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.head import Asked, Head, Rng, Texts, check_examples
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, DtypeError, check_items, quoted
from npft.heads.classes import checked_names
from npft.metrics.entities import check_scheme, scheme_of
from npft.metrics.tags import TagMetrics, tag_metrics
from npft.nn.layers import Dropout, Linear
from npft.text.batch import IGNORE, Batch
from npft.text.labels_and_tokens import first_tokens, token_labels
from npft.text.tagged import TaggedTexts
from npft.text.tokenizer import Tokenizer
from npft.text.windows import read_in_windows, texts_of

JOINS = {"mean": segment_mean, "max": segment_max}
PIECES = ("first", *JOINS)  # which tokens of a word decide


class Tags(Head):
    """A linear layer with K scores for every token; ``label_names`` are the K tags.

    ``scheme``: how the tags mark entities, "bio", "iob1", "iobes" or "bilou", or "plain" if they
    mark none; the score depends on it. By default it is what the tags say (``scheme_of``).
    ``pieces``: which tokens of a word decide: its "first", or the "mean" or "max" of all.
    ``layers`` and ``combine``: how many of the last blocks are read, and how.
    Raises ``ConfigError`` for fewer than two tags, tags that leave the scheme open, or more layers
    than there are, ``DataError`` for a tag that the scheme does not have.
    """

    kind = "tags"
    tokens = True

    def __init__(
        self,
        encoder: Encoder,
        label_names: Sequence[str],
        scheme: str | None = None,
        pieces: str = "first",
        layers: int = 1,
        combine: str = "mean",
        *,
        rng: np.random.Generator,
    ) -> None:
        own = type(self).__name__
        self.label_names = names = checked_names(own, label_names)
        self.scheme = check_scheme(own, scheme_of(names) if scheme is None else scheme, names)
        if not isinstance(pieces, str) or pieces not in PIECES:
            raise ConfigError(f"{own}: pieces is {quoted(pieces)}, expected {', '.join(PIECES)}")
        self.pieces = pieces
        self.dropout = Dropout(encoder.config.dropout)
        width = self.read_layers(encoder, layers, combine)
        self.linear = Linear(width, len(self.label_names), rng=rng)

    def options(self) -> dict[str, Any]:
        own = {"label_names": self.label_names, "scheme": self.scheme, "pieces": self.pieces}
        return own | self.layer_options()

    @classmethod
    def completed(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Before there were schemes, O, B- and I- tags were scored as BIO, and others as plain.

        Before there were other ``pieces``, the first decided.
        """
        names = options.get("label_names", [])
        bio = all(name == "O" or name[:2] in ("B-", "I-") for name in names)
        return {"scheme": "bio" if bio else "plain", "pieces": "first"} | options

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        return self.linear(self.dropout(hidden, rng))  # (N, K)

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` if no token has a label, or one has a label of no tag."""
        _, targets = batch.token_targets()
        if targets.max() >= len(self.label_names):
            raise DataError(
                f"{type(self).__name__}: label {targets.max()} is not one of the "
                f"{len(self.label_names)} tags"
            )

    def count(self, batch: Batch) -> int:
        """How many tokens have a label."""
        return batch.n_targets

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        rows, targets = batch.token_targets()
        return softmax_cross_entropy(take_rows(scores, rows=rows), targets=targets)

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """The number of the likeliest tag of each token (N,), or of its word by "mean" or "max"."""
        decisions = scores.argmax(axis=1)
        if self.pieces == "first" or batch.words is None:
            return decisions
        first, rows = first_tokens(batch), np.flatnonzero(batch.words >= 0)
        if len(first):
            offsets = np.append(np.searchsorted(rows, first), len(rows))
            joined = JOINS[self.pieces](softmax(scores[rows]), offsets=offsets).data  # (words, K)
            decisions[rows] = np.repeat(joined.argmax(axis=1), np.diff(offsets))
        return decisions

    def score(self, decisions: np.ndarray, batch: Batch) -> TagMetrics:
        """By the word: at the first token of each word that has a label."""
        labels, first = np.asarray(batch.token_labels), word_rows(batch)
        first = first[labels[first] != IGNORE]
        gold, said = (self._by_text(numbers, first, batch) for numbers in (labels, decisions))
        return tag_metrics(gold, said, self.scheme, names=self.label_names)

    def _by_text(self, numbers: np.ndarray, rows: np.ndarray, batch: Batch) -> list[list[str]]:
        """The names of the tags at these rows, in a list for each text, whole or in windows."""
        texts = texts_of(batch)
        ends = np.searchsorted(texts[batch.sequence[rows]], np.arange(1, texts.max() + 1))
        parts = np.split(numbers[rows], ends)
        return [[self.label_names[k] for k in part] for part in parts]

    def inputs(self, examples: TaggedTexts) -> tuple[Texts, Texts | None]:
        make = "TaggedTexts(words, tags)"
        check_examples(type(self).__name__, examples, ("words", "tags"), make)
        return examples.words, None

    def tokenize(
        self, tokenizer: Tokenizer, texts: Texts, pairs: Texts | None, max_length: int
    ) -> Batch:
        """Texts as lists of words: see ``read_words``."""
        return read_words(type(self).__name__, tokenizer, texts, pairs, max_length)

    def labelled(self, tokenizer: Tokenizer, batch: Batch, examples: TaggedTexts) -> Batch:
        """Every token of a word has the number of its tag.

        Raises ``DataError`` for a tag the head does not know.
        """
        number = {name: k for k, name in enumerate(self.label_names)}
        unknown = {tag for row in examples.tags for tag in row} - set(number)
        if unknown:
            raise DataError(
                f"{type(self).__name__}: the tag {quoted(min(unknown))} is unknown to the model"
            )
        labels = [[number[tag] for tag in row] for row in examples.tags]
        windows = [labels[text] for text in texts_of(batch)]
        return batch.replace(token_labels=token_labels(batch, windows))

    def decode(self, decisions: np.ndarray, asked: Asked) -> list[list[str]]:
        """A tag for each word of each text."""
        batch = asked.batch
        return self._by_text(decisions, first_tokens(batch), batch) if len(batch) else []


def read_words(
    name: str, tokenizer: Tokenizer, texts: Texts, pairs: Texts | None, max_length: int
) -> Batch:
    """Texts as lists of words, in windows where they are too long; ``name`` is the head's.

    Raises ``DtypeError`` for texts as strings, ``DataError`` for pairs.
    """
    rows = list(check_items(f"{name}: texts", texts, "lists of words"))
    if any(isinstance(row, str) for row in rows):
        raise DtypeError(f"{name}: a text is a string, expected its words: [['In', 'Oslo']]")
    if pairs is not None:
        raise DataError(f"{name}: got pairs of texts, expected single texts as lists of words")
    return read_in_windows(tokenizer, rows, max_length)


def word_rows(batch: Batch) -> np.ndarray:
    """The first token of each word, as rows of ids; without word numbers each token is a word."""
    return np.arange(len(batch.ids)) if batch.words is None else first_tokens(batch)


class TokenClassifier(Model):
    """An encoder and a head with K tags; ``predict`` takes texts as lists of words.

    ``scheme``, ``pieces``, ``layers`` and ``combine`` are those of ``Tags``: how the tags mark
    entities, how the tokens of a word decide, and which blocks are read.

    >>> from npft import load
    >>> tagger = TokenClassifier(load("tinyworld").body, ["N", "V"], rng=np.random.default_rng(0))
    >>> ((first, second),) = tagger.predict([["ann", "sleeps"]])
    >>> {first, second} <= {"N", "V"}  # a tag for each word, untrained
    True
    """

    kind = "token_classifier"
    needs = {"tags": "tags"}

    def __init__(
        self,
        encoder: Encoder,
        label_names: Sequence[str],
        scheme: str | None = None,
        pieces: str = "first",
        layers: int = 1,
        combine: str = "mean",
        *,
        rng: np.random.Generator,
    ) -> None:
        head = Tags(encoder, label_names, scheme, pieces, layers, combine, rng=rng)
        super().__init__(encoder, {"tags": head})

    @property
    def label_names(self) -> list[str]:
        """The names of the tags."""
        head: Any = self.heads["tags"]
        return head.label_names
