r"""Byte-pair encoding: the most frequent pair of neighbouring pieces becomes a piece.

    learnt from   hug hug hugs      (h u g) (\x20 h u g) (\x20 h u g s)
    merges        h u -> hu         3 times, as often as u g; the smaller ids win
                  hu g -> hug       3 times
                  \x20 hug -> ...   2 times
    encoded       " hug" -> \x20 h u g -> \x20 hu g -> \x20 hug -> "\x20hug"

Training starts from single bytes and writes down, in order, which pairs it joins; encoding a word
repeats those merges, the earliest first. So there is a list of merges to keep, and nothing else.

Sources: Gage 1994, "A new algorithm for data compression"; Sennrich, Haddow and Birch 2016,
"Neural machine translation of rare words with subword units", section 3.2 (merges inside words);
Radford et al. 2019 (bytes).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from npft.errors import CheckpointError, DataError, DtypeError, check_count, check_items
from npft.text.joins import Pairs
from npft.text.pieces import FIRST_LEARNT, MOST_BYTES, PieceTokenizer, count_words
from npft.text.tokenizer import fields_of_kind

Pair = tuple[int, int]


class _Pieces:
    """The bytes of each id, and the id of each string of bytes; the special ids have no bytes."""

    def __init__(self) -> None:
        self.bytes = [bytes([i]) for i in range(256)] + [b""] * (FIRST_LEARNT - 256)
        self.ids = {piece: i for i, piece in enumerate(self.bytes) if piece}

    def join(self, pair: Pair) -> int:
        """The id of the two pieces as one; a new id unless another pair has made it before."""
        piece = self.bytes[pair[0]] + self.bytes[pair[1]]
        if piece not in self.ids:
            self.ids[piece] = len(self.bytes)
            self.bytes.append(piece)
        return self.ids[piece]


def learn_merges(counts: dict[str, int], vocab_size: int, min_count: int) -> list[Pair]:
    """The pairs to join, in order, until vocab_size pieces are made or no pair is frequent enough.

    counts: how often each word occurs. A pair is frequent enough if it occurs min_count times. Of
    pairs with equal counts the one with the smallest ids is joined first.
    """
    pieces = _Pieces()
    pairs = Pairs([word.encode("utf-8") for word in counts], counts.values(), min_count)
    merges: list[Pair] = []
    while len(pieces.bytes) < vocab_size and (pair := pairs.most_frequent()) is not None:
        merges.append(pair)
        pairs.join(pair, pieces.join(pair))
    return merges


class BPE(PieceTokenizer):
    r"""Byte-level byte-pair encoding. ``decode(encode(s)) == s`` for every text s.

    merges: pairs of ids, the earliest first; each may use the bytes and the pieces that pairs
    before it made. The first new piece is 260, the next 261, ... (two pairs that make the same
    bytes, a bc and ab c, share one id). Without merges this is the byte tokenizer.

    Raises ``DataError`` or ``DtypeError`` for merges that cannot be used.

    >>> tok = BPE([(ord("h"), ord("u")), (260, ord("g")), (ord(" "), 261)])
    >>> tok.encode("hug hugs"), tok.pieces("hug hugs"), tok.decode([261, 262, 115])
    ([261, 262, 115], [b'hug', b' hug', b's'], 'hug hugs')
    >>> tok.offsets("hug hugs")
    [(0, 3), (3, 7), (7, 8)]
    """

    kind = "bpe"

    def __init__(self, merges: Iterable[Pair]) -> None:
        pieces = _Pieces()
        # pair -> (its place in the list, what it becomes)
        self._rank: dict[Pair, tuple[int, int]] = {}
        for rank, given in enumerate(check_items("BPE: merges", merges, "pairs")):
            pair = _checked_merge(f"BPE: merges[{rank}]", given, pieces)
            if pair in self._rank:
                raise DataError(f"BPE: merges[{rank}] joins {pair} a second time")
            self._rank[pair] = rank, pieces.join(pair)
        super().__init__(pieces.bytes[FIRST_LEARNT:])

    @property
    def merges(self) -> list[Pair]:
        """The pairs of ids that are joined, the earliest first."""
        return list(self._rank)

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int = 2000, *, min_count: int = 2) -> BPE:
        """Learn merges from texts until there are vocab_size pieces or all pairs left are rare.

        Pairs are counted inside words (``cut_words``), and are rare below min_count. The most
        frequent pair is joined first, of pairs with equal counts the one with the smaller first
        id, then the smaller second id, so that the same texts, in any order, give the same merges.

        Raises ``DataError`` for a corpus without words, ``ConfigError`` for a vocab_size that does
        not hold the bytes and the special tokens.

        >>> tok = BPE.train(["hug hug hugs"], vocab_size=300)
        >>> tok.piece_bytes[260:]
        (b'hu', b'hug', b' hug')
        """
        check_count("BPE.train: vocab_size", vocab_size, least=FIRST_LEARNT)
        check_count("BPE.train: min_count", min_count)
        return cls(learn_merges(count_words("BPE.train", texts), vocab_size, min_count))

    def _cut(self, word: bytes) -> list[int]:
        """Join the pair that was learnt first, the leftmost of its kind, while there is one."""
        ids = list(word)
        none = len(self._rank), 0
        found = [self._rank.get(pair, none) for pair in pairwise(ids)]
        while found and (best := min(found)) is not none:
            i = found.index(best)
            ids[i : i + 2] = [best[1]]
            # only the pairs to the left and to the right of a join are new
            around = ids[max(i - 1, 0) : i + 2]
            found[max(i - 1, 0) : i + 2] = [self._rank.get(pair, none) for pair in pairwise(around)]
        return ids

    def to_dict(self) -> dict[str, Any]:
        """``{"kind": "bpe", "merges": [[104, 117], ...]}``."""
        return {"kind": self.kind, "merges": [list(pair) for pair in self._rank]}

    @classmethod
    def from_dict(cls, fields: Any) -> BPE:
        """The inverse of ``to_dict``. Raises ``CheckpointError`` for anything else."""
        merges = fields_of_kind(fields, cls.kind, "merges")["merges"]
        if not isinstance(merges, list):
            raise CheckpointError(f"merges is {type(merges).__name__}, expected a list of pairs")
        try:
            return cls(merges)
        except (DataError, DtypeError) as error:
            raise CheckpointError(str(error)) from None


def _checked_merge(name: str, pair: Any, pieces: _Pieces) -> Pair:
    whole = isinstance(pair, (list, tuple)) and all(
        isinstance(i, (int, np.integer)) and not isinstance(i, bool) for i in pair
    )
    if not (whole and len(pair) == 2):
        raise DataError(f"{name} is {pair!r}, expected a pair of ids")
    for i in pair:
        if not (0 <= i < len(pieces.bytes) and pieces.bytes[i]):
            raise DataError(f"{name} joins id {i}, expected a byte or a piece made before it: 0 to "
                            f"255, {FIRST_LEARNT} to {len(pieces.bytes) - 1}")
    size = sum(len(pieces.bytes[i]) for i in pair)
    if size > MOST_BYTES:
        raise DataError(f"{name} makes a piece of {size} bytes, expected at most {MOST_BYTES}: no "
                        f"word is longer")
    return int(pair[0]), int(pair[1])
