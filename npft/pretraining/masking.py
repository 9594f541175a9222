"""Masking: which tokens the model must restore, and what it sees in their place.

(Devlin et al. 2019, section 3.1; Jurafsky & Martin, section 11.2.1.)

A corruption takes a batch and returns another: its ids are what the model sees, its
``token_labels`` what stood there, at the chosen tokens, and ``IGNORE`` where nothing is asked.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from npft.encoder.encoder import check_batch
from npft.errors import ConfigError, as_array, check_rng, check_shape, check_share
from npft.text.batch import IGNORE, Batch
from npft.text.tokenizer import Tokenizer

MASK_SHARE, RANDOM_SHARE = 0.8, 0.1  # of the chosen tokens; the rest stay as they are


def ordinary_tokens(tokenizer: Tokenizer) -> np.ndarray:
    """(V,) bool: the ids that stand for text, which are all but the special and unknown ones."""
    ordinary = np.ones(tokenizer.vocab_size, dtype=bool)
    ordinary[list(tokenizer.special_ids)] = False
    if tokenizer.unk_id is not None:
        ordinary[tokenizer.unk_id] = False
    return ordinary


def choose_rows(batch: Batch, maskable: np.ndarray, rate: float, u: np.ndarray) -> np.ndarray:
    """The positions to mask: in every sequence ``rate`` of its maskable tokens, at least one.

    A fraction of a token is rounded up or down by chance, so that the mean share is ``rate``.
    maskable (N,) bool; u (N + B,) uniform random numbers. Returns (M,) rising positions.
    """
    n = len(batch.ids)
    counts = np.add.reduceat(maskable.astype(np.int64), batch.offsets[:-1])  # (B,)
    wanted = np.floor(rate * counts + u[n:]).astype(np.int64)
    wanted = np.minimum(np.maximum(wanted, 1), counts)
    # sort each sequence's tokens by a random key, maskable ones first, and take the first few
    order = np.lexsort((u[:n], ~maskable, batch.sequence))
    return np.sort(order[batch.positions < np.repeat(wanted, batch.lengths)])


def _checked_unigram(unigram: Any, size: int) -> np.ndarray:
    found = as_array("mask_tokens: unigram", unigram, f"{size} numbers")
    check_shape("mask_tokens: unigram", found, str(size))
    numbers = found.dtype.kind in "iuf"
    if not numbers or not (np.isfinite(found).all() and np.min(found) >= 0):
        raise ConfigError("mask_tokens: unigram holds numbers that are no probabilities")
    return found


def asked(batch: Batch, rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Labels (N,) for a corrupted batch: ``targets`` (M,) at ``rows`` (M,), else ``IGNORE``."""
    labels = np.full(len(batch.ids), IGNORE)
    labels[rows] = targets
    return labels


def text_rows(batch: Batch, tokenizer: Tokenizer) -> np.ndarray:
    """(N,) bool: the tokens that are text, and no special ones."""
    return ~np.isin(batch.ids, tokenizer.special_ids)


def mask_tokens(
    batch: Batch,
    tokenizer: Tokenizer,
    *,
    rate: float = 0.15,
    unigram: np.ndarray | None = None,
    rng: np.random.Generator,
) -> Batch:
    """Choose 15 % of the tokens; show [MASK] for 80 % of them, a random token for 10 %.

    The last 10 % are shown as they are, so that the model cannot trust what it sees either.
    Special tokens are never chosen. ``unigram`` (V,) holds the probabilities of the random
    tokens; by default all ordinary tokens are equally likely, as in BERT's code (the chapter
    draws them by unigram probability).

    Returns the corrupted batch, whose token labels are what to restore; ``batch`` is not changed.
    Raises ``ConfigError`` if rate is outside (0, 1] or unigram holds no probabilities,
    ``ShapeError`` if it is not (V,), ``DataError`` for what is no ``Batch``.

    >>> from npft.text.bytes import ByteTokenizer
    >>> tok = ByteTokenizer()
    >>> masked = mask_tokens(tok(["to be or not to be"]), tok, rng=np.random.default_rng(2))
    >>> rows, targets = masked.token_targets()
    >>> rows, [chr(t) for t in targets]
    (array([ 3,  7, 11]), [' ', 'o', 'o'])
    """
    check_share("mask_tokens: rate", rate, one=True)
    check_rng("mask_tokens: rng", rng)
    check_batch("mask_tokens", batch)
    maskable = text_rows(batch, tokenizer)
    rows = choose_rows(batch, maskable, rate, rng.random(len(batch.ids) + len(batch)))
    other = random_tokens(len(rows), tokenizer, unigram, rng)
    return hide(batch, rows, rng.random(len(rows)), other, tokenizer)


def static_masks(
    batch: Batch, tokenizer: Tokenizer, *, rng: np.random.Generator | None = None
) -> Batch:
    """``mask_tokens`` with masks that depend on nothing but the sequence itself.

    So a sequence is masked alike in every epoch, as in BERT, whose masks were drawn once when the
    data were prepared; RoBERTa draws them anew each time (Liu et al. 2019, section 4.1). ``rng``
    is not used; it is there so that this can be given to ``pretrain`` as ``corrupt``.
    """

    def masked(sequence: Batch) -> Batch:
        seed = zlib.crc32(sequence.ids.tobytes())
        return mask_tokens(sequence, tokenizer, rng=np.random.default_rng(seed))

    check_batch("static_masks", batch)
    if len(batch) == 0:
        return batch.replace(token_labels=batch.ids)
    return Batch.concat([masked(batch[i : i + 1]) for i in range(len(batch))])


def random_tokens(
    n: int, tokenizer: Tokenizer, unigram: np.ndarray | None, rng: np.random.Generator
) -> np.ndarray:
    """n ordinary tokens, equally likely or by the probabilities ``unigram`` (V,)."""
    ordinary = ordinary_tokens(tokenizer)
    p = ordinary * (1.0 if unigram is None else _checked_unigram(unigram, len(ordinary)))
    if not p.sum() > 0:
        raise ConfigError("mask_tokens: unigram is 0 for every ordinary token")
    drawn = np.searchsorted(np.cumsum(p / p.sum()), rng.random(n), side="right")
    return np.minimum(drawn, tokenizer.vocab_size - 1)


def hide(
    batch: Batch, rows: np.ndarray, kind: np.ndarray, other: np.ndarray, tokenizer: Tokenizer
) -> Batch:
    """Show [MASK], the ``other`` token (M,) or the token itself at ``rows`` (M,); ask for it.

    ``kind`` (M,) uniform random numbers decide: below 0.8, the next 0.1, or the rest.
    """
    seen = np.where(kind < MASK_SHARE, tokenizer.mask_id, batch.ids[rows])
    random = (kind >= MASK_SHARE) & (kind < MASK_SHARE + RANDOM_SHARE)
    ids = batch.ids.copy()
    ids[rows] = np.where(random, other, seen)
    return batch.replace(ids=ids, token_labels=asked(batch, rows, batch.ids[rows]))
