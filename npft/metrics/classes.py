"""Figures of merit for classifiers, from counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npft.errors import DtypeError, IdError, ShapeError
from npft.metrics.score import Score


@dataclass(frozen=True)
class Metrics(Score):
    """How well a classifier did on a test set.

    With two classes precision, recall and F1 are those of class 1 (the positive class); with more
    they are means over the classes (macro averages). ``confusion[i, j]`` counts examples of class
    i that were called j. ``loss`` is the mean cross-entropy in nats, if it is known.
    """

    main: ClassVar[str] = "f1"
    accuracy: float
    precision: float
    recall: float
    f1: float
    confusion: np.ndarray
    loss: float | None = None


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (K, K): row i, column j is the number of examples of class i that were called j.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    true, predicted = np.asarray(true), np.asarray(predicted)
    if true.shape != predicted.shape or true.ndim != 1:
        raise ShapeError(f"confusion_matrix: {true.shape} true and {predicted.shape} predicted")
    for name, labels in (("true", true), ("predicted", predicted)):
        if labels.size and labels.dtype.kind not in "biu":
            raise DtypeError(
                f"confusion_matrix: {name} has dtype {labels.dtype}, expected integers"
            )
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            raise IdError(f"confusion_matrix: a {name} label is outside 0..{classes - 1}")
    cells = true.astype(np.int64) * classes + predicted.astype(np.int64)
    counts = np.bincount(cells, minlength=classes * classes)
    return counts.reshape(classes, classes)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, with 0 / 0 = 0: a class that is never called has precision 0."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def classification_metrics(
    true: np.ndarray, predicted: np.ndarray, classes: int, loss: float | None = None
) -> Metrics:
    """Accuracy, precision, recall and F1 from true and predicted labels (N,).

        precision = TP / (TP + FP)    recall = TP / (TP + FN)    F1 = 2 TP / (2 TP + FP + FN)

    0 / 0 counts as 0. Raises ``ShapeError`` for no examples, ``IdError`` for a label outside.

    >>> m = classification_metrics(np.array([1, 1, 1, 0]), np.array([1, 1, 0, 1]), 2)
    >>> m.accuracy, round(m.precision, 3), round(m.recall, 3), round(m.f1, 3)
    (0.5, 0.667, 0.667, 0.667)
    """
    if len(true) == 0:
        raise ShapeError("classification_metrics: no examples")
    confusion = confusion_matrix(true, predicted, classes)
    hits, called, actual = np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
    scores = _ratio(hits, called), _ratio(hits, actual), _ratio(2 * hits, called + actual)
    precision, recall, f1 = (float(s[1]) if classes == 2 else float(s.mean()) for s in scores)
    return Metrics(float(hits.sum() / len(true)), precision, recall, f1, confusion, loss)
