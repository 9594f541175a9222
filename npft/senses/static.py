"""Static vectors: one vector for each word, whatever stands beside it.

    "bank" in any text -> the same row; its cosine with itself is 1, be it of money or of a river
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npft.embed.rows import add_up, checked_rows, largest_numbers, unit_rows
from npft.errors import DataError, ShapeError, check_count, check_strings, quoted
from npft.senses.uses import WordUses, check_uses
from npft.text.basic import basic_words


class StaticVectors:
    """V different words and a vector for each: vectors (V, D).

    ``static["bank"]`` is a copy of its row (D,), ``"bank" in static`` says whether there is one.
    Words are those of ``basic_words``, in lower case; another one, such as "Sea", has its row but
    is found in no text. Raises ``ShapeError`` for other numbers of
    words and rows, ``DataError`` for a word given twice, ``NonFiniteError`` for a row that is not
    finite.

    >>> static = StaticVectors(["sea", "salt", "tax"], np.array([[1, 0], [1, 1], [0, 3]]))
    >>> static.encode(["Sea salt, please!"]).tolist()  # the mean of the words it knows
    [[1.0, 0.5]]
    >>> round(static.cosine("salt", "tax"), 3), static.nearest("sea", 1)[0][0]
    (0.707, 'salt')
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray) -> None:
        self.words = check_strings("StaticVectors: words", words)
        self.vectors = checked_rows("StaticVectors: vectors", vectors)
        self.rows = {word: k for k, word in enumerate(self.words)}
        if len(self.words) != len(self.vectors):
            raise ShapeError(
                f"StaticVectors: {len(self.words)} words and {len(self.vectors)} rows of vectors"
            )
        if len(self.rows) != len(self.words):
            raise DataError("StaticVectors: a word is given twice; give each one row")

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word in self.rows

    def __getitem__(self, word: str) -> np.ndarray:
        return self.vectors[self._row(word)].copy()

    def _row(self, word: str) -> int:
        if word not in self:
            raise DataError(f"StaticVectors: the word {quoted(word)} is not one of the "
                            f"{len(self.words)} known")
        return self.rows[word]

    def cosine(self, one: str, other: str) -> float:
        """The cosine of two words."""
        u = unit_rows("cosine", np.stack([self[one], self[other]]))
        return float(u[0] @ u[1])

    def nearest(self, word: str, k: int = 5) -> list[tuple[str, float]]:
        """The k words of the highest cosine with this one, and their cosines.

        Words whose vectors have length 0 are near nothing and are left out.
        """
        check_count("nearest: k", k)
        there = np.flatnonzero(self.vectors.any(axis=1))
        u = unit_rows("nearest", self.vectors[there])
        cosines = u @ unit_rows("nearest", self[word][None])[0]
        order = [i for i in np.argsort(-cosines, kind="stable") if there[i] != self.rows[word]]
        return [(self.words[there[i]], float(cosines[i])) for i in order[:k]]

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """The mean vector of the known words of each text: (n, D).

        A text without a known word, or of words whose vectors add up to 0, gets the mean of all V
        words, which says nothing.
        """
        rows = [basic_words(text) for text in check_strings("encode: texts", texts)]
        return self._means(rows)

    def _means(self, texts: list[list[str]]) -> np.ndarray:
        out = np.repeat(self.vectors.mean(axis=0)[None], len(texts), axis=0)
        for i, words in enumerate(texts):
            known = self.vectors[[self.rows[word] for word in words if word in self.rows]]
            if len(known) and add_up(mean := known.mean(axis=0)[None], largest_numbers(known)):
                out[i] = mean
        return out

    def around(self, uses: WordUses, window: int = 100) -> np.ndarray:
        """The mean vector of the words at most ``window`` from each use, itself left out: (n, D).

        All that a static table can say of a word in its text: what stands beside it, in any order
        (Schütze 1998).

        >>> static = StaticVectors(["sea", "tax"], np.array([[1.0, 0.0], [0.0, 3.0]]))
        >>> static.around(WordUses([["the", "sea", "bank"], ["bank", "tax"]], [2, 0])).tolist()
        [[1.0, 0.0], [0.0, 3.0]]
        """
        check_uses("around", uses)
        check_count("around: window", window)
        beside = [
            [*text[max(0, place - window) : place], *text[place + 1 : place + 1 + window]]
            for text, place in zip(uses.texts, uses.places.tolist())
        ]
        return self._means([[w for word in row for w in basic_words(word)] for row in beside])
