"""The head swap: a classifier on top of a pretrained encoder.

Pretraining ends in a head that predicts words. To classify, that head is taken off and a linear
layer on the pooled hidden states is put in its place; the body stays the very same object.

    logits = W pool(encoder(x)) + b        W (K, D)      (Jurafsky & Martin, eq. 11.13)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from npft.autograd.kernels import softmax
from npft.autograd.losses import mse, softmax_cross_entropy
from npft.autograd.tensor import Tensor
from npft.encoder.checkpoint import load_as
from npft.encoder.encoder import Encoder
from npft.encoder.pooling import check_pool, pool
from npft.errors import ConfigError, DataError
from npft.nn.layers import Dropout, Linear
from npft.nn.module import Module, evaluating, freeze, unfreeze
from npft.nn.packs import each_pack
from npft.text.batch import Batch
from npft.text.tokenizer import Tokenizer

PREDICT_BATCH = 64


class Head(Module):
    """An encoder with a new head on top: what fine-tuning trains, whatever the task.

    A kind of head knows its ``loss`` on a labelled batch, and checks that the labels are there.
    """

    kind: str
    load = classmethod(load_as)

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.dropout = Dropout(encoder.config.dropout)

    @property
    def body(self) -> Encoder:
        """The encoder."""
        return self.encoder

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the encoder; raises ``ConfigError`` if it has none."""
        if self.encoder.tokenizer is None:
            raise ConfigError(
                f"{type(self).__name__}: the encoder has no tokenizer; pass one to Encoder"
            )
        return self.encoder.tokenizer

    def check(self, name: str, data: Batch) -> None:
        """Raise ``DataError`` if the batch lacks the labels this head learns from."""
        raise NotImplementedError

    def loss(self, batch: Batch, rng: np.random.Generator | None = None) -> Tensor:
        """The loss on a labelled batch: a number. In training mode ``rng`` draws dropout."""
        raise NotImplementedError

    def terms(self, batch: Batch) -> int:
        """How many things the loss of a batch is a mean over: its sequences."""
        return len(batch)

    def outputs(self, batch: Batch) -> Iterator[tuple[Batch, np.ndarray]]:
        """Slices of the batch in order, each with what the head says of it in evaluation mode."""
        parts = [batch[i : i + PREDICT_BATCH] for i in range(0, len(batch), PREDICT_BATCH)]
        with evaluating(self):
            yield from zip(parts, each_pack(lambda part: self(part).data, parts))


