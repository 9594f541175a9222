"""Scaled dot-product attention over a ragged batch: no padding enters the result.

    Attention(Q, K, V) = softmax(Q Kᵀ / √d) V          (Vaswani et al. 2017, section 3.2.1;
                                                       Jurafsky & Martin, chapter 11, eq. 11.6)

Every token attends to the tokens of its own sequence. Sequences of like length are worked on
together as one block of batched matrix products. Inside a block, a shorter sequence is filled up
with repeats of its own last token; these fillers get weight 0 as keys, and their results as
queries are dropped, so they change nothing. Long sequences are worked on in strips of queries.

Symbols: N tokens, D width, H heads, d = D / H, b sequences in a block, T its longest length.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from npft.autograd.kernels import ones
from npft.autograd.shift import row_shift, small
from npft.autograd.tensor import primitive
from npft.errors import ConfigError, ShapeError, check_shape

LONG = 512  # from so many tokens on, the weights are not kept but computed again (``strips``)
STRIP = 2**18  # scores in a strip: 1 MiB of float32 stays in the cache of a core
SPREAD = 8  # sequences share a block if their lengths, rounded up to a multiple of this, agree
NEVER = -np.inf  # the score of a key that may not be seen: its weight exp(-inf) is 0 exactly


class Block(NamedTuple):
    """Sequences of like length: where their tokens stand, and which of the b * T are real."""

    rows: slice | np.ndarray  # the tokens, (b * T,) positions in the batch
    number: int  # b
    length: int  # T
    real: np.ndarray | None  # (b, T) bool, or None if no sequence is shorter than T
    sequences: np.ndarray  # (b,) which sequences of the batch these are
    sight: np.ndarray | None = None  # (b, T, T) bool: which tokens a token sees; None for all

    def seen(self, part: Strip) -> np.ndarray | None:
        """Which keys the queries of a part may see, (b', t or 1, T) bool; None for all of them."""
        if self.sight is not None:
            return self.sight[part.sequences, part.queries]
        return None if self.real is None else self.real[part.sequences, None]


def blocks_by_length(offsets: np.ndarray, sight: np.ndarray | None = None) -> list[Block]:
    """Group the sequences of a batch into blocks of like length.

    offsets (B + 1,): sequence i owns tokens offsets[i] to offsets[i + 1]. sight (N, 3): where not
    every token sees all of its sequence, three whole numbers of each, (knows, from, until): token i
    sees token j if from_j <= knows_i < until_j.

    >>> [(b.number, b.length) for b in blocks_by_length(np.array([0, 5, 25, 30]))]
    [(2, 5), (1, 20)]
    """
    offsets = np.asarray(offsets)
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or not np.all(np.diff(offsets) > 0):
        raise ShapeError(f"blocks_by_length: offsets are {offsets}, expected rising whole numbers")
    starts, lengths = offsets[:-1], np.diff(offsets)
    rounded = -(-lengths // SPREAD)
    blocks = []
    for size in sorted(set(rounded.tolist())):
        members = np.flatnonzero(rounded == size)
        start, length = starts[members], lengths[members]
        longest = int(length.max())
        real = None
        if length.min() == longest and np.all(np.diff(members) == 1):
            rows: slice | np.ndarray = slice(int(start[0]), int(start[-1]) + longest)
        else:
            steps = np.arange(longest)
            rows = (start[:, None] + np.minimum(steps, length[:, None] - 1)).ravel()
            if length.min() < longest:
                real = steps < length[:, None]
        for array in (rows, real):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False  # backward reads them again
        seen = None if sight is None else _sight(sight[rows].reshape(-1, longest, 3), real)
        blocks.append(Block(rows, len(members), longest, real, members, seen))
    return blocks


def _sight(rule: np.ndarray, real: np.ndarray | None) -> np.ndarray:
    """(b, T, 3) whole numbers to (b, T, T): whether token i sees token j, which must be real."""
    knows, begin, until = rule.transpose(2, 0, 1)  # (b, T) each
    seen = (begin[:, None, :] <= knows[:, :, None]) & (knows[:, :, None] < until[:, None, :])
    if real is not None:
        seen &= real[:, None, :]
    if not seen.any(axis=2).all():
        raise ShapeError("blocks_by_length: by sight, a token sees no token at all")
    seen.flags.writeable = False
    return seen


class Strip(NamedTuple):
    """A part of a block's attention: t queries of one head of one sequence, or all of them."""

    sequences: slice
    heads: slice
    queries: slice

    def of(self, x: np.ndarray) -> np.ndarray:
        """Its part of heads-first rows: (b, H, T, d) to (b', H', t, d)."""
        return x[self.sequences, self.heads, self.queries]

    def keys_of(self, x: np.ndarray) -> np.ndarray:
        """The same sequences and heads at all positions: (b', H', T, d)."""
        return x[self.sequences, self.heads]


def strips(block: Block, num_heads: int) -> list[Strip]:
    """Cut long sequences so that the scores of a strip (1, 1, t, T) stay in the cache of a core.

    Each row of a softmax is worked on by itself, so this changes no result. As no more than a
    strip of weights is ever held, memory grows with T and not with T² (Rabe & Staats 2021;
    FlashAttention, Dao et al. 2022, cuts the keys as well); only the ``sight`` of a block, where
    it has one, takes b T² bytes. Sequences shorter than LONG, where the T² weights are small, are
    one strip.

    >>> block, = blocks_by_length(np.array([0, 1024]))
    >>> len(strips(block, num_heads=4)), strips(block, num_heads=4)[0].queries
    (16, slice(0, 256, None))
    """
    if block.length < LONG:
        return [whole(block)]
    rows = max(1, STRIP // block.length)
    return [
        Strip(slice(i, i + 1), slice(h, h + 1), slice(a, min(a + rows, block.length)))
        for i in range(block.number)
        for h in range(num_heads)
        for a in range(0, block.length, rows)
    ]


def attention_weights(
    q: np.ndarray, k: np.ndarray, seen: np.ndarray | None, causal: bool, first: int = 0
) -> np.ndarray:
    """softmax(q kᵀ / √d) over the keys that may be seen: q (b, H, t, d), k (b, H, T, d).

    Returns (b, H, t, T); ``seen``, ``causal`` and ``first`` are those of ``softmax_of_seen``.
    """
    scores = (q * (1 / np.sqrt(q.shape[-1]).item())) @ k.swapaxes(-1, -2)  # (b, H, t, T)
    return softmax_of_seen(scores, seen, causal, first)


def softmax_of_seen(
    scores: np.ndarray, seen: np.ndarray | None, causal: bool, first: int = 0
) -> np.ndarray:
    """Softmax of each row of scores (b, H, t, T) over the keys that may be seen, in their place.

    ``seen`` (b, t or 1, T) bool says which these are, None for all; the t queries stand at
    positions ``first`` and on. Where all scores are small, as they nearly always are, no row need
    be shifted before exp (``shift.py``).
    """
    safe = small(scores)  # before some become -inf
    if seen is not None:
        np.copyto(scores, NEVER, where=~seen[:, None])
    if causal:
        t, keys = scores.shape[-2:]
        np.copyto(scores, NEVER, where=~np.tri(t, keys, first, dtype=bool))
    if not safe:
        scores -= row_shift(scores)  # (b, H, t, 1)
    np.exp(scores, out=scores)
    scores /= (scores @ ones(scores.shape[-1], scores.dtype))[..., None]
    return scores


def softmax_back(weights: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The gradient of scores from that of their softmax (b, H, t, T), in its place.

    dS = P ⊙ (dP - rowsum(dP ⊙ P)), as derived in ``kernels.softmax``.
    """
    g -= np.einsum("bhqk,bhqk->bhq", g, weights)[..., None]
    g *= weights
    return g


def strip_weights(
    q: np.ndarray, k: np.ndarray, block: Block, causal: bool, part: Strip
) -> np.ndarray:
    """The attention weights of a strip (b', H', t, T)."""
    first = part.queries.start
    return attention_weights(part.of(q), part.keys_of(k), block.seen(part), causal, first)


def whole(block: Block) -> Strip:
    """The strip that is all of a block."""
    return Strip(slice(None), slice(None), slice(0, block.length))


def split_heads(x: np.ndarray, block: Block, parts: int, num_heads: int) -> np.ndarray:
    """Cut rows (b T, parts H d) into heads-first arrays (parts, b, H, T, d): a view, no copy."""
    x = x.reshape(block.number, block.length, parts, num_heads, -1)
    return x.transpose(2, 0, 3, 1, 4)


def heads_back(g: np.ndarray, block: Block, num_heads: int) -> np.ndarray:
    """The gradient of a block's results, heads first (b, H, T, d): g (N, D), 0 for the fillers.

    The result of a filler was dropped, so nothing may come back through it.
    """
    rows = g[block.rows]
    if block.real is not None:
        rows = rows * block.real.reshape(-1, 1)
    return split_heads(rows, block, 1, num_heads)[0]


def room(out: np.ndarray, block: Block) -> np.ndarray:
    """Where to write the rows of a block (b T, ...): in ``out`` itself if they stand together."""
    if isinstance(block.rows, slice):
        return out[block.rows]
    return np.empty((block.number * block.length, out.shape[1]), out.dtype)


def put_rows(out: np.ndarray, block: Block, values: np.ndarray) -> None:
    """Write what is in the ``room`` to where the tokens stand, leaving out fillers."""
    if block.real is not None:
        rows, real = np.asarray(block.rows), block.real.ravel()
        out[rows[real]] = values[real]
    elif not isinstance(block.rows, slice):
        out[block.rows] = values


def put_product(a: np.ndarray, b: np.ndarray, out: np.ndarray, add: bool) -> None:
    """Write a b into ``out``, or add it to what stands there."""
    if add:
        out += a @ b
    else:
        np.matmul(a, b, out=out)


def check_attention(
    op: str, qkv: np.ndarray, blocks: list[Block], num_heads: int, causal: bool
) -> int:
    """The width D, after checking that heads and blocks fit."""
    if not isinstance(causal, (bool, np.bool_)):
        raise ConfigError(f"{op}: causal is {causal!r}, expected True or False")
    if causal and any(block.sight is not None for block in blocks):
        raise ConfigError(
            f"{op}: causal is True and blocks_by_length was given sight, expected one of the two, "
            "for together they may leave a token nothing to see; say in sight alone who sees whom"
        )
    n, columns = check_shape(f"{op}: qkv", qkv, "N 3D").values()
    if num_heads < 1 or columns % (3 * num_heads):
        raise ConfigError(
            f"{op}: qkv has {columns} columns, which are not 3 times {num_heads} heads of "
            "equal width; choose a width that the number of heads divides"
        )
    tokens = sum(b.number * b.length if b.real is None else int(b.real.sum()) for b in blocks)
    if tokens != n:
        raise ShapeError(f"{op}: blocks hold {tokens} tokens but qkv has {n} rows")
    held = np.zeros(n, dtype=bool)
    for block in blocks:
        held[block.rows] = True
    if not held.all():
        raise ShapeError(f"{op}: blocks hold a token twice, and not token {held.argmin()}")
    return columns // 3


@primitive
def attention(qkv, *, blocks: list[Block], num_heads: int, causal: bool = False):
    """Multi-head self-attention of every sequence of a batch.

    Backward, with P the weights and g the gradient of the output: dV = Pᵀ g, dP = g Vᵀ,
    dS = P ⊙ (dP - rowsum(dP ⊙ P)), dQ = dS K / √d, dK = dSᵀ Q / √d, where ⊙ multiplies element
    by element. The rules for products are derived in ``ops.matmul``, dS in ``kernels.softmax``.

    qkv (N, 3 D): queries, keys and values side by side; blocks from ``blocks_by_length``.
    ``causal`` lets a token see only itself and what stands before it. Returns (N, D).
    Raises ``ConfigError`` if the heads do not divide D, or for causal blocks with a sight of their
    own; ``ShapeError`` if the blocks do not fit.

    One token attends to itself with weight 1, so its output is its value:

    >>> one = blocks_by_length(np.array([0, 1]))
    >>> attention(np.array([[5.0, 6.0, 7.0]]), blocks=one, num_heads=1).data.tolist()
    [[7.0]]
    """
    blocks = list(blocks)  # its owner may write to it before backward
    width = check_attention("attention", qkv, blocks, num_heads, causal)
    out = np.empty((len(qkv), width), qkv.dtype)
    saved = []
    for block in blocks:
        q, k, v = split_heads(qkv[block.rows], block, 3, num_heads)
        values = room(out, block)  # (b T, D)
        heads = split_heads(values, block, 1, num_heads)[0]
        cut = strips(block, num_heads)
        for part in cut:
            weights = strip_weights(q, k, block, causal, part)  # (b', H', t, T)
            np.matmul(weights, part.keys_of(v), out=part.of(heads))
        put_rows(out, block, values)
        saved.append(weights if len(cut) == 1 else None)

    def vjp(g):
        g_qkv = np.empty_like(qkv)
        for block, kept in zip(blocks, saved):
            q, k, v = split_heads(qkv[block.rows], block, 3, num_heads)
            g_out = heads_back(g, block, num_heads)
            g_block = room(g_qkv, block)  # (b T, 3 D)
            g_q, g_k, g_v = split_heads(g_block, block, 3, num_heads)  # views to write to
            for part in strips(block, num_heads):
                weights = strip_weights(q, k, block, causal, part) if kept is None else kept
                g_part = part.of(g_out)
                g_scores = softmax_back(weights, g_part @ part.keys_of(v).swapaxes(-1, -2))
                g_scores *= 1 / np.sqrt(q.shape[-1]).item()
                np.matmul(g_scores, part.keys_of(k), out=part.of(g_q))
                further = part.queries.start > 0  # strips of one head add up
                put_product(g_scores.swapaxes(-1, -2), part.of(q), part.keys_of(g_k), further)
                put_product(weights.swapaxes(-1, -2), g_part, part.keys_of(g_v), further)
            put_rows(g_qkv, block, g_block)
        return g_qkv

    return out, vjp


def attention_maps(
    qkv: np.ndarray, blocks: list[Block], num_heads: int, causal: bool = False
) -> list[np.ndarray]:
    """The attention weights of each sequence, in the order of the batch: B arrays (H, T, T)."""
    check_attention("attention", qkv, blocks, num_heads, causal)
    maps: dict[int, np.ndarray] = {}
    for block in blocks:
        q, k, _ = split_heads(qkv[block.rows], block, 3, num_heads)
        weights = attention_weights(q, k, block.seen(whole(block)), causal)
        maps |= maps_of(weights, block)
    return [maps[i] for i in sorted(maps)]


def maps_of(weights: np.ndarray, block: Block) -> dict[int, np.ndarray]:
    """The weights (b, H, T, T) of a block without its fillers: (H, T, T) by the sequence."""
    found = {}
    for i, sequence in enumerate(block.sequences.tolist()):
        t = block.length if block.real is None else int(block.real[i].sum())
        found[sequence] = weights[i, :, :t, :t]
    return found
