"""Texts of words that are longer than a model reads: windows, one after another.

    text     w0 w1 w2 w3 w4 w5 w6          room for three words
    windows  [CLS] w0 w1 w2 [SEP]   [CLS] w3 w4 w5 [SEP]   [CLS] w6 [SEP]
    words           0  1  2                 3  4  5               6

Every word is in one window and whole, so none goes without a tag, in training and in reading. Word
numbers go on from window to window, which tells which windows are of one text. A word that has more
tokens than a window has room for loses its last ones; its first, which decides, is always there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npft.errors import ConfigError
from npft.text.batch import CUT_SPAN, Batch
from npft.text.tokenizer import Tokenizer


def read_in_windows(
    tokenizer: Tokenizer, texts: Sequence[Sequence[str]], max_length: int
) -> Batch:
    """Texts as lists of words in one ``Batch``; a text that is too long is several sequences.

    max_length: the longest sequence, special tokens included. Each window takes as many words as
    fit. Raises as the tokenizer does.

    >>> from npft.text.bytes import ByteTokenizer
    >>> b = read_in_windows(ByteTokenizer(), [["go", "on", "to"], ["I"]], max_length=7)
    >>> b.lengths, b.words  # go and on need 5 tokens, with the space; to comes alone
    (array([7, 4, 3]), array([-1,  0,  0,  1,  1,  1, -1, -1,  2,  2, -1, -1,  0, -1]))
    >>> texts_of(b)
    array([0, 0, 1])
    """
    batch = tokenizer(texts, max_length=max_length)
    if not batch.n_truncated:
        return batch
    windows: list[Sequence[str]] = []
    before: list[int] = []  # of each window: the words of its text that stand before it
    for words, cut in zip(texts, batch.truncated):
        starts = _starts(tokenizer, words, max_length - 2) if cut else [0]
        windows += [words[a:b] for a, b in zip(starts, [*starts[1:], len(words)])]
        before += starts
    batch = tokenizer(windows, max_length=max_length)
    own = np.asarray(batch.words)
    go_on = own + np.repeat(before, batch.lengths)
    return batch.replace(words=np.where(own < 0, own, go_on))


def _starts(tokenizer: Tokenizer, words: Sequence[str], room: int) -> list[int]:
    """The first word of each window. A word has other tokens where no space stands before it."""
    sizes = np.bincount(tokenizer.encode_words(words)[1], minlength=len(words)).tolist()
    starts, used = [0], sizes[0]
    for i in range(1, len(words)):
        used += sizes[i]
        if used > room:
            starts.append(i)
            used = len(tokenizer.encode_words([words[i]])[0])
    return starts


def texts_of(batch: Batch) -> np.ndarray:
    """The number of the text that each sequence is a window of, or all of it: (B,), from 0.

    A sequence goes on the text of the one before it if its words do. Give all windows, in their
    order; without word numbers each sequence is a text.
    """
    if batch.words is None or not len(batch):
        return np.arange(len(batch))
    starts, none = batch.offsets[:-1], len(batch.ids)
    first = np.minimum.reduceat(np.where(batch.words < 0, none, batch.words), starts)  # (B,)
    last = np.maximum.reduceat(batch.words, starts)
    goes_on = (first[1:] > 0) & (first[1:] == last[:-1] + 1)
    return np.append(0, np.cumsum(~goes_on))


def spans_in_windows(
    batch: Batch, spans: Sequence[Sequence[tuple[int, int, int]]]
) -> list[list[tuple[int, int, int]]]:
    """The spans of whole texts as the ``typed_spans`` of the sequences that the texts are read in.

    spans: for each text (start, end, class) in words, end not included. A span is given to the
    sequence that has all of it. One that goes on in the next window is whole in none: it is cut
    off, (-2, -2, class), in the window of its first word.

    >>> b = Batch([2, 7, 8, 3, 2, 9, 3], [0, 4, 7], words=[-1, 0, 1, -1, -1, 2, -1])
    >>> spans_in_windows(b, [[(0, 2, 5), (1, 3, 6), (2, 3, 7)]])
    [[(0, 1, 5), (-2, -2, 6)], [(2, 2, 7)]]
    """
    if batch.words is None:
        raise ConfigError("spans_in_windows: the batch has no word numbers; make it from lists of "
                          "words: tokenizer([['Mt.', 'Sanitas'], ...])")
    texts, out = texts_of(batch), [list[tuple[int, int, int]]() for _ in range(len(batch))]
    home = dict(zip(reversed(texts.tolist()), reversed(range(len(texts)))))  # its first window
    words = zip(texts[batch.sequence].tolist(), batch.words.tolist(), batch.sequence.tolist())
    window_of = {(text, word): row for text, word, row in words}
    for text, row in home.items():
        for start, end, kind in spans[text]:
            begins, ends = window_of.get((text, start)), window_of.get((text, end - 1))
            whole = begins is not None and begins == ends
            span = (start, end - 1, kind) if whole else (CUT_SPAN, CUT_SPAN, kind)
            out[row if begins is None else begins].append(span)
    return out
