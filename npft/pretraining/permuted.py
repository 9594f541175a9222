"""Permuted prediction with position compensation: MPNet.

    L = -(1/M) Σ_t log P(x_(z_t) | x_(z_<t), the places of all tokens)      z: a random order

(Song et al. 2020, "MPNet", sections 2.2 and 2.3.) Masked prediction has two gaps, and permuted
prediction (XLNet, Yang et al. 2019) closes one and opens the other:

    masked (BERT)      sees every place, but no hidden token sees another
    permuted (XLNet)   a hidden token sees those before it in a random order, but not how much
                       text there is: the places of those still to come are missing
    MPNet              sees the tokens before it, and at the places still to come a [MASK]

The last 15 % of a random order of the text are predicted, one after another. The rows of a sequence
of n tokens, M of them predicted, are

    n rows   the masked sentence, as BERT reads it           x [M] x [M] x
    M rows   the predicted tokens themselves, in their places      x     x
    M rows   a [MASK] in each of their places, that is asked      [M]   [M]

and who sees whom is said by three numbers of each row (``sight`` of ``Batch``). The t-th predicted
token, once known, is seen by whatever knows t tokens or more; until then its mask is seen instead:

    row                       knows    is seen from    until
    token not predicted       0        0               the end
    mask of token t           0        0               t
    token t                   t        t               the end
    mask of t that is asked   t - 1    never

So whatever asks for token t sees the tokens before it in the order, and one row at every place.
The rows that are asked, and the tokens, are what MPNet calls its query and its content stream.
Here every hidden token shows a [MASK]; MPNet shows one in ten as it is and one as another, as BERT.
"""

from __future__ import annotations

import numpy as np

from npft.encoder.encoder import check_batch
from npft.errors import check_rng, check_share
from npft.pretraining.masking import choose_rows, text_rows
from npft.text.batch import IGNORE, Batch
from npft.text.tokenizer import Tokenizer


def permute_tokens(
    batch: Batch, tokenizer: Tokenizer, *, rate: float = 0.15, rng: np.random.Generator
) -> Batch:
    """Put ``rate`` of the text tokens last in a random order, and ask for them one by one.

    A sequence of n tokens gets n + 2 M rows, M the number of those asked; it needs an encoder with
    as many positions as before. Special tokens are never asked. Labels of sequences and token types
    stay, other parts of the batch are left out. Raises ``ConfigError`` if rate is outside (0, 1].

    >>> from npft.text.bytes import ByteTokenizer
    >>> tok = ByteTokenizer()
    >>> batch = permute_tokens(tok(["ab"]), tok, rate=1.0, rng=np.random.default_rng(0))
    >>> batch.ids.tolist()  # [CLS] [M] [M] [SEP], the tokens, the masks that are asked
    [257, 259, 259, 258, 97, 98, 259, 259]
    >>> batch.sight[:, 0].tolist(), batch.token_labels[6:].tolist()
    ([0, 1, 2, 3, 1, 2, 1, 2], [97, 98])
    """
    check_share("permute_tokens: rate", rate, one=True)
    check_rng("permute_tokens: rng", rng)
    check_batch("permute_tokens", batch)
    chosen = choose_rows(
        batch, text_rows(batch, tokenizer), rate, rng.random(len(batch.ids) + len(batch))
    )
    rank = ranks(batch.sequence[chosen], rng.random(len(chosen)))  # t, from 1
    end = len(batch.ids) + 1  # more than any row knows
    masked, until = batch.ids.copy(), np.full(len(batch.ids), end)
    masked[chosen], until[chosen] = tokenizer.mask_id, rank
    none, last = np.zeros_like(batch.ids), np.full_like(rank, end)
    asked, place = np.full_like(rank, tokenizer.mask_id), batch.positions[chosen]
    rows = np.concatenate([np.arange(len(batch.ids)), chosen, chosen])
    order = np.argsort(batch.sequence[rows], kind="stable")  # the three kinds, sequence by sequence
    ids = np.concatenate([masked, batch.ids[chosen], asked])
    labels = np.concatenate([np.full(len(batch.ids) + len(chosen), IGNORE), batch.ids[chosen]])
    sight = np.concatenate(
        [
            np.stack([batch.positions, none, none, until], axis=1),
            np.stack([place, rank, rank, last], axis=1),
            np.stack([place, rank - 1, last, last], axis=1),
        ]
    )
    added = np.bincount(batch.sequence[chosen], minlength=len(batch))
    return Batch(
        ids[order],
        np.append(0, np.cumsum(batch.lengths + 2 * added)),
        batch.token_types[rows][order],
        batch.labels,
        token_labels=labels[order],
        sight=sight[order],
    )


def ranks(sequence: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Each item's place, from 1, in a random order of the items of its sequence.

    sequence (M,) rising; u (M,) random numbers to order by.

    >>> ranks(np.array([0, 0, 0, 2]), np.array([0.5, 0.9, 0.1, 0.3])).tolist()
    [2, 3, 1, 1]
    """
    order = np.lexsort((u, sequence))
    begin = np.searchsorted(sequence, sequence)  # the first item of each one's sequence
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order)) - begin + 1
    return rank
