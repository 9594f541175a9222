"""Four other ways to damage a text, each with what must be restored where.

    substitute   another token stands there              the row must give the token that was there
    reorder      neighbours have changed places          each row must give the token of its place
    delete       a token is missing                      the row before the gap must give it
    insert       a token too many                        its row must give PAD: nothing

Masked tokens give the place of the damage away; these do not (Jurafsky & Martin, section 11.2;
Lewis et al. 2020, "BART", figure 2). Each returns a batch whose token labels a ``MaskedLM`` learns
as they are, and can be given to ``pretrain`` as ``corrupt``.
"""

from __future__ import annotations

import numpy as np

from npft.encoder.encoder import check_batch
from npft.errors import check_rng, check_share
from npft.pretraining.masking import asked, choose_rows, random_tokens, text_rows
from npft.text.batch import IGNORE, Batch
from npft.text.tokenizer import Tokenizer

RATE = 0.15  # share of the text tokens that are chosen; of neighbours, ``reorder`` and ``delete``
# take the first only, so they damage fewer (at 0.15 about 0.13) and cannot damage all


def _check(caller: str, batch: Batch, rate: float, rng: np.random.Generator) -> None:
    check_share(f"{caller}: rate", rate, one=True)
    check_rng(f"{caller}: rng", rng)
    check_batch(caller, batch)


def _chosen(
    batch: Batch, tokenizer: Tokenizer, rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Rows of text, in every sequence ``rate`` of them and at least one."""
    u = rng.random(len(batch.ids) + len(batch))
    return choose_rows(batch, text_rows(batch, tokenizer), rate, u)


def _apart(rows: np.ndarray) -> np.ndarray:
    """Rising rows without those that follow another at once."""
    return rows[np.append(True, rows[1:] > rows[:-1] + 1)] if len(rows) else rows


def _tokens(batch: Batch, rows: np.ndarray) -> dict[str, np.ndarray | None]:
    """What belongs to these tokens of a batch: their segments, and the numbers of their words."""
    words = None if batch.words is None else batch.words[rows]
    return {"token_types": batch.token_types[rows], "words": words}


def substitute_tokens(
    batch: Batch, tokenizer: Tokenizer, *, rate: float = RATE, rng: np.random.Generator
) -> Batch:
    """Put random tokens in the place of some; restore what stood there."""
    _check("substitute_tokens", batch, rate, rng)
    rows = _chosen(batch, tokenizer, rate, rng)
    ids = batch.ids.copy()
    ids[rows] = random_tokens(len(rows), tokenizer, None, rng)
    return batch.replace(ids=ids, token_labels=asked(batch, rows, batch.ids[rows]))


def reorder_tokens(
    batch: Batch, tokenizer: Tokenizer, *, rate: float = RATE, rng: np.random.Generator
) -> Batch:
    """Exchange some tokens with the text token that follows; restore both.

    A chosen token that none follows stays. If all of them stay, one pair of the batch is drawn, so
    that there is something to learn; of a batch in which no two text tokens are neighbours, nothing
    is asked, and no model trains on it.
    """
    _check("reorder_tokens", batch, rate, rng)
    text = text_rows(batch, tokenizer)
    followed = text & np.append(text[1:], False)
    followed &= np.append(batch.sequence[1:] == batch.sequence[:-1], False)
    first = _chosen(batch, tokenizer, rate / 2, rng)
    first = _apart(first[followed[first]])
    if not len(first) and followed.any():
        first = rng.choice(np.flatnonzero(followed), 1)
    ids = batch.ids.copy()
    ids[first], ids[first + 1] = batch.ids[first + 1], batch.ids[first]
    rows = np.sort(np.concatenate([first, first + 1]))
    return batch.replace(ids=ids, token_labels=asked(batch, rows, batch.ids[rows]))


def delete_tokens(
    batch: Batch, tokenizer: Tokenizer, *, rate: float = RATE, rng: np.random.Generator
) -> Batch:
    """Leave some tokens out; the token before each gap must give what is missing.

    Of neighbouring tokens only the first is left out, and never the first of a sequence, so that
    each gap has a token before it.
    """
    _check("delete_tokens", batch, rate, rng)
    gone = _chosen(batch, tokenizer, rate, rng)
    gone = _apart(gone[batch.positions[gone] > 0])
    missing = asked(batch, gone - 1, batch.ids[gone])
    kept = np.delete(np.arange(len(batch.ids)), gone)
    return batch.replace(
        ids=batch.ids[kept],
        offsets=np.searchsorted(kept, batch.offsets),
        token_labels=missing[kept],
        spans=None,  # whose places have moved
        **_tokens(batch, kept),
    )


def insert_tokens(
    batch: Batch, tokenizer: Tokenizer, *, rate: float = RATE, rng: np.random.Generator
) -> Batch:
    """Put random tokens behind some; their rows must give PAD, for nothing belongs there.

    As many untouched rows are asked for as well, and must give the token that stands there, so that
    the answer is not always PAD. A sequence keeps its length: what is pushed out falls off before
    its last token.
    """
    _check("insert_tokens", batch, rate, rng)
    behind = _chosen(batch, tokenizer, rate, rng)
    new = random_tokens(len(behind), tokenizer, None, rng)
    ids = np.insert(batch.ids, behind + 1, new)
    origin = np.insert(np.arange(len(batch.ids)), behind + 1, behind)  # the token beside each
    added = np.zeros(len(ids), dtype=bool)
    added[behind + 1 + np.arange(len(behind))] = True
    place = np.searchsorted(behind, batch.offsets) + batch.offsets  # of each sequence in ids
    kept = [
        np.append(np.arange(start, start + length - 1), stop - 1 - added[stop - 1])
        for start, stop, length in zip(place[:-1], place[1:], batch.lengths)
    ]
    chosen = np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)
    ids, added = ids[chosen], added[chosen]
    damaged = batch.replace(ids=ids, spans=None, **_tokens(batch, origin[chosen]))
    labels = np.where(added, tokenizer.pad_id, IGNORE)
    untouched = _chosen(damaged, tokenizer, rate, rng)
    untouched = untouched[~added[untouched]]
    labels[untouched] = ids[untouched]
    return damaged.replace(token_labels=labels)
