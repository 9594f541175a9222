"""Attention that knows how far apart two tokens are: DeBERTa's disentangled form.

    A_ij =   q_i · k_j                 content to content
           + q_i · K_δ(i,j)            content to position
           + k_j · Q_δ(j,i)            position to content
    out_i = Σ_j softmax_j(A_ij / √(3 d)) v_j

    δ(i, j) = 0 for i - j <= -r,   2r - 1 for i - j >= r,   else i - j + r

(He et al. 2021, "DeBERTa", section 3.1, equations 3 and 4.) The scale is √(3 d) and not √d because
three products are added. K and Q hold a key and a query for each of 2r distances; all farther apart
than the reach r (the paper's k) are alike. (The authors' published code asks for δ(i, j) in the
third term as well; here it is the equation as printed.) With them nothing has to be added to a
token to say where it stands, and moving a sentence along changes nothing.

In DeBERTa K and Q are products of one table (2r, D) for all layers with two matrices of each layer.
Here each layer has K and Q themselves: the same functions, as long as 2r is at most D.

Until backward, each block of sequences keeps its weights, (b, H, T, T), and the distance of every
pair of places, (T, T) whole numbers of 8 bytes: memory grows with T², unlike that of ``attention``.

Symbols: N tokens, D width, H heads, d = D / H, r reach, b sequences in a block, T its longest
length.
"""

from __future__ import annotations

import numpy as np

from npft.autograd.attention import (
    STRIP, Block, check_attention, heads_back, maps_of, put_rows, room, softmax_back,
    softmax_of_seen, split_heads, whole,
)
from npft.autograd.tensor import primitive
from npft.errors import ShapeError, check_shape


def distances(length: int, reach: int) -> np.ndarray:
    """δ(i, j) for all pairs of ``length`` places: (T, T) whole numbers, 0 to 2r - 1.

    >>> distances(4, reach=2)
    array([[2, 1, 0, 0],
           [3, 2, 1, 0],
           [3, 3, 2, 1],
           [3, 3, 3, 2]])
    """
    place = np.arange(length)
    return np.clip(place[:, None] - place + reach, 0, 2 * reach - 1)


def taken(x: np.ndarray, near: np.ndarray) -> np.ndarray:
    """x[..., i, δ(i, j)] for all i and j: (b, H, T, 2r) to (b, H, T, T)."""
    return x[..., np.arange(len(near))[:, None], near]


