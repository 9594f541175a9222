"""How deep to fine-tune: the first n blocks stay frozen; what is learnt, and what is forgotten.

Depth 0 trains the head alone, 1 the last block as well, and so on up to all blocks; the last step
adds the embeddings. A cell is one of ``repairs.py``, at one rate for all depths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.experiments.rates import EPOCHS, HEAD_LR, PROBE_SIZE, STEPS, TESTS, f1_and_rise

TASKS = ("sms",)
DEPTHS = ("head", "last block", "both blocks", "all")  # of a body of two blocks
LR = 2e-3


def depth_cells(
    body: str, world: int, documents: int, seeds: Sequence[int]
) -> list[dict[str, Any]]:
    """The cells for ``forgetting_cell`` on the body in a folder; see ``rate_cells``."""
    return [
        {
            "task": task, "depth": name, "lr": LR, "head_lr": HEAD_LR, "seed": seed,
            "world": world, "documents": documents, "body": body, "epochs": EPOCHS, "every": STEPS,
            "tests": TESTS, "probe": PROBE_SIZE,
            **({} if name == "all" else {"last": depth}),
        }
        for depth, name in enumerate(DEPTHS)
        for task in TASKS
        for seed in seeds
    ]  # fmt: skip


def depth_table(cells: Sequence[Mapping[str, Any]], task: str) -> dict[str, dict[str, np.ndarray]]:
    """{depth: its ``f1_and_rise``}, from the head alone to all."""
    return {name: f1_and_rise(cells, task=task, depth=name) for name in DEPTHS}
