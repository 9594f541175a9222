"""Makes reference_values.npz: values and gradients of our ops as PyTorch computes them, frozen.

    python -m venv bench && bench/bin/pip install torch expecttest numpy
    bench/bin/python tests/autograd/make_reference_values.py

PyTorch's own test suite (OpInfo, ``torch.testing._internal``) has for each of its operators a list
of samples: arrays and keywords that went wrong for somebody once, 0-d, empty, broadcast, with axes
counted from the end. Each sample that one of our ops can be given is given to PyTorch in float64;
inputs, value, a random cotangent and the gradients are written down. The arrays are smaller than
in PyTorch's suite (sides of 3, 4 and 6 in place of 10, 5 and 20); nothing else is changed. Where
our op wants another layout (rows, the last axis) the sample is brought into it first. A sample is
left out, with its reason printed,

    - if it asks for what our op does not have: a keyword, an array as exponent, no bias;
    - if NumPy means something else by it: an axis of a 0-d array, an empty tuple of axes;
    - if our op refuses it by design: a softmax of nothing;
    - if it has more than 256 elements, or a result is not finite;
    - if an earlier one has the same shapes, constants and size of numbers.

Where no sample fits, some are made here: PyTorch's samples of attention have fewer queries than
keys, those of segments have empty segments, two limits of a clamp are arrays there, what goes
into kl_div are neither logits nor probabilities, and of chains PyTorch knows nothing.

The file holds, for each op, one float64 array: for each sample its inputs, value, cotangent and
gradients, end to end; and ``index``, the bytes of a JSON object with shapes and constants.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F
from torch.testing._internal import common_methods_invocations as opinfo
from torch.testing._internal.opinfo import core
from torch.testing._internal.opinfo.definitions import linalg

PATH = Path(__file__).with_name("reference_values.npz")
SEED = 0
MOST = 256  # elements of an input or of the value
for module in (core, linalg, opinfo):
    module.S, module.M, module.L = 4, 3, 6  # the sides of OpInfo's arrays


class LeftOut(Exception):
    """Why a sample is not in the file."""


class Fit(NamedTuple):
    """A sample for our op: float64 arrays, constants, and PyTorch's value of the arrays."""

    op: str
    inputs: list[torch.Tensor]
    constants: dict[str, Any]
    function: Callable


# --- from a sample to arrays and constants ------------------------------------------------------


def known_keywords(sample, *known):
    other = sorted(set(sample.kwargs) - set(known))
    if other:
        raise LeftOut(f"keyword {', '.join(other)}")


def whole(op, function):
    """Input and arguments are the arrays."""

    def fit(sample):
        known_keywords(sample)
        return Fit(op, [sample.input, *sample.args], {}, function)

    return fit


def raised(function, exponent=None):
    """A power with a number as exponent; a 0-d array is read as one."""

    def fit(sample):
        known_keywords(sample)
        n = exponent
        if n is None:
            (n,) = sample.args
            if n.ndim:
                raise LeftOut("an array as exponent")
            n = n.item()
        return Fit("power", [sample.input], {"exponent": n}, lambda x: function(x, n))

    return fit


def limited(function, side):
    """A limit that is a number; a 0-d array is read as one."""

    def fit(sample):
        (limit,) = sample.args
        if limit.ndim:
            raise LeftOut("an array as limit")
        n = limit.item()
        return Fit("clip", [sample.input], {side: n}, lambda x: function(x, n))

    return fit


def chosen(sample):
    c, other = sample.args
    arrays = [sample.input, other]
    return Fit("where", arrays, {"condition": c}, lambda a, b: torch.where(c, a, b))


def summed(sample):
    """Einstein's sum of two arrays, each letter once in an array and in two places."""
    (text,), arrays = sample.args, sample.input
    places = text.replace(" ", "").replace("->", ",").split(",")
    letters = set("".join(places))
    if len(arrays) != 2:
        raise LeftOut("not two arrays")
    if "." in letters or any(sum(place.count(c) for place in places) < 2 for c in letters):
        raise LeftOut("an ellipsis, or a letter in one place only")
    return Fit("einsum", arrays, {"subscripts": text}, lambda a, b: torch.einsum(text, a, b))


