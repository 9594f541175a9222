"""Peak memory of training steps: what a process holds above what it held with the model built.

Each library runs in a process of its own. The peak of the resident set is reset (Linux) when model,
optimiser and batch stand; then come three steps. So gradients, the optimiser's moments and all that
the graph keeps are counted, and the libraries themselves are not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models import (
    SIZES, full_batch, our_model, our_step, torch_model, torch_optimizer, torch_step,
    torch_tensors,
)


def resident(field: str) -> float:
    """VmRSS or VmHWM (its peak) of this process, in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def peak_of_steps(library: str, name: str, packs: int | None = None) -> float:
    """MB above the built model, at the highest point of three steps."""
    size = SIZES[name]
    ours, batch = our_model(size), full_batch(size)
    if library == "npft":
        step: Callable[[], object] = our_step(ours, batch, packs)
    else:
        import torch

        torch.set_num_threads(1)
        model = torch_model(size, ours)
        step = torch_step(model, torch_optimizer(model), *torch_tensors(size, batch))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = resident("VmRSS")
    for _ in range(3):
        step()
    return resident("VmHWM") - before


def growth(name: str, steps: int) -> dict:
    """The resident memory of npft after a tenth of the steps, and after all."""
    step = our_step(our_model(SIZES[name]), full_batch(SIZES[name]))
    marks = []
    for i in range(1, steps + 1):
        step()
        if i in (steps // 10, steps):
            marks.append(round(resident("VmRSS"), 1))
    return {"work": f"memory over {steps} {name} steps", "mb": marks}
