"""How well the cosine of sentence vectors agrees with graded similarity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.embed.rows import DIGITS, paired_unit_rows
from npft.errors import DataError, check_strings
from npft.finetune.baselines import word_table
from npft.metrics.ranking import spearman
from npft.text.basic import basic_words
from npft.text.examples import Examples


def paired_cosines(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The cosine of each row of x (n, D) with the same row of y: (n,), to 12 digits.

    So pairs of one cosine are equal, and have one rank. Raises ``ShapeError`` for tables of
    different shapes, ``NonFiniteError`` for a row of length 0 or one that is not finite.

    >>> paired_cosines(np.array([[3.0, 4.0]]), np.array([[2.0, 0.0]])).tolist()
    [0.6]
    """
    u, v = paired_unit_rows("paired_cosines", x, y)
    return (u * v).sum(axis=1).round(DIGITS)


def similarity_score(encode: Any, pairs: Examples) -> float:
    """Spearman correlation of the cosine of paired texts with their graded similarity.

    ``encode`` maps a list of texts to vectors (n, D). Raises ``DataError`` without pairs or grades.
    """
    if pairs.pairs is None or pairs.labels is None:
        raise DataError("similarity_score: the examples need pairs and grades")
    return spearman(paired_cosines(encode(pairs.texts), encode(pairs.pairs)), pairs.labels)


def bag_of_words_encoder(corpus: Sequence[str]) -> Any:
    """The baseline: texts as tf-idf vectors over the words of a corpus; returns an encode function.

    A column of a small constant stands beside the words, so that a text of unknown words alone
    still has a direction. Raises ``DtypeError`` for one string in place of a list, as the function
    does, ``DataError`` for a corpus without words.

    >>> encode = bag_of_words_encoder(["win cash", "win tea"])
    >>> encode(["cash cash now"]).round(3).tolist()  # columns cash, tea, win, and the constant
    [[1.386, 0.0, 0.0, 0.001]]
    """
    corpus = check_strings("bag_of_words_encoder: corpus", corpus)
    words = sorted({word for text in corpus for word in basic_words(text)})
    if not words:
        raise DataError(f"bag_of_words_encoder: a corpus of {len(corpus)} texts without words")
    columns = {word: i for i, word in enumerate(words)}
    documents = np.zeros(len(words))
    for text in corpus:
        for word in set(basic_words(text)):
            documents[columns[word]] += 1
    idf = np.log(len(corpus) / documents)

    def encode(texts: Sequence[str]) -> np.ndarray:
        texts = check_strings("bag_of_words_encoder: texts", texts)
        table = word_table(texts, columns).toarray() * idf
        return np.hstack([table, np.full((len(table), 1), 1e-3)])

    return encode
