"""What every tokenizer shares: from texts to a batch of numbers, and back.

A tokenizer knows of its own how to cut a text into numbers (``_ids``, and ``_offsets`` for where
in the text each came from), how to read numbers as text (``_text``), and what there is to save
(``to_dict``, ``from_dict``). This base class does the rest in one way for all: it checks the
text, sets the special tokens round it, cuts what is too long, and saves and loads.

    one text    [CLS] x [SEP]            token types 0 0 0
    a pair      [CLS] x [SEP] y [SEP]    token types 0 0 0 1 1

The layout is BERT's: Devlin et al. 2019, "BERT", section 3.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npft.errors import CheckpointError, ConfigError, DataError, DtypeError, IdError, ShapeError
from npft.text.batch import Batch


def checked_text(name: str, text: Any) -> str:
    """Return ``text`` if it is a string that can be written as UTF-8.

    Raises ``DtypeError`` for anything but str, ``DataError`` for a lone surrogate.

    >>> checked_text("text", "good")
    'good'
    """
    if not isinstance(text, str):
        hint = "; decode bytes first: text.decode('utf-8')" if isinstance(text, bytes) else ""
        raise DtypeError(f"{name} is {type(text).__name__}, expected str{hint}")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DataError(f"{name} has half of a surrogate pair at character {error.start}, "
                            f"which is no character; read the file as UTF-8") from None
    return text


def _checked_texts(name: str, texts: Any) -> list[str]:
    if isinstance(texts, (str, bytes)):
        raise DtypeError(f"tokenizer: {name} is one {type(texts).__name__}, "
                         f"expected a list of strings: [{name}]")
    return [checked_text(f"tokenizer: {name}[{i}]", text) for i, text in enumerate(texts)]


class Tokenizer:
    """The base of all tokenizers; a subclass defines ``kind``, the ids below and five methods.

    vocab_size: V, the number of ids. pad_id, cls_id, sep_id, mask_id: the special tokens, which
    no text can produce. unk_id: the id that stands for text out of the vocabulary, or None.
    continues: None, or (V,) bool, the ids that carry on the word of the token before them.
    """

    kind: str
    vocab_size: int
    pad_id: int
    cls_id: int
    sep_id: int
    mask_id: int
    unk_id: int | None = None
    continues: np.ndarray | None = None

    @property
    def special_ids(self) -> tuple[int, ...]:
        """The ids that no text can produce: PAD, CLS, SEP, MASK. UNK stands for text: not one."""
        return (self.pad_id, self.cls_id, self.sep_id, self.mask_id)

    def _ids(self, text: str) -> list[int]:
        """The ids of a checked text."""
        raise NotImplementedError

    def _text(self, ids: list[int]) -> str:
        """The text of checked ids without special ones."""
        raise NotImplementedError

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        """For each id of a checked text, the characters it came from: from start to before end."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """All there is to save, with ``kind``, as JSON can hold it."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, fields: Any) -> Tokenizer:
        """The inverse of ``to_dict``. Raises ``CheckpointError`` for anything else."""
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """Turn one text into ids, without special tokens.

        Raises ``DtypeError`` for anything but str, ``DataError`` for a lone surrogate.
        """
        return self._ids(checked_text("encode: text", text))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Where each id of ``encode(text)`` came from: ``text[start:end]`` for each (start, end).

        Raises what ``encode`` raises.
        """
        return self._offsets(checked_text("offsets: text", text))

    def decode(self, ids: Any) -> str:
        """Turn ids, a list or an array (n,), into text; special ids are skipped.

        Raises ``DtypeError`` for ids that are no whole numbers, ``IdError`` for one that is not
        in the vocabulary.
        """
        array = np.asarray(ids)
        if array.ndim != 1:
            raise ShapeError(f"decode: ids have shape {array.shape}, expected one sequence (n,)")
        if array.size and array.dtype.kind not in "iu":
            raise DtypeError(f"decode: ids are {array.dtype}, expected whole numbers")
        for place, i in enumerate(array.tolist()):
            if not 0 <= i < self.vocab_size:
                raise IdError(f"decode: ids[{place}] is {i}, expected 0 to {self.vocab_size - 1}")
        return self._text([i for i in array.tolist() if i not in self.special_ids])

    def __call__(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        labels: Any = None,
        *,
        max_length: int | None = None,
        add_special_tokens: bool = True,
        truncation: str = "longest_first",
    ) -> Batch:
        """Turn texts, or pairs of texts, into one ``Batch``.

        max_length: the longest sequence allowed, special tokens included; None never cuts.
        truncation: what is cut of a pair that is too long. "longest_first" takes single tokens
            from the end of the longer text, of the second if both are equally long; "only_first"
            and "only_second" cut one of them. Special tokens are never cut, and at least one token
            of room is left for each text. ``batch.n_truncated`` counts the sequences cut.
        labels: None or (B,), handed on to the batch.

        Raises ``DtypeError`` and ``DataError`` for what is no text, with its index, ``DataError``
        for a sequence without any token, ``ConfigError`` for a max_length too small.
        """
        firsts = _checked_texts("texts", texts)
        seconds = None if pairs is None else _checked_texts("pairs", pairs)
        if seconds is not None and len(seconds) != len(firsts):
            raise ShapeError(f"tokenizer: {len(seconds)} pairs for {len(firsts)} texts")
        if truncation not in ("longest_first", "only_first", "only_second"):
            raise ConfigError(f"tokenizer: truncation is {truncation!r}, expected 'longest_first', "
                              f"'only_first' or 'only_second'")
        n_texts = 1 if seconds is None else 2
        n_specials = (1 + n_texts) * bool(add_special_tokens)
        least = n_specials + n_texts
        whole = isinstance(max_length, (int, np.integer))
        if max_length is not None and not (whole and max_length >= least):
            raise ConfigError(f"tokenizer: max_length is {max_length!r}, expected {least} or more: "
                              f"{n_specials} special tokens and {n_texts} of text")
        if seconds is None:
            truncation = "only_first"  # one text has no choice
        cls = [self.cls_id] if add_special_tokens else []
        sep = [self.sep_id] if add_special_tokens else []

        ids: list[int] = []
        types: list[int] = []
        offsets, cut = [0], []
        for row, text in enumerate(firsts):
            x, y = self._ids(text), [] if seconds is None else self._ids(seconds[row])
            if not (x or y or add_special_tokens):
                raise DataError(f"tokenizer: texts[{row}] has no tokens; drop it, or use "
                                f"add_special_tokens=True")
            keep_x, keep_y = len(x), len(y)
            if max_length is not None:
                room = max_length - n_specials
                keep_x, keep_y = _lengths_that_fit(row, len(x), len(y), room, truncation)
            first = cls + x[:keep_x] + sep
            second = [] if seconds is None else y[:keep_y] + sep
            ids += first + second
            types += [0] * len(first) + [1] * len(second)
            offsets.append(len(ids))
            cut.append(keep_x < len(x) or keep_y < len(y))

        flat, ends = np.array(ids, dtype=np.int64), np.array(offsets)
        words = self._words(flat, ends)
        return Batch(flat, ends, types, labels, words, truncated=np.array(cut, dtype=bool))

    def _words(self, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray | None:
        """(N,) the word that each token belongs to, counted within its sequence; specials -1."""
        if self.continues is None:
            return None
        special = np.isin(ids, self.special_ids)
        begun = np.append(0, np.cumsum(~self.continues[ids] & ~special))  # (N + 1,)
        before = np.repeat(begun[offsets[:-1]], np.diff(offsets))  # words of earlier sequences
        return np.where(special, -1, begun[1:] - before - 1)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokenizer as a JSON file: the same tokenizer gives the same bytes."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=0)
        temporary = Path(f"{os.fspath(path)}.tmp")
        temporary.write_bytes((text + "\n").encode("utf-8"))
        temporary.replace(path)  # a crash leaves the old file or the new one, never a half

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tokenizer:
        """Read what ``save`` wrote.

        Raises ``CheckpointError`` for a file that is missing, damaged or of another kind.
        """
        try:
            fields = json.loads(Path(path).read_bytes().decode("utf-8"))
        except OSError as error:
            raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"{path}: is no JSON in UTF-8: {error}") from None
        try:
            return cls.from_dict(fields)
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None


def _lengths_that_fit(
    row: int, first: int, second: int, room: int, truncation: str
) -> tuple[int, int]:
    """How many tokens to keep of each text of a pair."""
    if first + second <= room:
        return first, second
    if truncation == "longest_first":
        # Cutting the longer one, token by token, ends at an even split, or earlier when the other
        # is short. Of an odd room the first text gets the larger half: a tie cuts the second.
        keep_second = min(second, max(room // 2, room - first))
        return room - keep_second, keep_second
    kept = second if truncation == "only_first" else first
    if kept >= room:
        other = "pairs" if truncation == "only_first" else "texts"
        raise ConfigError(f"tokenizer: {other}[{row}] alone has {kept} tokens for a room of "
                          f"{room}; raise max_length or use truncation='longest_first'")
    return (room - second, second) if truncation == "only_first" else (first, room - first)


def fields_of_kind(fields: Any, kind: str, *names: str) -> dict[str, Any]:
    """Return ``fields`` if it is a dict of this kind with just these names beside ``kind``.

    Raises ``CheckpointError``.

    >>> fields_of_kind({"kind": "byte"}, "byte")
    {'kind': 'byte'}
    """
    if not isinstance(fields, dict):
        raise CheckpointError(f"a tokenizer is saved as a JSON object, "
                              f"this is {type(fields).__name__}")
    if fields.get("kind") != kind:
        raise CheckpointError(f"the kind is {fields.get('kind')!r}, expected {kind!r}")
    if set(fields) != {"kind", *names}:
        raise CheckpointError(f"the fields of a {kind} tokenizer are {sorted(map(str, fields))}, "
                              f"expected {sorted(['kind', *names])}")
    return fields