def reduced(op, function, *positional):
    """A reduction, with the names of its positional arguments."""

    def fit(sample):
        known_keywords(sample, "dim", "keepdim", "ord")
        named = {**dict(zip(positional, sample.args)), **sample.kwargs}
        axis, keep = named.get("dim"), named.get("keepdim", False)
        if named.get("ord", 2) not in (2, None, "fro"):
            raise LeftOut("a norm that is not Euclidean")
        if axis in ((), []):
            raise LeftOut("empty axes: all axes for PyTorch, none for NumPy")
        if axis is not None and sample.input.ndim == 0:
            raise LeftOut("an axis of a 0-d array")
        dim = tuple(range(sample.input.ndim)) if axis is None else axis
        constants = {"axis": tuple(axis) if isinstance(axis, list) else axis, "keepdims": keep}
        return Fit(op, [sample.input], constants, lambda x: function(x, dim=dim, keepdim=keep))

    return fit


def length(sample):
    """The norm of a matrix with ord 2 is another one; that of a vector is ours."""
    if sample.input.ndim > 1 and 2 in sample.args:
        raise LeftOut("a norm that is not Euclidean")
    return reduced("norm", torch.linalg.vector_norm, "ord")(sample)


def shaped(op, function):
    def fit(sample):
        shape = tuple(sample.args[0])
        return Fit(op, [sample.input], {"shape": shape}, lambda x: function(x, shape))

    return fit


def ordered(sample):
    axes = tuple(sample.args[0])
    return Fit("transpose", [sample.input], {"axes": axes}, lambda x: x.permute(axes))


def swapped(sample):
    """Two axes exchanged, as an order of all axes."""
    axes, (i, j) = list(range(sample.input.ndim)), sample.args
    if axes:
        axes[i], axes[j] = axes[j], axes[i]
    return Fit("transpose", [sample.input], {"axes": tuple(axes)}, lambda x: x.transpose(i, j))


def indexed(sample):
    (index,) = sample.args
    return Fit("getitem", [sample.input], {"index": index}, lambda x: x[index])


def joined(op, function):
    def fit(sample):
        dim = sample.args[0] if sample.args else sample.kwargs.get("dim", 0)
        if len({x.ndim for x in sample.input}) > 1:
            raise LeftOut("an empty 1-d array beside others, which PyTorch passes over")
        return Fit(op, list(sample.input), {"axis": dim}, lambda *x: function(x, dim))

    return fit


def affine(sample):
    known_keywords(sample)
    if len(sample.args) != 2:
        raise LeftOut("no bias")
    x = sample.input
    return Fit("linear", [rows_of(x, x.ndim - 1), *sample.args], {}, F.linear)


def rows_of(x, lead):
    """A matrix: the first ``lead`` axes count rows, the others columns."""
    return x.reshape(math.prod(x.shape[:lead]), math.prod(x.shape[lead:]))


def normalised(sample):
    """Layer norm over the last axes."""
    if len(sample.args) < 3:
        raise LeftOut("no gamma and beta")
    shape, *scales = sample.args
    eps = sample.kwargs.get("eps", 1e-5)
    if eps < 0:
        raise LeftOut("eps below 0")

    def value(x, gamma, beta):
        return F.layer_norm(x, gamma.shape, gamma, beta, eps)

    rows = rows_of(sample.input, sample.input.ndim - len(shape))
    return Fit("layer_norm", [rows, *(w.reshape(-1) for w in scales)], {"eps": eps}, value)


def exact(sample):
    if sample.kwargs["approximate"] != "none":
        raise LeftOut("an approximation of GELU")
    return Fit("gelu", [sample.input], {}, F.gelu)


def along(op, function):
    """Softmax along any axis, which is moved to the end."""

    def fit(sample):
        if sample.input.ndim == 0 or sample.input.numel() == 0:
            raise LeftOut("nothing to choose from, or no axis")
        x = sample.input.movedim(sample.args[0], -1).contiguous()
        return Fit(op, [x], {}, lambda x: function(x, -1))

    return fit


def judged(op, function, reduction="mean"):
    """A loss of the input against targets, which are a constant."""

    def fit(sample):
        known_keywords(sample, "reduction")
        found = sample.kwargs.get("reduction", "mean")
        if found != reduction:
            raise LeftOut(f"reduction {found}")
        x, (t,) = sample.input, sample.args
        if op == "softmax_cross_entropy":  # the classes are moved from axis 1 to the end
            if t.dtype != torch.int64:
                raise LeftOut("probabilities as targets")
            x, t = rows_of(x.movedim(1, -1), x.ndim - 1), t.reshape(-1)
        name = "target" if function is F.mse_loss else "targets"
        return Fit(op, [x], {name: t}, lambda x: function(x, t, reduction=reduction))

    return fit


