"""Tagging: a label for every word, such as its part of speech or the entity it belongs to.

    y_i = softmax(W z_i)        W (K, D), one distribution for each token

(Jurafsky & Martin, eqs. 11.14 and 11.15.) A word may be several tokens: in training each of them
has the word's tag, in decoding its first token decides (``text/alignment.py``). Entities are read
off their BIO tags, and what counts is whether a whole entity was found: its first word, its last
word and its type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npft.autograd.kernels import take_rows
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError
from npft.finetune.heads import Head
from npft.metrics import confusion_matrix
from npft.nn.layers import Linear
from npft.text.alignment import token_labels, word_labels
from npft.text.batch import IGNORE, Batch
from npft.text.tagged import TaggedTexts


class TokenClassifier(Head):
    """An encoder and a linear head with K scores for every token; ``tag_names`` are the K tags.

    Raises ``ConfigError`` for fewer than two tags.
    """

    kind = "token_classifier"

    def __init__(
        self, encoder: Encoder, tag_names: Sequence[str], *, rng: np.random.Generator
    ) -> None:
        names = list(tag_names)
        if len(names) < 2 or not all(isinstance(name, str) for name in names):
            raise ConfigError(f"TokenClassifier: tag_names are {names}, expected at least two tags")
        super().__init__(encoder)
        self.classifier = Linear(encoder.config.hidden_size, len(names), rng=rng)
        self.tag_names = names

    def options(self) -> dict[str, Any]:
        """What a file must hold beside configuration, tokenizer and weights."""
        return {"tag_names": self.tag_names}

    @classmethod
    def from_options(
        cls, encoder: Encoder, options: dict[str, Any], *, rng: np.random.Generator
    ) -> TokenClassifier:
        """The inverse of ``options``."""
        return cls(encoder, options["tag_names"], rng=rng)

    def forward(self, batch: Batch, rng: np.random.Generator | None = None) -> Tensor:
        """Scores (N, K) for all tokens."""
        return self.classifier(self.dropout(self.encoder(batch, rng), rng))

    def check(self, name: str, data: Batch) -> None:
        """Raise ``DataError`` if no token has a label, or one has a label of no tag."""
        _, targets = data.token_targets()
        if targets.max() >= len(self.tag_names):
            raise DataError(
                f"{name}: label {targets.max()} is not one of the {len(self.tag_names)} tags"
            )

    def loss(self, batch: Batch, rng: np.random.Generator | None = None) -> Tensor:
        """The mean cross-entropy over the tokens that have a label."""
        rows, targets = batch.token_targets()
        return softmax_cross_entropy(take_rows(self(batch, rng), rows=rows), targets=targets)

    def terms(self, batch: Batch) -> int:
        """How many tokens of a batch have a label: the loss is a mean over them."""
        return int((np.asarray(batch.token_labels) != IGNORE).sum())

    def tokenize(self, words: Sequence[Sequence[str]]) -> Batch:
        """A batch of texts given as words, cut to the positions of the encoder."""
        length = self.encoder.config.max_positions
        return self.tokenizer([list(row) for row in words], max_length=length)

    def labelled(self, tagged: TaggedTexts) -> Batch:
        """A batch for training: every token of a word has the number of its tag.

        Raises ``DataError`` for a tag the model does not know.
        """
        number = {name: k for k, name in enumerate(self.tag_names)}
        unknown = {tag for row in tagged.tags for tag in row} - set(number)
        if unknown:
            raise DataError(f"TokenClassifier: the tag {min(unknown)!r} is unknown to the model")
        batch = self.tokenize(tagged.words)
        labels = [[number[tag] for tag in row] for row in tagged.tags]
        return batch.replace(token_labels=token_labels(batch, labels))

    def predict(self, words: Sequence[Sequence[str]]) -> list[list[str]]:
        """A tag for each word of each text; "O", or the first tag, for words that were cut off."""
        if len(words) == 0:
            return []
        batch = self.tokenize(words)
        best = np.concatenate([scores.argmax(axis=1) for _, scores in self.outputs(batch)])
        nothing = "O" if "O" in self.tag_names else self.tag_names[0]
        return [
            [nothing if k == IGNORE else self.tag_names[k] for k in row]
            for row in word_labels(batch, best, [len(row) for row in words])
        ]


def entities(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """The entities that BIO tags mark, as (first word, word after the last, type).

    An I- that continues nothing of its type begins an entity, as in the CoNLL evaluation.

    >>> sorted(entities(["B-LOC", "I-LOC", "O", "B-LOC", "B-PER", "I-ORG"]))
    [(0, 2, 'LOC'), (3, 4, 'LOC'), (4, 5, 'PER'), (5, 6, 'ORG')]
    """
    found, start, kind = set(), 0, ""
    for i, tag in enumerate([*tags, "O"]):
        goes_on = tag == f"I-{kind}"
        if kind and not goes_on:
            found.add((start, i, kind))
            kind = ""
        if tag != "O" and not goes_on:
            start, kind = i, tag[2:]
    return found


@dataclass(frozen=True)
class TagMetrics:
    """How well a tagger did: ``accuracy`` over words, and F1.

    F1 is over whole entities for BIO tags, and the mean over the tags otherwise.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float


def tag_metrics(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> TagMetrics:
    """Compare tags word by word and, for BIO tags, entity by entity.

    Raises ``DataError`` if the numbers of words differ, or there are none.

    >>> tag_metrics([["B-LOC", "I-LOC", "O"]], [["B-LOC", "O", "O"]])
    TagMetrics(accuracy=0.6666666666666666, precision=0.0, recall=0.0, f1=0.0)
    """
    if [len(row) for row in true] != [len(row) for row in predicted] or not any(map(len, true)):
        raise DataError("tag_metrics: expected one predicted tag for each word, and some words")
    gold, got = ([tag for row in rows for tag in row] for rows in (true, predicted))
    names = sorted({*gold, *got})
    if all(name == "O" or name[:2] in ("B-", "I-") for name in names):
        pairs = [(entities(a), entities(b)) for a, b in zip(true, predicted)]
        hits = [sum(len(a & b) for a, b in pairs)]
        called, actual = [sum(len(b) for _, b in pairs)], [sum(len(a) for a, _ in pairs)]
    else:
        number = {name: k for k, name in enumerate(names)}
        y, z = (np.array([number[tag] for tag in tags]) for tags in (gold, got))
        counts = confusion_matrix(y, z, len(names))
        present = counts.sum(axis=1) > 0  # a tag that never occurs has no recall
        hits = np.diag(counts)[present].tolist()
        called = counts.sum(axis=0)[present].tolist()
        actual = counts.sum(axis=1)[present].tolist()
    return TagMetrics(
        sum(a == b for a, b in zip(gold, got)) / len(gold),
        float(np.mean([h / max(c, 1) for h, c in zip(hits, called)])),
        float(np.mean([h / max(a, 1) for h, a in zip(hits, actual)])),
        float(np.mean([2 * h / max(c + a, 1) for h, c, a in zip(hits, called, actual)])),
    )
