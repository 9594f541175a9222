"""Which sense has a word here? The nearest of the mean vectors of its senses.

    v_s = 1/n Σ v_i             over the n labelled uses of sense s
    sense(t) = argmax_s cos(t, v_s)        over the senses of the word t

(Jurafsky & Martin, eqs. 11.8 and 11.9.) It is hard to beat the sense a word has most often: that
is the baseline, and the answer for a word of which no use was labelled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from npft.embed.rows import add_up, checked_rows, largest_numbers, unit_rows
from npft.errors import (
    ConfigError, DataError, ShapeError, check_count, check_strings, listed, quoted,
)
from npft.text.examples import checked_groups

SenseCounts = Mapping[str, Mapping[str, int]]  # word -> sense -> how often


def count_senses(words: Sequence[str], senses: Sequence[str]) -> dict[str, dict[str, int]]:
    """How often each word has each of its senses.

    >>> count_senses(["bank", "bank", "date"], ["money", "river", "day"])
    {'bank': {'money': 1, 'river': 1}, 'date': {'day': 1}}
    """
    return _counted(_paired("count_senses", words, senses))


def _counted(pairs: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for word, sense in pairs:
        counts.setdefault(word, Counter())[sense] += 1
    return {word: dict(own) for word, own in counts.items()}


def most_frequent_senses(counts: SenseCounts) -> dict[str, str]:
    """The sense that each word has most often; of equally frequent ones the first by name.

    >>> most_frequent_senses({"bank": {"river": 2, "money": 5}, "jam": {"food": 1, "cars": 1}})
    {'bank': 'money', 'jam': 'cars'}
    """
    return {word: min(own, key=lambda s: (-own[s], s)) for word, own in counts.items() if own}


def _paired(name: str, words: Sequence[str], senses: Sequence[str]) -> Iterable[tuple[str, str]]:
    words, senses = check_strings(f"{name}: words", words), check_strings(f"{name}: senses", senses)
    if len(words) != len(senses):
        raise ShapeError(f"{name}: {len(words)} words and {len(senses)} senses; give one for each")
    return zip(words, senses)


class SenseCentroids:
    """The mean vector of each sense of each word, from labelled uses.

    vectors: (n, D) of the uses. words, senses: n strings each. counts: how often each word has each
    of its senses in a larger text or a dictionary, such as ``{"port": {"wine": 2, "harbour": 9}}``;
    by default the labelled uses are counted. A word that has counts and no labelled use gets the
    sense it has most often. ``centroids`` maps a word to its senses and their vectors (D,).

    Raises ``ShapeError`` for numbers that do not match, ``DataError`` for a sense whose vectors
    add up to 0 and so have no direction.

    Two uses of "bank" with money, whose mean is (3, 1), and one with a river:

    >>> x = np.array([[4.0, 0.0], [2.0, 2.0], [0.0, 5.0]])
    >>> known = SenseCentroids(x, ["bank"] * 3, ["money", "money", "river"])
    >>> known.predict(np.array([[1.0, 0.5], [1.0, 4.0]]), ["bank", "bank"])
    ['money', 'river']
    """

    def __init__(
        self,
        vectors: np.ndarray,
        words: Sequence[str],
        senses: Sequence[str],
        counts: SenseCounts | None = None,
    ) -> None:
        x = checked_rows("SenseCentroids: vectors", vectors)
        pairs = list(_paired("SenseCentroids", words, senses))
        if len(pairs) != len(x):
            raise ShapeError(f"SenseCentroids: {len(x)} vectors of {len(pairs)} words")
        self.width = x.shape[1]
        rows: dict[tuple[str, str], list[int]] = {}
        for i, pair in enumerate(pairs):
            rows.setdefault(pair, []).append(i)
        self.centroids: dict[str, dict[str, np.ndarray]] = {}
        for (word, sense), own in sorted(rows.items()):
            mean = x[own].mean(axis=0)
            if not add_up(mean[None], largest_numbers(x[own])):
                raise DataError(
                    f"SenseCentroids: the vectors of {quoted(sense)} of {quoted(word)} add up to "
                    "0, so their mean has no direction; label other uses"
                )
            self.centroids.setdefault(word, {})[sense] = mean
        known = {**_counted(pairs), **_checked_counts(counts or {})}
        self.frequent = most_frequent_senses(known)

    def predict(
        self,
        vectors: np.ndarray,
        words: Sequence[str],
        documents: Sequence[int] | np.ndarray | None = None,
    ) -> list[str]:
        """The sense of each use: vectors (n, D) and their n words.

        documents: (n,) ids, for one sense per discourse: a word keeps its sense within a document
        (Gale, Church & Yarowsky 1992), so all its uses there get the sense of the largest sum of
        cosines, and two that disagree need no coin.

        Of equally near senses the first by name. Raises ``DataError`` for a word that has neither
        labelled uses nor counts: it is not known what senses it has.
        """
        u = unit_rows("predict: vectors", vectors)
        words = check_strings("predict: words", words)
        if u.shape != (len(words), self.width):
            raise ShapeError(
                f"predict: vectors have shape {u.shape}, expected ({len(words)}, {self.width}): a "
                "row for each word, as wide as the labelled ones"
            )
        unknown = sorted({*words} - self.frequent.keys())
        if unknown:
            raise DataError(
                f"predict: nothing is known of the senses of {listed(unknown)}; label some uses, "
                "or give counts"
            )
        if documents is not None:
            groups = checked_groups("predict: documents", documents, len(u))
            u = _sums_in_documents(u, words, groups)
        said = [self.frequent[word] for word in words]
        for word in sorted({*words} & self.centroids.keys()):
            senses, means = zip(*self.centroids[word].items())
            own = [i for i, other in enumerate(words) if other == word]
            nearest = (u[own] @ unit_rows("centroids", np.stack(means)).T).argmax(axis=1)
            for i, k in zip(own, nearest):
                said[i] = senses[k]
        return said


def _sums_in_documents(u: np.ndarray, words: list[str], documents: np.ndarray) -> np.ndarray:
    """In place of each row (n, D) the sum of all rows of its word in its document."""
    homes = list(zip(words, documents.tolist()))
    number = {home: k for k, home in enumerate(dict.fromkeys(homes))}
    of_row = np.array([number[home] for home in homes])
    sums = np.zeros((len(number), u.shape[1]))
    np.add.at(sums, of_row, u)
    return sums[of_row]


def _checked_counts(counts: SenseCounts) -> dict[str, dict[str, int]]:
    """Counts by word and sense; a word without senses says nothing and is left out."""
    if not isinstance(counts, Mapping) or not all(isinstance(v, Mapping) for v in counts.values()):
        raise ConfigError(
            "SenseCentroids: counts are no dict of dicts: {'bank': {'money': 9, 'river': 2}}"
        )
    for own in counts.values():
        for sense, n in own.items():
            check_count(f"SenseCentroids: the count of {quoted(sense)}", n, 0)
    return {word: dict(own) for word, own in counts.items() if own}
