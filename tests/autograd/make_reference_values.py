"""Makes reference_values.npz: values and gradients of our ops as PyTorch computes them, frozen.

    python -m venv bench && bench/bin/pip install torch expecttest numpy
    bench/bin/python tests/autograd/make_reference_values.py

PyTorch's own test suite (OpInfo, ``torch.testing._internal``) has for each of its operators a list
of samples: arrays and keywords that went wrong for somebody once, 0-d, empty, broadcast, with axes
counted from the end. Each sample that one of our ops can be given is given to PyTorch in float64;
inputs, value, a random cotangent and the gradients are written down. The arrays are smaller than
in PyTorch's suite (sides of 3, 4 and 6 in place of 10, 5 and 20); nothing else is changed. Where
our op has another layout (rows, a last axis, logits) the sample is brought into it, and PyTorch's
operator is called inside ``function``. A sample is left out, with its reason printed,

    - if it asks for what our op does not have: a keyword, an array as exponent, no bias;
    - if NumPy means something else by it: an axis of a 0-d array, an empty tuple of axes;
    - if our op refuses it by design: an empty last axis, ids that are floats;
    - if it is not float64, has more than 256 elements, or the result is not finite;
    - if an earlier one has the same shapes, constants and size of numbers.

Where no sample fits, some are made here: PyTorch's samples of attention have fewer queries than
keys, those of segments have empty segments, and two limits of a clamp are arrays there.

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


def scaled(sample):
    """A product with a constant of the same shape."""
    (factor,) = sample.args
    if factor.shape != sample.input.shape:
        raise LeftOut("a factor of another shape")
    return Fit("scale", [sample.input], {"factor": factor}, lambda x: torch.mul(x, factor))


def raised(function, exponent=None):
    """A power with a number as exponent; a 0-d array is read as one."""

    def fit(sample):
        known_keywords(sample)
        n = exponent
        if n is None:
            (n,) = sample.args
            if isinstance(n, torch.Tensor) and n.ndim:
                raise LeftOut("an array as exponent")
            n = n.item()
        return Fit("power", [sample.input], {"exponent": n}, lambda x: function(x, n))

    return fit


def clamped(function, *sides):
    """Limits that are numbers; a 0-d array is read as one."""

    def fit(sample):
        limits = dict(zip(sides, sample.args))
        for side, limit in limits.items():
            if limit is not None and limit.ndim:
                raise LeftOut("an array as limit")
            limits[side] = None if limit is None else limit.item()
        both = {"min": None, "max": None, **limits}
        return Fit("clip", [sample.input], both, lambda x: function(x, *limits.values()))

    return fit


def chosen(sample):
    condition, other = sample.args
    return Fit(
        "where", [sample.input, other], {"condition": condition},
        lambda a, b: torch.where(condition, a, b),
    )  # fmt: skip


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


def axes_of(sample, axis, ndim):
    """An axis as NumPy means it."""
    if axis == () or axis == []:
        raise LeftOut("empty axes: all axes for PyTorch, none for NumPy")
    if axis is not None and ndim == 0:
        raise LeftOut("an axis of a 0-d array")
    return tuple(axis) if isinstance(axis, (tuple, list)) else axis


def reduced(op, function, first=()):
    """A reduction; ``first`` names the positional arguments."""

    def fit(sample):
        named = {**dict(zip(first, sample.args)), **sample.kwargs}
        if named.pop("ord", 2) not in (2, None, "fro"):
            raise LeftOut("a norm that is not Euclidean")
        known = {"dim": None, "keepdim": False}
        if not set(named) <= set(known):
            raise LeftOut(f"keyword {', '.join(sorted(set(named) - set(known)))}")
        axis = axes_of(sample, named.get("dim"), sample.input.ndim)
        keep = named.get("keepdim", False)

        def value(x):
            every = tuple(range(x.ndim))
            return function(x, dim=every if axis is None else axis, keepdim=keep)

        return Fit(op, [sample.input], {"axis": axis, "keepdims": keep}, value)

    return fit


def length(sample):
    """The norm of a matrix with ord 2 is another one; that of a vector is ours."""
    if sample.input.ndim > 1 and 2 in sample.args:
        raise LeftOut("a norm that is not Euclidean")
    return reduced("norm", torch.linalg.vector_norm, ("ord",))(sample)


def shaped(op, function):
    """A new shape; -1 in ``expand`` keeps a side, so the shape is taken from the value."""

    def fit(sample):
        new = sample.args[0] if op == "reshape" else tuple(function(sample.input, *sample.args).shape)
        return Fit(op, [sample.input], {"shape": tuple(new)}, lambda x: function(x, new))

    return fit


def ordered(sample):
    axes = tuple(sample.args[0])
    return Fit("transpose", [sample.input], {"axes": axes}, lambda x: x.permute(axes))


def swapped(sample):
    first, second = sample.args
    axes = list(range(sample.input.ndim))
    if axes:
        axes[first], axes[second] = axes[second], axes[first]
    constants = {"axes": tuple(axes)}
    return Fit("transpose", [sample.input], constants, lambda x: x.transpose(first, second))


def indexed(sample):
    (index,) = sample.args
    return Fit("getitem", [sample.input], {"index": index}, lambda x: x[index])


def selected(sample):
    """Rows by number; without repeats these are rows taken once."""
    dim, rows = sample.args
    if sample.input.ndim != 2:
        raise LeftOut("no rows and columns")
    x = sample.input.movedim(dim, 0).contiguous()
    rows = torch.unique(rows)
    return Fit("take_rows", [x], {"rows": rows}, lambda x: torch.index_select(x, 0, rows))


def joined(op, function):
    def fit(sample):
        dim = sample.args[0] if sample.args else sample.kwargs.get("dim", 0)
        ranks = {x.ndim for x in sample.input}
        if op == "concatenate" and len(ranks) > 1:
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
    """Layer norm over the last axes, with eps by keyword or last."""
    shape, *more = sample.args
    eps = more.pop() if len(more) > 2 else sample.kwargs.get("eps", 1e-5)
    if len(more) < 2 or more[0] is None or more[1] is None:
        raise LeftOut("no gamma or no beta")
    if eps < 0:
        raise LeftOut("eps below 0")
    x = rows_of(sample.input, sample.input.ndim - len(shape))
    gamma, beta = (w.reshape(-1) for w in more)
    return Fit(
        "layer_norm", [x, gamma, beta], {"eps": eps},
        lambda x, gamma, beta: F.layer_norm(x, gamma.shape, gamma, beta, eps),
    )  # fmt: skip


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


def mean_only(sample, reduction="mean"):
    known_keywords(sample, "reduction")
    if sample.kwargs.get("reduction", "mean") != reduction:
        raise LeftOut(f"reduction {sample.kwargs.get('reduction', 'mean')}")


def classified(sample):
    """Cross-entropy of rows: the classes are moved from axis 1 to the end."""
    mean_only(sample)
    (targets,) = sample.args
    if targets.dtype != torch.int64:
        raise LeftOut("probabilities as targets")
    x = sample.input.movedim(1, -1)
    constants = {"targets": targets.reshape(-1)}
    return Fit(
        "softmax_cross_entropy", [rows_of(x, x.ndim - 1)], constants,
        lambda x: F.cross_entropy(x, constants["targets"]),
    )  # fmt: skip


def divergent(sample):
    """Kullback-Leibler divergence of softmax(input) from the target, made probabilities."""
    log_target = sample.kwargs["log_target"]
    if sample.kwargs["reduction"] != "batchmean" or sample.input.ndim != 2:
        raise LeftOut("no mean over rows")
    log_p = F.log_softmax(sample.args[0], 1)
    target = log_p if log_target else log_p.exp()

    def value(x):
        log_q = F.log_softmax(x, 1)
        return F.kl_div(log_q, target, reduction="batchmean", log_target=log_target)

    return Fit("kl_divergence", [sample.input], {"targets": log_p.exp()}, value)


def binary(sample):
    mean_only(sample)
    (t,) = sample.args
    return Fit(
        "bce_with_logits", [sample.input], {"targets": t},
        lambda x: F.binary_cross_entropy_with_logits(x, t),
    )  # fmt: skip


def squared(op, reduction):
    def fit(sample):
        mean_only(sample, reduction)
        (t,) = sample.args
        return Fit(
            op, [sample.input], {"target": t}, lambda x: F.mse_loss(x, t, reduction=reduction)
        )

    return fit


def looked_up(sample):
    known_keywords(sample)
    ids = sample.args[0].reshape(-1)
    return Fit("embedding", [sample.input], {"ids": ids}, lambda table: F.embedding(ids, table))


def all_pairs(sample):
    """Cosines of matching rows become those of every row with every row."""
    known_keywords(sample, "dim")
    a, b = sample.input, sample.args[0]
    if sample.kwargs.get("dim", 1) not in (1, -1) or a.ndim != 2 or b.ndim != 2:
        raise LeftOut("no two matrices of rows")
    return Fit("cosine_logits", [a, b], {"tau": 1.0}, cosines)


def cosines(a, b, tau=1.0):
    return F.cosine_similarity(a[:, None, :], b[None, :, :], dim=-1) / tau


# Each operator and variant of OpInfo, what it becomes, and how. An operator may serve two ops.
SOURCES = [
    ("add", "", whole("add", torch.add)),
    ("sub", "", whole("subtract", torch.sub)),
    ("mul", "", whole("multiply", torch.mul)),
    ("mul", "", scaled),
    ("div", "no_rounding_mode", whole("divide", torch.div)),
    ("neg", "", whole("negative", torch.neg)),
    ("pow", "", raised(torch.pow)),
    ("square", "", raised(lambda x, n: torch.square(x), 2)),
    ("reciprocal", "", raised(lambda x, n: torch.reciprocal(x), -1)),
    ("rsqrt", "", raised(lambda x, n: torch.rsqrt(x), -0.5)),
    ("exp", "", whole("exp", torch.exp)),
    ("log", "", whole("log", torch.log)),
    ("tanh", "", whole("tanh", torch.tanh)),
    ("sqrt", "", whole("sqrt", torch.sqrt)),
    ("sigmoid", "", whole("sigmoid", torch.sigmoid)),
    ("abs", "", whole("abs", torch.abs)),
    ("nn.functional.relu", "", whole("relu", F.relu)),
    ("maximum", "", whole("maximum", torch.maximum)),
    ("minimum", "", whole("minimum", torch.minimum)),
    ("clamp", "", clamped(torch.clamp, "min", "max")),
    ("clamp_min", "", clamped(torch.clamp_min, "min")),
    ("clamp_max", "", clamped(torch.clamp_max, "max")),
    ("where", "", chosen),
    ("matmul", "", whole("matmul", torch.matmul)),
    ("einsum", "", summed),
    ("sum", "", reduced("sum", torch.sum)),
    ("mean", "", reduced("mean", torch.mean)),
    ("amax", "", reduced("max", torch.amax)),
    ("norm", "", reduced("norm", torch.linalg.vector_norm, ("ord", "dim", "keepdim"))),
    ("norm", "fro", reduced("norm", torch.linalg.vector_norm, ("ord", "dim", "keepdim"))),
    ("linalg.vector_norm", "", reduced("norm", torch.linalg.vector_norm)),
    ("linalg.norm", "subgradients_at_zero", length),
    ("logsumexp", "", reduced("logsumexp", torch.logsumexp, ("dim", "keepdim"))),
    ("reshape", "", shaped("reshape", torch.reshape)),
    ("permute", "", ordered),
    ("transpose", "", swapped),
    ("broadcast_to", "", shaped("broadcast_to", torch.broadcast_to)),
    ("expand", "", shaped("broadcast_to", torch.Tensor.expand)),
    ("__getitem__", "", indexed),
    ("index_select", "", selected),
    ("cat", "", joined("concatenate", torch.cat)),
    ("stack", "", joined("stack", torch.stack)),
    ("nn.functional.linear", "", affine),
    ("nn.functional.gelu", "", exact),
    ("nn.functional.layer_norm", "", normalised),
    ("native_layer_norm", "", normalised),
    ("softmax", "", along("softmax", torch.softmax)),
    ("log_softmax", "", along("log_softmax", torch.log_softmax)),
    ("nn.functional.cross_entropy", "", classified),
    ("nn.functional.kl_div", "", divergent),
    ("nn.functional.binary_cross_entropy_with_logits", "", binary),
    ("nn.functional.mse_loss", "", squared("mse", "mean")),
    ("nn.functional.mse_loss", "", squared("squared_distance", "sum")),
    ("nn.functional.embedding", "", looked_up),
    ("nn.functional.cosine_similarity", "", all_pairs),
]


# --- samples made here --------------------------------------------------------------------------


def ragged_attention(offsets, heads, causal):
    """PyTorch's attention of each sequence by itself."""

    def value(qkv):
        parts = []
        for a, b in zip(offsets[:-1], offsets[1:]):
            q, k, v = (x.unflatten(1, (heads, -1)).transpose(0, 1) for x in qkv[a:b].chunk(3, 1))
            out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)  # (H, T, d)
            parts.append(out.transpose(0, 1).flatten(1))
        return torch.cat(parts)

    return value


