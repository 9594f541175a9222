"""A tag for every word, such as its part of speech or the entity it belongs to.

    y_i = softmax(W z_i)        W (K, D), one distribution for each token

(Jurafsky & Martin, eqs. 11.14 and 11.15.) A word may be several tokens: in training each of them
has the word's tag, in decoding its first token decides (``text/labels_and_tokens.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.autograd.kernels import take_rows
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.model import Asked, Head, Model, Rng, Texts
from npft.errors import DataError
from npft.heads.classes import checked_names
from npft.metrics.tags import TagMetrics, tag_metrics
from npft.nn.layers import Dropout, Linear
from npft.text.batch import IGNORE, Batch
from npft.text.labels_and_tokens import first_tokens, token_labels, word_labels
from npft.text.tagged import TaggedTexts
from npft.text.tokenizer import Tokenizer


class Tags(Head):
    """A linear layer with K scores for every token; ``label_names`` are the K tags.

    Raises ``ConfigError`` for fewer than two tags.
    """

    kind = "tags"
    tokens = True

    def __init__(
        self, encoder: Encoder, label_names: Sequence[str], *, rng: np.random.Generator
    ) -> None:
        self.label_names = checked_names("Tags", label_names)
        self.dropout = Dropout(encoder.config.dropout)
        self.linear = Linear(encoder.config.hidden_size, len(self.label_names), rng=rng)

    def options(self) -> dict[str, Any]:
        return {"label_names": self.label_names}

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        return self.linear(self.dropout(hidden, rng))  # (N, K)

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` if no token has a label, or one has a label of no tag."""
        _, targets = batch.token_targets()
        if targets.max() >= len(self.label_names):
            raise DataError(
                f"Tags: label {targets.max()} is not one of the {len(self.label_names)} tags"
            )

    def count(self, batch: Batch) -> int:
        """How many tokens have a label."""
        return batch.n_targets

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        rows, targets = batch.token_targets()
        return softmax_cross_entropy(take_rows(scores, rows=rows), targets=targets)

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """The number of the likeliest tag of each token (N,)."""
        return scores.argmax(axis=1)

    def score(self, decisions: np.ndarray, batch: Batch) -> TagMetrics:
        """By the word: at the first token of each word that has a label."""
        labels = np.asarray(batch.token_labels)
        first = np.arange(len(labels)) if batch.words is None else first_tokens(batch)
        first = first[labels[first] != IGNORE]
        rows = np.split(first, np.searchsorted(batch.sequence[first], np.arange(1, len(batch))))
        gold, said = (
            [[self.label_names[k] for k in numbers[row]] for row in rows]
            for numbers in (labels, decisions)
        )
        return tag_metrics(gold, said)

    def inputs(self, examples: TaggedTexts) -> tuple[Texts, Texts | None]:
        return examples.words, None

    def labelled(self, tokenizer: Tokenizer, batch: Batch, examples: TaggedTexts) -> Batch:
        """Every token of a word has the number of its tag.

        Raises ``DataError`` for a tag the head does not know.
        """
        number = {name: k for k, name in enumerate(self.label_names)}
        unknown = {tag for row in examples.tags for tag in row} - set(number)
        if unknown:
            raise DataError(f"Tags: the tag {min(unknown)!r} is unknown to the model")
        labels = [[number[tag] for tag in row] for row in examples.tags]
        return batch.replace(token_labels=token_labels(batch, labels))

    def decode(self, decisions: np.ndarray, asked: Asked) -> list[list[str]]:
        """A tag for each word of each text; "O", or the first tag, for words that were cut off."""
        if not len(asked.batch):
            return []
        nothing = "O" if "O" in self.label_names else self.label_names[0]
        numbers = word_labels(asked.batch, decisions, [len(row) for row in asked.texts])
        return [[nothing if k == IGNORE else self.label_names[k] for k in row] for row in numbers]


class TokenClassifier(Model):
    """An encoder and a head with K tags; ``predict`` takes texts as lists of words."""

    kind = "token_classifier"
    needs = {"tags": "tags"}

    def __init__(
        self, encoder: Encoder, label_names: Sequence[str], *, rng: np.random.Generator
    ) -> None:
        super().__init__(encoder, {"tags": Tags(encoder, label_names, rng=rng)})

    @property
    def label_names(self) -> list[str]:
        """The names of the tags."""
        head: Any = self.heads["tags"]
        return head.label_names
