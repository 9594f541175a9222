"""The engine beside two others, live: HIPS autograd for each op, PyTorch for random programs.

The functions below are the ops once more, written in ``autograd.numpy`` as a textbook would, from
parts where HIPS autograd has no such function. Inputs come from the table of ops.
"""

import functools
import itertools
from types import SimpleNamespace

import autograd.numpy as anp
import numpy as np
import pytest
import torch
from autograd import make_vjp
from autograd.scipy.special import erf, expit
from hypothesis import given
from hypothesis import strategies as st
from op_table import TABLE, cases, sequences_of

from npft.autograd import Tensor, ops
from npft.testing import generators

every_op = pytest.mark.parametrize("name", TABLE)


def where(a, b, condition):
    """Stretched by hand: HIPS autograd's where does not undo broadcasting (see test_holes.py)."""
    stretch = np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b), np.shape(condition)))
    return anp.where(condition, a + stretch, b + stretch)


def transpose(x, axes):
    """Axes from 0 up: with axes from the end HIPS autograd takes the wrong order back."""
    return anp.transpose(x, axes and tuple(a % x.ndim for a in axes))


def norm(x, axis, keepdims):
    """The root where the sum is not 0, and a constant where it is: the root has no slope at 0."""
    total = anp.sum(x * x, axis=axis, keepdims=keepdims)
    return anp.sqrt(anp.where(total == 0, 1.0, total)) * (total != 0)


def logsumexp(x, axis=-1, keepdims=True):
    return anp.log(anp.sum(anp.exp(x), axis=axis, keepdims=keepdims))


def log_softmax(x):
    return x - logsumexp(x)


def softmax(x):
    return anp.exp(log_softmax(x))


def layer_norm(x, gamma, beta, eps):
    centred = x - anp.mean(x, axis=1, keepdims=True)
    return gamma * centred / anp.sqrt(anp.mean(centred**2, axis=1, keepdims=True) + eps) + beta


def kl_divergence(logits, targets):
    known = np.sum(targets * np.log(np.where(targets > 0, targets, 1)))
    return (known - anp.sum(targets * log_softmax(logits))) / len(logits)


def cosine_logits(a, b, tau):
    u = a / anp.sqrt(anp.sum(a * a, axis=1, keepdims=True))
    v = b / anp.sqrt(anp.sum(b * b, axis=1, keepdims=True))
    return u @ v.T / tau


def attention(qkv, blocks, num_heads, causal):
    """Each sequence and head by itself; the rows are then put back in order."""
    d = qkv.shape[1] // 3 // num_heads
    rows, parts = [], []
    for sequence in sequences_of(blocks):
        unseen = np.triu(np.full((len(sequence),) * 2, 1e9), 1) if causal else 0
        heads = []
        for h in range(num_heads):
            q, k, v = (
                qkv[sequence][:, i * d : (i + 1) * d] for i in range(h, 3 * num_heads, num_heads)
            )
            heads.append(softmax(q @ k.T / d**0.5 - unseen) @ v)
        rows.append(sequence)
        parts.append(anp.concatenate(heads, axis=1))
    return anp.concatenate(parts)[np.argsort(np.concatenate(rows))]


def segments(reduce, join=anp.stack):
    return lambda x, offsets: join([reduce(x[a:b]) for a, b in itertools.pairwise(offsets)])


def chain_log_partition(emissions, transitions, starts, ends, offsets):
    """The forward algorithm; the 0 is there for chains without a move."""
    totals, nothing = [], 0 * anp.sum(transitions)
    for a, b in itertools.pairwise(offsets):
        alpha = starts + emissions[a]
        for t in range(a + 1, b):
            alpha = emissions[t] + logsumexp((alpha[:, None] + transitions).T, keepdims=False)
        totals.append(logsumexp(alpha + ends, keepdims=False) + nothing)
    return anp.stack(totals)


