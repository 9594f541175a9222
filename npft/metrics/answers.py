"""Figures of merit for answers cut out of a passage: exact match, and the F1 of shared words.

(Rajpurkar et al. 2016, "SQuAD", section 6.1.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from npft.errors import DataError
from npft.metrics.score import Score


@dataclass(frozen=True)
class AnswerMetrics(Score):
    """The share of answers that match exactly, and the mean F1 of what two answers share."""

    main: ClassVar[str] = "f1"
    exact: float
    f1: float
    loss: float | None = None


def shared_f1(true: Sequence[Any], predicted: Sequence[Any]) -> float:
    """The F1 of the items two lists share, each as often as both have it; 1 for two empty lists.

    >>> shared_f1([3, 4, 5], [4, 5, 6])
    0.6666666666666666
    """
    if not true and not predicted:
        return 1.0
    common = sum(min(true.count(item), predicted.count(item)) for item in set(true))
    return 2 * common / (len(true) + len(predicted))


def answer_f1(true: str, predicted: str) -> float:
    """The F1 of the words two answers share.

    >>> round(answer_f1("the green house", "green house"), 3)
    0.8
    """
    return shared_f1(true.split(), predicted.split())


def answer_metrics(
    true: Sequence[Sequence[Any]], predicted: Sequence[Sequence[Any]]
) -> AnswerMetrics:
    """Compare n answers, each a list of words or of the places of its tokens; [] is no answer.

    Raises ``DataError`` if their numbers differ, or there are none.

    >>> answer_metrics([["a", "b"], []], [["a"], []])
    AnswerMetrics(exact=0.5, f1=0.8333333333333333, loss=None)
    """
    if len(true) != len(predicted) or not len(true):
        raise DataError(
            f"answer_metrics: {len(true)} true and {len(predicted)} predicted answers; expected as "
            "many of both, and at least one"
        )
    return AnswerMetrics(
        float(np.mean([list(a) == list(b) for a, b in zip(true, predicted)])),
        float(np.mean([shared_f1(a, b) for a, b in zip(true, predicted)])),
    )
