"""What the files of claims share: a claim is a sentence or a table of a page, with its numbers.

A file beside this one holds a function ``claims`` that reads results and yields what the pages say
of them, number by number. ``tests/test_numbers.py`` looks for each claim in the pages, and for
numbers of the pages that no claim holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npft.metrics.intervals import interval

WORDS = "no one two three four five six seven eight nine ten eleven twelve".split()
FIGURES = Path(__file__).parents[2] / "figures"


class Table(NamedTuple):
    """A Markdown table that must stand in a page as it is, line by line."""

    text: str


class Said:
    """A part of a sentence with places for its numbers, and what the results say of them.

    A place is written as in ``str.format``. What has no places is set or was published elsewhere:
    it is no result of ours.

    >>> Said("raises it by {:.1f} nats", 2.384).whole()
    'raises it by 2.4 nats'
    """

    def __init__(self, words: str, *values: Any) -> None:
        self.words, self.values = words, values

    def whole(self) -> str:
        return self.words.format(*self.values)


def read(name: str) -> Any:
    """The results in figures/NAME.json."""
    return json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8"))



def of(cells: Iterable[Mapping[str, Any]], **asked: Any) -> list[Mapping[str, Any]]:
    """The cells that agree with all that is asked.

    >>> of([{"n": 1, "f1": 0.5}, {"n": 2, "f1": 0.7}], n=2)
    [{'n': 2, 'f1': 0.7}]
    """
    found = [c for c in cells if all(c.get(name) == value for name, value in asked.items())]
    assert found, f"no cell has {asked}"
    return found


def spread(values: Any, digits: int = 2) -> str:
    """Mean ± standard deviation over the seeds.

    >>> spread([1.0, 2.0, 3.0])
    '2.00 ± 1.00'
    """
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def between(values: Any, digits: int = 2) -> str:
    """The ends of the 95 % interval of the mean.

    >>> between([1.0, 2.0, 3.0])
    '-0.48 to 4.48'
    """
    _, low, high = interval(values)
    return f"{low:.{digits}f} to {high:.{digits}f}"


def reach(values: Any, digits: int = 2) -> str:
    """The least and the most.

    >>> reach([1.0, 2.0, 3.0])
    '1.00 to 3.00'
    """
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def table(*rows: Sequence[str]) -> Table:
    """A table of the cells of its rows; the first is the head.

    >>> print(table(["way", "F1"], ["plain", "0.86"]).text)
    | way | F1 |
    |---|---|
    | plain | 0.86 |
    """
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" * len(rows[0]) + "|")
    return Table("\n".join(lines))
