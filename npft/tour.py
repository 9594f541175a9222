"""The tour: the life of one encoder in three minutes.

1. Pretrain a body of lesson size on TinyWorld by masked tokens and next sentences.
2. Swap the head: fine-tune on spam and on topics in three regimes, beside two controls.
3. Measure what full fine-tuning forgets, and what a lower rate, an anchor and replay save.
4. Train sentence vectors by SimCSE, and look at the cone they lie in.
5. Print the tables, draw four figures, write results.json.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from npft.encoder.checkpoint import save
from npft.experiments.bodies import DOCUMENTS, HELD_OUT, STEPS, pretrain_tinyworld
from npft.experiments.cone import embedding_cell
from npft.experiments.regimes import EPOCHS, REGIMES, run_cell
from npft.experiments.repairs import EPOCHS as FORGETTING_EPOCHS
from npft.experiments.repairs import forgetting_cell
from npft.experiments.sweep import sweep
from npft.files.output import ProgressMaker, claimed, drop_results, timed, write_run
from npft.forgetting.compare import compare_methods
from npft.forgetting.measure import ForgettingCurve
from npft.nn.history import History
from npft.plots import draw_cone, draw_forgetting, draw_mlm, draw_regimes, save_figure

APART = ("body", "cones", "seconds")  # of a cell, not among the results: a place, a time, angles
FIGURES = ("mlm.png", "regimes.png", "forgetting.png", "cone.png")


# what the forgetting of plain fine-tuning is compared with: what a cell says of each
AGAINST_FORGETTING: dict[str, dict[str, Any]] = {
    "plain": {"method": "plain"},
    "rate x 0.3": {"method": "lr", "strength": 0.3},
    "anchor 0.01": {"method": "anchor", "strength": 1e-2},
    "replay": {"method": "replay", "strength": 0.2},
    "frozen body": {"method": "frozen body"},
}


@dataclass(frozen=True)
class Sizes:
    """How large a tour is."""

    documents: int = DOCUMENTS
    held_out: int = HELD_OUT
    steps: int = STEPS  # of pretraining
    seeds: int = 3
    epochs: int = EPOCHS
    contrast: int = 300  # steps of SimCSE
    tasks: tuple[tuple[str, int], ...] = (("sms", 640), ("topic", 32), ("topic", 160))
    methods: tuple[str, ...] = tuple(AGAINST_FORGETTING)
    measured: dict[str, int] = field(default_factory=dict)  # "sentences", "pairs" of the cone


FULL = Sizes()
FAST = Sizes(steps=STEPS // 7, seeds=1, epochs=EPOCHS // 2, contrast=60)
EXPERIMENTS = {"regime": run_cell, "forgetting": forgetting_cell, "embedding": embedding_cell}
MEANINGS = {
    "words": "bag of words",
    "scratch": "full, random body",
    "head": "head only",
    "last": "last block",
    "full": "full",
}


def make_cells(body: Path, seed: int, sizes: Sizes) -> list[dict[str, Any]]:
    """All that follows pretraining, as cells, the longest first."""
    common = {"body": str(body), "world": seed, "documents": sizes.documents}
    seeds = range(seed, seed + sizes.seeds)
    cells: list[dict[str, Any]] = [
        {
            "experiment": "embedding", "seed": seed, "steps": sizes.contrast, "every": 100,
            "epochs": sizes.epochs, "dropouts": [0.0, 0.1], **sizes.measured,
        }
    ]  # fmt: skip
    cells += [
        {
            "experiment": "forgetting", "name": name, "seed": s,
            "epochs": min(sizes.epochs, FORGETTING_EPOCHS),
            "every": 20, **AGAINST_FORGETTING[name],
        }
        for name in sizes.methods
        for s in seeds
    ]  # fmt: skip
    cells += [
        {"experiment": "regime", "task": t, "n": n, "regime": r, "seed": s, "epochs": sizes.epochs}
        for t, n in sizes.tasks
        for r in REGIMES
        for s in seeds
    ]
    return [common | cell for cell in cells]


def run_experiment(cell: dict[str, Any]) -> dict[str, Any]:
    """Run one cell of any experiment."""
    return EXPERIMENTS[cell["experiment"]](cell)


def make_table(cells: list[dict[str, Any]], tasks: tuple[tuple[str, int], ...]) -> str:
    """F1 as mean and standard deviation over the seeds: regimes down, tasks across."""
    seeds = len({c["seed"] for c in cells})
    heads = [f"{t}, {n} labels" for t, n in tasks]
    lines = [f"F1 on {1000:,} test texts, mean and standard deviation over {seeds} seed(s)"]
    lines.append(f"{'':18}" + "".join(f"{h:>20}" for h in heads) + f"{'weights trained':>18}")
    for regime in REGIMES:
        row, trained = f"{MEANINGS[regime]:18}", 0
        for task, n in tasks:
            chosen = [c for c in cells if (c["task"], c["n"], c["regime"]) == (task, n, regime)]
            f1 = [c["f1"] for c in chosen]
            row += f"{f'{np.mean(f1):.3f}{_spread(f1)}':>20}"
            trained = max(c["trained"] for c in chosen)
        lines.append(row + (f"{trained:>18,}" if trained else f"{'-':>18}"))
    return "\n".join(lines)


def forgetting_table(cells: list[dict[str, Any]]) -> str:
    """Best F1 and the rise of the held-out loss at the end, mean and standard deviation."""
    lines = [f"{'fine-tuning':22}{'best F1':>18}{'rise of held-out loss (nats)':>32}"]
    named = [{"method": c["name"], "seed": c["seed"], "curve": c["curve"]} for c in cells]
    for method, row in compare_methods(named, "plain").items():
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


def summary(history: History, fast: bool) -> str:
    """What pretraining has come to."""
    last = history.rows[-1]
    told = (
        f"held-out masked-token loss {last['mlm_loss']:.2f} nats "
        f"({history['unigram'][0] - last['mlm_loss']:.2f} below the unigram loss), "
        f"next-sentence accuracy {last['nsp_acc']:.2f}"
    )
    if fast:
        told += "\n(fast: pretraining stops before its loss drops; the full tour waits for it)"
    return told


def _spread(values: list[float]) -> str:
    return f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""


def tour(
    *,
    out: Path,
    fast: bool = False,
    seed: int = 0,
    force: bool = False,
    progress: ProgressMaker,
    sizes: Sizes | None = None,
    executor: Executor | None = None,
) -> dict[str, Any]:
    """Run the tour and write everything to the folder ``out``; returns the results.

    ``sizes`` replaces those of the full or the fast tour; ``executor`` carries the experiments (by
    default new processes, see ``sweep``). ``force`` allows it to write over an earlier tour, see
    ``check_out``.
    """
    sizes = sizes or (FAST if fast else FULL)
    body = out / "body"
    with claimed(out, force=force, also=FIGURES), claimed(body, force=force):
        timings: dict[str, float] = {}
        with timed(timings, "pretrain"):
            mlm, history = pretrain_tinyworld(
                seed, sizes.steps, sizes.documents, sizes.held_out, progress("pretrain")
            )
        drop_results(out, FIGURES)
        drop_results(body)
        save(body, mlm)
        with timed(timings, "experiments"):
            cells = sweep(run_experiment, make_cells(body, seed, sizes), executor)
        found = {
            name: [c for c in cells if c["experiment"] == name]
            for name in ("regime", "forgetting", "embedding")
        }
        tables = [
            summary(history, fast),
            make_table(found["regime"], sizes.tasks),
            forgetting_table(found["forgetting"]),
            embedding_table(found["embedding"][0]),
        ]
        results: dict[str, Any] = {
            "seed": seed,
            "fast": fast,
            "pretrain": history.rows,
            "cells": [{k: v for k, v in c.items() if k not in APART} for c in cells],
            "table": "\n\n".join(tables),
        }
        with timed(timings, "figures"):
            draw_all(out, history, mlm.encoder.config.vocab_size, found, sizes.methods)
        write_run(out, results, history, timings)
        return results


def draw_all(
    out: Path, history: History, vocab_size: int, found: dict[str, list], methods: tuple[str, ...]
) -> None:
    """The four figures of the tour."""
    save_figure(out / "mlm.png", draw_mlm, history, vocab_size)
    sms = [c for c in found["regime"] if c["task"] == "sms"]
    save_figure(out / "regimes.png", draw_regimes, sms)
    curves = {
        m: [ForgettingCurve.from_dict(c["curve"]) for c in found["forgetting"] if c["name"] == m]
        for m in methods
    }
    save_figure(out / "forgetting.png", draw_forgetting, curves, columns=2, width=7)
    cones = found["embedding"][0]["cones"]
    cones = {name: [cones[name]] for name in ("random", "mlm", "simcse 0.1")}
    save_figure(out / "cone.png", draw_cone, cones, columns=3, width=5.87, height=9.9)
