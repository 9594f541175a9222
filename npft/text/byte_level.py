r"""Byte-level BPE as RoBERTa and GPT-2 have it: the vocabulary and the merges of a published model.

    text      Don't  buy 2
    words     "Don" "'t" " " " buy" " 2"        a word takes the one space before it
    letters   Don  't  Ġ  Ġbuy  Ġ2              each byte is written as a printable letter
    pieces    those of the vocabulary, joined as the merges say, the first of the list first

A published vocabulary cannot hold a space or half a character in a text file, so GPT-2 gives each
of the 256 bytes a letter: itself where it can be printed, and else the next letter from U+0100 on,
which makes a space ``Ġ`` and a line feed ``Ċ``. The ids are those of the vocabulary, also of the
special tokens, where ``bpe.py`` has ids of its own.

Source: Radford et al. 2019, "Language models are unsupervised multitask learners", section 2.2, and
the code published with it; the cuts are those of the ``tokenizers`` package. A letter so new that
this Python's Unicode tables do not have it is a sign here.
"""

from __future__ import annotations

import heapq
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from npft.errors import CheckpointError, ConfigError, DataError, DtypeError, check_items, quoted
from npft.text.pieces import PieceTokenizer
from npft.text.tokenizer import checked_texts, fields_of_kind

SPECIALS = ("<pad>", "<unk>", "<s>", "</s>", "<mask>")
WHITE_SPACE = "\t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
# Of a text in which every character stands for its class: a letter, 0 a number, ! a sign.
WORD = re.compile(r"'(?:[stmd]|re|ve|ll)| ?[a-z]+| ?0+| ?[!']+|\s+(?!\S)|\s+")


def byte_letters() -> list[str]:
    """The letter that each of the 256 bytes is written as.

    >>> letters = byte_letters()
    >>> letters[ord("A")], letters[ord(" ")], letters[ord("a")], len(set(letters))
    ('A', 'Ġ', 'a', 256)
    """
    printed = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [byte for byte in range(256) if byte not in printed]
    return [chr(b) if b in printed else chr(256 + others.index(b)) for b in range(256)]


LETTERS = byte_letters()
BYTE_OF = {letter: byte for byte, letter in enumerate(LETTERS)}


