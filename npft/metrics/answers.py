"""Figures of merit for answers cut out of a passage: exact match, and the F1 of shared words.

(Rajpurkar et al. 2016, "SQuAD", section 6.1.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from npft.errors import DataError, check_count
from npft.metrics.score import Score


@dataclass(frozen=True)
class AnswerMetrics(Score):
    """The share of answers that match exactly, and the mean F1 of what two answers share.

    ``averaged`` says of how many answers, and how many of them were cut off and so missed.
    """

    main: ClassVar[str] = "f1"
    exact: float
    f1: float
    loss: float | None = None
    averaged: str = ""


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
    true: Sequence[Sequence[Any]], predicted: Sequence[Sequence[Any]], cut: int = 0
) -> AnswerMetrics:
    """Compare n answers, each a list of words or of the places of its tokens; [] is no answer.

    cut: how many further answers a model could not find, for they were cut off its texts. Each of
        them counts as missed.

    Raises ``DataError`` if the numbers of answers differ, or there are none.

    >>> answer_metrics([["a", "b"], []], [["a"], []]).f1
    0.8333333333333333
    >>> found = answer_metrics([["a"], ["b"]], [["a"], ["b"]], cut=2)
    >>> found.f1, found.averaged
    (0.5, 'mean over 4 answers, 2 of them cut off')
    """
    check_count("answer_metrics: cut", cut, least=0)
    n = len(true) + cut
    if len(true) != len(predicted) or not n:
        raise DataError(
            f"answer_metrics: {len(true)} true and {len(predicted)} predicted answers; expected as "
            "many of both, and at least one"
        )
    return AnswerMetrics(
        float(np.mean([list(a) == list(b) for a, b in zip(true, predicted)] + [0.0] * cut)),
        float(np.mean([shared_f1(a, b) for a, b in zip(true, predicted)] + [0.0] * cut)),
        averaged=f"mean over {n} answers" + (f", {cut} of them cut off" if cut else ""),
    )
