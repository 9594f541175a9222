"""How much of its context does the vector of a word hold? Measured layer by layer.

    anisotropy            mean cosine of all pairs of words, of whatever sentences
    self-similarity       mean cosine of a word with itself in its other contexts
    intra-sentence        mean cosine of a sentence's words with the sentence, their mean

A static table gives self-similarity 1; an encoder that heeds context gives less. But in a narrow
cone any two vectors are alike, so what counts is how much more alike a word is to itself than to
any word: both are corrected by subtracting the anisotropy of the layer (Ethayarajh 2019).

A word is what the texts are cut into. One that has several tokens is their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from npft.embed.geometry import mean_cosine
from npft.embed.rows import add_up, checked_rows, largest_numbers, power_of_two, unit_rows
from npft.encoder.encoder import Encoder, check_encoder
from npft.encoder.slices import SLICE, slices_of
from npft.errors import (
    DataError, DtypeError, NonFiniteError, ShapeError, check_items, check_strings,
)
from npft.text.basic import basic_words
from npft.text.batch import Batch
from npft.text.labels_and_tokens import first_tokens
from npft.text.windows import read_in_windows, texts_of


@dataclass(frozen=True)
class WordStates:
    """The vectors of M words in their contexts, after the embeddings and after each block.

    words: M strings. sentences: (M,) the number of the text each stands in, rising.
    layers: L + 1 tables (M, D) float32, whose rows are the words; the last is what the encoder
    returns.
    """

    words: list[str]
    sentences: np.ndarray
    layers: list[np.ndarray]


def word_states(encoder: Encoder, texts: Sequence[str | Sequence[str]]) -> WordStates:
    """Read texts, without dropout, and keep one vector for each word and layer.

    texts: strings, which are cut into basic words (white space and punctuation), or lists of words.
    Long ones are read in windows, so that no word is lost. What is kept is (L + 1) M D numbers of
    4 bytes: 77 MB for 100,000 words of a body of lesson size; what is worked on beside is a slice
    of 64 sequences.

    Raises ``ConfigError`` for what is no encoder with a tokenizer, ``DtypeError`` for what is no
    list of texts, ``DataError`` for no text, or one without words.

    >>> from npft import load
    >>> states = word_states(load("tinyworld").body, ["the bank lends", "win cash"])
    >>> [layer.shape for layer in states.layers]  # 5 words; the embeddings and two blocks
    [(5, 64), (5, 64), (5, 64)]
    """
    tokenizer = check_encoder("word_states", encoder)
    cut = [
        basic_words(text, lowercase=False)
        if isinstance(text, str)
        else check_strings(f"word_states: texts[{i}]", text)
        for i, text in enumerate(check_items("word_states: texts", texts, "texts"))
    ]
    empty = [i for i, words in enumerate(cut) if not words]
    if empty or not cut:
        which = f"texts[{empty[0]}] has no words" if empty else "there is no text"
        raise DataError(f"word_states: {which}; leave out what is empty")
    batch = read_in_windows(tokenizer, cut, encoder.config.max_positions)
    sentences = texts_of(batch)[batch.sequence[first_tokens(batch)]]
    words = [word for text in cut for word in text]
    shape = (len(words), encoder.config.hidden_size)
    layers = [np.empty(shape, np.float32) for _ in range(encoder.config.num_layers + 1)]
    row = 0
    for part in slices_of(batch, SLICE):
        for table, states in zip(layers, encoder.hidden_states(part)):
            means = _word_means(states, part)
            table[row : row + len(means)] = means
        row += len(means)
    return WordStates(words, sentences, layers)


def _word_means(states: np.ndarray, batch: Batch) -> np.ndarray:
    """The mean of the tokens of each word of a batch: (N, D) to (W, D)."""
    inside = np.asarray(batch.words) >= 0  # not [CLS] and [SEP]
    starts = np.cumsum(inside)[first_tokens(batch)] - 1  # among the tokens that are inside
    sizes = np.diff(np.append(starts, inside.sum()))
    return np.add.reduceat(states[inside], starts, axis=0) / sizes[:, None].astype(states.dtype)


def self_similarity(x: np.ndarray, words: Sequence[str]) -> dict[str, float]:
    """For each word that occurs twice or more: the mean cosine of all pairs of its occurrences.

        (|Σ u_i|² - m) / (m (m - 1)),   u_i the unit vectors of its m occurrences

    x (n, D) is the vector of each occurrence, words the n strings. A mapping from words, in order
    of the alphabet. Raises ``ShapeError`` unless there is one word for each row, ``DataError`` if
    no word occurs twice.

    >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [2.0, 0.0]])
    >>> self_similarity(x, ["bank", "mud", "mud", "bank"])
    {'bank': 1.0, 'mud': 0.0}
    """
    u = unit_rows("self_similarity: x", x)
    words = check_strings("self_similarity: words", words)
    if len(words) != len(u):
        raise ShapeError(f"self_similarity: {len(words)} words for {len(u)} rows; give one each")
    kinds = sorted(set(words))  # an array of strings would drop a NUL at an end
    number = {word: k for k, word in enumerate(kinds)}
    which = np.array([number[word] for word in words])
    m = np.bincount(which)
    often = np.flatnonzero(m > 1)
    if not len(often):
        raise DataError("self_similarity: no word occurs twice; give more texts")
    total, m = _sums_of_groups(u, which)[often], m[often]
    found = (np.einsum("kd,kd->k", total, total) - m) / (m * (m - 1))
    return {kinds[k]: cosine for k, cosine in zip(often, found.tolist())}


def intra_sentence_similarity(x: np.ndarray, sentences: np.ndarray) -> np.ndarray:
    """For each sentence of two words or more: the mean cosine of its words with their mean.

        1/m Σ_i cos(x_i, x̄),   x̄ the mean of the m vectors of the sentence

    x (n, D) is the vector of each word, sentences (n,) the number of its sentence. Returns one
    number for each such sentence, in order of their numbers. High: words lean towards the sentence;
    low: they keep apart. Raises ``ShapeError`` or ``DtypeError`` unless there is one whole number
    for each row, ``DataError`` if no sentence has two words, ``NonFiniteError`` for a sentence
    whose vectors add up to 0.

    >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]])
    >>> intra_sentence_similarity(x, np.array([0, 0, 1])).round(4).tolist()
    [0.7071]
    """
    u = unit_rows("intra_sentence_similarity: x", x)
    rows = checked_rows("intra_sentence_similarity: x", x)
    sentences = np.asarray(sentences)
    if sentences.shape != (len(u),):
        raise ShapeError(
            f"intra_sentence_similarity: sentences has shape {sentences.shape} for {len(u)} rows; "
            "give one number each"
        )
    if sentences.dtype.kind not in "iu":
        raise DtypeError(
            f"intra_sentence_similarity: sentences are {sentences.dtype}, expected whole numbers"
        )
    kinds, which, m = np.unique(sentences, return_inverse=True, return_counts=True)
    several = m > 1
    if not several.any():
        raise DataError("intra_sentence_similarity: no sentence has two words; give longer ones")
    largest = np.zeros(len(kinds))  # number of each sentence
    np.maximum.at(largest, which, largest_numbers(rows, axis=1))
    scale = power_of_two(largest)
    rows /= scale[which, None]  # no sum overflows
    means = _sums_of_groups(rows, which)[several]  # but for their length
    there = add_up(means, (m * (largest / scale))[several])
    if not there.all():
        lost = kinds[several][int(np.argmin(there))]
        raise NonFiniteError(
            f"intra_sentence_similarity: the vectors of sentence {lost} add up to 0, so their mean "
            "has no direction; leave it out"
        )
    means = unit_rows("intra_sentence_similarity: means", means)
    return np.einsum("kd,kd->k", _sums_of_groups(u, which)[several], means) / m[several]


def _sums_of_groups(x: np.ndarray, which: np.ndarray) -> np.ndarray:
    """The sum of the rows of each group 0, 1, ...: which (n,) says to which one a row belongs."""
    order = np.argsort(which, kind="stable")
    starts = np.flatnonzero(np.diff(which[order], prepend=-1))
    return np.add.reduceat(x[order], starts, axis=0)


def context_by_layer(states: WordStates) -> list[dict[str, float]]:
    """The measures of this file for each layer, from the embeddings to the last block.

    A row has "anisotropy", "self_similarity" and "intra_sentence" (means over words and over
    sentences, corrected by the anisotropy). Each kind of word counts once in the second, however
    often it occurs. Raises as the functions it calls.

    >>> from npft import load
    >>> states = word_states(load("tinyworld").body, ["the bank lends", "the bank floods"])
    >>> rows = context_by_layer(states)
    >>> len(rows), list(rows[0])
    (3, ['anisotropy', 'self_similarity', 'intra_sentence'])
    """
    found = []
    for x in states.layers:
        base = mean_cosine(x)
        own = np.mean(list(self_similarity(x, states.words).values()))
        inside = intra_sentence_similarity(x, states.sentences).mean()
        found.append({
            "anisotropy": base, "self_similarity": float(own) - base,
            "intra_sentence": float(inside) - base,
        })  # fmt: skip
    return found
