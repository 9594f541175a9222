"""Figures of merit for the scores of two classes, before anybody says where "yes" begins.

A classifier that gives each example a score makes as many decisions as there are scores to cut at:

    "yes" where score >= t:    precision(t) = TP / (TP + FP)        recall(t) = TP / (TP + FN)

    average precision   Σ over cuts from the highest:  (recall - recall before) · precision
    ROC-AUC             the share of pairs (a positive, a negative) in which the positive has the
                        higher score, a tie counting half; it is the area under the curve of
                        recall against FP / (FP + TN)

(Mann & Whitney 1947; Hanley & McNeil 1982; Davis & Goadrich 2006.) Where one of the classes is
missing there is no pair, and without a positive no recall: both are refused, as no number says so.

Of a classifier: ``roc_auc(batch.labels == 1, model.margins(batch))``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npft.errors import DataError, DtypeError, ShapeError, check_finite, check_shape


class PrecisionRecall(NamedTuple):
    """A point for each different score (n,), the highest first: the cut and what it gives."""

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray


def _checked(name: str, true: Any, scores: Any, axes: str = "N") -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) and scores (N,) or (N, K), or say why they are not such arrays."""
    try:
        true, scores = np.asarray(true), np.asarray(scores)
    except ValueError:
        raise ShapeError(f"{name}: labels or scores are lists of different lengths") from None
    n = check_shape(f"{name}: scores", scores, axes)["N"]
    if true.shape != (n,) or n == 0:
        raise ShapeError(
            f"{name}: {n} scores and labels of shape {true.shape}; give one label for each, and "
            "at least one"
        )
    if true.dtype.kind not in "biu" or scores.dtype.kind not in "biuf":
        raise DtypeError(
            f"{name}: labels are {true.dtype} and scores {scores.dtype}, expected whole numbers "
            "and numbers"
        )
    check_finite(f"{name}: scores", scores)
    return true.astype(np.int64), scores


def _binary(name: str, true: Any, scores: Any) -> tuple[np.ndarray, np.ndarray]:
    """Whether each example is positive (N,), and its score (N,)."""
    labels, found = _checked(name, true, scores)
    if not np.isin(labels, (0, 1)).all():
        raise DataError(
            f"{name}: the labels go from {labels.min()} to {labels.max()}, expected 1 for the "
            "positive class and 0 for the other: (labels == k)"
        )
    return labels == 1, found


def roc_auc(true: Any, scores: Any) -> float:
    """The share of pairs of a positive and a negative that the scores put in the right order.

        AUC = (R - P (P + 1) / 2) / (P N)     R the sum of the ranks of the P positives, ties the
                                              mean of their ranks; N negatives

    true (N,) 0 or 1; scores (N,), of which only the order matters. 0.5 is chance.
    Raises ``ShapeError``, ``DtypeError`` or ``NonFiniteError`` for what is no such list,
    ``DataError`` for other labels, or if one of the classes does not occur.

    Of the 2 · 2 pairs three are in order:

    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    from scipy.stats import rankdata

    positive, found = _binary("roc_auc", true, scores)
    p, n = int(positive.sum()), int((~positive).sum())
    if p == 0 or n == 0:
        raise DataError(
            f"roc_auc: {p} positive and {n} negative examples make no pair to compare; give "
            "examples of both classes"
        )
    return float((rankdata(found)[positive].sum() - p * (p + 1) / 2) / (p * n))


def roc_auc_of_classes(true: Any, scores: Any) -> float:
    """The mean over the classes of ``roc_auc`` of each against all others.

    true (N,) 0 to K - 1; scores (N, K): logits or probabilities. A class that does not occur, or
    that alone occurs, has no figure and no part in the mean.
    Raises as ``roc_auc``; ``DataError`` for a label outside, or if fewer than two classes occur.

    >>> roc_auc_of_classes([0, 1, 2], [[0.8, 0.1, 0.1], [0.3, 0.4, 0.3], [0.2, 0.5, 0.3]])
    0.75
    """
    labels, found = _checked("roc_auc_of_classes", true, scores, "N K")
    k = found.shape[1]
    if not 0 <= labels.min() <= labels.max() < k:
        raise DataError(
            f"roc_auc_of_classes: the labels go from {labels.min()} to {labels.max()}, but there "
            f"are scores for {k} classes; expected 0 to {k - 1}"
        )
    classes = np.unique(labels)
    if len(classes) < 2:
        raise DataError(
            f"roc_auc_of_classes: only class {classes[0]} occurs, so there is nothing to tell it "
            "from; give examples of two classes or more"
        )
    return float(np.mean([roc_auc(labels == c, found[:, c]) for c in classes]))


def precision_recall(true: Any, scores: Any) -> PrecisionRecall:
    """Precision and recall at every cut: the precision-recall curve.

    true (N,) 0 or 1; scores (N,). Equal scores are called together, so they make one point. The
    curve has no point of recall 0, where nothing is called and precision is 0 / 0.
    Raises as ``roc_auc``, but only positives must occur.

    >>> curve = precision_recall([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> curve.thresholds.tolist(), curve.recall.tolist()
    ([0.8, 0.4, 0.35, 0.1], [0.5, 0.5, 1.0, 1.0])
    >>> curve.precision.round(3).tolist()
    [1.0, 0.5, 0.667, 0.5]
    """
    positive, found = _binary("precision_recall", true, scores)
    if not positive.any():
        raise DataError(
            f"precision_recall: none of the {len(positive)} examples is positive, so there is no "
            "recall; give examples of both classes"
        )
    # Sorted upwards and turned, twice so that ties keep their order: -found of uint8 would wrap.
    order = len(found) - 1 - np.argsort(found[::-1], kind="stable")[::-1]
    ranked = found[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # of each score
    hits = positive[order].cumsum()[last]
    return PrecisionRecall(ranked[last], hits / (last + 1), hits / positive.sum())


def average_precision(true: Any, scores: Any) -> float:
    """The mean of the precision, each cut counting by the recall it adds.

    true (N,) 0 or 1; scores (N,). Chance gives the share of positives. Raises as
    ``precision_recall``.

    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)  # (1 + 2/3) / 2
    0.8333
    """
    curve = precision_recall(true, scores)
    return float(np.diff(curve.recall, prepend=0.0) @ curve.precision)
