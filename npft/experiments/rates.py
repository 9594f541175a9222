"""The rate of full fine-tuning: too low learns nothing, too high destroys what was pretrained.

"1e-3 destroys, 2e-5 keeps" is said of large models. Here the axis is another, as a body of 10^5
weights needs larger steps, but there is a low rate that keeps and does not learn, a high one that
destroys, and a band between them. A cell is one of ``repairs.py``: it fine-tunes at its rate, and
reads F1 and the pretraining loss of the same weights. The head learns at 1e-2 or more in each, so
that up to there only the rate of the body differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

RATES = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
TASKS = ("sms",)
HEAD_LR = 1e-2  # or the rate of the body, where that is higher
EPOCHS = 20
TESTS, PROBE_SIZE = 1000, 200
STEPS = EPOCHS * 20  # 640 labels in batches of 32


def rate_cells(body: str, world: int, documents: int, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """The cells for ``forgetting_cell`` on the body in a folder.

    ``world`` is the seed of the TinyWorld whose first ``documents`` it was pretrained on.
    """
    return [
        {
            "task": task, "lr": lr, "head_lr": HEAD_LR, "seed": seed,
            "world": world, "documents": documents, "body": body, "epochs": EPOCHS, "every": STEPS,
            "tests": TESTS, "probe": PROBE_SIZE,
        }
        for lr in RATES
        for task in TASKS
        for seed in seeds
    ]  # fmt: skip


def rate_table(cells: Sequence[Mapping[str, Any]], task: str) -> dict[float, dict[str, np.ndarray]]:
    """{rate: its ``f1_and_rise``}, by rising rate."""
    rates = sorted({cell["lr"] for cell in cells})
    return {lr: f1_and_rise(cells, task=task, lr=lr) for lr in rates}


def f1_and_rise(cells: Sequence[Mapping[str, Any]], **asked: Any) -> dict[str, np.ndarray]:
    """{"f1", "rise"} of the cells that are as asked: F1 at the end, and the rise of the pretraining
    loss in nats, over the seeds."""
    curves = [c["curve"] for c in cells if asked.items() <= c.items()]
    return {
        "f1": np.array([curve["f1"][-1] for curve in curves]),
        "rise": np.array([curve["mlm_loss"][-1] - curve["mlm_loss"][0] for curve in curves]),
    }


def best_rate(cells: Sequence[Mapping[str, Any]], task: str) -> float:
    """The rate of the best mean F1."""
    table = rate_table(cells, task)
    return max(table, key=lambda lr: float(table[lr]["f1"].mean()))


def destroying_rate(
    cells: Sequence[Mapping[str, Any]], task: str, unigram: float
) -> float | None:
    """The lowest rate whose mean rise reaches the unigram loss; None if none does."""
    table = rate_table(cells, task)
    return next((lr for lr, row in table.items() if row["rise"].mean() >= unigram), None)