class _Classes(dict):
    """The table ``str.translate`` asks: character number -> its class, found at first use."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kind = unicodedata.category(char)[0]
        if char in " 'strevmld":  # what the rules name
            self[code] = char
        elif char in WHITE_SPACE:
            self[code] = "\t"
        else:
            self[code] = {"L": "a", "N": "0"}.get(kind, "!")
        return self[code]


CLASSES = _Classes()


def cut_as_gpt2(text: str) -> list[str]:
    r"""Cut a text into words, which together are the text.

    >>> cut_as_gpt2("Don't  buy 2\n")
    ['Don', "'t", ' ', ' buy', ' 2', '\n']
    """
    return [text[m.start() : m.end()] for m in WORD.finditer(text.translate(CLASSES))]


def bytes_of_piece(piece: str) -> bytes:
    """The bytes that a piece of the vocabulary stands for; a letter of no byte stands for itself.

    >>> bytes_of_piece("Ġcat")
    b' cat'
    """
    return b"".join(bytes([BYTE_OF[c]]) if c in BYTE_OF else c.encode() for c in piece)


class ByteLevelBPE(PieceTokenizer):
    """The tokenizer of a published RoBERTa. ``decode(encode(s)) == s`` for every text s.

    vocab: V pieces written in the letters of bytes, the number of a piece being its place. It must
    hold all 256 letters, and <pad>, <unk>, <s>, </s> and <mask>, which no text can produce.
    merges: pairs of pieces, the first to be joined first; what they make is a piece too.
    add_prefix_space: a text that does not begin with a space gets one, so that its first word is
    cut like any other; decoding then gives the space back too.

    A pair of texts is <s> x </s></s> y </s>, and all its tokens are of type 0.
    Raises ``DtypeError`` or ``DataError`` for a vocabulary or merges that cannot be used.

    >>> vocab = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *byte_letters(), "ug", "hug", "Ġhug"]
    >>> tok = ByteLevelBPE(vocab, [("u", "g"), ("h", "ug"), ("Ġ", "hug")])
    >>> tok.pieces("hug hugs"), tok.decode(tok.encode("hug hugs"))
    ([b'hug', b' hug', b's'], 'hug hugs')
    """

    kind = "byte_level_bpe"
    separators, second_type = 2, 0
    unk_id: int

    def __init__(
        self,
        vocab: Iterable[str],
        merges: Iterable[tuple[str, str]],
        *,
        add_prefix_space: bool = False,
    ) -> None:
        self.vocab = tuple(checked_texts("ByteLevelBPE: vocab", vocab))
        if not isinstance(add_prefix_space, bool):
            raise ConfigError(
                f"ByteLevelBPE: add_prefix_space is {add_prefix_space!r}, expected True or False"
            )
        self.add_prefix_space = add_prefix_space
        self._id_of = {piece: i for i, piece in enumerate(self.vocab)}
        if len(self._id_of) < len(self.vocab):
            twice = next(p for i, p in enumerate(self.vocab) if self._id_of[p] != i)
            raise DataError(f"ByteLevelBPE: {quoted(twice)} stands in the vocabulary twice")
        missing = [piece for piece in (*SPECIALS, *LETTERS) if piece not in self._id_of]
        if missing:
            raise DataError(
                f"ByteLevelBPE: the vocabulary has no {' '.join(missing[:5])}, expected "
                f"{' '.join(SPECIALS)} and a letter for each of 256 bytes"
            )
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            self._id_of[name] for name in SPECIALS
        )
        self._byte_ids = [self._id_of[letter] for letter in LETTERS]
        self._rank: dict[tuple[int, int], tuple[int, int]] = {}  # a pair: its place, what it makes
        for rank, pair in enumerate(check_items("ByteLevelBPE: merges", merges)):
            left, right, joined = self._checked(rank, pair)
            if (left, right) in self._rank:
                raise DataError(f"ByteLevelBPE: merges[{rank}] joins {quoted(pair)} a second time")
            self._rank[left, right] = rank, joined
        special = self.special_ids
        self.keep([b"" if i in special else bytes_of_piece(p) for i, p in enumerate(self.vocab)])

    def _checked(self, rank: int, pair: Any) -> tuple[int, int, int]:
        """The ids of a pair and of what it makes."""
        if not (isinstance(pair, (list, tuple)) and len(pair) == 2
                and all(isinstance(piece, str) for piece in pair)):  # fmt: skip
            raise DataError(f"ByteLevelBPE: merges[{rank}] is {quoted(pair)}, expected two pieces")
        for piece in (*pair, pair[0] + pair[1]):
            if piece not in self._id_of:
                raise DataError(
                    f"ByteLevelBPE: merges[{rank}] needs {quoted(piece)}, which is not in the "
                    "vocabulary"
                )
        return self._id_of[pair[0]], self._id_of[pair[1]], self._id_of[pair[0] + pair[1]]

    def _written(self, text: str) -> str:
        begins = text[:1]
        return f" {text}" if self.add_prefix_space and begins and begins != " " else text

    def _words(self, text: str) -> list[str]:
        return cut_as_gpt2(text)

    def _cut(self, word: bytes) -> list[int]:
        """Join the earliest pair of the list, the leftmost of its kind, while there is one.

        A word may be as long as a text, so the pairs wait in a heap: n log n for n bytes.
        """
        ids: list[int | None] = [self._byte_ids[byte] for byte in word]
        after = [*range(1, len(ids)), -1]  # the places of the pieces that are left, as a chain
        before = list(range(-1, len(ids) - 1))
        heap: list[tuple[int, int, int, int]] = []

        def wait(i: int, j: int) -> None:
            pair: Any = (ids[i], ids[j])
            if pair in self._rank:
                heapq.heappush(heap, (self._rank[pair][0], i, *pair))

        for i, j in pairwise(range(len(ids))):
            wait(i, j)
        while heap:
            _, i, left, right = heapq.heappop(heap)
            j = after[i]
            if j < 0 or ids[i] != left or ids[j] != right:
                continue  # one of the two was joined before
            ids[i], ids[j] = self._rank[left, right][1], None
            after[i] = after[j]
            if after[i] >= 0:
                before[after[i]] = i
                wait(i, after[i])
            if before[i] >= 0:
                wait(before[i], i)
        return [i for i in ids if i is not None]

    def to_dict(self) -> dict[str, Any]:
        """``{"kind": "byte_level_bpe", "vocab": [...], "merges": [["u", "g"], ...], ...}``."""
        merges = [[self.vocab[left], self.vocab[right]] for left, right in self._rank]
        return {"kind": self.kind, "vocab": list(self.vocab), "merges": merges,
                "add_prefix_space": self.add_prefix_space}  # fmt: skip

    @classmethod
    def from_dict(cls, fields: Any) -> ByteLevelBPE:
        """The inverse of ``to_dict``. Raises ``CheckpointError`` for anything else."""
        fields = fields_of_kind(fields, cls.kind, "vocab", "merges", "add_prefix_space")
        for name in ("vocab", "merges"):
            if not isinstance(fields[name], list):
                raise CheckpointError(f"{name} is {type(fields[name]).__name__}, expected a list")
        try:
            return cls(fields["vocab"], fields["merges"],
                       add_prefix_space=fields["add_prefix_space"])  # fmt: skip
        except (ConfigError, DataError, DtypeError) as error:
            raise CheckpointError(str(error)) from None
