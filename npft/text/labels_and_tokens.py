"""Words and tokens, characters and tokens: gold labels go one way, predictions come back the other.

People label words and pieces of text; a model sees tokens. Two rules join them: in training every
token of a word has the word's tag, in decoding the tag of its first token is the word's (Jurafsky &
Martin, section 11.4.3, with its example):

    words     Mt.    Sanitas      is
    tags      B      I            O
    tokens    Mt .   San ##itas   is
    labels    B  B   I   I        O

An answer is a run of characters in gold data, and its first and last token to a model. All this
needs a ``Batch`` and no tokenizer: word numbers are ``batch.words``, places in the text are
what ``tokenizer.offsets(text)`` gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.errors import (
    ConfigError, DataError, IdError, ShapeError, as_array, check_count, check_items, check_whole,
)
from npft.text.batch import CUT_SPAN, IGNORE, NO_SPAN, Batch
from npft.text.examples import span_array


def _words(name: str, batch: Batch) -> np.ndarray:
    if batch.words is None:
        raise ConfigError(f"{name}: the batch has no word numbers; make it from lists of words: "
                          f"tokenizer([['Mt.', 'Sanitas'], ...])")
    return batch.words


def token_labels(batch: Batch, word_labels: Sequence[Any]) -> np.ndarray:
    """Copy the label of each word to all its tokens: (N,) int64, ``IGNORE`` at tokens of no word.

    word_labels: for each of the B sequences the class numbers of its words, or ``IGNORE``. Words
    whose tokens were cut off have no place left; ``batch.tokens_cut`` counts such tokens.

    Raises ``ConfigError`` for a batch without word numbers, ``ShapeError`` for another number of
    sequences, ``IdError`` for a word without a label or a label below 0 that is not ``IGNORE``,
    ``DtypeError`` for labels that are no whole numbers.

    >>> b = Batch([2, 7, 8, 9, 3], [0, 5], words=[-1, 0, 0, 1, -1])
    >>> token_labels(b, [[4, 6]])
    array([-100,    4,    4,    6, -100])
    """
    words = _words("token_labels", batch)
    word_labels = list(check_items("token_labels: word_labels", word_labels, "lists of labels"))
    if len(word_labels) != len(batch):
        raise ShapeError(f"token_labels: labels for {len(word_labels)} sequences, the batch has "
                         f"{len(batch)}")
    out = np.full(len(words), IGNORE, dtype=np.int64)
    for row, (start, end) in enumerate(zip(batch.offsets[:-1], batch.offsets[1:])):
        name, own = f"token_labels: word_labels[{row}]", words[start:end]
        labels = check_whole(name, as_array(name, word_labels[row], "one list of class numbers"))
        wrong = (labels < 0) & (labels != IGNORE)
        if wrong.any():
            raise IdError(f"{name} has {labels[wrong][0]}, expected classes from 0, or {IGNORE}")
        if labels.ndim != 1 or own.max() >= len(labels):
            raise IdError(f"token_labels: sequence {row} has a word {own.max()}, and word_labels"
                          f"[{row}] has shape {labels.shape}; give one label for each word")
        real = own >= 0
        out[start:end][real] = labels[own[real]]
    return out


def first_tokens(batch: Batch) -> np.ndarray:
    """The first token of every word of the batch, as (M,) rows of ids, in order.

    Raises ``ConfigError`` for a batch without word numbers.

    >>> first_tokens(Batch([2, 7, 8, 9, 3], [0, 5], words=[-1, 0, 0, 1, -1]))
    array([1, 3])
    """
    words = _words("first_tokens", batch)
    begins = np.ones(len(words), dtype=bool)  # a sequence's first token follows no word
    begins[1:] = (words[1:] != words[:-1]) | (batch.sequence[1:] != batch.sequence[:-1])
    return np.flatnonzero(begins & (words >= 0))


def word_labels(batch: Batch, predicted: Any, n_words: Sequence[int]) -> list[np.ndarray]:
    """Read one label for each word, that of its first token: the way back of ``token_labels``.

    predicted: (N,) a class number for each token. n_words: the number of words of each of the B
    sequences. A word whose tokens were cut off gets ``IGNORE``: nothing was predicted for it.

    Raises ``ConfigError`` for a batch without word numbers or an n_words that holds no counts,
    ``ShapeError`` for other lengths, ``DtypeError`` for what are no whole numbers, ``IdError`` for
    more words in the batch than ``n_words`` says.

    >>> b = Batch([2, 7, 8, 9, 3], [0, 5], words=[-1, 0, 0, 1, -1])
    >>> word_labels(b, [0, 4, 5, 6, 0], n_words=[3])
    [array([   4,    6, -100])]
    """
    words = _words("word_labels", batch)
    predicted = as_array("word_labels: predicted", predicted, "a class number for each token")
    n_words = [check_count(f"word_labels: n_words[{i}]", n, least=0)
               for i, n in enumerate(check_items("word_labels: n_words", n_words, "counts"))]
    if predicted.shape != words.shape or len(n_words) != len(batch):
        raise ShapeError(f"word_labels: predicted has shape {predicted.shape} and n_words length "
                         f"{len(n_words)}, expected {words.shape} and {len(batch)}")
    predicted = check_whole("word_labels: predicted", predicted)
    rows = first_tokens(batch)
    out = [np.full(n, IGNORE, dtype=np.int64) for n in n_words]
    for row, sequence, word in zip(rows, batch.sequence[rows], words[rows]):
        if word >= len(out[sequence]):
            raise IdError(f"word_labels: sequence {sequence} has a word {word}, and n_words"
                          f"[{sequence}] is {n_words[sequence]}")
        out[sequence][word] = predicted[row]
    return out


def token_span(offsets: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """The first and the last token that share a character with text[start:end].

    offsets: for each token of a text its characters (start, end), end not included. Returns
    (-1, -1) if no token has such a character, as for a span of white space.

    >>> token_span([(0, 2), (2, 4), (5, 7)], 3, 7)
    (1, 2)
    """
    inside = [k for k, (a, b) in enumerate(offsets) if a < end and b > start]
    return (inside[0], inside[-1]) if inside else (NO_SPAN, NO_SPAN)


def character_span(offsets: Sequence[tuple[int, int]], first: int, last: int) -> tuple[int, int]:
    """The characters (start, end), end not included, from the first to the last token.

    Raises ``IdError`` for tokens that do not exist or stand in the wrong order.

    >>> character_span([(0, 2), (2, 4), (5, 7)], 1, 2)
    (2, 7)
    """
    if not 0 <= first <= last < len(offsets):
        raise IdError(f"character_span: tokens {first} to {last} of a text of {len(offsets)}")
    return offsets[first][0], offsets[last][1]


def _answer_texts(
    name: str, batch: Batch, offsets: Sequence[Sequence[tuple[int, int]]]
) -> tuple[np.ndarray, np.ndarray]:
    """Where the text with the answer begins in each sequence (B,), and its kept tokens (B,).

    It is y of [CLS] x [SEP] y [SEP], and x of [CLS] x [SEP].
    """
    if len(offsets) != len(batch):
        raise ShapeError(f"{name}: {len(offsets)} texts, the batch has {len(batch)} sequences")
    seconds = np.zeros(len(batch), dtype=np.int64)
    np.add.at(seconds, batch.sequence, batch.token_types == 1)
    if (seconds > 0).any() and not (seconds > 0).all():
        raise DataError(f"{name}: some sequences are pairs and some are not")
    kept = seconds - 1 if (seconds > 0).any() else batch.lengths - 2  # without the specials
    tokens = np.array([len(row) for row in offsets])
    wrong = (tokens < kept) | (tokens > kept + batch.tokens_cut)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{name}: text {row} has {tokens[row]} tokens, the batch {kept[row]} "
                        f"of it, and {batch.tokens_cut[row]} were cut; give the offsets of "
                        "these texts, and tokenize them with special tokens")
    return batch.lengths - 1 - kept, kept


def answer_tokens(
    batch: Batch, offsets: Sequence[Sequence[tuple[int, int]]], spans: Any
) -> np.ndarray:
    """Turn answers from characters into tokens: (B, 2), first and last, as ``Batch`` has them.

    batch: sequences [CLS] question [SEP] passage [SEP], the answer in the passage, or [CLS] text
    [SEP], as a tokenizer makes them with special tokens. offsets: for each passage what
    ``tokenizer.offsets`` gives. spans: (B, 2) characters (start, end), end not included, or
    (-1, -1) for no answer.

    An answer that was cut off, even in part, becomes (-2, -2): half an answer would be a wrong
    gold answer, and no answer another thing. Use ``truncation="only_second"`` so that no question
    is cut for its passage.

    Raises ``ShapeError`` for other lengths, ``DtypeError`` for what are no whole numbers,
    ``DataError`` for a span that does not begin before it ends, or offsets that do not fit, as for
    sequences without special tokens.

    >>> b = Batch([2, 5, 3, 7, 8, 9, 3], [0, 7], token_types=[0, 0, 0, 1, 1, 1, 1])
    >>> answer_tokens(b, [[(0, 2), (2, 4), (5, 7)]], [(2, 7)])
    array([[4, 5]])
    """
    begins, kept = _answer_texts("answer_tokens", batch, offsets)
    spans = span_array("answer_tokens", spans, len(batch))
    start, end = spans.T
    wrong = ~((0 <= start) & (start < end)) & ~((start == NO_SPAN) & (end == NO_SPAN))
    if wrong.any():
        raise DataError(f"answer_tokens: spans[{int(wrong.argmax())}] is "
                        f"{spans[wrong][0].tolist()}, expected 0 <= start < end, or "
                        f"({NO_SPAN}, {NO_SPAN}) for no answer")
    out = np.full((len(batch), 2), NO_SPAN, dtype=np.int64)
    for row, (start, end) in enumerate(spans.tolist()):
        first, last = token_span(offsets[row], start, end)
        if first != NO_SPAN:
            there = last < kept[row]
            out[row] = (begins[row] + first, begins[row] + last) if there else CUT_SPAN
    return out


def answer_characters(
    batch: Batch,
    offsets: Sequence[Sequence[tuple[int, int]]],
    spans: Any,
    texts: Sequence[str] | None = None,
) -> np.ndarray:
    """Turn answers from tokens into characters: the way back of ``answer_tokens``, (B, 2).

    spans: (B, 2) first and last token of each answer, or (-1, -1). A span that reaches out of the
    passage becomes (-1, -1), for special tokens and the question are no answer.
    texts: the B passages, so that white space at both ends of an answer is left out: pieces of BPE
    and Unigram begin with the space before the word. An answer of white space alone is none.

    Raises ``ShapeError`` for other lengths, ``DtypeError`` for what are no whole numbers.

    >>> b = Batch([2, 5, 3, 7, 8, 9, 3], [0, 7], token_types=[0, 0, 0, 1, 1, 1, 1])
    >>> answer_characters(b, [[(0, 2), (2, 4), (5, 7)]], [(4, 5)])
    array([[2, 7]])
    >>> answer_characters(b, [[(0, 2), (2, 5), (5, 7)]], [(4, 5)], ["go in!?"])
    array([[3, 7]])
    """
    begins, kept = _answer_texts("answer_characters", batch, offsets)
    if texts is not None and len(texts) != len(batch):
        raise ShapeError(f"answer_characters: {len(texts)} texts, the batch has {len(batch)} "
                         f"sequences")
    spans = span_array("answer_characters", spans, len(batch))
    out = np.full((len(batch), 2), NO_SPAN, dtype=np.int64)
    for row, (first, last) in enumerate((spans - begins[:, None]).tolist()):
        if 0 <= first <= last < kept[row]:
            out[row] = character_span(offsets[row], first, last)
            if texts is not None:
                out[row] = _without_space(texts[row], *out[row].tolist())
    return out


def _without_space(text: str, start: int, end: int) -> tuple[int, int]:
    """The characters start to end without the white space at both ends."""
    answer = text[start:end]
    if not answer.strip():
        return NO_SPAN, NO_SPAN
    return end - len(answer.lstrip()), start + len(answer.rstrip())
