"""Texts given as words, with a tag for each word: parts of speech, or entities as BIO tags.

    words   Mt.    Sanitas  is  in  Sunshine  Canyon  .
    tags    B-LOC  I-LOC    O   O   B-LOC     I-LOC   O

BIO, also called IOB2: B-type at the first word of an entity, I-type at its other words, O outside
(Jurafsky & Martin, eq. 11.16). What BIO cannot say, entities inside entities, stands in ``spans``.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npft.errors import (
    DataError, DtypeError, ShapeError, check_items, check_names, check_strings,
)
from npft.text.examples import checked_groups, row_numbers

Span = tuple[int, int, str]  # the first word, the word after the last, the type


@dataclass(eq=False)
class TaggedTexts:
    """n texts as lists of words, with a tag for each word.

    words, tags: n lists of strings; each list of tags is as long as its list of words.
    tag_names: all tags, in the order in which a model numbers them; by default those that occur,
        sorted.
    spans: None, or n lists of (start, end, type): the words start to end, end not included.
    groups: None, or (n,) ids of what a text comes from (document, template).

    ``len(t)`` is n; ``t[rows]`` takes a slice, a mask or row numbers. Raises ``ShapeError``,
    ``DtypeError`` or ``DataError`` when the parts do not fit together.

    >>> t = TaggedTexts([["Mt.", "Sanitas"], ["here"]], [["B-LOC", "I-LOC"], ["O"]])
    >>> len(t), t.tag_names, t.tag_numbers(), t[1:].words
    (2, ['B-LOC', 'I-LOC', 'O'], [array([0, 1]), array([2])], [['here']])
    """

    words: list[list[str]]
    tags: list[list[str]]
    tag_names: list[str] = field(default_factory=list)
    spans: list[list[Span]] | None = None
    groups: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.words = _lists_of_strings("words", self.words)
        self.tags = _lists_of_strings("tags", self.tags)
        if [len(row) for row in self.tags] != [len(row) for row in self.words]:
            raise ShapeError("TaggedTexts: words and tags do not match, expected a tag for each "
                             "word of each text")
        present = {tag for row in self.tags for tag in row}
        self.tag_names = check_names("TaggedTexts: tag_names", self.tag_names) or sorted(present)
        if not present <= set(self.tag_names):
            raise DataError(f"TaggedTexts: the tag {min(present - set(self.tag_names))!r} is not "
                            f"in tag_names, {', '.join(self.tag_names)}")
        if self.spans is not None:
            rows = list(check_items("TaggedTexts: spans", self.spans, of="lists of spans"))
            if len(rows) != len(self):
                raise ShapeError(f"TaggedTexts: spans of {len(rows)} texts for {len(self)}")
            self.spans = [
                _spans(f"TaggedTexts: spans[{index}]", row, len(words))
                for index, (row, words) in enumerate(zip(rows, self.words))
            ]
        if self.groups is not None:
            self.groups = checked_groups("TaggedTexts", self.groups, len(self))

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, rows: Any) -> TaggedTexts:
        rows = row_numbers("TaggedTexts", rows, len(self))
        return TaggedTexts(
            words=[self.words[i] for i in rows],
            tags=[self.tags[i] for i in rows],
            tag_names=self.tag_names,
            spans=None if self.spans is None else [self.spans[i] for i in rows],
            groups=None if self.groups is None else self.groups[rows],
        )

    @property
    def texts(self) -> list[str]:
        """The words of each text with single spaces between them."""
        return [" ".join(row) for row in self.words]

    @property
    def labels(self) -> None:
        """None: a text has a tag for each word, not one label, so ``split`` cannot stratify."""
        return None

    @property
    def label_names(self) -> list[str]:
        """No names, for there are no ``labels``."""
        return []

    def tag_numbers(self) -> list[np.ndarray]:
        """For each text the place of each tag in ``tag_names``, as int64."""
        number = {tag: k for k, tag in enumerate(self.tag_names)}
        return [np.array([number[tag] for tag in row], dtype=np.int64) for row in self.tags]

    def stripped(self) -> TaggedTexts:
        """The same without white space at the ends of each word."""
        words = [[word.strip() for word in row] for row in self.words]
        return TaggedTexts(words, self.tags, self.tag_names, self.spans, self.groups)

    def contents(self) -> list[Hashable]:
        """The words of each text, which make another text its repeat."""
        return [tuple(row) for row in self.words]

    def gold(self) -> list[Hashable]:
        """The tags of each text, and its spans, None where there are none."""
        spans = [None] * len(self) if self.spans is None else map(tuple, self.spans)
        return list(zip(map(tuple, self.tags), spans))


def _spans(name: str, spans: Any, n_words: int) -> list[Span]:
    """The spans of one text, checked."""
    found: list[Span] = []
    for span in check_items(name, spans, of="spans"):
        if not isinstance(span, (tuple, list)) or len(span) != 3:
            raise ShapeError(f"{name} has {span!r:.60}, expected (first word, word after the last, "
                             "type)")
        start, end, kind = span
        whole = all(isinstance(x, (int, np.integer)) and not isinstance(x, bool) for x in span[:2])
        if not whole or not isinstance(kind, str):
            raise DtypeError(f"{name} has {span!r:.60}, expected two whole numbers and a string")
        if not 0 <= start < end <= n_words:
            raise DataError(
                f"{name} has {kind} from {start} to {end} in a text of {n_words} words"
            )
        found.append((int(start), int(end), kind))
    return found


def _lists_of_strings(name: str, rows: Any) -> list[list[str]]:
    items = check_items(f"TaggedTexts: {name}", rows, "lists of strings")
    return [check_strings(f"TaggedTexts: {name}[{index}]", row) for index, row in enumerate(items)]
