"""Span masking: whole runs of words are hidden, and the tokens at their borders must restore them.

(Joshi et al. 2020, "SpanBERT", sections 3.1 and 3.2; Jurafsky & Martin, section 11.5.1.) The length
of a span, in words, is drawn from a geometric distribution that is cut off and renormalised:

    P(l) = p (1 - p)^(l - 1) / (1 - (1 - p)^L)     for l = 1 ... L,     p = 0.2, L = 10

Its mean is 3.797. (Drawing a geometric length and setting what exceeds 10 to 10 is another
distribution, of mean 4.463.) Spans never touch: at least one token stands between two of them, so
the runs of masked rows are the spans, and the token before and the one behind are always seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.encoder.encoder import check_batch
from npft.errors import ConfigError, as_array, check_count, check_rng, check_share, quoted
from npft.pretraining.masking import hide, random_tokens
from npft.text.batch import Batch
from npft.text.tokenizer import Tokenizer

P, LONGEST = 0.2, 10  # of the lengths of spans, in words


def span_lengths(p: float = P, longest: int = LONGEST) -> np.ndarray:
    """The probabilities of the lengths 1 to ``longest``: (longest,).

    >>> q = span_lengths()
    >>> round(float(q[0]), 3), round(float(q[9]), 3), round(float(q @ np.arange(1, 11)), 3)
    (0.224, 0.03, 3.797)
    """
    check_share("span_lengths: p", p)
    check_count("span_lengths: longest", longest)
    weights = p * (1 - p) ** np.arange(longest)
    return weights / weights.sum()


class TextWords:
    """The words of one text as tokens see them: where each begins, and how many tokens it has.

    ``run`` counts the stretches between special tokens: a span does not go beyond one.
    """

    def __init__(self, ids: np.ndarray, tokenizer: Tokenizer) -> None:
        text = ~np.isin(ids, tokenizer.special_ids)
        after_text = np.append(False, text[:-1])
        begins = text.copy()
        if tokenizer.continues is not None:
            # what is left of a word behind a cut counts as a word
            begins &= ~(tokenizer.continues[ids] & after_text)
        self.start = np.flatnonzero(begins)  # (W,)
        word_of = np.cumsum(begins) - 1
        self.size = np.bincount(word_of[text], minlength=len(self.start))  # (W,)
        self.run = np.cumsum(begins & ~after_text)[self.start]  # (W,)

    def room_ahead(self, free: np.ndarray) -> np.ndarray:
        """How many free words of one run begin at each word: (W,)."""
        n = len(free)
        # a stretch ends at its last free word, or before the first that is not
        ends = ~free | np.append(self.run[1:] != self.run[:-1], True)[:n]
        end = np.minimum.accumulate(np.where(ends, np.arange(n), n)[::-1])[::-1]
        return np.where(free, end - np.arange(n) + free[np.minimum(end, n - 1)], 0)


def draw_spans(
    words: TextWords, budget: int, lengths: np.ndarray, *, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Spans of whole words with at most ``budget`` tokens in all, as (first word, words).

    A length is drawn from ``lengths``, then a start, evenly among all at which so many words are
    free. What goes beyond the budget is cut off. It ends when the budget is used up or a length
    fits nowhere. A text gets at least one word, also where that is more than the budget.
    """
    free = np.ones(len(words.start), dtype=bool)
    spans: list[tuple[int, int]] = []
    while budget > 0:
        length = 1 + min(int(np.searchsorted(np.cumsum(lengths), rng.random())), len(lengths) - 1)
        legal = np.flatnonzero(words.room_ahead(free) >= length)
        if len(legal) == 0:
            break
        first = int(legal[int(rng.random() * len(legal))])
        used = np.cumsum(words.size[first : first + length])
        length = int(np.searchsorted(used, budget, side="right"))
        if length == 0:
            break
        spans.append((first, length))
        budget -= int(used[length - 1])
        free[max(first - 1, 0) : first + length + 1] = False  # spans never touch
    if not spans and len(free):
        spans.append((int(rng.random() * len(free)), 1))
    return spans


def mask_spans(
    batch: Batch,
    tokenizer: Tokenizer,
    *,
    rate: float = 0.15,
    lengths: np.ndarray | None = None,
    unigram: np.ndarray | None = None,
    rng: np.random.Generator,
) -> Batch:
    """Hide spans of words that hold about 15 % of the tokens of each sequence.

    That is the mean share of texts of ten words or more. Of a shorter text it is larger, for at
    least one word is hidden: a third of three. And as spans never touch, a ``rate`` of 1 hides
    little more than half of a text.

    One decision for each span: 80 % of the spans become [MASK] tokens, 10 % random tokens, 10 %
    stay. ``lengths`` are the probabilities of 1, 2, ... words (``span_lengths()`` by default).
    Fractions of a token, and ``unigram``, are as in ``mask_tokens``.

    Raises ``ConfigError`` if rate is outside (0, 1] or lengths are no probabilities, ``DataError``
    for what is no ``Batch``.

    >>> from npft.text.bytes import ByteTokenizer
    >>> tok = ByteTokenizer()
    >>> batch = tok(["thanks for all the fish and so long"])
    >>> masked = mask_spans(batch, tok, rng=np.random.default_rng(1))
    >>> rows, targets = masked.token_targets()
    >>> rows, tok.decode(targets)
    (array([4, 5, 6, 7, 8]), 'nks f')
    """
    check_share("mask_spans: rate", rate, one=True)
    check_rng("mask_spans: rng", rng)
    check_batch("mask_spans", batch)
    lengths = span_lengths() if lengths is None else _checked_lengths(lengths)
    rows: list[np.ndarray] = []
    for start, stop in zip(batch.offsets[:-1], batch.offsets[1:]):
        words = TextWords(batch.ids[start:stop], tokenizer)
        budget = max(1, int(rate * words.size.sum() + rng.random()))
        for first, length in sorted(draw_spans(words, budget, lengths, rng=rng)):
            tokens = words.size[first : first + length].sum()
            rows.append(start + words.start[first] + np.arange(tokens))
    sizes = [len(r) for r in rows]
    kind = np.repeat(rng.random(len(rows)), sizes)  # one decision for each span
    chosen = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    return hide(batch, chosen, kind, random_tokens(len(chosen), tokenizer, unigram, rng), tokenizer)


def _checked_lengths(lengths: Any) -> np.ndarray:
    """The probabilities of 1, 2, ... words, in float64."""
    found = as_array("mask_spans: lengths", lengths, "one list of probabilities")
    right = found.ndim == 1 and found.dtype.kind in "iuf" and bool((found >= 0).all())
    if not right or not abs(found.astype(np.float64).sum() - 1) < 1e-6:
        raise ConfigError(
            f"mask_spans: lengths are {quoted(lengths, 100)}, expected the probabilities of 1, 2, "
            "... words"
        )
    return found.astype(np.float64)
