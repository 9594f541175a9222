"""Figures of merit for classifiers, from counts.

    precision = TP / (TP + FP)    recall = TP / (TP + FN)    F1 = 2 TP / (2 TP + FP + FN)

These belong to one class. With two classes they are given for the positive one; with more, their
means over the classes that occur in the gold or among the predictions are (macro averages). A class
that occurs nowhere has no figures, so it has no part in a mean; a score names it (``absent``).
0 / 0 counts as 0: the precision of a class that is never called. ``micro`` adds the counts of some
classes before it divides; over all classes it gives nothing new, for each of its three figures is
then the accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from npft.errors import (
    ConfigError, DataError, DtypeError, IdError, ShapeError, check_count, check_items,
    check_strings,
)
from npft.metrics.score import ByValue, Score


@dataclass(frozen=True, eq=False)
class Metrics(ByValue, Score):
    """How well a classifier did on a test set.

    ``averaged`` says what precision, recall and F1 are of: "binary, positive class 'spam'" or
    "macro over 3 of 4 classes". ``absent`` are the classes that occur nowhere, by name if they have
    names. ``confusion[i, j]`` counts examples of class i that were called j. ``loss`` is the mean
    cross-entropy in nats, if it is known.

    >>> m = Metrics(0.75, precision=1.0, recall=0.5, f1=2 / 3, confusion=np.array([[2, 0], [1, 1]]))
    >>> m.f1 == 2 * m.precision * m.recall / (m.precision + m.recall), m.confusion.trace().item()
    (True, 3)
    """

    main: ClassVar[str] = "f1"
    accuracy: float
    precision: float
    recall: float
    f1: float
    confusion: np.ndarray
    loss: float | None = None
    averaged: str = ""
    absent: tuple[str | int, ...] = ()


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (K, K): row i, column j is the number of examples of class i that were called j.

    Raises ``ConfigError`` for a number of classes that is no count, ``ShapeError``, ``DtypeError``
    or ``IdError`` for labels that are no two lists of class numbers.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    check_count("confusion_matrix: classes", classes)
    true, predicted = _labels(true), _labels(predicted)
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


def _labels(given: Any) -> np.ndarray:
    try:
        return np.asarray(given)
    except ValueError:
        raise ShapeError("confusion_matrix: labels are lists of different lengths") from None


def _counts(name: str, confusion: Any) -> np.ndarray:
    """A confusion matrix (K, K) of whole numbers from 0, as int64."""
    try:
        counts = np.asarray(confusion)
    except ValueError:
        raise ShapeError(f"{name}: the matrix has rows of different lengths") from None
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ShapeError(f"{name}: the matrix has shape {counts.shape}, expected (K, K)")
    if counts.dtype.kind not in "iu":
        raise DtypeError(f"{name}: the matrix holds {counts.dtype}, expected counts, whole numbers")
    if (counts < 0).any():
        raise DataError(f"{name}: the matrix holds {counts.min()}, expected counts, 0 or more")
    return counts.astype(np.int64)


def averages(confusion: np.ndarray, positive: int | None = None) -> tuple[float, float, float]:
    """Precision, recall and F1 of the class ``positive``, or their means over what occurs.

    Where nothing occurs they are 0. Raises ``IdError`` for a positive class that is none,
    ``ShapeError``, ``DtypeError`` or ``DataError`` for what is no confusion matrix.

    >>> averages(np.array([[1, 1, 0], [0, 2, 0], [0, 0, 0]]))  # of two classes that occur
    (0.8333333333333333, 0.75, 0.7333333333333334)
    """
    counts = _counts("averages", confusion)
    hits, called, actual = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    if positive is None:
        rows = np.flatnonzero(called + actual)
    else:
        rows = _class_numbers("averages: positive is", [positive], len(counts))
    if not len(rows):
        return 0.0, 0.0, 0.0
    precision, recall, f1 = (
        float(_ratio(part, whole)[rows].mean())
        for part, whole in ((hits, called), (hits, actual), (2 * hits, called + actual))
    )
    return precision, recall, f1


def _class_numbers(name: str, rows: list[Any], k: int) -> np.ndarray:
    """Different numbers of 0..k - 1; True and False would choose rows as a mask does."""
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in rows)
    if not whole or len(set(rows)) < len(rows) or not all(0 <= n < k for n in rows):
        raise IdError(f"{name} {rows!r:.60}, expected different ones of 0..{k - 1}")
    return np.array(rows, dtype=np.int64)


def micro(confusion: np.ndarray, classes: Sequence[int]) -> tuple[float, float, float]:
    """Precision, recall and F1 of some of the classes taken together, from their summed counts.

    classes: their numbers, for example all but that of O, which marks no entity. Raises
    ``IdError`` for a class that is none, or one given twice, else as ``averages``.

    >>> micro(np.array([[5, 1, 0], [2, 3, 0], [0, 1, 2]]), [1, 2])  # (3 + 2) of 7 and of 8
    (0.7142857142857143, 0.625, 0.6666666666666666)
    >>> micro(np.array([[1, 1], [0, 2]]), [0, 1])
    (0.75, 0.75, 0.75)
    """
    counts = _counts("micro", confusion)
    given = list(check_items("micro: classes", classes, of="class numbers"))
    rows = _class_numbers("micro: classes are", given, len(counts))
    hits, called, actual = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    return from_counts(int(hits[rows].sum()), int(called[rows].sum()), int(actual[rows].sum()))


def from_counts(hits: int, called: int, actual: int) -> tuple[float, float, float]:
    """Precision, recall and F1 of what was called right, called at all, and there to be called.

    >>> from_counts(3, called=4, actual=6), from_counts(0, called=0, actual=0)
    ((0.75, 0.5, 0.6), (0.0, 0.0, 0.0))
    """
    return hits / max(called, 1), hits / max(actual, 1), 2 * hits / max(called + actual, 1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, with 0 / 0 = 0."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def positive_class(
    classes: int, names: Sequence[str] | None = None, positive: str | int | None = None
) -> int | None:
    """The number of the positive class of two, by default 1; None where there are more than two.

    positive: its name, or its number if the classes have no names. Raises ``ConfigError`` for a
    class that does not exist, or a positive one of more than two.

    >>> positive_class(2), positive_class(2, ["ham", "spam"], "ham"), positive_class(3)
    (1, 0, None)
    """
    check_count("positive_class: classes", classes)
    known = _known(classes, names)
    if positive is None:
        return 1 if classes == 2 else None
    if classes != 2:
        raise ConfigError(
            f"positive is {positive!r} of {classes} classes; only one of two classes can be "
            "positive, so leave it out"
        )
    if positive not in known:
        raise ConfigError(f"positive is {positive!r}, expected {known[0]!r} or {known[1]!r}")
    return known.index(positive)


def _known(classes: int, names: Sequence[str] | None) -> list[str | int]:
    return [*range(classes)] if names is None else [*check_strings("names of classes", names)]


def classification_metrics(
    true: np.ndarray,
    predicted: np.ndarray,
    classes: int,
    loss: float | None = None,
    *,
    names: Sequence[str] | None = None,
    positive: str | int | None = None,
) -> Metrics:
    """Accuracy, precision, recall and F1 from true and predicted labels (N,).

    classes: K. names: the K names of the classes. positive: which of two classes is the positive
    one, by name or, without names, by number; class 1 by default.

    Raises ``ShapeError`` for no examples or another number of names, ``IdError`` for a label
    outside, ``ConfigError`` for a positive class that cannot be; else as ``confusion_matrix``.

    >>> m = classification_metrics(np.array([1, 1, 1, 0]), np.array([1, 1, 0, 1]), 2)
    >>> m.accuracy, round(m.precision, 3), round(m.recall, 3), round(m.f1, 3), m.averaged
    (0.5, 0.667, 0.667, 0.667, 'binary, positive class 1')
    """
    check_count("classification_metrics: classes", classes)
    true = _labels(true)
    if not true.size:
        raise ShapeError("classification_metrics: no examples")
    names = None if names is None else check_strings("classification_metrics: names", names)
    if names is not None and len(names) != classes:
        raise ShapeError(f"classification_metrics: {len(names)} names for {classes} classes")
    known = _known(classes, names)
    number = positive_class(classes, names, positive)
    confusion = confusion_matrix(true, predicted, classes)
    occurs = confusion.sum(axis=0) + confusion.sum(axis=1) > 0
    n = int(occurs.sum())
    return Metrics(
        float(np.diag(confusion).sum() / len(true)),
        *averages(confusion, number),
        confusion,
        loss,
        averaged=f"binary, positive class {known[number]!r}" if number is not None
        else f"macro over {n if n == classes else f'{n} of {classes}'} classes",
        absent=tuple(name for name, there in zip(known, occurs) if not there),
    )  # fmt: skip


def worst_confusions(
    confusion: np.ndarray, names: Sequence[str], k: int = 10
) -> list[tuple[str, str, int, float]]:
    """The k most frequent confusions of a matrix (K, K) that is too wide to be read.

    Returns (true class, predicted class, count, the share of the true class that it is), the most
    frequent first; where counts are equal, in the order of the classes. There may be fewer than k.
    Raises ``ShapeError`` unless there are as many names as rows and columns, ``DtypeError`` or
    ``DataError`` for what are no counts, such as shares.

    >>> worst_confusions(np.array([[5, 3, 0], [1, 9, 0], [2, 2, 6]]), ["a", "b", "c"], k=2)
    [('a', 'b', 3, 0.375), ('c', 'a', 2, 0.2)]
    """
    check_count("worst_confusions: k", k)
    names = check_strings("worst_confusions: names", names)
    counts = _counts("worst_confusions", confusion)
    if len(counts) != len(names):
        raise ShapeError(
            f"worst_confusions: the matrix has shape {counts.shape}, expected a row and a column "
            f"for each of the {len(names)} names"
        )
    totals = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:k]
    return [
        (names[i], names[j], int(counts[i, j]), float(counts[i, j] / totals[i]))
        for i, j in zip(*np.unravel_index(order, counts.shape))
        if counts[i, j]
    ]
