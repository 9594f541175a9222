"""Does a linear probe tell beforehand which checkpoint will fine-tune best?

A probe, head-only training on a frozen body, costs seconds; full fine-tuning of every checkpoint
costs hours where models are large. So the checkpoints of one pretraining run are ranked by the
probe, and by what full fine-tuning makes of them; the rank correlation of both says whether the
first may stand for the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.checkpoint import save
from npft.experiments.bodies import BATCH_SIZE, world_text
from npft.metrics.ranking import spearman
from npft.pretrain.start import PRETRAIN_LR, new_masked_lm
from npft.pretrain.train import pretrain
from npft.text import WordPiece

STEPS = (0, 400, 800, 1200, 2000, 2800)
TASKS = ("sms", "hard sms")
LABELS = 640


def save_checkpoints(folder: Path, seed: int = 0, steps: Sequence[int] = STEPS) -> list[str]:
    """Pretrain one body and save it after each of these steps; returns the folders.

    The rate is constant but for the rise at the start of each stretch: a rate that falls to the end
    would make the last checkpoint better for another reason than its steps.
    """
    text = world_text(seed)
    rng = np.random.default_rng(seed)
    tokenizer = WordPiece.train(text.vocabulary, vocab_size=text.vocab_size)
    folders = []
    with threads(1):
        mlm = new_masked_lm(tokenizer, text.max_positions, True, rng)
        for before, now in zip((0, *steps), steps):
            if now > before:
                pretrain(
                    mlm, text.train, steps=now - before, batch_size=BATCH_SIZE, lr=PRETRAIN_LR,
                    every=now - before, rng=rng,
                )  # fmt: skip
            folders.append(str(folder / f"step{now}"))
            save(folders[-1], mlm)
    return folders


def checkpoint_cells(folders: Sequence[str], seeds: Sequence[int], epochs: int) -> list[dict]:
    """The cells for ``run_cell``: each checkpoint probed and fine-tuned, on each task."""
    return [
        {
            "task": task, "n": LABELS, "regime": regime, "seed": seed, "epochs": epochs,
            "body": body, "step": step, "watch": False,
        }
        for regime in ("full", "head")
        for step, body in zip(STEPS, folders)
        for task in TASKS
        for seed in seeds
    ]  # fmt: skip


def probe_and_full(cells: Sequence[Mapping[str, Any]], task: str) -> dict[int, tuple[float, float]]:
    """{step: (mean F1 of the probe, mean F1 of full fine-tuning)}, by rising steps."""

    def mean(step: int, regime: str) -> float:
        asked = (task, step, regime)
        return float(
            np.mean([c["f1"] for c in cells if (c["task"], c["step"], c["regime"]) == asked])
        )

    steps = sorted({cell["step"] for cell in cells})
    return {step: (mean(step, "head"), mean(step, "full")) for step in steps}


def rank_agreement(cells: Sequence[Mapping[str, Any]], task: str) -> float:
    """The rank correlation of probe and full fine-tuning over the checkpoints."""
    probe, full = zip(*probe_and_full(cells, task).values())
    return spearman(probe, full)
