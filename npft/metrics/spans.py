"""Figures of merit for spans with types, which may lie one inside another.

A span is found if both ends and the type are right. Spans are counted over all texts together (a
micro average, as for the entities of tags). Those inside another span also count by themselves, for
tags such as BIO can mark none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

from npft.errors import DataError, check_count, check_items
from npft.metrics.classes import from_counts
from npft.metrics.entities import Entity
from npft.metrics.score import Score


@dataclass(frozen=True)
class SpanMetrics(Score):
    """How well spans were found: precision, recall and F1 of all, F1 of outer and of inner ones.

    An inner span lies inside another one of its own side: a gold span inside a gold one, or one
    that was said inside one that was said. So a gold inner span said without the span around it is
    a hit of all spans, but of neither part: it was said as an outer one. ``averaged`` says of how
    many spans, and how many of them were cut off.
    """

    main: ClassVar[str] = "f1"
    precision: float
    recall: float
    f1: float
    outer_f1: float
    inner_f1: float
    loss: float | None = None
    averaged: str = ""


def inner_spans(spans: Collection[Entity]) -> set[Entity]:
    """The spans that lie inside another one, whatever their types.

    >>> inner_spans([(0, 3, "ORG"), (0, 2, "ORG"), (2, 4, "LOC")])
    {(0, 2, 'ORG')}
    """
    return {
        (a, b, kind) for a, b, kind in spans
        if any(start <= a and b <= end and (start, end) != (a, b) for start, end, _ in spans)
    }


def span_metrics(
    true: Sequence[Collection[Entity]], predicted: Sequence[Collection[Entity]], cut: int = 0
) -> SpanMetrics:
    """Compare the spans of n texts, each (first word, word after the last, type).

        precision = hits / called    recall = hits / actual    F1 = 2 hits / (called + actual)

    cut: how many further gold spans a model could not find, for they were cut off its texts; each
    of them is missed, as an outer one. 0 / 0 counts as 0.
    Raises ``DataError`` if the numbers of texts differ, or there are none, or for what is no span;
    ``DtypeError`` for what is no list.

    >>> gold, said = [[(0, 3, "ORG"), (0, 2, "ORG")]], [[(0, 3, "ORG"), (4, 5, "LOC")]]
    >>> m = span_metrics(gold, said)
    >>> m.f1, round(m.outer_f1, 3), m.inner_f1, m.averaged
    (0.5, 0.667, 0.0, '2 spans')
    """
    check_count("span_metrics: cut", cut, least=0)
    gold, said = (
        [_checked(spans) for spans in check_items("span_metrics: the texts", rows, "sets of spans")]
        for rows in (true, predicted)
    )
    if len(gold) != len(said) or not gold:
        raise DataError(
            f"span_metrics: the spans of {len(gold)} true and {len(said)} predicted texts; "
            "expected as many of both, and at least one"
        )
    inner_gold, inner_said = ([inner_spans(spans) for spans in rows] for rows in (gold, said))
    outer_gold = [spans - inner for spans, inner in zip(gold, inner_gold)]
    outer_said = [spans - inner for spans, inner in zip(said, inner_said)]
    n = sum(map(len, gold)) + cut
    return SpanMetrics(
        *_figures(gold, said, cut),
        _figures(outer_gold, outer_said, cut)[2],
        _figures(inner_gold, inner_said, 0)[2],
        averaged=f"{n} spans" + (f", {cut} of them cut off" if cut else ""),
    )


def _checked(spans: Collection[Entity]) -> set[Entity]:
    """The spans of one text, each once."""
    found = list(check_items("span_metrics: the spans of a text", spans, of="spans"))
    for span in found:
        fits = isinstance(span, tuple) and len(span) == 3 and isinstance(span[2], str)
        whole = fits and all(isinstance(k, Integral) for k in span[:2])
        if not whole or not 0 <= span[0] < span[1]:
            raise DataError(f"span_metrics: a span is {span!r:.60}, expected a tuple (first word, "
                            "word after the last, type)")
    return set(found)


def _figures(
    gold: list[set[Entity]], said: list[set[Entity]], cut: int
) -> tuple[float, float, float]:
    """Precision, recall and F1."""
    hits = sum(len(a & b) for a, b in zip(gold, said))
    return from_counts(hits, called=sum(map(len, said)), actual=sum(map(len, gold)) + cut)
