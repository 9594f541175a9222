"""One table of all ops: how to draw inputs for each, and what plain NumPy says the value is.

An op takes arrays by position and constants by keyword, so a case is just these two. The tests of
the values, of the gradients, of dtypes and of the gradient checker itself all run over this table.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from npft.autograd import attention, kernels, ops, segments
from npft.testing import generators, ragged_batches


class Case(NamedTuple):
    """Inputs of an op: float64 arrays, and constants by name."""

    arrays: list[np.ndarray]
    constants: dict[str, Any]


class Op(NamedTuple):
    """``build(draw, rng)`` makes a case; ``reference(*arrays, **constants)`` is slow and plain."""

    op: Callable
    reference: Callable
    build: Callable[[Callable, np.random.Generator], Case]


def shapes(low=0, high=3, side=4):
    return hnp.array_shapes(min_dims=low, max_dims=high, min_side=1, max_side=side)


def positive(rng, shape):
    """Numbers in 0.5 to 2: far from where a root, a logarithm or a quotient has no derivative."""
    return rng.uniform(0.5, 2.0, shape)


def distinct(rng, shape):
    """Numbers 0.1 apart, so that a small step does not change which one is largest."""
    return rng.permutation(0.1 * np.arange(np.prod(shape, dtype=int))).reshape(shape)


# --- how to draw the inputs ---------------------------------------------------------------------


def one(values=lambda rng, shape: rng.standard_normal(shape), low=0):
    def build(draw, rng):
        return Case([values(rng, draw(shapes(low)))], {})

    return build


def two(right=lambda rng, shape: rng.standard_normal(shape)):
    """Two arrays whose shapes broadcast: 0-d, missing axes and axes of length 1 among them."""

    def build(draw, rng):
        pair = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
        a, b = pair.input_shapes
        return Case([rng.standard_normal(a), right(rng, b)], {})

    return build


def for_divide(rng, shape):
    return np.array(positive(rng, shape) * rng.choice([-1.0, 1.0], shape))


def for_power(draw, rng):
    exponent = draw(st.sampled_from([-2, -1, -0.5, 0, 0.5, 1, 2, 3]))
    return Case([positive(rng, draw(shapes()))], {"exponent": exponent})


def for_matmul(draw, rng):
    pair = draw(
        hnp.mutually_broadcastable_shapes(
            signature="(m?,n),(n,p?)->(m?,p?)", max_side=3, max_dims=2
        )
    )
    return Case([rng.standard_normal(s) for s in pair.input_shapes], {})


def reduction(values):
    def build(draw, rng):
        shape = draw(shapes())
        axes = st.none()
        if shape:
            negative_too = hnp.valid_tuple_axes(len(shape), min_size=1)
            axes = axes | st.integers(-len(shape), len(shape) - 1) | negative_too
        return Case([values(rng, shape)], {"axis": draw(axes), "keepdims": draw(st.booleans())})

    return build


def for_reshape(draw, rng):
    shape = draw(shapes())
    size = int(np.prod(shape, dtype=int))
    factor = draw(st.sampled_from([d for d in range(1, size + 1) if size % d == 0]))
    new = draw(st.sampled_from([(factor, size // factor), (-1,), (1, factor, -1), (size,)]))
    return Case([rng.standard_normal(shape)], {"shape": new})


def for_transpose(draw, rng):
    shape = draw(shapes(high=4, side=3))
    axes = draw(st.none() | st.permutations(range(len(shape))).map(tuple))
    if axes:  # some of them counted from the end
        axes = tuple(a - len(shape) * int(rng.integers(2)) for a in axes)
    return Case([rng.standard_normal(shape)], {"axes": axes})


def for_getitem(draw, rng):
    shape = draw(shapes(low=1))
    n = shape[0]
    kind = draw(st.sampled_from(["basic", "ids", "mask", "pairs"]))
    if kind == "basic":
        index = draw(hnp.basic_indices(shape, allow_newaxis=True))
    elif kind == "mask":
        index = rng.random(shape[:1]) < 0.6
        index[0] = True
    elif kind == "pairs" and len(shape) > 1:
        index = rng.integers(-n, n, 5), rng.integers(0, shape[1], 5)
    else:
        index = rng.integers(-n, n, (2, 3))  # more places than rows: some occur twice
    return Case([rng.standard_normal(shape)], {"index": index})


def for_concatenate(draw, rng):
    shape = draw(shapes(low=1))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    parts = []
    for length in draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)):
        part = list(shape)
        part[axis] = length
        parts.append(rng.standard_normal(part))
    return Case(parts, {"axis": axis})


side = st.integers(1, 4)


def for_linear(draw, rng):
    n, d, f = draw(side), draw(side), draw(side)
    return Case([rng.standard_normal(s) for s in ((n, d), (f, d), (f,))], {})


def for_layer_norm(draw, rng):
    n, d = draw(side), draw(st.integers(2, 5))
    # no row is nearly constant: its derivative would be huge, and a check of it loose
    x = 2.0 * rng.permuted(np.tile(np.arange(d), (n, 1)), axis=1) + rng.random((n, d)) + 5
    eps = draw(st.sampled_from([1e-12, 1e-5, 0.1]))
    return Case([x, rng.standard_normal(d), rng.standard_normal(d)], {"eps": eps})


def for_cross_entropy(draw, rng):
    n, v = draw(side), draw(side)
    return Case([2 * rng.standard_normal((n, v))], {"targets": rng.integers(0, v, n)})


def for_scale(draw, rng):
    shape = draw(shapes())
    return Case([rng.standard_normal(shape)], {"factor": np.array(rng.standard_normal(shape))})


def for_squared_distance(draw, rng):
    shape = draw(shapes())
    target = np.array(rng.standard_normal(shape))
    return Case([rng.standard_normal(shape)], {"target": target})


def for_embedding(draw, rng):
    v, d, n = draw(side), draw(side), draw(st.integers(1, 6))
    return Case([rng.standard_normal((v, d))], {"ids": rng.integers(0, v, n)})


def for_take_rows(draw, rng):
    n, d = draw(side), draw(side)
    return Case([rng.standard_normal((n, d))], {"rows": rng.permutation(n)[: draw(side)]})


def for_cosine(draw, rng):
    n, m, d = draw(side), draw(side), draw(st.integers(2, 4))
    a, b = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    a += np.sign(a)  # no vector is short
    b += np.sign(b)
    return Case([a, b], {"tau": draw(st.sampled_from([0.1, 1.0]))})


def ragged(draw, longest=4):
    return draw(ragged_batches(max_sequences=4, max_length=longest, vocab_size=1)).offsets


def for_attention(draw, rng):
    offsets = ragged(draw, draw(st.sampled_from([3, 12])))
    heads, width = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    constants = {
        "blocks": attention.blocks_by_length(offsets),
        "num_heads": heads,
        "causal": draw(st.booleans()),
    }
    return Case([rng.standard_normal((offsets[-1], 3 * heads * width))], constants)


def segment(values):
    def build(draw, rng):
        offsets = ragged(draw)
        return Case([values(rng, (offsets[-1], draw(side)))], {"offsets": offsets})

    return build


# --- plain references ---------------------------------------------------------------------------


def plain_layer_norm(x, gamma, beta, eps):
    mean = x.mean(axis=1, keepdims=True)
    variance = x.var(axis=1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + eps) + beta


def plain_cross_entropy(logits, targets):
    return np.mean([special.logsumexp(row) - row[t] for row, t in zip(logits, targets)])


def plain_cosine(a, b, tau):
    return np.array([[u @ v / np.linalg.norm(u) / np.linalg.norm(v) / tau for v in b] for u in a])


def sequences_of(blocks):
    """The positions of the tokens of each sequence, in any order."""
    for block in blocks:
        every = np.arange(10_000)
        rows = every[block.rows].reshape(block.number, block.length)
        for i in range(block.number):
            yield rows[i] if block.real is None else rows[i][block.real[i]]


def plain_attention(qkv, blocks, num_heads, causal=False):
    """Token by token and head by head: sum_j alpha_ij v_j with alpha_ij = softmax(q_i k_j / √d)."""
    width = qkv.shape[1] // 3
    d = width // num_heads
    q, k, v = np.split(qkv, 3, axis=1)
    out = np.zeros((len(qkv), width))
    for rows in sequences_of(blocks):
        for h in range(num_heads):
            head = slice(h * d, (h + 1) * d)
            for place, i in enumerate(rows):
                seen = rows[: place + 1] if causal else rows
                scores = [sum(q[i, head] * k[j, head]) / d**0.5 for j in seen]
                alpha = special.softmax(scores)
                for weight, j in zip(alpha, seen):
                    out[i, head] += weight * v[j, head]
    return out


def by_segment(reduce):
    def reference(x, offsets):
        return np.array([reduce(x[a:b], axis=0) for a, b in zip(offsets[:-1], offsets[1:])])

    return reference


def normal(rng, shape):
    return rng.standard_normal(shape)


TABLE = {
    "add": Op(ops.add, lambda a, b: a + b, two()),
    "subtract": Op(ops.subtract, lambda a, b: a - b, two()),
    "multiply": Op(ops.multiply, lambda a, b: a * b, two()),
    "divide": Op(ops.divide, lambda a, b: a / b, two(for_divide)),
    "negative": Op(ops.negative, lambda x: 0 - x, one()),
    "power": Op(ops.power, lambda x, exponent: np.power(x, float(exponent)), for_power),
    "exp": Op(ops.exp, np.exp, one()),
    "log": Op(ops.log, np.log, one(positive)),
    "tanh": Op(ops.tanh, np.tanh, one()),
    "sqrt": Op(ops.sqrt, np.sqrt, one(positive)),
    "matmul": Op(ops.matmul, np.matmul, for_matmul),
    "sum": Op(ops.sum, np.sum, reduction(normal)),
    "mean": Op(ops.mean, np.mean, reduction(normal)),
    "max": Op(ops.max, np.max, reduction(distinct)),
    "reshape": Op(ops.reshape, lambda x, shape: x.reshape(shape), for_reshape),
    "transpose": Op(ops.transpose, lambda x, axes: x.transpose(axes), for_transpose),
    "getitem": Op(ops.getitem, lambda x, index: x[index], for_getitem),
    "concatenate": Op(ops.concatenate, lambda *a, axis: np.concatenate(a, axis), for_concatenate),
    "linear": Op(kernels.linear, lambda x, w, b: x @ w.T + b, for_linear),
    "gelu": Op(kernels.gelu, lambda x: x * special.ndtr(x), one()),
    "layer_norm": Op(kernels.layer_norm, plain_layer_norm, for_layer_norm),
    "softmax": Op(kernels.softmax, lambda x: special.softmax(x, axis=-1), one(low=1)),
    "softmax_cross_entropy": Op(
        kernels.softmax_cross_entropy, plain_cross_entropy, for_cross_entropy
    ),
    "squared_distance": Op(
        kernels.squared_distance,
        lambda x, target: np.linalg.norm(np.ravel(x - target)) ** 2,
        for_squared_distance,
    ),
    "scale": Op(kernels.scale, lambda x, factor: x * factor, for_scale),
    "embedding": Op(kernels.embedding, lambda x, ids: np.eye(len(x))[ids] @ x, for_embedding),
    "take_rows": Op(kernels.take_rows, lambda x, rows: np.eye(len(x))[rows] @ x, for_take_rows),
    "cosine_logits": Op(kernels.cosine_logits, plain_cosine, for_cosine),
    "attention": Op(attention.attention, plain_attention, for_attention),
    "segment_mean": Op(segments.segment_mean, by_segment(np.mean), segment(normal)),
    "segment_max": Op(segments.segment_max, by_segment(np.max), segment(distinct)),
}


@st.composite
def cases(draw, name):
    """A case of the op ``name``, its values from a generator with a drawn seed."""
    return TABLE[name].build(draw, draw(generators()))
