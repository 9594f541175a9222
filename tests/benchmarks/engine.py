"""What the engine itself costs: a chain of 1,000 operations on arrays of four numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from clock import compared, in_turns

from npft import Tensor

NODES = 1000


def chain(x: Any) -> Any:
    """x is multiplied by ones and added to, over and over: 1,000 nodes, and a sum."""
    y = x
    for _ in range(NODES // 2):
        y = y * x
        y = y + x
    return y


def measure(rounds: int) -> list[dict]:
    import autograd
    import autograd.numpy as anp
    import torch

    torch.set_num_threads(1)
    small = np.full(4, 0.5, np.float32)

    def ours() -> None:
        chain(Tensor(small, requires_grad=True)).sum().backward()

    def pytorch() -> None:
        chain(torch.tensor(small, requires_grad=True)).sum().backward()

    gradient = autograd.grad(lambda x: anp.sum(chain(x)))
    times = in_turns({"npft": ours, "torch": pytorch, "hips": lambda: gradient(small)}, rounds)
    rows = []
    for key, peer in (("torch", "PyTorch eager"), ("hips", "HIPS autograd")):
        row = {"work": "engine, 1,000 small ops", "peer": peer, "threads": 1}
        rows.append(row | compared(times["npft"], times[key]))
    return rows