def made(generator):
    def normal(*shape):
        return torch.tensor(generator.standard_normal(shape))

    for offsets, heads, width in (([0, 1], 1, 1), ([0, 3, 4, 6], 1, 3), ([0, 2, 11, 12, 16], 2, 2)):
        for causal in (False, True):
            constants = {"offsets": np.array(offsets), "num_heads": heads, "causal": causal}
            qkv = normal(offsets[-1], 3 * heads * width)
            yield Fit("attention", [qkv], constants, ragged_attention(offsets, heads, causal))
    for offsets, width in (([0, 1], 1), ([0, 3], 2), ([0, 1, 5, 7], 3)):
        x, starts = normal(offsets[-1], width), torch.tensor(offsets)
        constants = {"offsets": np.array(offsets)}
        for how in ("sum", "mean", "max"):
            yield Fit(
                f"segment_{how}", [x], constants,
                lambda x, how=how, starts=starts: torch.segment_reduce(x, how, offsets=starts),
            )  # fmt: skip
        lengths = np.diff(offsets).tolist()
        yield Fit(
            "segment_softmax", [x], constants,
            lambda x, n=lengths: torch.cat([torch.softmax(part, 0) for part in x.split(n)]),
        )  # fmt: skip
    for low, high in ((-0.6, 0.7), (None, 0.2), (-0.3, None), (None, None)):
        yield Fit(
            "clip", [normal(3, 4)], {"min": low, "max": high},
            lambda x, low=low, high=high: x * 1 if low is high else torch.clamp(x, low, high),
        )  # fmt: skip
    for n, m in ((1, 1), (2, 3)):
        yield Fit("cosine_logits", [normal(n, 3), normal(m, 3)], {"tau": 0.1},
                  lambda a, b: cosines(a, b, 0.1))  # fmt: skip
    for n, v in ((1, 1), (5, 7)):
        p = torch.softmax(3 * normal(n, v), 1)
        yield Fit("kl_divergence", [2 * normal(n, v)], {"targets": p},
                  lambda x, p=p: F.kl_div(F.log_softmax(x, 1), p, reduction="batchmean"))  # fmt: skip


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
    if any(x.dtype != torch.float64 for x in fit.inputs):
        raise LeftOut("not float64")
    leaves = [x.detach().clone().requires_grad_() for x in fit.inputs]
    out = fit.function(*leaves)
    if max(x.numel() for x in (*leaves, out)) > MOST:
        raise LeftOut(f"more than {MOST} elements")
    shapes = [list(x.shape) for x in leaves]
    exponents = [f"{x.abs().max().item():.0e}"[1:] for x in leaves if x.numel()]
    constants = {name: plain(value) for name, value in fit.constants.items()}
    key = json.dumps([fit.op, shapes, constants, exponents])
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
    database = {(info.name, info.variant_test_name): info for info in opinfo.op_db}

    def keep(fit, origin):
        entry, arrays = freeze(fit, seen, generator)
        samples.setdefault(fit.op, []).append({"from": origin, **entry})
        numbers.setdefault(fit.op, []).extend(arrays)

    for name, variant, fit_of in SOURCES:
        torch.manual_seed(SEED)
        info, kept, reasons = database[name, variant], 0, Counter()
        for i, sample in enumerate(info.sample_inputs("cpu", torch.float64, requires_grad=True)):
            try:
                keep(fit_of(sample), " ".join(filter(None, (name, variant, str(i)))))
                kept += 1
            except LeftOut as reason:
                reasons[str(reason)] += 1
        out = "; ".join(f"{n} {reason}" for reason, n in reasons.items())
        print(f"{name + ' ' + variant:48s} {kept:3d} kept, {sum(reasons.values()):3d} left out  {out}")
    for fit in made(generator):
        keep(fit, "made here")
    for op, entries in samples.items():
        print(f"{op:24s} {len(entries):3d} samples, {sum(a.size for a in numbers[op]):6d} numbers")
    index = {"torch": torch.__version__, "numpy": np.__version__, "seed": SEED, "samples": samples}
    text = json.dumps(index, separators=(",", ":")).encode()
    arrays = {op: np.concatenate(parts) for op, parts in numbers.items()}
    np.savez_compressed(PATH, index=np.frombuffer(text, np.uint8), **arrays)
    total = sum(map(len, samples.values()))
    print(f"{total} samples of {len(samples)} ops, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