def put_back(g: np.ndarray, near: np.ndarray, places: int) -> np.ndarray:
    """The gradient of ``taken``: what all j at one distance receive adds up: (b, H, T, 2r).

    Written as the product of each row with a one-hot table, (T, 2r), of the distance of each j: up
    to some 100 places this is the quickest way, two to four times as fast as ``np.add.at``.
    """
    b, heads, t, _ = g.shape
    rows = g.reshape(b * heads, t, t).swapaxes(0, 1)  # (T, b H, T)
    back = np.empty((t, b * heads, places), g.dtype)
    step = max(1, STRIP // (t * places))  # rows whose table stays in the cache of a core
    for i in range(0, t, step):
        at = (near[i : i + step, :, None] == np.arange(places)).astype(g.real.dtype)  # (., T, 2r)
        np.matmul(rows[i : i + step], at, out=back[i : i + step])
    return back.swapaxes(0, 1).reshape(b, heads, t, places)


def disentangled_scores(
    q: np.ndarray, k: np.ndarray, far_q: np.ndarray, far_k: np.ndarray, near: np.ndarray
) -> np.ndarray:
    """A_ij / √(3 d) for q, k (b, H, T, d) and the distances' queries and keys (H, 2r, d)."""
    scores = q @ k.swapaxes(-1, -2)  # (b, H, T, T)
    scores += taken(q @ far_k.swapaxes(-1, -2), near)
    scores += taken(k @ far_q.swapaxes(-1, -2), near).swapaxes(-1, -2)
    scores *= scale_of(q)
    return scores


def scale_of(q: np.ndarray) -> float:
    """1 / √(3 d): a score is a sum of three products of d numbers."""
    return 1 / np.sqrt(3 * q.shape[-1]).item()


def split_far(far: np.ndarray, num_heads: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut rows (2r, 2 D) into queries and keys of the distances, (H, 2r, d) each: views."""
    far_q, far_k = far.reshape(len(far), 2, num_heads, -1).transpose(1, 2, 0, 3)
    return far_q, far_k


def check_far(far: np.ndarray, width: int) -> None:
    """Refuse tables of distances that do not fit the tokens' width D."""
    check_shape("disentangled_attention: far", far, f"2r {2 * width}")
    if len(far) % 2 or not len(far):
        raise ShapeError(
            f"disentangled_attention: far has {len(far)} rows, expected 2 r of them, r for each "
            "side"
        )


@primitive
def disentangled_attention(
    qkv, far, *, blocks: list[Block], num_heads: int, causal: bool = False
):
    """Self-attention by content and by distance, of every sequence of a batch.

    Backward, with dS the gradient of the scores as in ``attention``, times 1 / √(3 d): what reaches
    q_i · K_m is the sum C_im of dS_ij over all j at distance m, and what reaches k_j · Q_m the sum
    R_jm of dS_ij over all i at which j is at distance m. So dQ = dS K + C K_far, dK = dSᵀ Q + R
    Q_far, and for the distances dK_far = Cᵀ Q, dQ_far = Rᵀ K, summed over all sequences.

    qkv (N, 3 D): queries, keys and values side by side; far (2r, 2 D): queries and keys of the 2r
    distances side by side, the first for keys r places ahead and more, the last for r - 1 behind
    and more; blocks from ``blocks_by_length``. Returns (N, D). Raises ``ConfigError`` if the heads
    do not divide D, or for causal blocks with a sight of their own; ``ShapeError`` if blocks or
    distances do not fit.

    Two tokens of value 1 and 3 and nothing but a key for the distance 0, which answers the query 1
    with √3 log 3: a token looks at itself 3 times as much as at the other.

    >>> from npft.autograd.attention import blocks_by_length
    >>> two = blocks_by_length(np.array([0, 2]))
    >>> far = np.array([[0.0, 0.0], [0.0, 3**0.5 * np.log(3)]])  # r = 1: ahead, the rest
    >>> qkv = np.array([[1.0, 0.0, 1.0], [1.0, 0.0, 3.0]])
    >>> disentangled_attention(qkv, far, blocks=two, num_heads=1).data.round(12).tolist()
    [[1.5], [2.0]]
    """
    blocks = list(blocks)  # its owner may write to it before backward
    width = check_attention("disentangled_attention", qkv, blocks, num_heads, causal)
    check_far(far, width)
    out = np.empty((len(qkv), width), qkv.dtype)
    far_q, far_k = split_far(far, num_heads)
    saved = []
    for block in blocks:
        q, k, v = split_heads(qkv[block.rows], block, 3, num_heads)
        near = distances(block.length, len(far) // 2)
        scores = disentangled_scores(q, k, far_q, far_k, near)
        weights = softmax_of_seen(scores, block.seen(whole(block)), causal)  # (b, H, T, T)
        values = room(out, block)  # (b T, D)
        np.matmul(weights, v, out=split_heads(values, block, 1, num_heads)[0])
        put_rows(out, block, values)
        saved.append((near, weights))

    def vjp(g):
        g_qkv, g_far = np.empty_like(qkv), np.zeros_like(far)
        g_far_q, g_far_k = split_far(g_far, num_heads)  # views to write to
        for block, (near, weights) in zip(blocks, saved):
            q, k, v = split_heads(qkv[block.rows], block, 3, num_heads)
            g_out = heads_back(g, block, num_heads)
            g_scores = softmax_back(weights, g_out @ v.swapaxes(-1, -2))  # (b, H, T, T)
            g_scores *= scale_of(q)
            by_query = put_back(g_scores, near, len(far))  # C (b, H, T, 2r)
            by_key = put_back(g_scores.swapaxes(-1, -2), near, len(far))  # R
            g_block = room(g_qkv, block)  # (b T, 3 D)
            g_q, g_k, g_v = split_heads(g_block, block, 3, num_heads)
            g_q[...] = g_scores @ k + by_query @ far_k
            g_k[...] = g_scores.swapaxes(-1, -2) @ q + by_key @ far_q
            g_v[...] = weights.swapaxes(-1, -2) @ g_out
            # a product for each sequence, then their sum: einsum would take no product of matrices
            g_far_k += (by_query.swapaxes(-1, -2) @ q).sum(axis=0)
            g_far_q += (by_key.swapaxes(-1, -2) @ k).sum(axis=0)
            put_rows(g_qkv, block, g_block)
        return g_qkv, g_far

    return out, vjp


def disentangled_maps(
    qkv: np.ndarray, far: np.ndarray, blocks: list[Block], num_heads: int, causal: bool = False
) -> list[np.ndarray]:
    """The attention weights of each sequence, in the order of the batch: B arrays (H, T, T)."""
    width = check_attention("disentangled_attention", qkv, blocks, num_heads, causal)
    check_far(far, width)
    far_q, far_k = split_far(far, num_heads)
    maps: dict[int, np.ndarray] = {}
    for block in blocks:
        q, k, _ = split_heads(qkv[block.rows], block, 3, num_heads)
        scores = disentangled_scores(q, k, far_q, far_k, distances(block.length, len(far) // 2))
        weights = softmax_of_seen(scores, block.seen(whole(block)), causal)
        maps |= maps_of(weights, block)
    return [maps[i] for i in sorted(maps)]
