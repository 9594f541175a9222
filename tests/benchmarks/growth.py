"""How the cost of a step grows with the length T, the batch, the width D and the depth L."""

from __future__ import annotations

import numpy as np
from clock import in_turns
from models import Size, full_batch, our_model, our_step

BASE = Size(V=260, D=64, L=2, H=4, T=32, F=256, B=16)
AXES = {
    "T": [BASE._replace(T=t, B=4) for t in (32, 64, 128, 256, 512)],
    "B": [BASE._replace(B=b) for b in (8, 16, 32, 64, 128)],
    "D": [BASE._replace(D=d, F=4 * d) for d in (32, 64, 128, 256, 512)],
    "L": [BASE._replace(L=n) for n in (1, 2, 4, 8, 16)],
}


def measure(rounds: int) -> list[dict]:
    """For each axis the times, and the exponent of a power law through the three largest."""
    rows = []
    for axis, sizes in AXES.items():
        at = [getattr(size, axis) for size in sizes]
        calls = {str(a): our_step(our_model(s), full_batch(s), 1) for a, s in zip(at, sizes)}
        ms = [1000 * float(np.median(t)) for t in in_turns(calls, rounds, least=0.05).values()]
        slope = np.polyfit(np.log(at[-3:]), np.log(ms[-3:]), 1)[0]
        rows.append({
            "work": f"growth in {axis}", "at": at, "npft_ms": [float(f"{m:.4g}") for m in ms],
            "exponent": round(float(slope), 2),
        })  # fmt: skip
    return rows
