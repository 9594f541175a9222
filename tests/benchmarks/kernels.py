"""Each kernel, forward and backward, beside PyTorch's, and beside what the machine can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from clock import compared, in_turns, spread
from models import SIZES, Size

from npft.autograd import kernels, losses
from npft.autograd.attention import attention, blocks_by_length


def roof(rounds: int) -> list[dict]:
    """The two limits of one core: GFLOP/s of a matrix product, GB/s of a copy."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((1024, 1024), np.float32)
    source, target = np.ones(16_000_000, np.float32), np.zeros(16_000_000, np.float32)
    calls = {"product": lambda: a @ a, "copy": lambda: np.copyto(target, source)}
    times = in_turns(calls, rounds)
    return [
        {"work": "roof: product of 1024 x 1024", "gflops": spread(2 * 1024**3 / times["product"] / 1e9)},
        {"work": "roof: copy of 64 MB", "gb_per_s": spread(2 * source.nbytes / times["copy"] / 1e9)},
    ]


def cases(size: Size) -> dict[str, tuple[Callable, Callable, tuple, dict, int]]:
    """For each kernel: ours, PyTorch's, the arrays, our constants, operations of the products."""
    from torch.nn import functional as f

    rng = np.random.default_rng(0)
    n, d = size.B * size.T, size.D
    m = round(0.15 * n)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32)

    def sdpa(qkv: Any) -> Any:
        heads = qkv.view(size.B, size.T, 3, size.H, d // size.H).permute(2, 0, 3, 1, 4)
        return f.scaled_dot_product_attention(*heads).transpose(1, 2).reshape(n, d)

    import torch

    ids, targets = rng.integers(0, size.V, n), rng.integers(0, size.V, m)
    ids_, targets_ = torch.from_numpy(ids), torch.from_numpy(targets)
    blocks = blocks_by_length(np.arange(0, n + 1, size.T))
    return {
        "linear": (
            kernels.linear.raw, f.linear,
            (normal(n, d), normal(size.F, d), normal(size.F)), {}, 2 * n * d * size.F,
        ),
        "GELU": (kernels.gelu.raw, f.gelu, (normal(n, size.F),), {}, 0),
        "layer norm": (
            kernels.layer_norm.raw, lambda x, g, b: f.layer_norm(x, (d,), g, b),
            (normal(n, d), normal(d), normal(d)), {}, 0,
        ),
        "attention": (
            attention.raw, sdpa, (normal(n, 3 * d) / 2,),
            {"blocks": blocks, "num_heads": size.H}, 4 * n * size.T * d,
        ),
        "embedding": (
            kernels.embedding.raw, lambda table: f.embedding(ids_, table),
            (normal(size.V, d),), {"ids": ids}, 0,
        ),
        "cross-entropy": (
            losses.softmax_cross_entropy.raw, lambda z: f.cross_entropy(z, targets_),
            (normal(m, size.V),), {"targets": targets}, 0,
        ),
    }  # fmt: skip


def measure(name: str, rounds: int) -> list[dict]:
    """Times of each kernel and its gradient on one thread at one size; GFLOP/s of the products."""
    import torch

    torch.set_num_threads(1)
    rows = []
    for kernel, (ours, theirs, arrays, constants, operations) in cases(SIZES[name]).items():
        tensors = [torch.from_numpy(a).requires_grad_() for a in arrays]
        y, vjp = ours(*arrays, **constants)
        their_y = theirs(*tensors)
        np.testing.assert_allclose(y, their_y.detach().numpy(), rtol=1e-3, atol=1e-3)
        g = np.ones_like(y)
        their_g = torch.ones_like(their_y)
        calls = {
            "forward": lambda: ours(*arrays, **constants),
            "their forward": lambda: theirs(*tensors),
            "backward": lambda: vjp(g),
            "their backward": lambda: torch.autograd.grad(
                their_y, tensors, their_g, retain_graph=True
            ),
        }
        times = in_turns(calls, rounds, least=0.02)
        for way, products in (("forward", 1), ("backward", 2)):
            row = {"work": f"{kernel}, {way}, {name}", "peer": "PyTorch eager", "threads": 1}
            row |= compared(times[way], times[f"their {way}"])
            if operations:
                row["gflops"] = spread(products * operations / times[way] / 1e9)
            rows.append(row)
    return rows
