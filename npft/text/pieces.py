r"""What byte-pair encoding and the unigram model share: words as bytes, cut into known pieces.

    text      "naïve cats!"
    words     "naïve" " cats" "!"                 a space belongs to the word behind it
    bytes     n a \xc3 \xaf v e   ...             in UTF-8: any text is made of 256 bytes
    pieces    na \xc3\xaf ve   \x20cat s   !      what the two tokenizers learn and choose

Every single byte is a piece, so nothing is ever unknown; a space is a byte like any other, so
putting the pieces together gives the text back as it was: decode(encode(s)) == s.

The ids are those of the byte tokenizer: 0 to 255 the bytes, then PAD, CLS, SEP, MASK, and from 260
on what was learnt. The bytes as smallest pieces are from Radford et al. 2019, "Language models are
unsupervised multitask learners" (GPT-2), section 2.2.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from npft.errors import DataError
from npft.text.bytes import ByteTokenizer
from npft.text.tokenizer import Tokenizer, checked_texts

FIRST_LEARNT = ByteTokenizer.vocab_size
CACHED_WORDS = 100_000
# A run of letters, of digits or of other signs, each with the space before it if there is one. Then
# white space: a run that stops one character short of a word, or that one character. Runs of more
# than 32 are cut, as text without spaces (Chinese) or noise has them: the time to encode a word
# grows with the square of its length, and no piece worth having is longer.
WORD = re.compile(r" ?[^\W\d_]{1,32}| ?\d{1,32}| ?(?:[^\w\s]|_){1,32}|\s{1,32}(?!\S)|\s")
MOST_BYTES = 1 + 32 * 4  # of a word: a space and 32 characters


def cut_words(text: str) -> list[str]:
    r"""Cut a text into words, which together are the text.

    A word is a run of letters, of digits or of other signs with the one space before it. What
    white space is left makes words of its own.

    >>> cut_words("Don't  buy 2\n")
    ['Don', "'", 't', ' ', ' buy', ' 2', '\n']
    """
    return WORD.findall(text)


def count_words(name: str, texts: Iterable[str]) -> dict[str, int]:
    """How often each word occurs in the texts, in the order of the alphabet.

    Raises what ``checked_texts`` raises, and ``DataError`` if there is no word.
    """
    counts: Counter[str] = Counter()
    for text in checked_texts(f"{name}: texts", texts):
        counts.update(cut_words(text))
    if not counts:
        raise DataError(f"{name}: the texts hold no words, expected at least one")
    return dict(sorted(counts.items()))


class PieceTokenizer(Tokenizer):
    """The base of both: a subclass defines ``_cut``, which chooses the pieces of a word.

    learnt: the strings of bytes that the ids from 260 on stand for, all different and of two
        bytes or more. In ``piece_bytes`` every id has its bytes, the special ones have none.
        For ``words`` and whole-word masking a word begins at a piece that begins with ASCII
        white space: " cat" and "s!" are one word.
    """

    pad_id, cls_id, sep_id, mask_id = (
        ByteTokenizer.pad_id, ByteTokenizer.cls_id, ByteTokenizer.sep_id, ByteTokenizer.mask_id,
    )  # fmt: skip
    continues: np.ndarray

    def __init__(self, learnt: Sequence[bytes]) -> None:
        single = [bytes([i]) for i in range(256)]
        self.keep([*single, *[b""] * len(self.special_ids), *learnt])

    def keep(self, piece_bytes: Sequence[bytes]) -> None:
        """Have these pieces, a number of each being its place."""
        self.piece_bytes = tuple(piece_bytes)
        self.vocab_size = len(self.piece_bytes)
        self.continues = np.array([bool(p) and not p[:1].isspace() for p in self.piece_bytes])
        self._cache: dict[str, list[int]] = {}

    def _cut(self, word: bytes) -> list[int]:
        """The ids of the pieces that a word is cut into."""
        raise NotImplementedError

    def _ids(self, text: str) -> list[int]:
        cache = self._cache
        ids: list[int] = []
        for word in self._words(self._written(text)):
            known = cache.get(word)
            if known is None:
                known = self._cut(word.encode("utf-8"))
                if len(cache) < CACHED_WORDS:
                    cache[word] = known
            ids += known
        return ids

    def _written(self, text: str) -> str:
        """The text that is cut: the one given, or with a space before it."""
        return text

    def _words(self, text: str) -> list[str]:
        """The words that no piece reaches across; together they are the text."""
        return cut_words(text)

    def _normalized(self, text: str) -> str:
        return self._written(text)

    def pieces(self, text: str) -> list[bytes]:
        """The tokens of a text as bytes: what ``encode`` gives, made readable."""
        return [self.piece_bytes[i] for i in self.encode(text)]

    def _text(self, ids: list[int]) -> str:
        return b"".join(self.piece_bytes[i] for i in ids).decode("utf-8", errors="replace")

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        # The characters a piece has bytes of: one of which it has only a part counts as a whole.
        # A space that was set before the text belongs to its first character.
        char = [i for i, letter in enumerate(text) for _ in letter.encode("utf-8")]
        char = [0] * (len(self._written(text)) - len(text)) + char
        spans, start = [], 0
        for i in self._ids(text):
            end = start + len(self.piece_bytes[i])
            spans.append((char[start], char[end - 1] + 1))
            start = end
        return spans
