"""What fine-tuning forgets of TinyWorld, under each method and control (``methods.py``).

A run is a cell: a plain dict with all that it depends on (see ``sweep.py``). The comparison at
equal success on the task is in ``forgetting/compare.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model, copy_of
from npft.experiments.methods import STRENGTHS, options_of
from npft.experiments.regimes import make_task
from npft.finetune.regimes import DROPOUT, freeze_body
from npft.finetune.train import steps_in_epoch
from npft.forgetting.compare import Ranking, least_forgetting
from npft.forgetting.drift import prediction_drift, representation_drift, weight_drift
from npft.forgetting.measure import ForgettingCurve, forgetting_curve
from npft.forgetting.methods import PLAIN, Run
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.pretraining.pairs import Corpus, Documents
from npft.pretraining.probe import make_probe, unigram_loss
from npft.pretraining.source import layout_for
from npft.pretraining.train import pretrain
from npft.text.batch import Batch
from npft.worlds import TinyWorld

TASKS = {"hard sms": "hard messages", "clinic": "topics of a clinic"}  # and what they are called
EPOCHS, EVERY = 8, 20
LABELS, TESTS, BATCH_SIZE = 640, 400, 32
LR = 2e-3  # of the body, where the method does not change it
HEAD_LR = 2e-3  # a new head must learn whatever the body's rate
PROBE_SIZE = 100  # held-out sequences
HELD_OUT = 200  # documents they come from
ONLY_THE_ENDS = 10**9  # steps between two measurements


class Past(NamedTuple):
    """What the cells of one body and seed share: text of before, and what is made of it once.

    ``made`` is that of a ``Run``: what methods make before training.
    """

    pool: Documents
    probe: Batch
    unigram: float
    made: dict[str, Any]


class Scene(NamedTuple):
    """All that the runs of one cell share: models, texts, and what they are measured on."""

    mlm: MaskedLM
    model: Classifier
    train: Batch
    test: Batch
    pool: Documents
    probe: Batch
    unigram: float
    made: dict[str, Any]
    rng: np.random.Generator


@lru_cache(maxsize=1)
def world_documents(world: int, documents: int) -> tuple[Documents, Documents]:
    """The documents a body was pretrained on, and 200 further ones; cells of a world share them."""
    texts = [d.sentences for d in TinyWorld(world).documents(documents + HELD_OUT)]
    return texts[:documents], texts[documents:]


def held_out_probe(
    mlm: MaskedLM, held_out: Documents, seed: int, size: int = PROBE_SIZE
) -> Batch:
    """Held-out sequences with their masks drawn once."""
    return make_probe(
        held_out,
        mlm.tokenizer,
        layout=layout_for(mlm),
        max_length=mlm.encoder.config.max_positions,
        size=size,
        rng=np.random.default_rng(seed),
    )


@lru_cache(maxsize=1)
def past_of(body: str, world: int, documents: int, seed: int, probe_size: int) -> Past:
    """The past of the body in a folder; the next cell of the same body and seed finds it made."""
    mlm = MaskedLM.load(body)
    pool, held_out = world_documents(world, documents)
    probe = held_out_probe(mlm, held_out, seed, probe_size)
    return Past(pool, probe, unigram_loss(Corpus(pool, mlm.tokenizer), probe), {})


def make_scene(cell: dict[str, Any]) -> Scene:
    """The pretrained body of a cell with a new head, and its data."""
    seed, folder = cell["seed"], cell["body"]
    mlm, rng = MaskedLM.load(folder), np.random.default_rng(seed)
    past = past_of(folder, cell["world"], cell["documents"], seed, cell.get("probe", PROBE_SIZE))
    if cell.get("method") == "from scratch":
        body = Encoder(mlm.encoder.config, tokenizer=mlm.tokenizer, rng=rng)
        mlm = MaskedLM(body, mlm.nsp, rng=rng)
    train, test = make_task(cell.get("task", "hard sms"), LABELS, seed)
    names = train.label_names
    model = Classifier(mlm.encoder, len(names), label_names=names, rng=rng)
    set_dropout(model, DROPOUT)
    labels = np.asarray(train.labels)
    if cell.get("method") == "shuffled labels":
        labels = np.random.default_rng(seed + 1).permutation(labels)
    batch = model.tokenize(train.texts, labels=labels)
    tests = model.batch_of(test[np.arange(min(cell.get("tests", TESTS), len(test)))])
    return Scene(mlm, model, batch, tests, *past, rng)


def forgetting_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Fine-tune one cell and return it with its forgetting curve and what became of the body.

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of the
    TinyWorld it was pretrained on, and how many documents), "epochs", "every", and as it needs
    them: "task" (by default "hard sms"), "method" (a control, or one of ``STRENGTHS``; by default
    plain fine-tuning) and its "strength", "store" (how many documents a method may replay), "lr"
    (of the body, by default 2e-3), "head_lr" (by default 2e-3, and never less than "lr"), "last"
    (train the last n blocks only), "drift" (True: measure it), "tests" and
    "probe" (how many, by default 400 and 100).

    Returns the cell with "curve" and, if asked, "drift": how far each layer has moved, and how far
    its predictions.
    """
    with threads(1):
        scene = make_scene(cell)
        if cell.get("method") == "continued pretraining":
            return cell | {"curve": continued_pretraining(scene, cell).as_dict()}
        start = copy_of(scene.mlm) if cell.get("drift") else None
        found = cell | {"curve": fine_tuned(scene, cell).as_dict()}
        return found if start is None else found | {"drift": drift(start, scene.mlm, scene.probe)}


