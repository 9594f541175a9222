"""How the cost of a step grows with the length T, the batch, the width D and the depth L."""

from __future__ import annotations

import numpy as np
from clock import in_turns
from models import (
    Size, full_batch, our_model, our_step, torch_model, torch_optimizer, torch_step,
    torch_tensors,
)

BASE = Size(V=260, D=64, L=2, H=4, T=32, F=256, B=16)
AXES = {
    "T": [BASE._replace(T=t, B=2) for t in (32, 128, 512, 1024, 2048)],
    "B": [BASE._replace(B=b) for b in (8, 16, 32, 64, 128)],
    "D": [BASE._replace(D=d, F=4 * d, H=d // 16) for d in (64, 128, 256, 512, 1024)],
    "L": [BASE._replace(L=n) for n in (1, 2, 4, 8, 16)],
}


def measure(rounds: int) -> list[dict]:
    """For each axis the times of both, and the exponent of a power law through the three largest."""
    import torch

    torch.set_num_threads(1)
    rows = []
    for axis, sizes in AXES.items():
        at = [getattr(size, axis) for size in sizes]
        calls = {}
        for a, size in zip(at, sizes):
            ours, batch = our_model(size), full_batch(size)
            theirs = torch_model(size, ours)
            calls[f"npft {a}"] = our_step(ours, batch, 1)
            calls[f"torch {a}"] = torch_step(
                theirs, torch_optimizer(theirs), *torch_tensors(size, batch)
            )
        times = in_turns(calls, rounds, least=0.05)
        row: dict = {"work": f"growth in {axis}", "at": at}
        for library in ("npft", "torch"):
            ms = [1000 * float(np.median(times[f"{library} {a}"])) for a in at]
            slope = np.polyfit(np.log(at[-3:]), np.log(ms[-3:]), 1)[0]
            row |= {
                f"{library}_ms": [float(f"{m:.4g}") for m in ms],
                f"{library}_exponent": round(float(slope), 2),
            }
        row["ratios"] = [
            float(f"{np.median(times[f'npft {a}'] / times[f'torch {a}']):.3g}") for a in at
        ]
        rows.append(row)
    return rows
