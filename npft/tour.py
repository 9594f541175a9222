"""The tour: the life of one encoder from pretraining to a classifier, in a minute or two.

1. Pretrain a body of lesson size on TinyWorld by masked words and next sentences.
2. Swap the head: fine-tune on spam and on topics in three regimes, beside two controls.
3. Print one table, draw two figures, write results.json.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from npft.encoder.checkpoint import save
from npft.finetune.regimes import EPOCHS, REGIMES, sweep
from npft.nn.history import History
from npft.nn.progress import ProgressFn
from npft.plots import draw_mlm, draw_regimes, save_figure
from npft.pretrain.objectives import MaskedLM
from npft.pretrain.train import pretrain
from npft.recipes import (
    PRETRAIN_LR, ProgressMaker, check_out, new_masked_lm, timed, write_run,
)
from npft.text import WordPiece
from npft.worlds import TinyWorld, sms_fixture

DOCUMENTS, HELD_OUT = 4000, 200
POSITIONS, VOCAB_SIZE = 64, 2000
STEPS, BATCH_SIZE = 2800, 32
TASKS = (("sms", 640), ("topic", 32), ("topic", 160))
SEEDS = 3
MEANINGS = {
    "words": "bag of words",
    "scratch": "full, random body",
    "head": "head only",
    "last": "last block",
    "full": "full",
}


def pretrain_tinyworld(
    seed: int, steps: int = STEPS, progress: ProgressFn | None = None
) -> tuple[MaskedLM, History]:
    """Pretrain a new body of lesson size on 4,000 documents of ``TinyWorld(seed)``.

    The vocabulary is a WordPiece of 2,000 trained on the documents and the SMS training texts;
    the history measures 200 further documents, 20 times.
    """
    documents = [d.sentences for d in TinyWorld(seed).documents(DOCUMENTS + HELD_OUT)]
    train, held_out = documents[:DOCUMENTS], documents[DOCUMENTS:]
    texts = [s for d in train for s in d] + sms_fixture()[0].texts
    rng = np.random.default_rng(seed)
    tok = WordPiece.train(texts, vocab_size=VOCAB_SIZE)
    mlm = new_masked_lm(tok, POSITIONS, True, rng)
    history = pretrain(
        mlm,
        train,
        steps=steps,
        batch_size=BATCH_SIZE,
        lr=PRETRAIN_LR,
        every=max(1, steps // 20),
        held_out=held_out,
        progress=progress,
        rng=rng,
    )
    return mlm, history


def make_cells(body: Path, seeds: range, epochs: int) -> list[dict[str, Any]]:
    """One cell for each task, regime and seed."""
    return [
        {"task": t, "n": n, "regime": r, "seed": s, "body": str(body), "epochs": epochs}
        for t, n in TASKS
        for r in REGIMES
        for s in seeds
    ]


def run_cells(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run cells in one process for each processor core."""
    workers = min(len(cells), os.cpu_count() or 1)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as executor:
        return sweep(cells, executor)


def make_table(cells: list[dict[str, Any]]) -> str:
    """F1 as mean and standard deviation over the seeds: regimes down, tasks across."""
    seeds = len({c["seed"] for c in cells})
    heads = [f"{t}, {n} labels" for t, n in TASKS]
    lines = [f"F1 on {1000:,} test texts, mean and standard deviation over {seeds} seed(s)"]
    lines.append(f"{'':18}" + "".join(f"{h:>20}" for h in heads) + f"{'weights trained':>18}")
    for regime in REGIMES:
        row, trained = f"{MEANINGS[regime]:18}", 0
        for task, n in TASKS:
            chosen = [c for c in cells if (c["task"], c["n"], c["regime"]) == (task, n, regime)]
            f1 = [c["f1"] for c in chosen]
            spread = f" ± {np.std(f1, ddof=1):.3f}" if len(f1) > 1 else ""
            row += f"{f'{np.mean(f1):.3f}{spread}':>20}"
            trained = max(c["trained"] for c in chosen)
        lines.append(row + (f"{trained:>18,}" if trained else f"{'-':>18}"))
    return "\n".join(lines)


def tour(
    *, out: Path, fast: bool = False, seed: int = 0, progress: ProgressMaker
) -> dict[str, Any]:
    """Run the tour and write everything to the folder ``out``; returns the results."""
    check_out(out)
    timings: dict[str, float] = {}
    with timed(timings, "pretrain"):
        mlm, history = pretrain_tinyworld(seed, STEPS // 5 if fast else STEPS, progress("pretrain"))
    save(out / "body", mlm)
    epochs = EPOCHS // 2 if fast else EPOCHS
    with timed(timings, "finetune"):
        seeds = range(seed, seed + (1 if fast else SEEDS))
        cells = run_cells(make_cells(out / "body", seeds, epochs))
    last = history.rows[-1]
    summary = (
        f"held-out masked-word loss {last['mlm_loss']:.2f} nats "
        f"({history['unigram'][0] - last['mlm_loss']:.2f} below the unigram loss), "
        f"next-sentence accuracy {last['nsp_acc']:.2f}"
    )
    if fast:
        summary += "\n(fast: pretraining stops before its loss drops; the full tour waits for it)"
    results: dict[str, Any] = {
        "seed": seed,
        "fast": fast,
        "pretrain": history.rows,
        "cells": [{k: v for k, v in c.items() if k != "body"} for c in cells],
        "table": summary + "\n\n" + make_table(cells),
    }
    with timed(timings, "figures"):
        save_figure(out / "mlm.png", draw_mlm, history, mlm.encoder.config.vocab_size)
        sms = [c for c in cells if c["task"] == "sms"]
        save_figure(out / "regimes.png", draw_regimes, sms)
    write_run(out, results, history, timings)
    return results