class Classifier(Head):
    """An encoder, a pool, and a linear head with K outputs.

    Only the head is new; ``encoder`` is used as it is, not copied. ``label_names`` (K strings)
    travel with the model into files and predictions.
    Raises ``ConfigError`` for fewer than 2 labels or names that do not fit.

    >>> from npft.encoder.config import EncoderConfig
    >>> rng = np.random.default_rng(0)
    >>> clf = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng).eval()
    >>> clf(Batch([104, 105], [0, 2])).shape, clf.classifier.num_parameters()
    ((1, 2), 130)
    """

    kind = "classifier"

    def __init__(
        self,
        encoder: Encoder,
        num_labels: int,
        pool: str = "mean",
        label_names: Sequence[str] | None = None,
        *,
        rng: np.random.Generator,
    ) -> None:
        if label_names is None:
            label_names = [str(k) for k in range(num_labels)]
        names = list(label_names)
        if num_labels < 2 or len(names) != num_labels:
            raise ConfigError(
                f"Classifier: num_labels is {num_labels} with {len(names)} names; expected at "
                "least 2 labels and a name for each"
            )
        if not all(isinstance(name, str) for name in names):
            raise ConfigError(f"Classifier: label_names are {names}, expected strings")
        super().__init__(encoder)
        self.classifier = Linear(encoder.config.hidden_size, num_labels, rng=rng)
        self.pool = check_pool(pool)
        self.label_names = names

    def options(self) -> dict[str, Any]:
        """What a file must hold beside configuration, tokenizer and weights."""
        return {"pool": self.pool, "label_names": self.label_names}

    @classmethod
    def from_options(
        cls, encoder: Encoder, options: dict[str, Any], *, rng: np.random.Generator
    ) -> Classifier:
        """The inverse of ``options``."""
        names = options["label_names"]
        return cls(encoder, len(names), options["pool"], names, rng=rng)

    @property
    def num_labels(self) -> int:
        """K, the number of classes."""
        return len(self.label_names)

    def forward(self, batch: Batch, rng: np.random.Generator | None = None) -> Tensor:
        """Scores (B, K). In training mode ``rng`` draws dropout; a frozen body has none."""
        hidden = self.encoder(batch, rng)
        pooled = pool(hidden, batch, self.pool)  # (N, D) -> (B, D)
        return self.classifier(self.dropout(pooled, rng))

    def check(self, name: str, data: Batch) -> None:
        """Raise ``DataError`` if there are no labels, or one the model does not know."""
        if len(data) == 0 or data.labels is None:
            raise DataError(f"{name}: the data has no labelled example")
        if data.labels.dtype.kind not in "iu" or data.labels.max() >= self.num_labels:
            raise DataError(
                f"{name}: label {data.labels.max()} is not one of the model's {self.num_labels} "
                f"classes {self.label_names}"
            )

    def loss(self, batch: Batch, rng: np.random.Generator | None = None) -> Tensor:
        """The mean cross-entropy of the labels."""
        return softmax_cross_entropy(self(batch, rng), targets=batch.labels)

    def logits(self, batch: Batch) -> np.ndarray:
        """Scores (B, K) in evaluation mode, computed in slices, in the order of the batch."""
        # like lengths side by side cost least; the order is put back at the end
        order = np.argsort(batch.lengths, kind="stable")
        out = np.empty((len(batch), self.num_labels), self.classifier.weight.dtype)
        first = 0
        for part, logits in self.outputs(batch[order]):
            out[order[first : first + len(part)]] = logits
            first += len(part)
        return out

    def tokenize(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None, labels=None
    ) -> Batch:
        """The batch this model expects: cut to its positions; ``n_truncated`` counts the cuts.

        Raises ``ConfigError`` if the encoder has no tokenizer.
        """
        return self.tokenizer(texts, pairs, labels, max_length=self.encoder.config.max_positions)

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> np.ndarray:
        """The probability of each class for each text: (B, K), rows of sum 1."""
        if len(texts) == 0:
            return np.empty((0, self.num_labels), self.classifier.weight.dtype)
        return softmax(self.logits(self.tokenize(texts, pairs))).numpy()

    def predict(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[str]:
        """The name of the likeliest class for each text."""
        best = self.predict_proba(texts, pairs).argmax(axis=1)
        return [self.label_names[k] for k in best]


class Regressor(Head):
    """An encoder, a pool, and one number for each sequence, such as the similarity of a pair.

    ``low`` and ``high`` are the ends of the grades: the head learns them as 0 to 1.
    """

    kind = "regressor"

    def __init__(
        self,
        encoder: Encoder,
        low: float = 0.0,
        high: float = 5.0,
        pool: str = "mean",
        *,
        rng: np.random.Generator,
    ) -> None:
        if not -np.inf < low < high < np.inf:
            raise ConfigError(f"Regressor: low is {low}, high {high}; expected low below high")
        super().__init__(encoder)
        self.regressor = Linear(encoder.config.hidden_size, 1, rng=rng)
        self.low, self.high, self.pool = float(low), float(high), check_pool(pool)

    def options(self) -> dict[str, Any]:
        """What a file must hold beside configuration, tokenizer and weights."""
        return {"low": self.low, "high": self.high, "pool": self.pool}

    @classmethod
    def from_options(
        cls, encoder: Encoder, options: dict[str, Any], *, rng: np.random.Generator
    ) -> Regressor:
        """The inverse of ``options``."""
        return cls(encoder, options["low"], options["high"], options["pool"], rng=rng)

    def forward(self, batch: Batch, rng: np.random.Generator | None = None) -> Tensor:
        """Grades (B, 1), from 0 to 1 where the model is right."""
        pooled = pool(self.encoder(batch, rng), batch, self.pool)  # (N, D) -> (B, D)
        return self.regressor(self.dropout(pooled, rng))

    def check(self, name: str, data: Batch) -> None:
        """Raise ``DataError`` if there are no labels."""
        if len(data) == 0 or data.labels is None:
            raise DataError(f"{name}: the data has no graded example")

    def loss(self, batch: Batch, rng: np.random.Generator | None = None) -> Tensor:
        """The mean squared error of the grades."""
        target = (np.asarray(batch.labels)[:, None] - self.low) / (self.high - self.low)
        return mse(self(batch, rng), target=target)

    def tokenize(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None, labels=None
    ) -> Batch:
        """The batch this model expects, cut to its positions."""
        return self.tokenizer(texts, pairs, labels, max_length=self.encoder.config.max_positions)

    def predict(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> np.ndarray:
        """The grade of each text or pair: (B,), between low and high."""
        found = [out[:, 0] for _, out in self.outputs(self.tokenize(texts, pairs))]
        grades = np.concatenate([np.zeros(0), *found])  # float64
        return self.low + (self.high - self.low) * np.clip(grades, 0, 1)


def freeze_body(model: Any, last: int = 0) -> None:
    """Train the head alone, or, with ``last`` = n, the last n blocks as well.

    ``model`` is any module with an ``encoder``, such as a Classifier or a MaskedLM.

    A frozen part records no graph and runs without dropout, so its weights cannot move.
    Raises ``ConfigError`` if the encoder has fewer than ``last`` blocks.
    """
    layers = model.encoder.config.num_layers
    if not 0 <= last <= layers:
        raise ConfigError(f"freeze_body: last is {last}, the encoder has {layers} blocks")
    unfreeze_body(model)
    trained = tuple(f"encoder.encoder.layer.{i}." for i in range(layers - last, layers))
    if last:
        trained += ("encoder.layernorm.",)  # the normalisation after the last block
    freeze(model, lambda name: name.startswith("encoder.") and not name.startswith(trained))


def unfreeze_body(model: Any) -> None:
    """Train everything again."""
    unfreeze(model, "encoder.")


def num_trainable(model: Module) -> int:
    """How many weights training would change."""
    return sum(p.size for p in model.parameters() if p.requires_grad)
