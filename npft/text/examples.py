"""Labelled texts, and how to divide them honestly into a training and a test part.

A test figure means something only if no test text was seen in training. Two things break this
in practice: exact repeats (``drop_duplicates`` removes them, ``conflicts`` names those with two
labels) and texts made from one template or written by one author (``split(groups=...)`` keeps such
a group on one side).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from npft.errors import (
    DataError, DtypeError, IdError, ShapeError, as_array, check_names, check_rng, check_share,
    check_strings, check_whole,
)

Data = TypeVar("Data", bound="Divisible")


def slice_of(name: str, rows: slice, length: int) -> range:
    """The row numbers of a slice; raises ``DtypeError`` for one of no whole numbers, or of step 0.

    >>> slice_of("x", slice(1, None), 3)
    range(1, 3)
    """
    try:
        return range(*rows.indices(length))
    except (TypeError, ValueError):
        raise DtypeError(f"{name}: rows are {rows}, expected a slice of whole numbers whose step "
                         f"is not 0") from None


def row_numbers(name: str, rows: Any, length: int) -> np.ndarray:
    """Turn a slice, a mask or an array of row numbers into an int64 array of row numbers.

    A negative number counts from the end. Raises ``DtypeError`` for anything but whole numbers
    or truth values, ``ShapeError`` for a mask of another length, ``IdError`` for a row that does
    not exist.

    >>> row_numbers("x", slice(1, None), 3), row_numbers("x", [True, False, True], 3)
    (array([1, 2]), array([0, 2]))
    """
    if isinstance(rows, slice):
        return np.array(slice_of(name, rows, length), dtype=np.int64)
    rows = as_array(f"{name}: rows", rows, "a slice, a mask or row numbers")
    if rows.ndim != 1:
        raise ShapeError(f"{name}: rows have shape {rows.shape}, expected a slice, a mask or a "
                         f"1-D array of row numbers; for the single row i write [i:i + 1]")
    if rows.dtype == bool:
        if len(rows) != length:
            raise ShapeError(f"{name}: the mask has {len(rows)} values for {length} rows")
        return np.flatnonzero(rows)
    if len(rows) == 0:
        return np.zeros(0, dtype=np.int64)
    if rows.dtype.kind not in "iu":
        raise DtypeError(f"{name}: rows are {rows.dtype}, expected whole numbers or a mask of bool")
    outside = (rows < -length) | (rows >= length)
    if outside.any():
        raise IdError(f"{name}: row {rows[outside][0]} does not exist, there are {length} rows")
    rows = rows.astype(np.int64)
    return np.where(rows < 0, rows + length, rows)


def checked_labels(name: str, labels: Any, length: int) -> np.ndarray:
    """Return labels as a read-only int64 (classes from 0) or float64 (grades) array of ``length``.

    Raises ``DtypeError`` for labels that are no numbers, ``ShapeError`` for another number of
    them, ``DataError`` for a negative class or a grade that is not finite.
    """
    array = as_array(f"{name}: labels", labels, "one label for each text")
    if array.shape != (length,):
        raise ShapeError(f"{name}: labels have shape {array.shape}, expected ({length},)")
    if length and array.dtype.kind not in "iuf":
        raise DtypeError(f"{name}: labels are {array.dtype}, expected class numbers 0, 1, ... "
                         f"(their names go into label_names) or grades as floats")
    graded = array.dtype.kind == "f" and length
    array = array.astype(np.float64) if graded else check_whole(f"{name}: labels", array)
    if array.dtype == np.float64 and not np.isfinite(array).all():
        raise DataError(f"{name}: label {int(np.argmin(np.isfinite(array)))} is not finite")
    if array.dtype == np.int64 and (array < 0).any():
        raise DataError(f"{name}: label {int(np.argmax(array < 0))} is {array[array < 0][0]}, "
                        f"classes are counted from 0")
    array.flags.writeable = False
    return array


def checked_groups(name: str, groups: Any, length: int) -> np.ndarray:
    """Return groups as a read-only copy (length,) of whole numbers or strings.

    Raises ``ShapeError`` for another number of them, ``DtypeError`` for other things or numbers
    among strings, ``DataError`` for a string with a NUL at its end, which an array would drop.
    """
    given = groups
    groups = as_array(f"{name}: groups", groups, "one for each text").copy()
    if groups.shape != (length,):
        raise ShapeError(f"{name}: groups have shape {groups.shape}, expected ({length},)")
    if length and groups.dtype.kind not in "iuUb":
        raise DtypeError(f"{name}: groups are {groups.dtype}, expected whole numbers or strings")
    if groups.dtype.kind == "U":  # what NumPy made one must not have been two
        for i, (one, made) in enumerate(zip(given, groups.tolist())):
            if not isinstance(one, str):
                raise DtypeError(f"{name}: groups[{i}] is {type(one).__name__} among strings")
            if one != made:
                raise DataError(f"{name}: groups[{i}] has a NUL at its end; leave it out")
    groups.flags.writeable = False
    return groups


def span_array(name: str, spans: Any, length: int) -> np.ndarray:
    """Return spans as an int64 copy (length, 2): where each answer begins and ends.

    Raises ``ShapeError`` for another shape, ``DtypeError`` for anything but whole numbers.
    """
    array = as_array(f"{name}: spans", spans, "two numbers for each answer")
    if array.size == 0 and length == 0:
        return np.zeros((0, 2), dtype=np.int64)
    if array.shape != (length, 2):
        raise ShapeError(f"{name}: spans have shape {array.shape}, expected ({length}, 2): where "
                         f"each answer begins and ends")
    return check_whole(f"{name}: spans", array)


class Divisible(Protocol):
    """What ``split`` and ``drop_duplicates`` can divide: ``Examples`` and ``TaggedTexts``."""

    @property
    def labels(self) -> np.ndarray | None: ...
    @property
    def label_names(self) -> list[str]: ...
    @property
    def groups(self) -> np.ndarray | None: ...

    def __len__(self) -> int: ...
    def __getitem__(self: Data, rows: Any) -> Data: ...
    def stripped(self: Data) -> Data:
        """The same without white space at the ends of each text."""

    def contents(self) -> list[Hashable]:
        """For each row what makes another row its repeat."""

    def gold(self) -> list[Hashable]:
        """For each row what is to be learnt of it."""


@dataclass(eq=False)
class Examples:
    """Texts, or pairs of texts, with their labels.

    texts: n strings; pairs: None or the n second texts of the pairs.
    labels: None, or (n,) class numbers 0, 1, ... (int64), or (n,) grades (float64).
    label_names: the name of each class, or an empty list.
    groups: None, or (n,) ids of what a text comes from (template, author, document).
    spans: None, or (n, 2) the characters of an answer, ``text[start:end]``, end not included, in
        the second text of a pair (question, passage), or in the text where there are no pairs;
        (-1, -1) where there is no answer.

    ``len(e)`` is n; ``e[rows]`` takes a slice, a mask or row numbers and gives ``Examples``.
    Raises ``ShapeError``, ``DtypeError`` or ``DataError`` when the parts do not fit together.

    >>> e = Examples(["win cash", "see you", "free win"], [1, 0, 1], ["ham", "spam"])
    >>> len(e), e[[0, 2]].texts, e[e.labels == 0].texts
    (3, ['win cash', 'free win'], ['see you'])
    """

    texts: list[str]
    labels: np.ndarray | None = None
    label_names: list[str] = field(default_factory=list)
    pairs: list[str] | None = None
    groups: np.ndarray | None = None
    spans: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.texts = check_strings("Examples: texts", self.texts)
        self.label_names = check_names("Examples: label_names", self.label_names)
        if self.pairs is not None:
            self.pairs = check_strings("Examples: pairs", self.pairs)
            if len(self.pairs) != len(self):
                raise ShapeError(f"Examples: {len(self.pairs)} pairs for {len(self)} texts")
        if self.labels is not None:
            self.labels = checked_labels("Examples", self.labels, len(self))
            top = max(self.labels, default=0)
            if self.label_names and top >= len(self.label_names):
                raise DataError(f"Examples: label {top} has no name, label_names has "
                                f"{len(self.label_names)} names")
        if self.groups is not None:
            self.groups = checked_groups("Examples", self.groups, len(self))
        if self.spans is not None:
            passages = self.texts if self.pairs is None else self.pairs
            self.spans = _checked_spans(self.spans, passages)

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, rows: Any) -> Examples:
        rows = row_numbers("Examples", rows, len(self))
        return Examples(
            texts=[self.texts[i] for i in rows],
            labels=None if self.labels is None else self.labels[rows],
            label_names=self.label_names,
            pairs=None if self.pairs is None else [self.pairs[i] for i in rows],
            groups=None if self.groups is None else self.groups[rows],
            spans=None if self.spans is None else self.spans[rows],
        )

    def stripped(self) -> Examples:
        """The same without white space at both ends of each text; answers stay where they are."""
        spans = self.spans
        if spans is not None:
            passages = self.texts if self.pairs is None else self.pairs
            ends = np.array([(len(p) - len(p.lstrip()), len(p.strip())) for p in passages])
            left, size = ends.reshape(-1, 2).T
            moved = np.clip(spans - left[:, None], 0, size[:, None])
            # Where nothing is left between the ends, there was no answer or it was stripped off.
            spans = np.where((moved[:, 0] < moved[:, 1])[:, None], moved, -1)
        return Examples(
            texts=[text.strip() for text in self.texts],
            labels=self.labels,
            label_names=self.label_names,
            pairs=None if self.pairs is None else [pair.strip() for pair in self.pairs],
            groups=self.groups,
            spans=spans,
        )

    def contents(self) -> list[Hashable]:
        """The text of each row, or both texts of its pair."""
        return list(self.texts if self.pairs is None else zip(self.texts, self.pairs))

    def gold(self) -> list[Hashable]:
        """The label and the answer of each row, None where there are no such things."""
        nothing = [None] * len(self)
        labels = nothing if self.labels is None else self.labels.tolist()
        spans = nothing if self.spans is None else map(tuple, self.spans.tolist())
        return list(zip(labels, spans))


def _checked_spans(spans: Any, passages: list[str]) -> np.ndarray:
    spans = span_array("Examples", spans, len(passages))
    for row, (start, end) in enumerate(spans.tolist()):
        if (start, end) != (-1, -1) and not 0 <= start < end <= len(passages[row]):
            raise DataError(f"Examples: spans[{row}] is {start} to {end} in a text of "
                            f"{len(passages[row])} characters, expected start < end inside it, or "
                            f"(-1, -1) for no answer")
    spans.flags.writeable = False
    return spans


def _check_divisible(caller: str, examples: Any) -> None:
    """Raise ``DtypeError`` for what is not ``Divisible``."""
    if not hasattr(examples, "contents"):
        raise DtypeError(f"{caller}: the examples are a {type(examples).__name__}, expected "
                         "Examples or TaggedTexts")


def drop_duplicates(examples: Data) -> Data:
    """Strip white space at both ends of each text, and drop every exact repeat but the first.

    A pair is a repeat when both its texts are, a tagged text when all its words are. The first is
    kept even if the repeat has another label: ``conflicts`` finds these. How many were dropped is
    ``len(examples) - len(result)``.

    >>> drop_duplicates(Examples(["a", " a", "b"], [0, 1, 1])).texts
    ['a', 'b']
    """
    _check_divisible("drop_duplicates", examples)
    stripped = examples.stripped()
    return stripped[[row for row, first in enumerate(_firsts(stripped)) if row == first]]


def conflicts(examples: Divisible) -> list[tuple[int, int]]:
    """The repeats that contradict the row they repeat: (row kept, row dropped) of each.

    They are those of ``drop_duplicates`` that have another label than the row it keeps, another
    answer, or other tags: one of the two labels is wrong, or the text does not tell.

    >>> conflicts(Examples(["a", " a", "b", "b", "a"], [0, 1, 1, 1, 0]))
    [(0, 1)]
    """
    _check_divisible("conflicts", examples)
    stripped = examples.stripped()
    gold = stripped.gold()
    return [(kept, row) for row, kept in enumerate(_firsts(stripped)) if gold[row] != gold[kept]]


def _firsts(stripped: Divisible) -> list[int]:
    """For each row the first row with the same content: itself, unless it is a repeat."""
    first: dict[Hashable, int] = {}
    return [first.setdefault(content, row) for row, content in enumerate(stripped.contents())]


def split(
    examples: Data,
    test_size: float = 0.2,
    stratify: bool = True,
    groups: np.ndarray | None = None,
    *,
    rng: np.random.Generator,
) -> tuple[Data, Data]:
    """Divide examples, or tagged texts, at random into a training and a test part.

    test_size: the share of the test part, between 0 and 1.
    stratify: give each class its own share: ``test_size * n_class`` test rows, rounded, halves up,
        at least one and not all. Without it the share is taken of all rows together.
    groups: (n,) ids; a group is never divided between the parts. With up to 12 groups the shares
        are met as closely as whole groups can; with more a search comes near, and need not find
        the closest choice. By default ``examples.groups``, if there are any.
    Both parts keep the order of ``examples``.

    Raises ``DtypeError`` for what is neither ``Examples`` nor ``TaggedTexts``, ``ConfigError`` for
    a test_size that is no share, ``DataError`` when a class (or the
    whole) is too small to be in both parts, or when there are no two classes to stratify.

    >>> e = Examples(["a"] * 400 + ["b"] * 400, np.repeat([0, 1], 400))
    >>> train, test = split(e, 0.2, rng=np.random.default_rng(0))
    >>> np.bincount(train.labels), np.bincount(test.labels)
    (array([320, 320]), array([80, 80]))
    """
    _check_divisible("split", examples)
    test_size = check_share("split: test_size", test_size)
    check_rng("split: rng", rng)
    if len(examples) < 2:
        raise DataError(f"split: {len(examples)} examples cannot make two parts")
    classes = _classes(examples) if stratify else np.zeros(len(examples), dtype=np.int64)
    sizes = np.bincount(classes)
    target = np.clip(np.floor(test_size * sizes + 0.5), 1, sizes - 1).astype(np.int64)
    groups = examples.groups if groups is None else checked_groups("split", groups, len(examples))
    if groups is None:
        in_test = np.zeros(len(examples), dtype=bool)
        for k, count in enumerate(target):
            in_test[rng.permutation(np.flatnonzero(classes == k))[:count]] = True
    else:
        _, group_of = np.unique(groups, return_inverse=True)
        counts = np.zeros((group_of.max() + 1, len(sizes)), dtype=np.int64)  # (G, K)
        np.add.at(counts, (group_of, classes), 1)
        in_test = _whole_groups(counts, target, rng)[group_of]  # (G,) -> (n,)
    return examples[~in_test], examples[in_test]


def _classes(examples: Divisible) -> np.ndarray:
    """The labels renumbered 0..K-1 without gaps, when they can be stratified."""
    if examples.labels is None or examples.labels.dtype != np.int64:
        kind = "no labels" if examples.labels is None else "grades, not classes"
        raise DataError(f"split: these examples have {kind}; use stratify=False")
    present, classes = np.unique(examples.labels, return_inverse=True)
    sizes = np.bincount(classes)
    if len(present) < 2:
        raise DataError(f"split: all examples have the label {_label_name(examples, present[0])}, "
                        f"expected at least two classes; or use stratify=False")
    if sizes.min() < 2:
        smallest = _label_name(examples, present[sizes.argmin()])
        raise DataError(f"split: the label {smallest} has one example, expected at least 2 so that "
                        f"both parts have one; add examples or drop this label")
    return classes


def _label_name(examples: Divisible, label: int) -> str:
    return repr(examples.label_names[label]) if examples.label_names else str(label)


FEW_GROUPS = 12  # so few that all 4,096 choices can be looked at


def _whole_groups(
    counts: np.ndarray, target: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Choose groups for the test part: counts (G, K), target (K,) -> mask (G,).

    Of a few groups every choice is looked at. Of many, the large ones are placed first, each where
    it brings the class counts nearer to the target; then single groups change sides, or two groups
    change places, as long as that helps. The order of equally large groups is random.
    """
    total = counts.sum(0)
    if len(counts) <= FEW_GROUPS:
        chance = rng.permutation(2 ** len(counts))  # which of equally good choices is met first
        masks = (chance[:, None] >> np.arange(len(counts)) & 1).astype(bool)  # (2^G, G)
        inside = masks @ counts  # (2^G, K)
        missing = ((inside == 0) | (inside == total)).any(axis=1)
        if missing.all():
            raise _indivisible(len(counts))
        away = ((inside - target) ** 2).sum(axis=1)
        return masks[np.where(missing, np.iinfo(np.int64).max, away).argmin()]

    def distance(inside: np.ndarray) -> np.ndarray:  # (..., K) -> (...)
        missing = (inside == 0) | (inside == total)  # a class that one part would not have at all
        return ((inside - target) ** 2).sum(-1) + total.sum() ** 2 * missing.sum(-1)

    order = rng.permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(1), kind="stable")]
    in_test = np.zeros(len(counts), dtype=bool)
    inside = np.zeros_like(total)
    for group in order:
        if distance(inside + counts[group]) < distance(inside):
            in_test[group] = True
            inside = inside + counts[group]
    improved = True
    while improved and distance(inside) > 0:
        improved = False
        for group in order:
            moved = inside + counts[group] * (-1 if in_test[group] else 1)
            signs = np.where(in_test, -1, 1)[:, None] * (in_test != in_test[group])[:, None]
            after = distance(moved + signs * counts)  # (G,): with each partner; alone for itself
            partner = after.argmin()
            if after[partner] < distance(inside):
                inside = moved + (signs * counts)[partner]
                in_test[partner] ^= in_test[partner] != in_test[group]
                in_test[group] ^= True
                improved = True
    if ((inside == 0) | (inside == total)).any():
        raise _indivisible(len(counts))
    return in_test


def _indivisible(groups: int) -> DataError:
    return DataError(f"split: {groups} groups cannot be divided so that every class is in both "
                     f"parts; use more and smaller groups")