def drift(start: Model, mlm: Model, probe: Batch) -> dict[str, Any]:
    """What has become of a body: of its weights, of what its layers say, and of its predictions."""
    return {
        "weights": weight_drift(start, mlm),
        "states": representation_drift(start, mlm, probe),
        "kl": prediction_drift(start, mlm, probe),
    }


def fine_tuned(scene: Scene, cell: dict[str, Any]) -> ForgettingCurve:
    """Fine-tune the scene's model under the method of the cell, and measure along the way."""
    lr = cell.get("lr", LR)
    if "last" in cell:
        freeze_body(scene.model, last=cell["last"])
    run = Run(
        model=scene.model, mlm=scene.mlm, start=scene.mlm.encoder.state_dict(),
        documents=scene.pool[: cell.get("store", len(scene.pool))], train=scene.train,
        epochs=cell["epochs"], batch_size=BATCH_SIZE, lr=max(lr, cell.get("head_lr", HEAD_LR)),
        seed=cell["seed"], body_lr=lr,
        made={} if "store" in cell else scene.made,  # of all documents
    )  # fmt: skip
    return forgetting_curve(
        scene.model,
        scene.mlm,
        scene.train,
        scene.probe,
        test=scene.test,
        unigram=scene.unigram,
        every=cell["every"],
        rng=scene.rng,
        **options_of(cell.get("method", PLAIN), cell.get("strength"), run),
    )


def continued_pretraining(scene: Scene, cell: dict[str, Any]) -> ForgettingCurve:
    """The control without a task: the held-out loss during further pretraining."""
    history = pretrain(
        scene.mlm,
        scene.pool,
        steps=cell["epochs"] * steps_in_epoch(scene.train, BATCH_SIZE),
        lr=cell.get("lr", LR),
        every=cell["every"],
        probes={"held_out": scene.probe},
        rng=scene.rng,
    )
    loss, accuracy = (history[f"held_out_mlm_{name}"] for name in ("loss", "acc"))
    return ForgettingCurve(
        history.at("held_out_mlm_loss"), loss, accuracy, np.zeros(len(loss)), scene.unigram
    )


# What the methods are compared at, chosen after a look at two seeds: an F1 below that of plain
# fine-tuning, and above what most methods reach that hold the body still.
MATCHED_F1 = {"hard sms": 0.75, "clinic": 0.75}


def rankings(cells: Sequence[Mapping[str, Any]]) -> dict[str, Ranking]:
    """{task: which method forgets least there at ``MATCHED_F1``} from the results of cells.

    The controls but plain fine-tuning are left out. A method has three strengths and counts by the
    best of them, chosen by the same runs; so a small lead over plain fine-tuning, which has one,
    means little.
    """
    chosen = [dict(c) for c in cells if c["method"] in (PLAIN, *STRENGTHS)]
    return {
        task: least_forgetting([c for c in chosen if c["task"] == task], f1)
        for task, f1 in MATCHED_F1.items()
    }


def repair_table(cells: Sequence[Mapping[str, Any]]) -> str:
    """The rows of the gallery: of each method, on each task, the strength that forgets least."""
    found = rankings(cells)
    names = [f"{TASKS[task]}, rise at F1 {f1:.2f}" for task, f1 in MATCHED_F1.items()]
    lines = [f"| method | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    for method in (PLAIN, *STRENGTHS):
        row = [_shown(ranking, method) for ranking in found.values()]
        lines.append(f"| {method} | {' | '.join(row)} |")
    return "\n".join(lines)


def _shown(ranking: Ranking, method: str) -> str:
    """The best strength of a method, its mean rise with the interval; a star for the best."""
    own = [name for name in ranking.methods if name.split(" ")[0] == method or name == method]
    known = {n: p.mean for n in own if (p := ranking.methods[n]).mean is not None}
    if not known:
        return "not with every seed"  # or not at all
    name = min(known, key=lambda n: known[n].mean)
    mean, low, high = known[name]
    strength = name.removeprefix(method).strip()
    star = " *" if name == ranking.best else ""
    return f"{strength + ': ' if strength else ''}{mean:.2f} ({low:.2f} to {high:.2f}){star}"