def smoothed(sample):
    """Cross-entropy with class weights, with smoothing, or with both."""
    known_keywords(sample, "reduction", "weight", "label_smoothing")
    if sample.kwargs.get("reduction", "mean") != "mean":
        raise LeftOut("another reduction")
    x, (t,) = sample.input, sample.args
    if t.dtype != torch.int64:
        raise LeftOut("probabilities as targets")
    w = sample.kwargs.get("weight")
    if w is not None and not (w > 0).all():
        raise LeftOut("a weight that is not above 0")
    x, t, eps = rows_of(x.movedim(1, -1), x.ndim - 1), t.reshape(-1), sample.kwargs.get(
        "label_smoothing", 0.0)
    return weighted(x, t, torch.ones(x.shape[1], dtype=x.dtype) if w is None else w, eps)


def weighted(x, t, w, eps):
    constants = {"targets": t, "weights": w, "smoothing": eps}
    return Fit("weighted_cross_entropy", [x], constants,
               lambda x: F.cross_entropy(x, t, weight=w, label_smoothing=eps))


def looked_up(sample):
    known_keywords(sample)
    ids = sample.args[0].reshape(-1)
    return Fit("embedding", [sample.input], {"ids": ids}, lambda table: F.embedding(ids, table))


# Each operator of OpInfo, with its variant if it has some, and what it becomes.
ALIKE = ["add", "exp", "log", "tanh", "sqrt", "sigmoid", "abs", "maximum", "minimum", "matmul"]
SOURCES = [
    *((name, whole(name, getattr(torch, name))) for name in ALIKE),
    ("sub", whole("subtract", torch.sub)),
    ("mul", whole("multiply", torch.mul)),
    ("div no_rounding_mode", whole("divide", torch.div)),
    ("neg", whole("negative", torch.neg)),
    ("pow", raised(torch.pow)),
    ("square", raised(lambda x, n: torch.square(x), 2)),
    ("reciprocal", raised(lambda x, n: torch.reciprocal(x), -1)),
    ("rsqrt", raised(lambda x, n: torch.rsqrt(x), -0.5)),
    ("nn.functional.relu", whole("relu", F.relu)),
    ("clamp_min", limited(torch.clamp_min, "min")),
    ("clamp_max", limited(torch.clamp_max, "max")),
    ("where", chosen),
    ("einsum", summed),
    ("sum", reduced("sum", torch.sum)),
    ("mean", reduced("mean", torch.mean)),
    ("amax", reduced("max", torch.amax)),
    ("norm", reduced("norm", torch.linalg.vector_norm, "ord", "dim", "keepdim")),
    ("linalg.vector_norm", reduced("norm", torch.linalg.vector_norm)),
    ("linalg.norm subgradients_at_zero", length),
    ("logsumexp", reduced("logsumexp", torch.logsumexp, "dim", "keepdim")),
    ("reshape", shaped("reshape", torch.reshape)),
    ("broadcast_to", shaped("broadcast_to", torch.broadcast_to)),
    ("permute", ordered),
    ("transpose", swapped),
    ("__getitem__", indexed),
    ("cat", joined("concatenate", torch.cat)),
    ("stack", joined("stack", torch.stack)),
    ("nn.functional.linear", affine),
    ("nn.functional.gelu", exact),
    ("nn.functional.layer_norm", normalised),
    ("softmax", along("softmax", torch.softmax)),
    ("log_softmax", along("log_softmax", torch.log_softmax)),
    ("nn.functional.cross_entropy", judged("softmax_cross_entropy", F.cross_entropy)),
    ("nn.functional.cross_entropy", smoothed),
    ("nn.functional.binary_cross_entropy_with_logits",
     judged("bce_with_logits", F.binary_cross_entropy_with_logits)),
    ("nn.functional.mse_loss", judged("mse", F.mse_loss)),
    ("nn.functional.mse_loss", judged("squared_distance", F.mse_loss, "sum")),
    ("nn.functional.embedding", looked_up),
]  # fmt: skip


# --- samples made here --------------------------------------------------------------------------


def by_sequence(offsets, heads, causal):
    """PyTorch's attention of each sequence by itself."""

    def value(qkv):
        parts = []
        for sequence in qkv.split(np.diff(offsets).tolist()):
            q, k, v = (x.unflatten(1, (heads, -1)).transpose(0, 1) for x in sequence.chunk(3, 1))
            out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)  # (H, T, d)
            parts.append(out.transpose(0, 1).flatten(1))
        return torch.cat(parts)

    return value


