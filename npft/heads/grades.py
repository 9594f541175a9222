"""A number for each sequence, such as how similar the two texts of a pair are.

    grade = low + (high - low) (w · pool(hidden) + b)      cut at low and high
    loss  = the mean squared error of the grades, with low to high taken as 0 to 1

or without ends, where the grade is w · pool(hidden) + b itself, as in the models of others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.losses import mse
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.head import Head, Rng
from npft.encoder.model import Model
from npft.encoder.pooling import Pool
from npft.errors import ConfigError, DataError, check_number
from npft.metrics.ranking import GradeMetrics, grade_metrics
from npft.nn.layers import Dropout, Linear
from npft.nn.quantized import need_floats
from npft.text.batch import Batch


class Grades(Head):
    """A pool and a linear layer with one output.

    ``low`` and ``high`` are the ends of the grades; None and None for grades without ends. A label
    beyond an end is learnt and scored as it is, but nothing beyond it is said.
    ``layers`` and ``combine``: how many of the last blocks are read, and how
    (``encoder/layers.py``). Raises ``ConfigError`` unless low < high, for an unknown pool, or for
    more layers than there are.
    """

    kind = "grades"

    def __init__(
        self,
        encoder: Encoder,
        low: float | None = 0.0,
        high: float | None = 5.0,
        pool: str = "mean",
        layers: int = 1,
        combine: str = "mean",
        *,
        rng: np.random.Generator,
    ) -> None:
        self.low, self.high = low, high
        self.start, self.span, self.cut = 0.0, 1.0, (-np.inf, np.inf)
        if low is not None or high is not None:
            self.low = self.start = check_number("Grades: low", low)
            self.high = check_number("Grades: high", high)
            self.span, self.cut = self.high - self.low, (0.0, 1.0)
        if not 0 < self.span < np.inf:
            raise ConfigError(
                f"Grades: low is {low}, high {high}; expected low below high, and not so far apart "
                "that high - low is infinite"
            )
        self.dropout = Dropout(encoder.config.dropout)
        width = self.read_layers(encoder, layers, combine)
        self.linear = Linear(width, 1, rng=rng)
        self.pool = Pool(pool, width)

    def options(self) -> dict[str, Any]:
        own = {"low": self.low, "high": self.high, "pool": self.pool.kind}
        return own | self.layer_options()

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        pooled = self.pool(hidden, batch)  # (N, D) -> (B, D)
        return self.linear(self.dropout(pooled, rng))  # (B, 1), from 0 to 1 where it is right

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` if there are no labels."""
        if not len(batch) or batch.labels is None:
            raise DataError("Grades: the batch has no graded example; give labels")

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        target = (np.asarray(batch.labels)[:, None] - self.start) / self.span
        return mse(scores, target=target)

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """The grade of each sequence (B,), between low and high if there are ends."""
        grades = scores[:, 0].astype(np.float64)
        return self.start + self.span * np.clip(grades, *self.cut)

    def score(self, decisions: np.ndarray, batch: Batch) -> GradeMetrics:
        return grade_metrics(np.asarray(batch.labels), decisions)


class Regressor(Model):
    """An encoder and a head for grades from ``low`` to ``high``, with the options of ``Grades``.

    >>> from npft import load
    >>> model = Regressor(load("tinyworld").body, low=0, high=4, rng=np.random.default_rng(0))
    >>> model.head().linear.weight.assign(np.zeros((1, 64)))
    >>> model.head().linear.bias.assign([0.75])  # 0 is low, 1 is high
    >>> model.predict(["it rains"], ["rain falls"])
    array([3.])
    """

    kind = "regressor"
    needs = {"grades": "grades"}

    def __init__(
        self,
        encoder: Encoder,
        low: float | None = 0.0,
        high: float | None = 5.0,
        pool: str = "mean",
        layers: int = 1,
        combine: str = "mean",
        *,
        rng: np.random.Generator,
    ) -> None:
        head = Grades(encoder, low, high, pool, layers, combine, rng=rng)
        super().__init__(encoder, {"grades": head})

    def unbounded(self) -> Regressor:
        """A regressor of the same encoder and the same grades, which are not cut at any end.

            w' = (high - low) w        b' = low + (high - low) b

        What ``transformers`` knows (``write_pretrained``). Raises ``ConfigError`` for a quantized
        model.

        >>> from npft import load
        >>> model = Regressor(load("tinyworld").body, 0, 4, rng=np.random.default_rng(0))
        >>> model.head().linear.weight.assign(np.zeros((1, 64)))
        >>> model.head().linear.bias.assign([1.5])
        >>> model.predict(["it rains"]), model.unbounded().predict(["it rains"])
        (array([4.]), array([6.]))
        """
        need_floats("unbounded", self)
        head: Any = self.heads["grades"]
        rng = np.random.default_rng(0)  # for weights that are replaced at once
        new = Regressor(
            self.encoder, None, None, head.pool.kind, head.layers, head.combine, rng=rng
        )
        made: Any = new.heads["grades"]
        made.astype(head.linear.weight.dtype)
        made.load_state_dict(head.state_dict())
        made.linear.weight.assign(head.span * head.linear.weight.data)
        made.linear.bias.assign(head.start + head.span * head.linear.bias.data)
        new.train(self.training)
        return new
