"""Saying something or nothing: a threshold, calibrated on data that the model did not learn from.

A span, or an answer, has a margin: by how much it is better than nothing (the class NULL, or "no
answer"). It is said if its margin is larger than the head's threshold. A high threshold says few
things, and surer ones; the threshold of the best F1 is seldom the one that training aims at, 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from npft.encoder.head import Head
from npft.encoder.model import Model, put_back
from npft.errors import ConfigError
from npft.text.batch import Batch


class Curve(NamedTuple):
    """What each threshold comes to, from the highest (which says nothing) to the lowest.

    All (C,): at each step down what has the next margin is said as well.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray

    @property
    def best(self) -> float:
        """The threshold of the best F1; of equal ones the highest."""
        return float(self.thresholds[int(self.f1.argmax())])


class Thresholded(Head):
    """A head that says what has a margin above ``threshold``, a number."""

    threshold: float

    def rate(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """For each sequence what the head could say, with margins."""
        raise NotImplementedError(f"{type(self).__name__} defines no rate")

    def curve(self, rated: np.ndarray, batch: Batch) -> Curve:
        """What each threshold comes to, from what ``rate`` gave for a labelled batch."""
        raise NotImplementedError(f"{type(self).__name__} defines no curve")


def threshold_curve(model: Model, batch: Batch, head: str | None = None) -> Curve:
    """Precision, recall and F1 on a labelled batch, at every threshold that makes a difference.

    Raises ``ConfigError`` for no model or a head without a threshold, ``DataError`` for data
    without labels.

    >>> from npft import SpanTagger, load
    >>> tagger = SpanTagger(load("tinyworld").body, ["PER"], rng=np.random.default_rng(0))
    >>> batch = Batch([50, 60, 70], [0, 3], words=[0, 1, 2], typed_spans=[[(0, 1, 0)]])
    >>> curve = threshold_curve(tagger, batch)
    >>> curve.recall[0].item(), bool(curve.f1[curve.thresholds == curve.best][0] == curve.f1.max())
    (0.0, True)
    """
    chosen, name = _with_threshold(model, head), head or next(iter(model.heads))
    model.check({name: batch})
    found, order = model.read(
        batch, lambda part: chosen.rate(model.scores(part, heads=(name,))[name].data, part)
    )
    return chosen.curve(put_back(found, batch, order), batch)


def calibrate(model: Model, batch: Batch, head: str | None = None) -> float:
    """Give a head the threshold that has the best F1 on a labelled batch, and return it.

    Take a batch that was not trained on: on its own training data a model is too sure. The
    threshold is saved with the model. Raises as ``threshold_curve``.

    >>> from npft import SpanTagger, load
    >>> tagger = SpanTagger(load("tinyworld").body, ["PER"], rng=np.random.default_rng(0))
    >>> batch = Batch([50, 60, 70], [0, 3], words=[0, 1, 2], typed_spans=[[(0, 1, 0)]])
    >>> calibrate(tagger, batch) == tagger.head().threshold == threshold_curve(tagger, batch).best
    True
    """
    chosen = _with_threshold(model, head)
    chosen.threshold = threshold_curve(model, batch, head).best
    return chosen.threshold


def _with_threshold(model: Model, head: str | None) -> Thresholded:
    if not isinstance(model, Model):
        raise ConfigError(
            f"threshold: model is {type(model).__name__}, expected an encoder with heads, such as "
            "a SpanTagger"
        )
    chosen = model.head(head)
    if not isinstance(chosen, Thresholded):
        raise ConfigError(f"{type(chosen).__name__} has no threshold to calibrate")
    return chosen


def steps_of(margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The thresholds at which what is said changes, highest first, and who is said at each.

    margins (n,). Returns thresholds (C,) and how many of the largest margins are above each (C,).

    >>> steps_of(np.array([0.5, 0.25, 0.5]))
    (array([0.5  , 0.375, 0.   ]), array([0, 2, 3]))
    """
    levels, counts = np.unique(margins, return_counts=True)
    if not len(levels):
        return np.zeros(1), np.zeros(1, dtype=np.int64)
    levels, counts = levels[::-1].astype(np.float64), counts[::-1]
    middle = (levels[:-1] + levels[1:]) / 2
    middle = np.where(middle < levels[:-1], middle, levels[1:])  # neighbours of the last bit
    thresholds = np.concatenate([levels[:1], middle, levels[-1:] - 0.25])
    return thresholds, np.append(0, np.cumsum(counts))