def by_distance(offsets, heads):
    """DeBERTa's attention of each sequence by itself, gathered as in its PyTorch code."""

    def value(qkv, far):
        far_q, far_k = (x.unflatten(1, (heads, -1)).transpose(0, 1) for x in far.chunk(2, 1))
        parts, k = [], len(far) // 2
        for sequence in qkv.split(np.diff(offsets).tolist()):
            q, key, v = (x.unflatten(1, (heads, -1)).transpose(0, 1) for x in sequence.chunk(3, 1))
            place = torch.arange(len(sequence))
            apart = place[:, None] - place
            to_key = (apart + k).clamp(0, 2 * k - 1).expand(heads, -1, -1)
            to_query = (-apart + k).clamp(0, 2 * k - 1).expand(heads, -1, -1)
            scores = q @ key.transpose(-1, -2)
            scores = scores + torch.gather(q @ far_k.transpose(-1, -2), -1, to_key)
            by_key = torch.gather(key @ far_q.transpose(-1, -2), -1, to_query.transpose(-1, -2))
            scores = (scores + by_key.transpose(-1, -2)) / (3 * q.shape[-1]) ** 0.5
            parts.append((scores.softmax(-1) @ v).transpose(0, 1).flatten(1))
        return torch.cat(parts)

    return value


def by_segment(how, offsets):
    """PyTorch's reduction of each segment, or softmax of each by itself."""
    if how == "softmax":
        lengths = np.diff(offsets).tolist()
        return lambda x: torch.cat([torch.softmax(part, 0) for part in x.split(lengths)])
    return lambda x: torch.segment_reduce(x, how, offsets=torch.tensor(offsets))


def by_chain(offsets):
    """The forward algorithm, one chain and one word after another."""

    def value(emissions, transitions, starts, ends):
        out = []
        for chain in emissions.split(np.diff(offsets).tolist()):
            alpha = starts + chain[0]
            for row in chain[1:]:
                alpha = row + torch.logsumexp(alpha[:, None] + transitions, 0)
            out.append(torch.logsumexp(alpha + ends, 0))
        return torch.stack(out)

    return value


def made(generator):
    def normal(*shape):
        return torch.tensor(generator.standard_normal(shape))

    for offsets, heads, d in (([0, 1], 1, 1), ([0, 3, 4, 6], 1, 3), ([0, 2, 11, 12, 16], 2, 2)):
        for causal in (False, True):
            constants = {"offsets": np.array(offsets), "num_heads": heads, "causal": causal}
            qkv = normal(offsets[-1], 3 * heads * d)
            yield Fit("attention", [qkv], constants, by_sequence(offsets, heads, causal))
    for offsets, width in (([0, 1], 1), ([0, 3], 2), ([0, 1, 5, 7], 3)):
        x, constants = normal(offsets[-1], width), {"offsets": np.array(offsets)}
        for how in ("sum", "mean", "max", "softmax"):
            yield Fit(f"segment_{how}", [x], constants, by_segment(how, offsets))
    both, width, factor = {"min": -0.6, "max": 0.7}, (8,), normal(3, 4)
    rows, eps, p = torch.tensor([4, 0, 2]), 1e-12, torch.softmax(3 * normal(5, 7), 1)
    p[0] = torch.eye(7)[3]  # probabilities of 0 and 1
    yield Fit("clip", [normal(3, 4)], both, lambda x: torch.clamp(x, **both))
    yield Fit("scale", [normal(3, 4)], {"factor": factor}, lambda x: torch.mul(x, factor))
    yield Fit("take_rows", [normal(5, 2)], {"rows": rows}, lambda x: x.index_select(0, rows))
    yield Fit("layer_norm", [normal(4, 8), normal(8), normal(8)], {"eps": eps},
              lambda x, gamma, beta: F.layer_norm(x, width, gamma, beta, eps))
    yield Fit("kl_divergence", [2 * normal(5, 7)], {"targets": p},
              lambda x: F.kl_div(F.log_softmax(x, 1), p, reduction="batchmean"))
    for n, classes, eps in ((1, 2, 0.3), (5, 3, 0.0), (6, 7, 0.1)):
        targets, w = torch.arange(n) % classes, normal(classes).exp()
        yield weighted(2 * normal(n, classes), targets, w, eps)
    for tau in (1.0, 0.1):
        yield Fit("cosine_logits", [normal(2, 3), normal(4, 3)], {"tau": tau}, lambda a, b, tau=tau:
                  F.cosine_similarity(a[:, None, :], b[None, :, :], dim=-1) / tau)  # fmt: skip
    for offsets, tags, size in (([0, 2], 1, 1), ([0, 4], 3, 1), ([0, 1, 6, 9], 2, 1),
                                ([0, 3, 5], 4, 1e3)):  # fmt: skip
        scores = [size * normal(*s) for s in ((offsets[-1], tags), (tags, tags), (tags,), (tags,))]
        yield Fit("chain_log_partition", scores, {"offsets": np.array(offsets)}, by_chain(offsets))
    for offsets, heads, d, k in (([0, 1], 1, 1, 1), ([0, 3, 4, 6], 1, 3, 2), ([0, 2, 9], 2, 2, 3)):
        constants = {"offsets": np.array(offsets), "num_heads": heads}
        arrays = [normal(offsets[-1], 3 * heads * d), normal(2 * k, 2 * heads * d)]
        yield Fit("disentangled_attention", arrays, constants, by_distance(offsets, heads))


