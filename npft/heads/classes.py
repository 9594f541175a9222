"""A class for each sequence: spam or not, a topic, whether one sentence follows from another.

    logits = W pool(hidden) + b        W (K, D)      (Jurafsky & Martin, eq. 11.13)
    loss   = -log softmax(logits)[label], the mean over the sequences

Where one class is rare, a model does well by never calling it. ``class_weights`` make each of its
sequences count as several; ``smoothing`` asks for a little of every class beside the true one
(``weighted_cross_entropy``). Weights move the point at which a model says yes: recall rises and
precision falls. A model that fits every example of its training set hardly notices them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.autograd.kernels import softmax
from npft.autograd.losses import softmax_cross_entropy, weighted_cross_entropy
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.head import Asked, Head, Rng, Texts
from npft.encoder.model import Model, put_back
from npft.encoder.pooling import Pool
from npft.errors import (
    ConfigError, DataError, check_count, check_items, check_share, check_strings, listed, quoted,
)
from npft.metrics.classes import (
    Metrics, classification_metrics, confusion_matrix, positive_class,
)
from npft.nn.layers import Dropout, Linear
from npft.nn.optim import check_positive
from npft.text.batch import Batch
from npft.text.examples import Examples
from npft.text.tokenizer import Tokenizer


def checked_names(owner: str, label_names: Any) -> list[str]:
    """The names of at least two different labels; raises ``ConfigError`` otherwise."""
    names = check_strings(f"{owner}: label_names", label_names)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ConfigError(
            f"{owner}: label_names are {names}, expected at least two, all different"
        )
    return names


def balanced_weights(labels: Any, classes: int) -> list[float]:
    """Weights by which every class counts as much as any other, and a label 1 on average.

        w_c = n / (K n_c)        n labels in all, n_c of class c

    labels (n,): class numbers from 0, of the training set; classes: K.
    Raises ``DataError`` for a class without a label, which no weight can make up for, or a label
    outside.

    >>> balanced_weights([0, 0, 0, 1], 2)
    [0.6666666666666666, 2.0]
    """
    check_count("balanced_weights: classes", classes)
    counts = confusion_matrix(labels, labels, classes).diagonal()
    if not counts.all():
        raise DataError(
            f"balanced_weights: {counts.sum()} labels, none of them of class {counts.argmin()}; "
            "give examples of each class, or weights by hand"
        )
    return (counts.sum() / (classes * counts)).tolist()


def _checked_weights(class_weights: Any, classes: int) -> list[float] | None:
    """K finite numbers above 0, or None."""
    if class_weights is None:
        return None
    weights = list(check_items("Classes: class_weights", class_weights, of="numbers"))
    if len(weights) != classes:
        raise ConfigError(f"Classes: {len(weights)} class_weights for {classes} classes")
    return [check_positive(f"Classes: class_weights[{k}]", w) for k, w in enumerate(weights)]


class Classes(Head):
    """A pool and a linear layer with K outputs, one for each of the ``label_names``.

    ``positive``: the name of the class that precision, recall and F1 are of, where there are two;
    the second by default. ``layers`` and ``combine``: how many of the last blocks are read, and
    how (``encoder/layers.py``). ``class_weights``: K numbers above 0, what a sequence of each class
    counts as, for example ``balanced_weights``; by default 1. ``smoothing``: ε, what the classes
    share of a target. Both are of the loss alone, also of that which an evaluation reports.
    Raises ``ConfigError`` for fewer than two names, an unknown pool, a positive class that is none
    of two, more layers than there are, or weights or a smoothing out of range.
    """

    kind = "classes"

    def __init__(
        self,
        encoder: Encoder,
        label_names: Sequence[str],
        pool: str = "mean",
        positive: str | None = None,
        layers: int = 1,
        combine: str = "mean",
        class_weights: Sequence[float] | None = None,
        smoothing: float = 0.0,
        *,
        rng: np.random.Generator,
    ) -> None:
        self.label_names = checked_names("Classes", label_names)
        width = self.read_layers(encoder, layers, combine)
        self.pool = Pool(pool, width)
        positive_class(len(self.label_names), self.label_names, positive)
        self.positive = positive
        self.class_weights = _checked_weights(class_weights, len(self.label_names))
        self.smoothing = check_share("Classes: smoothing", smoothing, zero=True)
        self.dropout = Dropout(encoder.config.dropout)
        self.linear = Linear(width, len(self.label_names), rng=rng)

    def options(self) -> dict[str, Any]:
        own = {
            "label_names": self.label_names, "pool": self.pool.kind, "positive": self.positive,
            "class_weights": self.class_weights, "smoothing": self.smoothing,
        }  # fmt: skip
        return own | self.layer_options()

    @classmethod
    def completed(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Before it could be chosen, the positive class was the second, and classes were equal."""
        return {"positive": None, "class_weights": None, "smoothing": 0.0} | options

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        pooled = self.pool(hidden, batch)  # (N, D) -> (B, D)
        return self.linear(self.dropout(pooled, rng))  # (B, K)

    def count(self, batch: Batch) -> float:
        """How many sequences the loss is a mean over; with weights, what they weigh together."""
        if self.class_weights is None:
            return len(batch)
        return float(np.array(self.class_weights)[np.asarray(batch.labels)].sum())

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` if there are no labels, or one the head does not know."""
        if not len(batch) or batch.labels is None:
            raise DataError("Classes: the batch has no labelled example; give labels")
        if batch.labels.dtype.kind != "i" or batch.labels.max() >= len(self.label_names):
            raise DataError(
                f"Classes: label {batch.labels.max()} is not one of the model's "
                f"{len(self.label_names)} classes {self.label_names}"
            )

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        if self.class_weights is None and self.smoothing == 0:
            return softmax_cross_entropy(scores, targets=batch.labels)
        weights = self.class_weights or np.ones(len(self.label_names))
        return weighted_cross_entropy(
            scores, targets=batch.labels, weights=weights, smoothing=self.smoothing
        )

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """The number of the likeliest class of each sequence (B,)."""
        return scores.argmax(axis=1)

    def score(self, decisions: np.ndarray, batch: Batch) -> Metrics:
        labels, names = np.asarray(batch.labels), self.label_names
        return classification_metrics(
            labels, decisions, len(names), names=names, positive=self.positive
        )

    def labelled(self, tokenizer: Tokenizer, batch: Batch, examples: Examples) -> Batch:
        """The labels go by their names, if the examples have names; else they are the numbers.

        Raises ``DataError`` for a name the head does not know, or names of what are no classes.
        """
        labels = examples.labels
        if labels is None or not examples.label_names:
            return batch.replace(labels=labels)
        if labels.dtype.kind != "i":
            raise DataError(
                f"Classes: the labels have names, {listed(examples.label_names)}, but are "
                f"{labels.dtype}, grades; give class numbers 0, 1, ..."
            )
        number = {name: k for k, name in enumerate(self.label_names)}
        named = [examples.label_names[k] for k in labels]
        unknown = set(named) - set(number)
        if unknown:
            raise DataError(
                f"Classes: the label {quoted(min(unknown))} is unknown to the model; it knows "
                f"{listed(self.label_names)}"
            )
        return batch.replace(labels=np.array([number[name] for name in named], dtype=np.int64))

    def decode(self, decisions: np.ndarray, asked: Asked) -> list[str]:
        """The name of the class of each text."""
        return [self.label_names[k] for k in decisions]


class Classifier(Model):
    """An encoder and a head with K classes: the head swap.

    Pretraining ends in a head that predicts words. To classify, that head is taken off and
    ``Classes`` is put in its place; the body stays the very same object.
    ``label_names`` (K strings) travel with the model into files and predictions, and so does
    ``positive``, the name of the class that the F1 of two classes is of (the second by default).
    ``pool`` is one of ``HEAD_POOLS``; ``layers``, ``combine``, ``class_weights`` and ``smoothing``
    are those of ``Classes``.
    Raises ``ConfigError`` for fewer than 2 labels or names that do not fit.

    >>> from npft.encoder.config import EncoderConfig
    >>> rng = np.random.default_rng(0)
    >>> clf = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng).eval()
    >>> clf(Batch([104, 105], [0, 2])).shape, clf.head().num_parameters()
    ((1, 2), 130)
    """

    kind = "classifier"
    needs = {"classes": "classes"}

    def __init__(
        self,
        encoder: Encoder,
        num_labels: int,
        pool: str = "mean",
        label_names: Sequence[str] | None = None,
        positive: str | None = None,
        layers: int = 1,
        combine: str = "mean",
        class_weights: Sequence[float] | None = None,
        smoothing: float = 0.0,
        *,
        rng: np.random.Generator,
    ) -> None:
        check_count("Classifier: num_labels", num_labels)
        if label_names is None:
            label_names = list(map(str, range(num_labels)))
        names = check_strings("Classifier: label_names", label_names)
        if num_labels < 2 or len(names) != num_labels:
            raise ConfigError(
                f"Classifier: num_labels is {num_labels} with {len(names)} names; expected at "
                "least 2 labels and a name for each"
            )
        head = Classes(
            encoder, names, pool, positive, layers, combine, class_weights, smoothing, rng=rng
        )
        super().__init__(encoder, {"classes": head})

    @property
    def label_names(self) -> list[str]:
        """The names of the classes."""
        head: Any = self.heads["classes"]
        return head.label_names

    @property
    def num_labels(self) -> int:
        """K, the number of classes."""
        return len(self.label_names)

    def logits(self, batch: Batch) -> np.ndarray:
        """Scores (B, K) in evaluation mode, computed in slices, in the order of the batch."""
        slices, order = self.read(batch, lambda part: self(part).data)
        if not slices:
            return np.zeros((0, self.num_labels), np.float32)
        return put_back(slices, batch, order)

    def margins(self, batch: Batch) -> np.ndarray:
        """log P(positive class) - log P(other class) of each sequence (B,), in evaluation mode.

        What ``roc_auc`` and ``precision_recall`` of the positive class order by. Probabilities
        would round to 1, and all that do would tie.
        Raises ``ConfigError`` unless there are two classes.
        """
        head: Any = self.heads["classes"]
        number = positive_class(self.num_labels, self.label_names, head.positive)
        if number is None:
            raise ConfigError(
                f"margins: there are {self.num_labels} classes, expected two; of more, give "
                "roc_auc_of_classes the logits(batch)"
            )
        z = self.logits(batch)
        return z[:, number] - z[:, 1 - number]

    def predict_proba(self, texts: Texts, pairs: Texts | None = None) -> np.ndarray:
        """The probability of each class for each text: (B, K), rows of sum 1."""
        logits = self.logits(self.tokenize(texts, pairs))
        return softmax(logits).numpy() if len(logits) else logits
