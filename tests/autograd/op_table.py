"""One table of all ops: how to draw inputs for each, what plain NumPy says the value is, and what
the op must refuse.

An op takes arrays by position and constants by keyword, so a case is just these two. The tests of
the values, of the gradients, of dtypes, of messages and of the gradient checker itself all run
over this table.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from npft.autograd import attention, chains, kernels, losses, ops, relative, segments
from npft.errors import ConfigError, DataError, DtypeError, IdError, NonFiniteError, ShapeError
from npft.testing import generators, ragged_batches


class Case(NamedTuple):
    """Inputs of an op: float64 arrays, and constants by name."""

    arrays: list[np.ndarray]
    constants: dict[str, Any]


class Bad(NamedTuple):
    """Inputs that must be refused: the error and a pattern of its message."""

    arrays: list[Any]
    constants: dict[str, Any]
    error: type[Exception]
    message: str


class Op(NamedTuple):
    """``build(draw, rng)`` makes a case; ``reference(*arrays, **constants)`` is slow and plain."""

    op: Callable
    reference: Callable
    build: Callable[[Callable, np.random.Generator], Case]
    bad: list[Bad]


def shapes(low=0, high=3, side=4, least=0):
    """No axes, axes of length 0 and axes of length 1 among them."""
    return hnp.array_shapes(min_dims=low, max_dims=high, min_side=least, max_side=side)


def bad(*arrays, error=ShapeError, message, **constants):
    return Bad(list(arrays), constants, error, message)


def positive(rng, shape):
    """Numbers in 0.5 to 2: far from where a root, a logarithm or a quotient has no derivative."""
    return rng.uniform(0.5, 2.0, shape)


def distinct(rng, shape):
    """Numbers 0.1 apart, so that a small step does not change which one is largest."""
    return rng.permutation(0.1 * np.arange(np.prod(shape, dtype=int))).reshape(shape)


# --- how to draw the inputs ---------------------------------------------------------------------


def normal(rng, shape):
    return rng.standard_normal(shape)


def off_zero(rng, shape):
    """Numbers of both signs with 0.1 < |x| < 2.1: no small step crosses a corner at 0."""
    return np.array(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.1, 2.1, shape))


def one(values=normal, low=0, least=0):
    def build(draw, rng):
        return Case([values(rng, draw(shapes(low, least=least)))], {})

    return build


def broadcast_pair(draw):
    """Two shapes that broadcast: 0-d, missing axes, axes of length 0 and 1 among them."""
    pair = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0)
    return draw(pair).input_shapes


def two(right=normal):
    def build(draw, rng):
        a, b = broadcast_pair(draw)
        return Case([rng.standard_normal(a), right(rng, b)], {})

    return build


def for_maximum(draw, rng):
    """Two arrays of which no element is close to its partner."""
    a, b = (np.array(rng.integers(-3, 3, shape) * 0.5) for shape in broadcast_pair(draw))
    return Case([a, np.array(b + 0.25)], {})


def for_clip(draw, rng):
    low, high = draw(st.sampled_from([(-0.6, 0.7), (None, 0.2), (-0.3, None), (None, None)]))
    x = rng.integers(-4, 5, draw(shapes())) * 0.25 + 0.01  # no element is close to a limit
    return Case([np.array(x)], {"min": low, "max": high})


def for_where(draw, rng):
    a, b = broadcast_pair(draw)
    condition = rng.random(draw(st.sampled_from([a, b, np.broadcast_shapes(a, b)]))) < 0.5
    return Case([rng.standard_normal(a), rng.standard_normal(b)], {"condition": condition})


EINSUMS = ("i,i->", "ij,jk->ik", "ij,kj->ki", "bij,bjk->bik", "i,j->ij", "ij,ij->ij", "ij,->ji",
           "hqd,hkd->hqk", "nij,ij->n")  # fmt: skip


def for_einsum(draw, rng):
    subscripts = draw(st.sampled_from(EINSUMS))
    left, right = subscripts.split("->")[0].split(",")
    sizes = {letter: draw(st.integers(0, 3)) for letter in sorted(set(left + right))}
    arrays = [rng.standard_normal([sizes[c] for c in letters]) for letters in (left, right)]
    return Case([np.array(a) for a in arrays], {"subscripts": subscripts})


def for_broadcast_to(draw, rng):
    a, b = broadcast_pair(draw)
    return Case([rng.standard_normal(a)], {"shape": np.broadcast_shapes(a, b)})


def for_stack(draw, rng):
    shape = draw(shapes())
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    number = draw(st.integers(1, 3))
    return Case([np.array(rng.standard_normal(shape)) for _ in range(number)], {"axis": axis})


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


def reduction(values, least=1):
    def build(draw, rng):
        shape = draw(shapes(least=least))
        axes = st.none()
        if shape:
            negative_too = hnp.valid_tuple_axes(len(shape), min_size=1)
            axes = axes | st.integers(-len(shape), len(shape) - 1) | negative_too
        return Case([values(rng, shape)], {"axis": draw(axes), "keepdims": draw(st.booleans())})

    return build


def for_reshape(draw, rng):
    shape = draw(shapes(least=1))
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
    shape = draw(shapes(low=1, least=1))
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
    for length in draw(st.lists(st.integers(0, 3), min_size=1, max_size=3)):
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


def for_weighted_cross_entropy(draw, rng):
    case = for_cross_entropy(draw, rng)
    weights = rng.uniform(0.3, 3.0, case.arrays[0].shape[1])
    smoothing = draw(st.sampled_from([0, 0.1, 0.7]))
    return Case(case.arrays, case.constants | {"weights": weights, "smoothing": smoothing})


def for_kl(draw, rng):
    n, v = draw(side), draw(side)
    targets = special.softmax(3 * rng.standard_normal((n, v)), axis=1)
    if v > 1 and draw(st.booleans()):
        targets[0] = np.eye(v)[0]  # probabilities of 0 and 1
    return Case([2 * rng.standard_normal((n, v))], {"targets": targets})


def for_bce(draw, rng):
    shape = draw(shapes(least=1))
    targets = np.array(rng.choice([0.0, 0.3, 1.0], shape))
    return Case([np.array(3 * off_zero(rng, shape))], {"targets": targets})


def for_target(draw, rng):
    shape = draw(shapes(least=1))
    target = np.array(rng.standard_normal(shape))
    return Case([np.array(rng.standard_normal(shape))], {"target": target})


def for_scale(draw, rng):
    shape = draw(shapes())
    return Case([rng.standard_normal(shape)], {"factor": np.array(rng.standard_normal(shape))})


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


def for_disentangled(draw, rng):
    """Also sequences longer than the k distances on each side, so that some are clipped."""
    (qkv,), constants = for_attention(draw, rng)
    k = draw(st.integers(1, 3))
    return Case([qkv, rng.standard_normal((2 * k, qkv.shape[1] // 3 * 2))], constants)


def segment(values):
    def build(draw, rng):
        offsets = ragged(draw)
        return Case([values(rng, (offsets[-1], draw(side)))], {"offsets": offsets})

    return build


def for_chain(draw, rng):
    """All scores finite: the slope at -inf is that of test_chains.py."""
    offsets, tags = ragged(draw), draw(st.integers(1, 3))
    shapes = (offsets[-1], tags), (tags, tags), tags, tags
    return Case([rng.standard_normal(shape) for shape in shapes], {"offsets": offsets})


# --- plain references ---------------------------------------------------------------------------


def plain_layer_norm(x, gamma, beta, eps):
    mean = x.mean(axis=1, keepdims=True)
    variance = x.var(axis=1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + eps) + beta


def plain_cross_entropy(logits, targets):
    return np.mean([special.logsumexp(row) - row[t] for row, t in zip(logits, targets)])


def plain_weighted_cross_entropy(logits, targets, weights, smoothing):
    """A mean over copies: an example of a class counts as often as its weight says."""
    total = 0.0
    for row, y in zip(logits, targets):
        losses = weights * (special.logsumexp(row) - row)
        total += (1 - smoothing) * losses[y] + smoothing * losses.mean()
    return total / sum(weights[y] for y in targets)


def plain_kl(logits, targets):
    return np.mean(np.sum(special.rel_entr(targets, special.softmax(logits, axis=1)), axis=1))


def plain_bce(logits, targets):
    q = special.expit(logits)
    return np.mean(-special.xlogy(targets, q) - special.xlogy(1 - targets, 1 - q))


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


def plain_disentangled(qkv, far, blocks, num_heads, causal=False):
    """Equation 4 token by token: q_i·k_j + q_i·K_δ(i,j) + k_j·Q_δ(j,i), over √(3 d)."""
    width, k = qkv.shape[1] // 3, len(far) // 2
    d = width // num_heads
    q, key, v = np.split(qkv, 3, axis=1)
    far_q, far_k = np.split(far, 2, axis=1)
    out = np.zeros((len(qkv), width))

    def delta(i, j):
        return 0 if i - j <= -k else 2 * k - 1 if i - j >= k else i - j + k

    for rows in sequences_of(blocks):
        for h in range(num_heads):
            head = slice(h * d, (h + 1) * d)
            for a, i in enumerate(rows):
                places = range(a + 1 if causal else len(rows))
                scores = [
                    sum(q[i, head] * key[rows[b], head])
                    + sum(q[i, head] * far_k[delta(a, b), head])
                    + sum(key[rows[b], head] * far_q[delta(b, a), head])
                    for b in places
                ]
                alpha = special.softmax(np.array(scores) / (3 * d) ** 0.5)
                out[i, head] = sum(weight * v[rows[b], head] for weight, b in zip(alpha, places))
    return out


def by_segment(reduce, join=np.array):
    def reference(x, offsets):
        return join([reduce(x[a:b], axis=0) for a, b in zip(offsets[:-1], offsets[1:])])

    return reference


def path_scores(emissions, transitions, starts, ends):
    """Every path through a chain (a tuple of tags) and its score."""
    words, tags = emissions.shape
    for path in itertools.product(range(tags), repeat=words):
        score = starts[path[0]] + ends[path[-1]] + sum(emissions[range(words), path])
        yield path, score + sum(transitions[i, j] for i, j in zip(path, path[1:]))


def plain_chain(emissions, *others, offsets):
    """The sum over every path of each chain, one by one."""
    return [
        special.logsumexp([score for _, score in path_scores(emissions[a:b], *others)])
        for a, b in zip(offsets[:-1], offsets[1:])
    ]


X23, X32 = np.ones((2, 3)), np.ones((3, 2))
NO_FLOATS = bad("x", error=DtypeError, message="a str that cannot be made an array of floats")
NO_FIT = [
    bad(X23, X32, message=r"inputs of shape \(2, 3\) and \(3, 2\): .*broadcast"),
    bad(X23, None, error=DtypeError, message="a NoneType that cannot be made"),
]
NO_AXIS = [
    bad(X23, axis=2, message=r"inputs of shape \(2, 3\): axis 2 is out of bounds"),
    bad(X23, axis=(0, 0), message="duplicate value in 'axis'"),
    NO_FLOATS,
]
NO_OFFSETS = [
    bad(X23, offsets=np.array([0, 1]), message=r"rise from 0 to N = 2 .*got \[0 1\]"),
    bad(X23, offsets=np.array([0, 0, 2]), message="without an empty segment"),
    bad(X23, offsets=np.array([0, 2, 1, 2]), message="rise from 0"),
    bad(X23, offsets=np.array([1, 2]), message="rise from 0"),
    bad(X23, offsets=np.array([0]), message="rise from 0"),
    bad(X23, offsets=np.array([[0, 2]]), message="offsets has shape"),
    bad(X23, offsets=np.array([0.0, 2.0]), error=DtypeError, message="dtype float64"),
    bad(np.ones(3), offsets=np.array([0, 3]), message="x has shape"),
]
Y = np.array([0, 2])  # targets for X23
NO_SCORES = [
    bad(np.full((2, 2), -np.inf), error=NonFiniteError, message=r"largest value is -inf at \(0, 0\)"),
    bad(np.array([1.0, np.nan]), error=NonFiniteError, message=r"nan at \(0,\)"),
    bad(2.0, message="single number, expected at least one axis"),
]
NO_TARGET = [
    bad(X23, target=np.ones(3), message=r"input has shape \(2, 3\) and the target \(3,\)"),
    bad(np.ones(0), target=np.ones(0), message="at least one element"),
]
X22 = np.ones((2, 2))
CHAIN = X22, np.ones(2), np.ones(2)
BLOCKS = attention.blocks_by_length(np.array([0, 2]))

TABLE = {
    "add": Op(ops.add, lambda a, b: a + b, two(), NO_FIT),
    "subtract": Op(ops.subtract, lambda a, b: a - b, two(), NO_FIT),
    "multiply": Op(ops.multiply, lambda a, b: a * b, two(), NO_FIT),
    "divide": Op(ops.divide, lambda a, b: a / b, two(for_divide), NO_FIT),
    "negative": Op(ops.negative, lambda x: 0 - x, one(), [NO_FLOATS]),
    "power": Op(
        ops.power,
        lambda x, exponent: np.power(x, float(exponent)),
        for_power,
        [bad(X23, exponent=X23, error=DtypeError, message="exponent is a ndarray, expected one num")],
    ),
    "exp": Op(ops.exp, np.exp, one(), [NO_FLOATS]),
    "log": Op(ops.log, np.log, one(positive), [NO_FLOATS]),
    "tanh": Op(ops.tanh, np.tanh, one(), [NO_FLOATS]),
    "sqrt": Op(ops.sqrt, np.sqrt, one(positive), [NO_FLOATS]),
    "sigmoid": Op(ops.sigmoid, special.expit, one(), [NO_FLOATS]),
    "abs": Op(ops.abs, np.abs, one(off_zero), [NO_FLOATS]),
    "relu": Op(ops.relu, lambda x: x * (x > 0), one(off_zero), [NO_FLOATS]),
    "maximum": Op(ops.maximum, np.maximum, for_maximum, NO_FIT),
    "minimum": Op(ops.minimum, np.minimum, for_maximum, NO_FIT),
    "clip": Op(
        ops.clip,
        lambda x, min, max: x if min is max is None else np.clip(x, min, max),
        for_clip,
        [
            bad(X23, min=1, max=0, error=ConfigError, message="min is 1 and max is 0, expected min <="),
            bad(X23, min=np.nan, max=0, error=ConfigError, message="min is nan"),
        ],
    ),
    "where": Op(
        ops.where,
        lambda a, b, condition: np.where(condition, a, b),
        for_where,
        [
            bad(X23, 0.0, condition=X23, error=DtypeError, message="dtype float64, expected bool"),
            bad(X23, 0.0, condition=[True] * 2, message=r"inputs of shape \(2, 3\)"),
        ],
    ),
    "matmul": Op(
        ops.matmul,
        np.matmul,
        for_matmul,
        [
            bad(X23, X23, message=r"inputs of shape \(2, 3\) and \(2, 3\)"),
            bad(X23, 2.0, message="an input is a single number; use"),
            bad(2.0, X23, message="an input is a single number; use"),
        ],
    ),
    "einsum": Op(
        ops.einsum,
        lambda a, b, subscripts: np.einsum(subscripts, a, b),
        for_einsum,
        [
            bad(X23, X23, subscripts="ij,jk->ik", message="j has the lengths 3 and 2"),
            bad(X23, np.ones((1, 2)), subscripts="ij,jk->ik", message="j has the lengths 3 and 1"),
            bad(X23, X23, subscripts="ij->i", error=ConfigError, message="expected a form like"),
            bad(X23, X23, subscripts="...j,j->j", error=ConfigError, message="expected a form like"),
            bad(X23, X23, subscripts="ii,i->i", error=ConfigError, message="stands twice"),
            bad(X23, X23, subscripts="i,ii->i", error=ConfigError, message="stands twice"),
            bad(X23, X23, subscripts="i,i->ii", error=ConfigError, message="stands twice"),
            bad(X23, X23, subscripts="ij,i->i", error=ConfigError, message="one place only"),
            bad(X23, X23, subscripts="i,ij->i", error=ConfigError, message="one place only"),
            bad(X23, X23, subscripts="i,i->ik", error=ConfigError, message="one place only"),
        ],
    ),
    "sum": Op(ops.sum, np.sum, reduction(normal, least=0), NO_AXIS),
    "mean": Op(
        ops.mean,
        np.mean,
        reduction(normal),
        [*NO_AXIS, bad(np.zeros((2, 0)), message=r"the input of shape \(2, 0\) has no elements")],
    ),
    "max": Op(
        ops.max, np.max, reduction(distinct), [*NO_AXIS, bad(np.zeros(0), message="zero-size array")]
    ),
    "norm": Op(
        ops.norm,
        lambda x, axis, keepdims: np.sqrt(np.sum(np.abs(x) ** 2, axis=axis, keepdims=keepdims)),
        reduction(off_zero, least=0),
        NO_AXIS,
    ),
    "logsumexp": Op(
        ops.logsumexp,
        lambda x, axis, keepdims: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
        reduction(normal),
        [
            *NO_AXIS,
            bad(np.zeros(0), message="zero-size array"),
            bad(np.full(2, -np.inf), error=NonFiniteError, message=r"largest value is -inf at \(0,\)"),
            bad(np.array([0, np.inf]), error=NonFiniteError, message="largest value is inf"),
        ],
    ),
    "reshape": Op(
        ops.reshape,
        lambda x, shape: x.reshape(shape),
        for_reshape,
        [
            bad(X23, shape=(4,), message=r"cannot reshape array of size 6 into shape \(4,\)"),
            bad(X23, shape=(-1, -1), message="one unknown dimension"),
        ],
    ),
    "transpose": Op(
        ops.transpose,
        lambda x, axes: x.transpose(axes),
        for_transpose,
        [
            bad(X23, axes=(0, 0), message="repeated axis"),
            bad(X23, axes=(0, 1, 2), message="axes don't match"),
            bad(X23, axes=(0, 2), message="out of bounds"),
        ],
    ),
    "broadcast_to": Op(
        ops.broadcast_to,
        lambda x, shape: np.zeros(shape) + x,
        for_broadcast_to,
        [bad(X23, shape=(2, 4), message=r"inputs of shape \(2, 3\): .*broadcast")],
    ),
    "getitem": Op(
        ops.getitem,
        lambda x, index: x[index],
        for_getitem,
        [
            bad(X23, index=2, error=IdError, message="index 2 is out of bounds"),
            bad(X23, index=0.5, error=IdError, message="only integers"),
            bad(X23, index=np.array([0, -3]), error=IdError, message="index -3 is out of bounds"),
            bad(X23, index=(0, 0, 0), error=IdError, message="too many indices"),
            bad(X23, index=np.array([True, False, True]), error=IdError, message="boolean index did not match"),
        ],
    ),
    "concatenate": Op(
        ops.concatenate,
        lambda *a, axis: np.concatenate(a, axis),
        for_concatenate,
        [
            bad(X23, np.ones((2, 2)), axis=0, message="must match exactly"),
            bad(X23, 1.0, axis=0, message=r"inputs of shape \(2, 3\) and \(\)"),
            bad(X23, axis=2, message="out of"),
            bad(axis=0, message="at least one array"),
        ],
    ),
    "stack": Op(
        ops.stack,
        lambda *a, axis: np.stack(a, axis),
        for_stack,
        [
            bad(X23, X32, axis=0, message="must have the same shape"),
            bad(X23, axis=3, message="axis 3 is out of bounds"),
            bad(axis=0, message="at least one array"),
        ],
    ),
    "linear": Op(
        kernels.linear,
        lambda x, w, b: x @ w.T + b,
        for_linear,
        [
            bad(X23, X32, np.ones(3), message=r"weight has shape \(3, 2\), expected .*\(3, 3\)"),
            bad(X23, X23, np.ones(3), message=r"weight has shape \(2, 3\), expected .*\(3, 3\)"),
            bad(np.ones(3), X23, np.ones(2), message=r"x has shape \(3,\)"),
            bad(X23, X23, X23, message="bias has shape"),
        ],
    ),
    "gelu": Op(kernels.gelu, lambda x: x * special.ndtr(x), one(), [NO_FLOATS]),
    "layer_norm": Op(
        kernels.layer_norm,
        plain_layer_norm,
        for_layer_norm,
        [
            bad(X23, np.ones(2), np.ones(3), message=r"gamma has shape \(2,\), expected \(3,\)"),
            bad(X23, np.ones(3), np.ones(2), message=r"beta has shape \(2,\), expected \(3,\)"),
            bad(np.ones(3), np.ones(3), np.ones(3), message="x has shape"),
        ],
    ),
    "softmax": Op(
        kernels.softmax, lambda x: special.softmax(x, axis=-1), one(low=1, least=1), NO_SCORES
    ),
    "log_softmax": Op(
        kernels.log_softmax, lambda x: special.log_softmax(x, axis=-1), one(low=1, least=1), NO_SCORES
    ),
    "softmax_cross_entropy": Op(
        losses.softmax_cross_entropy,
        plain_cross_entropy,
        for_cross_entropy,
        [
            bad(X23, targets=np.array([0, 3]), error=IdError, message=r"3 at position 1 .* 0\.\.2"),
            bad(X23, targets=np.array([0, -1]), error=IdError, message="-1 at position 1"),
            bad(X23, targets=np.array([0.0, 1.0]), error=DtypeError, message="dtype float64, exp"),
            bad(X23, targets=np.array([0]), message=r"2 rows of logits and targets of shape \(1,\)"),
            bad(X23, targets=np.array([[0], [1]]), message=r"targets of shape \(2, 1\)"),
            bad(np.ones((0, 3)), targets=np.zeros(0, int), message="at least one row"),
            bad(np.ones(3), targets=np.array([0]), message="logits has shape"),
        ],
    ),
    "weighted_cross_entropy": Op(
        losses.weighted_cross_entropy,
        plain_weighted_cross_entropy,
        for_weighted_cross_entropy,
        [
            bad(X23, targets=Y, weights=np.ones(2), message=r"weights has shape \(2,\), expected"),
            bad(X23, targets=Y, weights=np.ones((2, 3)), message="weights has shape"),
            bad(X23, targets=Y, weights=np.array([1, 0, 1.0]), error=DataError, message="above 0"),
            bad(X23, targets=Y, weights=np.array([1, -1, 1.0]), error=DataError,
                message="above 0"),
            bad(X23, targets=Y, weights=np.array([1, np.inf, 1]), error=DataError,
                message="finite"),
            bad(X23, targets=Y, weights=np.array([1, np.nan, 1]), error=DataError,
                message="finite"),
            bad(X23, targets=Y, weights=["a"], error=DtypeError, message="weights: a list"),
            bad(X23, targets=Y, weights=np.ones(3), smoothing=1.0, error=ConfigError,
                message=r"smoothing is 1\.0, expected a share, at least 0 and less than 1"),
            bad(X23, targets=Y, weights=np.ones(3), smoothing=-0.1, error=ConfigError,
                message=r"smoothing is -0\.1"),
            bad(X23, targets=Y, weights=np.ones(3), smoothing="0.1", error=ConfigError,
                message="smoothing is '0.1'"),
            bad(X23, targets=np.array([0, 3]), weights=np.ones(3), error=IdError,
                message=r"targets: 3 at position 1 .* 0\.\.2"),
            bad(X23, targets=np.array([0.0, 1.0]), weights=np.ones(3), error=DtypeError,
                message="dtype float64, exp"),
            bad(X23, targets=np.array([0]), weights=np.ones(3),
                message=r"2 rows of logits and targets of shape \(1,\)"),
            bad(np.ones((0, 3)), targets=np.zeros(0, int), weights=np.ones(3),
                message="at least one row"),
            bad(np.ones(3), targets=np.array([0]), weights=np.ones(3), message="logits has shape"),
        ],
    ),
    "kl_divergence": Op(
        losses.kl_divergence,
        plain_kl,
        for_kl,
        [
            bad(X23, targets=X23, error=DataError, message="rows of probabilities that sum to 1"),
            bad(X23, targets=X23 * [1, 1, -1], error=DataError, message="rows of probabilities"),
            bad(X23, targets=X32 / 2, message=r"shape \(2, 3\) and the target \(3, 2\)"),
            bad(np.ones(2), targets=np.ones(2) / 2, message="logits has shape"),
        ],
    ),
    "bce_with_logits": Op(
        losses.bce_with_logits,
        plain_bce,
        for_bce,
        [
            bad(X23, targets=2 * X23, error=DataError, message="numbers from 0 to 1"),
            bad(X23, targets=-X23, error=DataError, message="numbers from 0 to 1"),
            bad(X23, targets=X32, message=r"shape \(2, 3\) and the target \(3, 2\)"),
        ],
    ),
    "mse": Op(losses.mse, lambda x, target: np.mean((x - target) ** 2), for_target, NO_TARGET),
    "squared_distance": Op(
        losses.squared_distance,
        lambda x, target: np.linalg.norm(np.ravel(x - target)) ** 2,
        for_target,
        NO_TARGET,
    ),
    "scale": Op(
        kernels.scale,
        lambda x, factor: x * factor,
        for_scale,
        [bad(X23, factor=np.ones(3), message=r"x has shape \(2, 3\), the factor \(3,\)")],
    ),
    "embedding": Op(
        kernels.embedding,
        lambda x, ids: np.eye(len(x))[ids] @ x,
        for_embedding,
        [
            bad(X23, ids=np.array([0, 2]), error=IdError, message=r"2 at position 1 is outside 0\.\.1"),
            bad(X23, ids=np.array([-1]), error=IdError, message="-1 at position 0 is outside"),
            bad(X23, ids=np.array([0.0]), error=DtypeError, message="dtype float64, expected integers"),
            bad(X23, ids=np.array([[0]]), message="ids has shape"),
            bad(np.ones(3), ids=np.array([0]), message="table has shape"),
        ],
    ),
    "take_rows": Op(
        kernels.take_rows,
        lambda x, rows: np.eye(len(x))[rows] @ x,
        for_take_rows,
        [
            bad(X23, rows=np.array([1, 1]), message="a row is taken twice; use embedding"),
            bad(X23, rows=np.array([2]), error=IdError, message="2 at position 0 is outside"),
            bad(X23, rows=np.array([[0]]), message="rows has shape"),
            bad(np.ones(3), rows=np.array([0]), message="x has shape"),
        ],
    ),
    "cosine_logits": Op(
        kernels.cosine_logits,
        plain_cosine,
        for_cosine,
        [
            bad(X23, X23, tau=0.0, error=ConfigError, message="tau is 0.0, expected a finite number above 0"),
            bad(X23, X23, tau=np.nan, error=ConfigError, message="tau is nan"),
            bad(X23, 0 * X23, tau=1.0, error=NonFiniteError, message="row 0 of b has length 0"),
            bad(np.inf * X23, X23, tau=1.0, error=NonFiniteError, message="row 0 of a .*not finite"),
            bad(X23, X32, tau=1.0, message=r"b has shape \(3, 2\), expected \(M, 3\)"),
        ],
    ),
    "attention": Op(
        attention.attention,
        plain_attention,
        for_attention,
        [
            bad(X23, blocks=BLOCKS, num_heads=2, error=ConfigError, message="3 columns, which are not 3"),
            bad(X23, blocks=BLOCKS, num_heads=0, error=ConfigError, message="times 0 heads"),
            bad(np.ones((3, 3)), blocks=BLOCKS, num_heads=1, message="hold 2 tokens but qkv has 3"),
            bad(np.ones(3), blocks=BLOCKS, num_heads=1, message="qkv has shape"),
        ],
    ),
    "disentangled_attention": Op(
        relative.disentangled_attention,
        plain_disentangled,
        for_disentangled,
        [
            bad(X23, X22, blocks=BLOCKS, num_heads=2, error=ConfigError, message="which are not 3 times 2"),
            bad(X23, X23, blocks=BLOCKS, num_heads=1, message=r"far has shape \(2, 3\), expected"),
            bad(X23, np.ones((3, 2)), blocks=BLOCKS, num_heads=1, message="far has 3 rows"),
            bad(X23, np.ones((0, 2)), blocks=BLOCKS, num_heads=1, message="far has 0 rows"),
            bad(X23, X22, blocks=BLOCKS, num_heads=1, causal=2, error=ConfigError,
                message="causal is 2"),
        ],
    ),
    "segment_sum": Op(segments.segment_sum, by_segment(np.sum), segment(normal), NO_OFFSETS),
    "segment_mean": Op(segments.segment_mean, by_segment(np.mean), segment(normal), NO_OFFSETS),
    "segment_max": Op(segments.segment_max, by_segment(np.max), segment(distinct), NO_OFFSETS),
    "segment_softmax": Op(
        segments.segment_softmax,
        by_segment(special.softmax, np.concatenate),
        segment(normal),
        [
            *NO_OFFSETS,
            bad(X23 * np.nan, offsets=[0, 2], error=NonFiniteError, message="largest score is nan"),
        ],
    ),
    "chain_log_partition": Op(
        chains.chain_log_partition,
        plain_chain,
        for_chain,
        [
            bad(X22, *CHAIN, offsets=[0, 1, 1, 2], message="without an empty segment"),
            bad(X23, *CHAIN, offsets=[0, 2], message=r"transitions has shape \(2, 2\), expected"),
            bad(X22, X22, np.ones(3), np.ones(2), offsets=[0, 2], message="starts has shape"),
            bad(X22, X22, np.ones(2), X22, offsets=[0, 2], message="ends has shape"),
            bad(X22, *CHAIN, offsets=[0.0, 2.0], error=DtypeError, message="dtype float64"),
            bad(X22, X22, [-np.inf, 0], [0, -np.inf], offsets=[0, 1, 2], error=NonFiniteError,
                message="chain 0 has no path"),
            bad(X22 * [[0], [-np.inf]], *CHAIN, offsets=[0, 1, 2], error=NonFiniteError,
                message="chain 1 has no path"),
        ],
    ),
}


@st.composite
def cases(draw, name):
    """A case of the op ``name``, its values from a generator with a drawn seed."""
    return TABLE[name].build(draw, draw(generators()))