HIPS = {
    "add": anp.add,
    "subtract": anp.subtract,
    "multiply": anp.multiply,
    "divide": anp.divide,
    "negative": anp.negative,
    "power": lambda x, exponent: x**exponent,
    "exp": anp.exp,
    "log": anp.log,
    "tanh": anp.tanh,
    "sqrt": anp.sqrt,
    "sigmoid": expit,
    "abs": anp.abs,
    "relu": lambda x: anp.maximum(x, 0),
    "maximum": anp.maximum,
    "minimum": anp.minimum,
    "clip": lambda x, min, max: anp.clip(
        x, -np.inf if min is None else min, np.inf if max is None else max
    ),
    "where": where,
    "matmul": anp.matmul,
    "einsum": lambda a, b, subscripts: anp.einsum(subscripts, a, b),
    "sum": anp.sum,
    "mean": anp.mean,
    "max": anp.max,
    "norm": norm,
    "logsumexp": logsumexp,
    "reshape": anp.reshape,
    "transpose": transpose,
    "broadcast_to": lambda x, shape: x + np.zeros(shape),
    "getitem": lambda x, index: x[index],
    "concatenate": lambda *arrays, axis: anp.concatenate(arrays, axis),
    "stack": lambda *arrays, axis: anp.stack(arrays, axis),
    "linear": lambda x, weight, bias: x @ weight.T + bias,
    "gelu": lambda x: x * (1 + erf(x / 2**0.5)) / 2,
    "layer_norm": layer_norm,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "softmax_cross_entropy": lambda logits, targets: -anp.mean(
        log_softmax(logits)[np.arange(len(targets)), targets]
    ),
    "kl_divergence": kl_divergence,
    "bce_with_logits": lambda logits, targets: anp.mean(
        -targets * anp.log(expit(logits)) - (1 - targets) * anp.log(expit(-logits))
    ),
    "mse": lambda x, target: anp.mean((x - target) ** 2),
    "squared_distance": lambda x, target: anp.sum((x - target) ** 2),
    "scale": lambda x, factor: x * factor,
    "embedding": lambda table, ids: table[ids],
    "take_rows": lambda x, rows: x[rows],
    "cosine_logits": cosine_logits,
    "attention": attention,
    "segment_sum": segments(lambda x: anp.sum(x, axis=0)),
    "segment_mean": segments(lambda x: anp.mean(x, axis=0)),
    "segment_max": segments(lambda x: anp.max(x, axis=0)),
    "segment_softmax": segments(lambda x: softmax(x.T).T, anp.concatenate),
    "chain_log_partition": chain_log_partition,
}


def test_every_op_has_a_second_opinion():
    assert set(HIPS) == set(TABLE)


