"""The tour: the life of one encoder in three minutes.

1. Pretrain a body of lesson size on TinyWorld by masked tokens and next sentences.
2. Swap the head: fine-tune on spam and on topics in three regimes, beside two controls.
3. Measure what full fine-tuning forgets, and what a lower rate, an anchor and replay save.
4. Train sentence vectors by SimCSE, and look at the cone they lie in.
5. Print the tables, draw four figures, write results.json.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from npft.embed.compare import embedding_cell
from npft.encoder.checkpoint import save
from npft.finetune.regimes import EPOCHS, REGIMES, run_cell
from npft.forgetting.compare import CONTROLS, METHODS, compare_methods, forgetting_cell
from npft.forgetting.measure import ForgettingCurve
from npft.material import DOCUMENTS, new_masked_lm, world_text
from npft.nn.history import History
from npft.nn.progress import ProgressFn
from npft.plots import draw_cone, draw_forgetting, draw_mlm, draw_regimes, save_figure
from npft.pretrain.objectives import MaskedLM
from npft.pretrain.train import pretrain
from npft.recipes import PRETRAIN_LR, ProgressMaker, check_out, timed, write_run
from npft.sweep import sweep
from npft.text import WordPiece

POSITIONS, VOCAB_SIZE = 64, 2000
STEPS, BATCH_SIZE = 2800, 32
TASKS = (("sms", 640), ("topic", 32), ("topic", 160))
SEEDS = 3
FORGETTING = ("rate 1e-3", "rate 3e-4", "anchor 0.01", "replay, weight 0.2", "frozen body")
EXPERIMENTS = {"regime": run_cell, "forgetting": forgetting_cell, "embedding": embedding_cell}
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
    text = world_text(seed)
    rng = np.random.default_rng(seed)
    tok = WordPiece.train(text.vocabulary, vocab_size=text.vocab_size)
    mlm = new_masked_lm(tok, text.max_positions, True, rng)
    history = pretrain(
        mlm,
        text.train,
        steps=steps,
        batch_size=BATCH_SIZE,
        lr=PRETRAIN_LR,
        every=max(1, steps // 20),
        held_out=text.held_out,
        progress=progress,
        rng=rng,
    )
    return mlm, history


def make_cells(body: Path, world: int, seeds: range, fast: bool) -> list[dict[str, Any]]:
    """All that follows pretraining, as cells, the longest first."""
    common = {"body": str(body), "world": world, "documents": DOCUMENTS}
    epochs = EPOCHS // 2 if fast else EPOCHS
    cells: list[dict[str, Any]] = [
        {
            "experiment": "embedding", "seed": world, "steps": 60 if fast else 300, "every": 100,
            "epochs": epochs, "dropouts": [0.0, 0.1],
        }
    ]
    cells += [
        {
            "experiment": "forgetting", "method": method, "seed": seed, "epochs": epochs,
            "every": 40, **(METHODS | CONTROLS)[method],
        }
        for method in FORGETTING
        for seed in seeds
    ]
    cells += [
        {"experiment": "regime", "task": t, "n": n, "regime": r, "seed": s, "epochs": epochs}
        for t, n in TASKS
        for r in REGIMES
        for s in seeds
    ]
    return [common | cell for cell in cells]


def run_experiment(cell: dict[str, Any]) -> dict[str, Any]:
    """Run one cell of any experiment."""
    return EXPERIMENTS[cell["experiment"]](cell)


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
            row += f"{f'{np.mean(f1):.3f}{_spread(f1)}':>20}"
            trained = max(c["trained"] for c in chosen)
        lines.append(row + (f"{trained:>18,}" if trained else f"{'-':>18}"))
    return "\n".join(lines)


def forgetting_table(cells: list[dict[str, Any]]) -> str:
    """Best F1 and the rise of the held-out loss at the end, mean and standard deviation."""
    lines = [f"{'fine-tuning':22}{'best F1':>18}{'rise of held-out loss (nats)':>32}"]
    for method, row in compare_methods(cells).items():
        shown = [f"{np.mean(row[k]):.3f}{_spread(row[k])}" for k in ("f1", "end")]
        lines.append(f"{method:22}{shown[0]:>18}{shown[1]:>32}")
    return "\n".join(lines)


def embedding_table(cell: dict[str, Any]) -> str:
    """The states of the encoder: where its sentence vectors lie, and whether that says anything."""
    columns = {
        "mean_cosine": "mean cosine", "effective_rank": "eff. rank", "uniformity": "uniformity",
        "alignment": "alignment", "similarity_words": "Spearman", "similarity_synonyms": "synonyms",
    }
    lines = [f"{'sentence vectors':18}" + "".join(f"{v:>13}" for v in columns.values())]
    for state, row in cell["states"].items():
        lines.append(f"{state:18}" + "".join(f"{row[k]:>13.3f}" for k in columns))
    words = "".join(f"{cell['words'].get(k, np.nan):>13.3f}" for k in columns)
    lines.append(f"{'bag of words':18}" + words.replace("nan", "  -"))
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    return f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""


def tour(
    *, out: Path, fast: bool = False, seed: int = 0, progress: ProgressMaker
) -> dict[str, Any]:
    """Run the tour and write everything to the folder ``out``; returns the results."""
    check_out(out)
    timings: dict[str, float] = {}
    with timed(timings, "pretrain"):
        mlm, history = pretrain_tinyworld(seed, STEPS // 7 if fast else STEPS, progress("pretrain"))
    save(out / "body", mlm)
    with timed(timings, "experiments"):
        cells = make_cells(out / "body", seed, range(seed, seed + (1 if fast else SEEDS)), fast)
        cells = sweep(run_experiment, cells)
    found = {
        name: [c for c in cells if c["experiment"] == name]
        for name in ("regime", "forgetting", "embedding")
    }
    last = history.rows[-1]
    summary = (
        f"held-out masked-token loss {last['mlm_loss']:.2f} nats "
        f"({history['unigram'][0] - last['mlm_loss']:.2f} below the unigram loss), "
        f"next-sentence accuracy {last['nsp_acc']:.2f}"
    )
    if fast:
        summary += "\n(fast: pretraining stops before its loss drops; the full tour waits for it)"
    tables = [
        summary,
        make_table(found["regime"]),
        forgetting_table(found["forgetting"]),
        embedding_table(found["embedding"][0]),
    ]
    results: dict[str, Any] = {
        "seed": seed,
        "fast": fast,
        "pretrain": history.rows,
        "cells": [{k: v for k, v in c.items() if k not in ("body", "cones")} for c in cells],
        "table": "\n\n".join(tables),
    }
    with timed(timings, "figures"):
        draw_all(out, history, mlm.encoder.config.vocab_size, found)
    write_run(out, results, history, timings)
    return results


def draw_all(out: Path, history: History, vocab_size: int, found: dict[str, list]) -> None:
    """The four figures of the tour."""
    save_figure(out / "mlm.png", draw_mlm, history, vocab_size)
    sms = [c for c in found["regime"] if c["task"] == "sms"]
    save_figure(out / "regimes.png", draw_regimes, sms)
    curves = {
        m: [ForgettingCurve.from_dict(c["curve"]) for c in found["forgetting"] if c["method"] == m]
        for m in FORGETTING
    }
    save_figure(out / "forgetting.png", draw_forgetting, curves, columns=2)
    cones = found["embedding"][0]["cones"]
    cones = {name: cones[name] for name in ("random", "mlm", "simcse 0.1")}
    save_figure(out / "cone.png", draw_cone, cones, columns=3, polar=True)
