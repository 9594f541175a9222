"""Figures of merit for tags: by the word, and for entities by the whole entity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npft.errors import DataError
from npft.metrics.classes import confusion_matrix
from npft.metrics.score import Score


def entities(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """The entities that BIO tags mark, as (first word, word after the last, type).

    An I- that continues nothing of its type begins an entity, as in the CoNLL evaluation.

    >>> sorted(entities(["B-LOC", "I-LOC", "O", "B-LOC", "B-PER", "I-ORG"]))
    [(0, 2, 'LOC'), (3, 4, 'LOC'), (4, 5, 'PER'), (5, 6, 'ORG')]
    """
    found, start, kind = set(), 0, ""
    for i, tag in enumerate([*tags, "O"]):
        goes_on = tag == f"I-{kind}"
        if kind and not goes_on:
            found.add((start, i, kind))
            kind = ""
        if tag != "O" and not goes_on:
            start, kind = i, tag[2:]
    return found


@dataclass(frozen=True)
class TagMetrics(Score):
    """How well a tagger did: ``accuracy`` over words, and F1.

    F1 is over whole entities for BIO tags, and the mean over the tags otherwise.
    """

    main: ClassVar[str] = "f1"
    accuracy: float
    precision: float
    recall: float
    f1: float
    loss: float | None = None


def tag_metrics(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> TagMetrics:
    """Compare tags word by word and, for BIO tags, entity by entity.

        precision = hits / called    recall = hits / actual    F1 = 2 hits / (called + actual)

    0 / 0 counts as 0. Raises ``DataError`` if the numbers of words differ, or there are none.

    >>> m = tag_metrics([["B-LOC", "I-LOC", "O"]], [["B-LOC", "O", "O"]])
    >>> round(m.accuracy, 3), m.f1
    (0.667, 0.0)
    """
    if [len(row) for row in true] != [len(row) for row in predicted] or not any(map(len, true)):
        raise DataError("tag_metrics: expected one predicted tag for each word, and some words")
    gold, got = ([tag for row in rows for tag in row] for rows in (true, predicted))
    names = sorted({*gold, *got})
    if all(name == "O" or name[:2] in ("B-", "I-") for name in names):
        pairs = [(entities(a), entities(b)) for a, b in zip(true, predicted)]
        hits = [sum(len(a & b) for a, b in pairs)]
        called, actual = [sum(len(b) for _, b in pairs)], [sum(len(a) for a, _ in pairs)]
    else:
        number = {name: k for k, name in enumerate(names)}
        y, z = (np.array([number[tag] for tag in tags]) for tags in (gold, got))
        counts = confusion_matrix(y, z, len(names))
        present = counts.sum(axis=1) > 0  # a tag that never occurs has no recall
        hits = np.diag(counts)[present].tolist()
        called = counts.sum(axis=0)[present].tolist()
        actual = counts.sum(axis=1)[present].tolist()
    return TagMetrics(
        sum(a == b for a, b in zip(gold, got)) / len(gold),
        float(np.mean([h / max(c, 1) for h, c in zip(hits, called)])),
        float(np.mean([h / max(a, 1) for h, a in zip(hits, actual)])),
        float(np.mean([2 * h / max(c + a, 1) for h, c, a in zip(hits, called, actual)])),
    )