@every_op
@given(st.data(), generators())
def test_hips_autograd_gives_the_same_value_and_gradients(name, data, rng):
    case = data.draw(cases(name))
    leaves = [Tensor(x, requires_grad=True) for x in case.arrays]
    out = TABLE[name].op(*leaves, **case.constants)
    cotangent = np.array(rng.standard_normal(out.shape))
    out.backward(cotangent)
    hips = functools.partial(HIPS[name], **case.constants)
    for i, leaf in enumerate(leaves):
        vjp, want = make_vjp(hips, i)(*case.arrays)
        gradient = vjp(cotangent)
        assert (np.shape(want), np.shape(gradient)) == (out.shape, leaf.shape)
        np.testing.assert_allclose(out.data, want, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(leaf.grad, gradient, rtol=1e-11, atol=1e-12)


# --- random programs ----------------------------------------------------------------------------


SIDE = 3
SHAPES = [(), (SIDE,), (SIDE, 1), (1, SIDE), (SIDE, SIDE)]
# what the two have under different names; ``full`` makes a matrix of anything that broadcasts
NPFT = SimpleNamespace(
    relu=ops.relu,
    maximum=ops.maximum,
    full=lambda x: x + np.zeros((SIDE, SIDE)),
    means=lambda x: x.mean(axis=0, keepdims=True),
    lengths=lambda x: ops.norm(x, axis=1, keepdims=True),
)
TORCH = SimpleNamespace(
    relu=torch.relu,
    maximum=torch.maximum,
    full=lambda x: x + torch.zeros(SIDE, SIDE, dtype=torch.float64),
    means=lambda x: x.mean(0, keepdim=True),
    lengths=lambda x: torch.linalg.vector_norm(x, dim=1, keepdim=True),
)
# what a step of a program does with two earlier values; all keep small values small
STEPS = {
    "half the sum": lambda a, b, lib: (a + b) * 0.5,
    "difference": lambda a, b, lib: 1 - (a - b) / 2,
    "product": lambda a, b, lib: a.tanh() * b,
    "quotient": lambda a, b, lib: a / (b * b + 1),
    "bell": lambda a, b, lib: (-(a**2)).exp() - b,
    "root": lambda a, b, lib: (a * a + 1).sqrt() - b,
    "logarithm": lambda a, b, lib: (a * a + 1).log() - b,
    "relu": lambda a, b, lib: lib.relu(a) - b,
    "maximum": lambda a, b, lib: lib.maximum(a, b),
    "matrix product": lambda a, b, lib: lib.full(a) @ lib.full(b).T / SIDE,
    "row": lambda a, b, lib: lib.full(a)[1] - b,
    "means": lambda a, b, lib: lib.means(lib.full(a)) - b,
    "lengths": lambda a, b, lib: lib.lengths(lib.full(a)) - b,
}


@st.composite
def programs(draw):
    """Shapes of the leaves, and steps; each takes two values before it, or one of them twice."""
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    steps = []
    for known in range(len(shapes), len(shapes) + draw(st.integers(1, 12))):
        value = st.integers(0, known - 1)
        steps.append((draw(st.sampled_from(sorted(STEPS))), draw(value), draw(value)))
    return shapes, steps


def run(steps, leaves, lib):
    """The sum of all values that no step takes, so that none is idle."""
    values = list(leaves)
    for name, i, j in steps:
        values.append(STEPS[name](values[i], values[j], lib))
    taken = {k for _, i, j in steps for k in (i, j)}
    return sum(value.sum() for k, value in enumerate(values) if k not in taken)


@given(programs(), generators())
def test_random_programs_have_the_gradients_of_pytorch(program, rng):
    shapes, steps = program
    arrays = [np.array(rng.uniform(-1, 1, shape)) for shape in shapes]
    ours = [Tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    loss, want = run(steps, ours, NPFT), run(steps, theirs, TORCH)
    loss.backward()
    want.backward()
    np.testing.assert_allclose(loss.item(), want.item(), rtol=1e-12, atol=1e-12)
    for x, y in zip(ours, theirs):
        largest = max(1, y.grad.abs().max().item())
        np.testing.assert_allclose(x.grad, y.grad.numpy(), rtol=1e-12, atol=1e-12 * largest)


def test_an_expression_with_much_reuse_has_the_gradients_of_pytorch():
    def program(a, b, relu):
        """Numbers only, each used again and again."""
        c = a * b + b**3
        for k in range(5):
            c = c + c * 0.5 - relu(b - a) / (k + 1)
            d = (c - a) ** 2 / (c**2 + 1)
            a = a + d * b
        return c.tanh() + 3 * a + 10 / (d + 1) + relu(a * d) * c**-1

    ours = [Tensor(v, requires_grad=True) for v in (-1.5, 0.75)]
    theirs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-1.5, 0.75)]
    out, want = program(*ours, ops.relu), program(*theirs, torch.relu)
    out.backward()
    want.backward()
    assert abs(ours[0].grad.item()) > 0.1 and abs(ours[1].grad.item()) > 0.1
    np.testing.assert_allclose(out.item(), want.item(), rtol=1e-12)
    for x, y in zip(ours, theirs):
        np.testing.assert_allclose(x.grad, y.grad.item(), rtol=1e-12)
