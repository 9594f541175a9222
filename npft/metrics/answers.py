"""Figures of merit for answers cut out of a passage: exact match, and the F1 of shared words.

A question that its passage does not answer has an empty answer: to say nothing is right, exactly
and by F1, and to say anything is wrong. SQuAD's scorer compares answers without capitals,
punctuation and articles, with the closest of several true ones: ``squad_scores``. (Rajpurkar et
al. 2016, "SQuAD", section 6.1, and 2018, "Know what you don't know".)
"""

from __future__ import annotations

import re
import string
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from npft.errors import DataError, DtypeError, check_count, check_items, check_strings
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


@dataclass(frozen=True)
class AnswerOrNoneMetrics(AnswerMetrics):
    """The same where there may be no answer, and apart: of questions that have one, and of others.

    ``answered_exact`` and ``answered_f1`` are SQuAD's HasAns figures, ``unanswered`` its NoAns
    figure: the share of unanswerable questions of which nothing is said. 0 where there are none.
    """

    answered_exact: float = 0.0
    answered_f1: float = 0.0
    unanswered: float = 0.0


def shared_f1(true: Sequence[Any], predicted: Sequence[Any]) -> float:
    """The F1 of the items two lists share, each as often as both have it; 1 for two empty lists.

    >>> shared_f1([3, 4, 5], [4, 5, 6])
    0.6666666666666666
    """
    true, predicted = _items("shared_f1", true), _items("shared_f1", predicted)
    if not true and not predicted:
        return 1.0
    common = sum(min(true.count(item), predicted.count(item)) for item in set(true))
    return 2 * common / (len(true) + len(predicted))


def answer_f1(true: str, predicted: str) -> float:
    """The F1 of the words two answers share, which are compared as they are written.

    >>> round(answer_f1("the green house", "green house"), 3)
    0.8
    """
    gold, said = check_strings("answer_f1: an answer", [true, predicted])
    return shared_f1(gold.split(), said.split())


def normal_answer(text: str) -> str:
    """An answer as SQuAD's scorer compares it: small letters, no ASCII punctuation, no articles.

    >>> normal_answer(" The  Broncos' an-them. ")
    'broncos anthem'
    """
    text = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def squad_scores(true: Sequence[str], predicted: str) -> tuple[float, float]:
    """Exact match (0 or 1) and F1 of an answer, each with the closest of the true answers.

    true: one or more answers of one question. As in SQuAD 2.0, one of which nothing is left, such
    as "The", is no answer: it does not count beside others, and by itself only no answer matches
    it. Of a data set take the means. Raises ``DataError`` without a true answer, or for one string.

    >>> squad_scores(["Denver Broncos", "The Broncos"], "broncos")
    (1.0, 1.0)
    """
    true = [] if isinstance(true, str) else check_strings("squad_scores: true", true)
    if not true:
        raise DataError("squad_scores: expected a list of true answers, at least one; [''] is none")
    (said,) = map(normal_answer, check_strings("squad_scores: predicted", [predicted]))
    golds = [gold for gold in map(normal_answer, true) if gold] or [""]
    return float(said in golds), max(answer_f1(gold, said) for gold in golds)


def answer_metrics(
    true: Sequence[Sequence[Any]],
    predicted: Sequence[Sequence[Any]],
    cut: int = 0,
    no_answer: bool = False,
) -> AnswerMetrics:
    """Compare n answers, each a list of words or of the places of its tokens; [] is no answer.

    cut: how many further answers a model could not find, for they were cut off its texts. Each of
        them counts as missed.
    no_answer: some questions have none; return ``AnswerOrNoneMetrics``.

    Raises ``DataError`` if the numbers of answers differ, or there are none, ``DtypeError`` for
    what is no list of words or numbers.

    >>> answer_metrics([["a", "b"], []], [["a"], []]).f1
    0.8333333333333333
    >>> found = answer_metrics([["a"], ["b"]], [["a"], ["b"]], cut=2)
    >>> found.f1, found.averaged
    (0.5, 'mean over 4 answers, 2 of them cut off')
    >>> found = answer_metrics([["a"], [], []], [["a"], [], ["b"]], no_answer=True)
    >>> round(found.f1, 3), found.answered_f1, found.unanswered
    (0.667, 1.0, 0.5)
    """
    check_count("answer_metrics: cut", cut, least=0)
    gold, said = (
        [_items("answer_metrics", answer)
         for answer in check_items("answer_metrics: answers", answers, of="answers")]
        for answers in (true, predicted)
    )  # fmt: skip
    n = len(gold) + cut
    if len(gold) != len(said) or not n:
        raise DataError(
            f"answer_metrics: {len(gold)} true and {len(said)} predicted answers; expected as "
            "many of both, and at least one"
        )
    exact = [float(a == b) for a, b in zip(gold, said)] + [0.0] * cut
    f1 = [shared_f1(a, b) for a, b in zip(gold, said)] + [0.0] * cut
    averaged = f"mean over {n} answers" + (f", {cut} of them cut off" if cut else "")
    if not no_answer:
        return AnswerMetrics(float(np.mean(exact)), float(np.mean(f1)), averaged=averaged)
    has = np.array([len(answer) > 0 for answer in gold] + [True] * cut)
    return AnswerOrNoneMetrics(
        float(np.mean(exact)),
        float(np.mean(f1)),
        averaged=f"{averaged}, {int((~has).sum())} of them empty",
        answered_exact=_mean(np.array(exact)[has]),
        answered_f1=_mean(np.array(f1)[has]),
        unanswered=_mean(np.array(exact)[~has]),
    )


def _items(name: str, answer: Any) -> list[Any]:
    """The words or places of one answer."""
    items = list(check_items(f"{name}: an answer", answer, of="words or places"))
    for item in items:
        if not isinstance(item, Hashable):
            raise DtypeError(f"{name}: an answer holds a {type(item).__name__}, expected a list of "
                             "words or places")
    return items


def _mean(values: np.ndarray) -> float:
    """The mean, and 0 of nothing."""
    return float(values.mean()) if len(values) else 0.0
