"""What every tokenizer shares: from texts to a batch of numbers, and back.

Each kind of tokenizer has its own way to cut a text into numbers (``_ids``, and ``_offsets`` for
where in the text each came from) and to read numbers as text (``_text``); it says what of a text
comes back (``_normalized``), and what there is to save (``to_dict``, ``from_dict``). This base
class does the rest in one way for all: it checks the text, sets the special tokens round it, cuts
what is too long, numbers the words, and saves and loads.

    one text    [CLS] x [SEP]            token types 0 0 0
    a pair      [CLS] x [SEP] y [SEP]    token types 0 0 0 1 1

The layout is BERT's: Devlin et al. 2019, "BERT", section 3.

Tags belong to words, a model sees tokens: each token carries the number of its word.

    words     Mt.     Sanitas       is
    tokens    Mt .    San ##itas    is
    numbers   0  0    1   1         2
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from npft.atomic import check_path, write_bytes
from npft.errors import (
    CheckpointError, ConfigError, DataError, DtypeError, IdError, ShapeError, as_array,
    check_choice, check_items,
)
from npft.strict_json import parse
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


def checked_texts(name: str, texts: Any) -> Iterator[str]:
    """The texts of a list or any other iterable, each checked when its turn comes.

    Raises what ``checked_text`` raises, with the index, and ``DtypeError`` for a single string.

    >>> list(checked_texts("texts", ("a", "b")))
    ['a', 'b']
    """
    for i, text in enumerate(check_items(name, texts)):
        yield checked_text(f"{name}[{i}]", text)


def _checked_words(name: str, words: Any) -> list[str]:
    found = list(checked_texts(name, words))
    for i, word in enumerate(found):
        if not word.strip():
            raise DataError(f"{name}[{i}] is {word!r}, expected a word: not empty, not only space")
    return found


def _checked_rows(name: str, texts: Any) -> Sequence[str | list[str]]:
    """Texts, or lists of words if the first is one."""
    rows = list(check_items(name, texts))
    if rows and isinstance(rows[0], (list, tuple)):
        return [_checked_words(f"{name}[{i}]", row) for i, row in enumerate(rows)]
    return list(checked_texts(name, rows))


def _checked_columns(texts: Any, pairs: Any) -> list[Sequence[str | list[str]]]:
    """[texts], or [texts, pairs], which are equally many and of one kind."""
    firsts = _checked_rows("tokenizer: texts", texts)
    if pairs is None:
        return [firsts]
    seconds = _checked_rows("tokenizer: pairs", pairs)
    if len(seconds) != len(firsts):
        raise ShapeError(f"tokenizer: {len(seconds)} pairs for {len(firsts)} texts")
    if seconds and type(seconds[0]) is not type(firsts[0]):
        raise DtypeError("tokenizer: of texts and pairs one is strings and the other lists of "
                         "words, expected the same of both")
    return [firsts, seconds]


class _Sequence(NamedTuple):
    """What one text, or one pair, becomes: a sequence of tokens, and what was cut off it."""

    ids: list[int]
    words: list[int]  # of each token: the number of its word, -1 for a special token
    sizes: list[int]  # how many tokens [CLS] x [SEP] has, and y [SEP]
    cut: int  # how many tokens were cut off


class Tokenizer:
    """The base of all tokenizers; a subclass defines ``kind``, the ids below and the hooks.

    vocab_size: V, the number of ids. pad_id, cls_id, sep_id, mask_id: the special tokens, which
    no text can produce. unk_id: the id that stands for text out of the vocabulary, or None.
    continues: None, or (V,) bool, the ids that carry on the word of the token before them; the
        first token of a text begins a word all the same.
    separators, second_type: how many [SEP] stand between the texts of a pair, and the token type
        of the second; 1 and 1 as in BERT.
    """

    kind: str
    vocab_size: int
    pad_id: int
    cls_id: int
    sep_id: int
    mask_id: int
    unk_id: int | None = None
    separators: ClassVar[int] = 1
    second_type: ClassVar[int] = 1
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

    def _normalized(self, text: str) -> str:
        """What decoding gives back of a checked text. By default, all of it."""
        return text

    def to_dict(self) -> dict[str, Any]:
        """All there is to save, with ``kind``, as JSON can hold it."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, fields: Any) -> Tokenizer:
        """The inverse of ``to_dict``. Raises ``CheckpointError`` for anything else."""
        raise ConfigError(f"{cls.__name__} is no kind of tokenizer; use WordPiece, BPE, ...")

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

    def normalize(self, text: str) -> str:
        """The normal form of a text: ``decode(encode(text))``, if nothing in it is unknown.

        Raises what ``encode`` raises.
        """
        return self._normalized(checked_text("normalize: text", text))

    def words(self, text: str) -> list[int]:
        """For each id of ``encode(text)`` the number of the word it belongs to: 0 0 1 2 2 ...

        Raises what ``encode`` raises, and ``ConfigError`` for a tokenizer that knows no words.
        """
        if self.continues is None:
            raise ConfigError(f"words: a {self.kind} tokenizer does not know where words begin; "
                              f"give it the words: encode_words")
        return self._numbers(self._ids(checked_text("words: text", text)))

    def _numbers(self, ids: list[int]) -> list[int]:
        """The number of the word of each id of a text, or -1 if the ids do not tell."""
        if self.continues is None:
            return [-1] * len(ids)
        begins = ~self.continues[np.array(ids, dtype=np.int64)]
        begins[:1] = False  # the first token is of word 0; a word that begins later is one more
        numbers: list[int] = begins.cumsum().tolist()
        return numbers

    def encode_words(self, words: Sequence[str]) -> tuple[list[int], list[int]]:
        """Turn a text given as its words into ids and, for each id, the number of its word.

        Each word is encoded on its own, with one space before all but the first. A word of which
        nothing is left (a control character) becomes the unknown id, so that every word has at
        least one id: word tags are copied to the ids by ``tags[numbers]`` and read back at the
        first id of each word, ``np.unique(numbers, return_index=True)[1]``.

        Raises ``DtypeError`` and ``DataError`` for what is no text, with its index, and
        ``DataError`` for an empty word.
        """
        return self._word_ids_and_numbers(_checked_words("encode_words: words", words))

    def _word_ids_and_numbers(self, words: list[str]) -> tuple[list[int], list[int]]:
        ids: list[int] = []
        numbers: list[int] = []
        for number, word in enumerate(words):
            found = self._ids(f" {word}" if number else word)
            if not found and self.unk_id is not None:
                found = [self.unk_id]
            ids += found
            numbers += [number] * len(found)
        return ids, numbers

    def _ids_and_numbers(self, text: str | list[str]) -> tuple[list[int], list[int]]:
        if isinstance(text, list):
            return self._word_ids_and_numbers(text)
        ids = self._ids(text)
        return ids, self._numbers(ids)

    def decode(self, ids: Any) -> str:
        """Turn ids, a list or an array (n,), into text; special ids are skipped.

        Raises ``DtypeError`` for ids that are no whole numbers, ``IdError`` for one that is not
        in the vocabulary.
        """
        array = as_array("decode: ids", ids, "one list")
        if array.ndim != 1:
            raise ShapeError(f"decode: ids have shape {array.shape}, expected one sequence (n,)")
        if array.size and array.dtype.kind not in "iu":
            raise DtypeError(f"decode: ids are {array.dtype}, expected whole numbers")
        for place, i in enumerate(array.tolist()):
            if not 0 <= i < self.vocab_size:
                raise IdError(f"decode: ids[{place}] is {i}, expected 0 to {self.vocab_size - 1}")
        special = self.special_ids
        return self._text([i for i in array.tolist() if i not in special])

    def __call__(
        self,
        texts: Sequence[str] | Sequence[Sequence[str]],
        pairs: Sequence[str] | Sequence[Sequence[str]] | None = None,
        labels: Any = None,
        *,
        max_length: int | None = None,
        add_special_tokens: bool = True,
        truncation: str = "longest_first",
    ) -> Batch:
        """Turn texts, or pairs of texts, into one ``Batch``.

        texts, pairs: strings, or texts given as lists of words. ``batch.words`` numbers the words
            of a sequence, on through both texts of a pair: the words given, see ``encode_words``,
            or of strings those the tokenizer sees, None if it does not know words.
        max_length: the longest sequence allowed, special tokens included; None never cuts.
        truncation: what is cut of a pair that is too long. "longest_first" takes single tokens
            from the end of the longer text, of the second if both are equally long; "only_first"
            and "only_second" cut one of them. Special tokens are never cut, and at least one token
            of room is left for each text. ``batch.n_truncated`` counts the sequences cut, and
            ``batch.tokens_cut`` (B,) the tokens cut off each.
        labels: None or (B,), handed on to the batch.

        Raises ``DtypeError`` and ``DataError`` for what is no text, with its index, ``DataError``
        for a sequence without any token, ``ConfigError`` for a max_length too small.
        """
        columns = _checked_columns(texts, pairs)
        ways = ("longest_first", "only_first", "only_second")
        check_choice("tokenizer: truncation", truncation, ways)
        special = bool(add_special_tokens)
        specials = special * (1 + len(columns) + (len(columns) - 1) * (self.separators - 1))
        room = _room(max_length, len(columns), specials)
        ids: list[int] = []
        words: list[int] = []
        sizes: list[int] = []
        cut: list[int] = []
        for i, row in enumerate(zip(*columns)):
            sequence = self._sequence(i, row, room, truncation, special)
            ids += sequence.ids
            words += sequence.words
            sizes += sequence.sizes
            cut.append(sequence.cut)
        ends = np.cumsum(sizes, dtype=np.int64)[1::2]  # (B,): behind the second part of each
        of_parts = np.tile([0, self.second_type], len(ends))
        types = np.repeat(of_parts, np.array(sizes, dtype=np.int64))
        given_words = bool(columns[0]) and isinstance(columns[0][0], list)
        return Batch(np.array(ids, dtype=np.int64), np.append(0, ends), types, labels,
                     words if given_words or self.continues is not None else None, tokens_cut=cut)

    def _sequence(
        self,
        row: int,
        texts: tuple[str | list[str], ...],
        room: int,
        truncation: str,
        special: bool,
    ) -> _Sequence:
        """[CLS] x [SEP] of one text, or [CLS] x [SEP] y [SEP] of two, with ``room`` for x and y."""
        found = [self._ids_and_numbers(text) for text in texts]
        lengths = [len(ids) for ids, _ in found]
        if not any(lengths) and not special:
            raise DataError(f"tokenizer: texts[{row}] has no tokens; drop it, or use "
                            f"add_special_tokens=True")
        kept = _lengths_that_fit(row, lengths, room, truncation)
        cls, sep = ([self.cls_id], [self.sep_id]) if special else ([], [])
        ids, words, sizes = [*cls], [-1] * len(cls), [len(cls), 0]
        before = 0  # how many words the first text has, where those of the second go on
        for k, keep in enumerate(kept):
            text_ids, numbers = found[k][0][:keep], found[k][1][:keep]
            after = sep * (self.separators if k == 0 and len(kept) == 2 else 1)
            ids += text_ids + after
            words += [before + number for number in numbers] if before else numbers
            words += [-1] * len(after)
            sizes[k] += keep + len(after)
            before = numbers[-1] + 1 if numbers else 0
        return _Sequence(ids, words, sizes, sum(lengths) - sum(kept))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokenizer as a JSON file: the same tokenizer gives the same bytes.

        Raises ``CheckpointError`` for a file that cannot be written; an older one is then kept.
        """
        path = check_path(f"{type(self).__name__}.save: path", path)
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=0)
        write_bytes(path, (text + "\n").encode("utf-8"))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tokenizer:
        """Read what ``save`` wrote.

        Raises ``CheckpointError`` for a file that is missing, damaged or of another kind.
        """
        path = check_path(f"{cls.__name__}.load: path", path)
        try:
            fields = parse(path.read_bytes().decode("utf-8"))
        except OSError as error:
            raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"{path}: is no JSON in UTF-8: {error}") from None
        try:
            return cls.from_dict(fields)
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None


def _room(max_length: int | None, n_texts: int, n_specials: int) -> int:
    """How many tokens of text a sequence may have: max_length without the special tokens."""
    if max_length is None:
        return sys.maxsize
    least = n_specials + n_texts  # a token of each text
    if not isinstance(max_length, (int, np.integer)) or max_length < least:
        raise ConfigError(f"tokenizer: max_length is {max_length!r}, expected {least} or more: "
                          f"{n_specials} special tokens and {n_texts} of text")
    return int(max_length) - n_specials


def _lengths_that_fit(row: int, lengths: list[int], room: int, truncation: str) -> list[int]:
    """How many tokens to keep of one text, or of each text of a pair."""
    if sum(lengths) <= room:
        return lengths
    if len(lengths) == 1:
        return [room]
    first, second = lengths
    if truncation == "longest_first":
        # Cutting the longer one, token by token, ends at an even split, or earlier when the other
        # is short. Of an odd room the first text gets the larger half: a tie cuts the second.
        second = min(second, max(room // 2, room - first))
        return [room - second, second]
    kept = second if truncation == "only_first" else first
    if kept >= room:
        other = "pairs" if truncation == "only_first" else "texts"
        raise ConfigError(f"tokenizer: {other}[{row}] alone has {kept} tokens for a room of "
                          f"{room}; raise max_length or use truncation='longest_first'")
    return [room - second, second] if truncation == "only_first" else [first, room - first]


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
