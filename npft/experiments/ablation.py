"""One change at a time: what each choice in fine-tuning is worth, with its spread and its cost.

The table of a well-known book has nineteen rows, each of one run. Here a row is five seeds (data,
order of the batches, head) on two sets of messages: those of the lesson, which the words decide,
and the hard ones, of which the order of the words decides two in five.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.errors import ConfigError
from npft.experiments.regimes import EPOCHS

TASKS = ("sms", "hard sms")
LABELS = 640
CONCAT = {"layers": 2, "combine": "concat"}

# The name of a row, and how its cells differ from full fine-tuning at its usual rate with the mean
# pool (see ``run_cell``).
ROWS: dict[str, dict[str, Any]] = {
    "bag of words": {"regime": "words"},
    "head only, random body": {"regime": "head", "random": True},
    "head only": {"regime": "head"},
    "head only, rate 0.1": {"regime": "head", "train": {"lr": 0.1}},
    "head only, first token": {"regime": "head", "head": {"pool": "cls"}},
    "head only, last token": {"regime": "head", "head": {"pool": "last"}},
    "head only, maximum": {"regime": "head", "head": {"pool": "max"}},
    "head only, attention pool": {"regime": "head", "head": {"pool": "attention"}},
    "head only, last 2 layers joined": {"regime": "head", "head": CONCAT},
    "last block": {"regime": "last"},
    "all but the embeddings": {"regime": "full", "first": 0},
    "full, random body": {"regime": "full", "random": True},
    "full": {"regime": "full"},
    "full, first token": {"regime": "full", "head": {"pool": "cls"}},
    "full, last token": {"regime": "full", "head": {"pool": "last"}},
    "full, maximum": {"regime": "full", "head": {"pool": "max"}},
    "full, attention pool": {"regime": "full", "head": {"pool": "attention"}},
    "full, rate 1e-4": {"regime": "full", "train": {"lr": 1e-4}},
    "full, rate 1e-2": {"regime": "full", "train": {"lr": 1e-2}},
    "full, no dropout": {"regime": "full", "dropout": 0.0},
    "full, label smoothing 0.1": {"regime": "full", "head": {"smoothing": 0.1}},
    "full, rates by layer (2.6)": {"regime": "full", "train": {"ratio": 2.6}},
    "full, cosine head, constant body": {
        "regime": "full", "train": {"schedule": {"heads": "cosine", "body": "constant"}},
    },
    "gradual unfreezing": {"regime": "gradual"},
    "ULMFiT: gradual, 2.6, slanted": {"regime": "ulmfit"},
    "linear probe, then full": {"regime": "lp-ft"},
}  # fmt: skip


def ablation_cells(body: str, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """The cells for ``run_cell`` on the body in a folder: each row, task and seed."""
    return [
        {
            "row": row, "task": task, "n": LABELS, "seed": seed, "body": body, "epochs": EPOCHS,
            "watch": False, **changes,
        }
        for row, changes in ROWS.items()
        for task in TASKS
        for seed in seeds
    ]  # fmt: skip


def ablation_rows(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A dict for each row: "row", "trained", "seconds" (median), and for each task its cells' "f1".

    The task of the lesson also has "precision" and "recall". Lists are over the seeds. Raises
    ``ConfigError`` if a row has no cells.
    """
    found = []
    for row in ROWS:
        own = [cell for cell in cells if cell["row"] == row]
        if not own:
            raise ConfigError(f"ablation: no cell of the row {row!r}; compute it anew")
        lesson = [cell for cell in own if cell["task"] == TASKS[0]]
        found.append(
            {
                "row": row,
                "trained": own[0]["trained"],
                "seconds": float(np.median([cell["seconds"] for cell in own])),
                "precision": [cell["precision"] for cell in lesson],
                "recall": [cell["recall"] for cell in lesson],
                **{task: [cell["f1"] for cell in own if cell["task"] == task] for task in TASKS},
            }
        )
    return found


def ablation_table(cells: Sequence[Mapping[str, Any]]) -> str:
    """The table in Markdown: mean and standard deviation over the seeds, weights, seconds."""
    lines = [
        "| fine-tuning | precision | recall | F1, lesson | F1, hard | weights | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ablation_rows(cells):
        shown = [_mean_and_spread(row[k]) for k in ("precision", "recall", *TASKS)]
        weights = f"{row['trained']:,}" if row["trained"] else "-"
        lines.append(f"| {row['row']} | {' | '.join(shown)} | {weights} | {row['seconds']:.1f} |")
    return "\n".join(lines)


def _mean_and_spread(values: Sequence[float]) -> str:
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"
