"""Words in their texts, and the vector that each layer of an encoder gives them there.

    text     the   bank   lends   money          a use: the text, and which of its words is meant
    tokens   the   bank   lend ##s   money       its vector at a layer: the mean of its tokens'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npft.autograd.machine import freed_memory_kept
from npft.embed.rows import checked_rows
from npft.encoder.encoder import Encoder, check_encoder
from npft.encoder.slices import SLICE, put_back, slices_of
from npft.errors import (
    DataError, DtypeError, IdError, ShapeError, as_array, check_count, check_items, check_strings,
)
from npft.text.examples import checked_groups, row_numbers
from npft.text.tagged import TaggedTexts
from npft.text.windows import read_in_windows, texts_of


@dataclass(eq=False)
class WordUses:
    """n uses of words, each in a text.

    texts: n texts as lists of words. places: (n,) the number of the word meant in each, from 0.
    senses: None, or n strings, what each word means there.
    documents: None, or (n,) ids of the document that each text is from.

    ``len(u)`` is n; ``u[rows]`` takes a slice, a mask or row numbers. Raises ``ShapeError``,
    ``DtypeError`` or ``IdError`` when the parts do not fit together.

    >>> u = WordUses([["The", "Bank", "lends"], ["a", "bank"]], [1, 1], ["money", "river"])
    >>> len(u), u.words, u[1:].senses
    (2, ['bank', 'bank'], ['river'])
    """

    texts: list[list[str]]
    places: np.ndarray
    senses: list[str] | None = None
    documents: np.ndarray | None = None

    def __post_init__(self) -> None:
        rows = check_items("WordUses: texts", self.texts, "lists of words")
        self.texts = [check_strings(f"WordUses: texts[{i}]", row) for i, row in enumerate(rows)]
        self.places = _whole("WordUses: places", self.places, len(self.texts))
        for i, (place, text) in enumerate(zip(self.places, self.texts)):
            if not 0 <= place < len(text):
                raise IdError(
                    f"WordUses: places[{i}] is {place} in a text of {len(text)} words, expected "
                    f"0 to {len(text) - 1}"
                )
        if self.senses is not None:
            self.senses = check_strings("WordUses: senses", self.senses)
            if len(self.senses) != len(self):
                raise ShapeError(f"WordUses: {len(self.senses)} senses of {len(self)} words")
        if self.documents is not None:
            self.documents = checked_groups("WordUses: documents", self.documents, len(self))

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, rows: Any) -> WordUses:
        rows = row_numbers("WordUses", rows, len(self))
        return WordUses(
            [self.texts[i] for i in rows],
            self.places[rows],
            None if self.senses is None else [self.senses[i] for i in rows],
            None if self.documents is None else self.documents[rows],
        )

    @property
    def words(self) -> list[str]:
        """The words meant, in lower case."""
        return [text[place].lower() for text, place in zip(self.texts, self.places)]

    def need_senses(self, caller: str) -> list[str]:
        """The senses; raises ``DataError`` that names the caller if there are none."""
        if self.senses is None:
            raise DataError(f"{caller}: the uses have no senses; give WordUses(..., senses=[...])")
        return self.senses


def _whole(name: str, values: Any, length: int) -> np.ndarray:
    """An int64 copy (length,) of whole numbers."""
    array = as_array(name, values, "a number for each text")
    if array.shape != (length,):
        raise ShapeError(f"{name} has shape {array.shape}, expected a number for each of the "
                         f"{length} texts")
    if length and array.dtype.kind not in "iu":
        raise DtypeError(f"{name} is {array.dtype}, expected whole numbers")
    return array.astype(np.int64)


def uses_of(tagged: TaggedTexts, outside: str = "O") -> WordUses:
    """Every word that has a sense for a tag: a file of words and tags becomes labelled uses.

    ``outside`` is the tag of words without a sense; the groups of the texts are their documents.

    >>> tagged = TaggedTexts([["the", "bank", "lends"]], [["O", "bank.money", "O"]])
    >>> u = uses_of(tagged)
    >>> u.words, u.senses, u.places
    (['bank'], ['bank.money'], array([1]))
    """
    found = [
        (row, place)
        for row, tags in enumerate(tagged.tags)
        for place, tag in enumerate(tags)
        if tag != outside
    ]
    rows = np.array([row for row, _ in found], dtype=np.int64)
    return WordUses(
        [tagged.words[row] for row in rows],
        np.array([place for _, place in found], dtype=np.int64),
        [tagged.tags[row][place] for row, place in found],
        None if tagged.groups is None else tagged.groups[rows],
    )


def check_uses(name: str, uses: Any) -> None:
    """Raise ``DtypeError`` for what is no ``WordUses``."""
    if not isinstance(uses, WordUses):
        raise DtypeError(
            f"{name}: the uses are a {type(uses).__name__}, expected WordUses(texts, places)"
        )


def word_vectors(encoder: Encoder, uses: WordUses) -> list[np.ndarray]:
    """The vectors of the words meant, after the embeddings and after each block: L + 1 of (n, D).

    The last table is what the encoder returns. A word of several tokens has their mean. A text
    longer than the encoder's positions is read in windows, of which the word's own counts.
    Raises ``DataError`` for no uses, ``DtypeError`` for what is no ``WordUses``, ``ConfigError``
    for what is no encoder with a tokenizer.

    >>> from npft import WordUses, load
    >>> uses = WordUses([["the", "bank", "lends"], ["the", "bank", "floods"]], [1, 1])
    >>> tables = word_vectors(load("tinyworld").body, uses)
    >>> len(tables), tables[-1].shape  # the embeddings and two blocks; two uses
    (3, (2, 64))
    >>> bool((tables[0][0] == tables[0][1]).all()), bool((tables[-1][0] == tables[-1][1]).all())
    (True, False)
    """
    tokenizer = check_encoder("word_vectors", encoder)
    check_uses("word_vectors", uses)
    if not len(uses):
        raise DataError("word_vectors: there are no uses of a word")
    batch = read_in_windows(tokenizer, uses.texts, encoder.config.max_positions)
    meant = np.asarray(batch.words) == uses.places[texts_of(batch)[batch.sequence]]  # (N,)
    batch = batch.replace(token_labels=meant.astype(np.int64))
    batch = batch[np.unique(batch.sequence[meant])]  # one window for each use, in their order
    order = np.argsort(batch.lengths, kind="stable")  # like lengths side by side cost least
    found = []
    with freed_memory_kept():
        for part in slices_of(batch[order], SLICE):
            rows = np.flatnonzero(np.asarray(part.token_labels))
            starts = np.searchsorted(rows, part.offsets[:-1])  # each sequence has such a row
            sizes = np.diff(starts, append=len(rows))[:, None]
            found.append(
                [np.add.reduceat(h[rows], starts) / sizes for h in encoder.hidden_states(part)]
            )
    return [put_back(list(layer), batch, order) for layer in zip(*found)]


def sum_of_last(tables: Sequence[np.ndarray], k: int = 4) -> np.ndarray:
    """The sum of the last k blocks, or of all blocks if there are fewer: (n, D).

    ``tables`` are those of ``word_vectors``. For senses it is common to sum the last four layers of
    BERT (Jurafsky & Martin, chapter 11). The embeddings, the first table, are no block; without
    blocks they are all there is. Raises ``ShapeError`` for no table, or tables of different shapes,
    ``DtypeError``, ``ShapeError`` or ``NonFiniteError`` for what is no table of finite numbers.

    >>> sum_of_last([np.ones((1, 2)), np.ones((1, 2)), 2 * np.ones((1, 2))], k=4)
    array([[3., 3.]])
    """
    check_count("sum_of_last: k", k)
    given = list(check_items("sum_of_last: tables", tables, "tables"))
    if not given:
        raise ShapeError("sum_of_last: there are no layers")
    last = [checked_rows("sum_of_last: a table", table) for table in (given[1:] or given)[-k:]]
    total = last.pop()
    for table in last:
        if table.shape != total.shape:
            raise ShapeError(f"sum_of_last: tables of shapes {table.shape} and {total.shape}; give "
                             "those of one list of uses")
        total += table
    return total
