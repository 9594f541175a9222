"""Figures of merit for tags: by the word, and for entities by the whole entity.

Entities are counted over all texts together (a micro average, the usual one), so a type that does
not occur changes nothing. Of plain tags, such as parts of speech, each has its own F1, and the mean
is over the tags that occur in the gold or among the predictions, O like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npft.errors import ConfigError, DataError, check_items, check_strings
from npft.metrics.classes import averages, confusion_matrix, from_counts
from npft.metrics.entities import check_scheme, entities, in_doubt, schemes_of
from npft.metrics.score import Score


@dataclass(frozen=True)
class TagMetrics(Score):
    """How well a tagger did: ``accuracy`` over words, and precision, recall and F1.

    ``averaged`` says what these three are of: "entities, BIO" or "macro over 17 tags".
    ``absent``: the plain tags that occur nowhere, and so have no part in the mean.
    """

    main: ClassVar[str] = "f1"
    accuracy: float
    precision: float
    recall: float
    f1: float
    loss: float | None = None
    averaged: str = ""
    absent: tuple[str, ...] = ()


def tag_metrics(
    true: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    scheme: str | None = None,
    *,
    strict: bool = False,
    names: Iterable[str] = (),
) -> TagMetrics:
    """Compare tags word by word and, if they mark entities, entity by entity.

        precision = hits / called    recall = hits / actual    F1 = 2 hits / (called + actual)

    true, predicted: for each text a tag for each word.
    scheme: how entities are written, "bio", "iob1", "iobes" or "bilou"; "plain" for tags that mark
        none. None is plain as well, but tags that may mark entities are then refused.
    strict: leave out entities that break the rules of the scheme (see ``entities``).
    names: all plain tags there are, for ``absent``.

    0 / 0 counts as 0. Raises ``DataError`` if the numbers of words differ, there are none, or the
    scheme has no such tag; ``ConfigError`` for an unknown scheme, or none where there may be one;
    ``DtypeError`` for tags that are no strings.

    >>> m = tag_metrics([["B-LOC", "I-LOC", "O"]], [["B-LOC", "O", "O"]], "bio")
    >>> round(m.accuracy, 3), m.f1, m.averaged
    (0.667, 0.0, 'entities, BIO')
    """
    true, predicted = (
        [check_strings("tag_metrics: the tags of a text", row)
         for row in check_items("tag_metrics: the texts", rows, of="lists of tags")]
        for rows in (true, predicted)
    )  # fmt: skip
    if [len(row) for row in true] != [len(row) for row in predicted] or not any(map(len, true)):
        raise DataError("tag_metrics: expected one predicted tag for each word, and some words")
    gold, said = ([tag for row in rows for tag in row] for rows in (true, predicted))
    accuracy = sum(a == b for a, b in zip(gold, said)) / len(gold)
    present = {*gold, *said}
    if scheme is None and schemes_of(present):
        raise ConfigError(f"tag_metrics: {in_doubt(present)}")
    if scheme is None or scheme == "plain":
        number = {tag: k for k, tag in enumerate(sorted(present))}
        y, z = (np.array([number[tag] for tag in tags]) for tags in (gold, said))
        figures = averages(confusion_matrix(y, z, len(number)))
        known = check_strings("tag_metrics: names", names)
        absent = tuple(tag for tag in known if tag not in present)
        return TagMetrics(
            accuracy, *figures, averaged=f"macro over {len(number)} tags", absent=absent
        )
    check_scheme("tag_metrics", scheme, present)
    pairs = [
        (entities(a, scheme, strict), entities(b, scheme, strict)) for a, b in zip(true, predicted)
    ]
    hits = sum(len(a & b) for a, b in pairs)
    actual, called = sum(len(a) for a, _ in pairs), sum(len(b) for _, b in pairs)
    return TagMetrics(
        accuracy,
        *from_counts(hits, called, actual),
        averaged=f"entities, {scheme.upper()}{', strict' if strict else ''}",
    )
