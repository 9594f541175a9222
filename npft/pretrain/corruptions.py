"""Four other ways to damage a text, each with what must be restored where.

    substitute   another token stands there              the row must give the token that was there
    reorder      neighbours have changed places          each row must give the token of its place
    delete       a token is missing                      the row before the gap must give it
    insert       a token too many                        its row must give PAD: nothing

Masked tokens give the place of the damage away; these do not (Jurafsky & Martin, section 11.2;
Lewis et al. 2020, "BART", figure 2). Each returns a ``Masked`` that a ``MaskedLM`` trains on as it
is, and can be given to ``pretrain`` as ``corrupt``.
"""

from __future__ import annotations

import numpy as np

from npft.errors import ConfigError
from npft.pretrain.masking import Masked, choose_rows, random_tokens
from npft.text.batch import Batch
from npft.text.tokenizer import Tokenizer

RATE = 0.15  # share of the text tokens that are chosen; of neighbours, ``reorder`` and ``delete``
# take the first only, so they damage fewer (at 0.15 about 0.13) and cannot damage all


def _chosen(
    batch: Batch, tokenizer: Tokenizer, rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Rows of text, in every sequence ``rate`` of them and at least one."""
    if not 0 < rate <= 1:
        raise ConfigError(f"corruption: rate is {rate}, expected a share in (0, 1]")
    text = ~np.isin(batch.ids, tokenizer.special_ids)
    return choose_rows(batch, text, rate, rng.random(len(batch.ids) + len(batch)))


def _with_ids(batch: Batch, ids: np.ndarray) -> Batch:
    return Batch(ids, batch.offsets, batch.token_types, batch.labels)


def substitute_tokens(
    batch: Batch, tokenizer: Tokenizer, *, rate: float = RATE, rng: np.random.Generator
) -> Masked:
    """Put random tokens in the place of some; restore what stood there."""
    rows = _chosen(batch, tokenizer, rate, rng)
    ids = batch.ids.copy()
    ids[rows] = random_tokens(len(rows), tokenizer, None, rng)
    return Masked(_with_ids(batch, ids), rows, batch.ids[rows])


def reorder_tokens(
    batch: Batch, tokenizer: Tokenizer, *, rate: float = RATE, rng: np.random.Generator
) -> Masked:
    """Exchange some tokens with the text token that follows; restore both."""
    text = ~np.isin(batch.ids, tokenizer.special_ids)
    followed = text & np.append(text[1:], False)
    followed &= np.append(batch.sequence[1:] == batch.sequence[:-1], False)
    if not 0 < rate <= 1:
        raise ConfigError(f"corruption: rate is {rate}, expected a share in (0, 1]")
    first = _chosen(batch, tokenizer, rate / 2, rng)
    first = first[followed[first]]
    first = first[np.append(True, first[1:] > first[:-1] + 1)] if len(first) else first  # apart
    ids = batch.ids.copy()
    ids[first], ids[first + 1] = batch.ids[first + 1], batch.ids[first]
    rows = np.sort(np.concatenate([first, first + 1]))
    return Masked(_with_ids(batch, ids), rows, batch.ids[rows])


def delete_tokens(
    batch: Batch, tokenizer: Tokenizer, *, rate: float = RATE, rng: np.random.Generator
) -> Masked:
    """Leave some tokens out; the token before each gap must give what is missing.

    Of neighbouring tokens only the first is left out, and never the first of a sequence, so that
    each gap has a token before it.
    """
    gone = _chosen(batch, tokenizer, rate, rng)
    gone = gone[batch.positions[gone] > 0]
    gone = gone[np.append(True, gone[1:] > gone[:-1] + 1)] if len(gone) else gone
    kept = np.delete(np.arange(len(batch.ids)), gone)
    offsets = np.searchsorted(kept, batch.offsets)
    damaged = Batch(batch.ids[kept], offsets, batch.token_types[kept], batch.labels)
    return Masked(damaged, np.searchsorted(kept, gone - 1), batch.ids[gone])


def insert_tokens(
    batch: Batch, tokenizer: Tokenizer, *, rate: float = RATE, rng: np.random.Generator
) -> Masked:
    """Put random tokens behind some; their rows must give PAD, for nothing belongs there.

    As many untouched rows are asked for as well, and must give the token that stands there, so that
    the answer is not always PAD. A sequence keeps its length: what is pushed out falls off before
    its last token.
    """
    behind = _chosen(batch, tokenizer, rate, rng)
    new = random_tokens(len(behind), tokenizer, None, rng)
    ids = np.insert(batch.ids, behind + 1, new)
    types = np.insert(batch.token_types, behind + 1, batch.token_types[behind])
    added = np.zeros(len(ids), dtype=bool)
    added[behind + 1 + np.arange(len(behind))] = True
    place = np.searchsorted(behind, batch.offsets) + batch.offsets  # of each sequence in ids
    kept = [
        np.append(np.arange(start, start + length - 1), stop - 1 - added[stop - 1])
        for start, stop, length in zip(place[:-1], place[1:], batch.lengths)
    ]
    chosen = np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)
    ids, added = ids[chosen], added[chosen]
    damaged = Batch(ids, batch.offsets, types[chosen], batch.labels)
    untouched = _chosen(damaged, tokenizer, rate, rng)
    rows = np.union1d(np.flatnonzero(added), untouched)
    return Masked(damaged, rows, np.where(added[rows], tokenizer.pad_id, ids[rows]))