# --- freezing -----------------------------------------------------------------------------------


def plain(value):
    """What JSON can hold: arrays, tuples, slices and ... become objects with one telling key."""
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    if isinstance(value, list):  # as an index, a list is an array
        value = np.array(value)
    if isinstance(value, np.ndarray):
        return {"array": value.ravel().tolist(), "shape": value.shape, "dtype": str(value.dtype)}
    if isinstance(value, tuple):
        return {"tuple": [plain(item) for item in value]}
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    return {"ellipsis": True} if value is ... else value


def freeze(fit, seen, generator):
    """What the file says of a sample, and its arrays; or why it is left out."""
    leaves = [x.detach().clone().requires_grad_() for x in fit.inputs]
    out = fit.function(*leaves)
    if max(x.numel() for x in (*leaves, out)) > MOST:
        raise LeftOut(f"more than {MOST} elements")
    shapes = [list(x.shape) for x in leaves]
    powers_of_ten = [f"{x.abs().max().item():.0e}"[1:] for x in leaves if x.numel()]
    constants = {name: plain(value) for name, value in fit.constants.items()}
    key = json.dumps([fit.op, shapes, constants, powers_of_ten])
    if key in seen:
        raise LeftOut("the same shapes, constants and size of numbers")
    seen.add(key)
    cotangent = torch.tensor(generator.standard_normal(out.shape))
    gradients = torch.autograd.grad(out, leaves, cotangent)
    arrays = [*leaves, out, cotangent, *gradients]
    if not all(torch.isfinite(x).all() for x in arrays):
        raise LeftOut("value or gradient not finite")
    entry = {"inputs": shapes, "constants": constants, "output": list(out.shape)}
    return entry, [x.detach().numpy().ravel() for x in arrays]


def main() -> None:
    generator = np.random.default_rng(SEED)
    samples: dict[str, list] = {}
    numbers: dict[str, list] = {}
    seen: set[str] = set()
    database = {f"{i.name} {i.variant_test_name}".strip(): i for i in opinfo.op_db}

    def keep(fit, origin):
        entry, arrays = freeze(fit, seen, generator)
        samples.setdefault(fit.op, []).append({"from": origin, **entry})
        numbers.setdefault(fit.op, []).extend(arrays)

    for name, fit_of in SOURCES:
        torch.manual_seed(SEED)
        kept, reasons = 0, Counter()
        inputs = database[name].sample_inputs("cpu", torch.float64, requires_grad=True)
        for i, sample in enumerate(inputs):
            try:
                keep(fit_of(sample), f"{name} {i}")
                kept += 1
            except LeftOut as reason:
                reasons[str(reason)] += 1
        why = "; ".join(f"{n} {reason}" for reason, n in reasons.items())
        print(f"{name:46s} {kept:3d} kept, {reasons.total():3d} left out  {why}")
    for fit in made(generator):
        keep(fit, "made here")
    for op, entries in samples.items():
        print(f"{op:24s} {len(entries):3d} samples, {sum(a.size for a in numbers[op]):6d} numbers")
    index = {"torch": torch.__version__, "numpy": np.__version__, "seed": SEED, "samples": samples}
    text = json.dumps(index, separators=(",", ":")).encode()
    arrays = {op: np.concatenate(parts) for op, parts in numbers.items()}
    np.savez_compressed(PATH, index=np.frombuffer(text, np.uint8), **arrays)
    print(f"{sum(map(len, samples.values()))} samples, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
