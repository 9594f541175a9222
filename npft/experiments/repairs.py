"""What fine-tuning on spam forgets of TinyWorld, under each method and control.

A run is a cell: a plain dict with all that it depends on (see ``sweep.py``). The comparison at
equal success on the task is in ``forgetting/compare.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.experiments.regimes import make_task
from npft.finetune.regimes import DROPOUT, freeze_body
from npft.forgetting.anchors import L2ToInit
from npft.forgetting.measure import ForgettingCurve, forgetting_curve
from npft.forgetting.replay import ReplayMixer
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.nn.repair import Repair
from npft.pretrain.pairs import Corpus, Documents
from npft.pretrain.probe import make_probe, unigram_loss
from npft.pretrain.source import layout_for
from npft.pretrain.train import pretrain
from npft.worlds import TinyWorld

PLAIN = "rate 1e-3"
# What is compared: the name of a method and what its cell adds. All but the
# rates and the last block train at 1e-3; the last block alone learns best at 3e-3.
METHODS: dict[str, dict[str, Any]] = {
    "rate 1e-4": {"lr": 1e-4},
    "rate 3e-4": {"lr": 3e-4},
    "rate 1e-3": {"lr": 1e-3},
    "rate 3e-3": {"lr": 3e-3},
    "anchor 0.001": {"lr": 1e-3, "anchor": 1e-3},
    "anchor 0.01": {"lr": 1e-3, "anchor": 1e-2},
    "anchor 0.1": {"lr": 1e-3, "anchor": 1e-1},
    "anchor 1": {"lr": 1e-3, "anchor": 1.0},
    "proximal 1": {"lr": 1e-3, "proximal": 1.0},
    "proximal 10": {"lr": 1e-3, "proximal": 10.0},
    "replay, weight 0.2": {"lr": 1e-3, "replay": 0.2, "weight": 0.2},
    "replay, weight 1": {"lr": 1e-3, "replay": 0.2, "weight": 1.0},
    "last block": {"lr": 3e-3, "last": 1},
}
# Controls: a frozen body must forget nothing; training without a task, or on labels that mean
# nothing, shows how much of the forgetting is drift.
CONTROLS: dict[str, dict[str, Any]] = {
    "frozen body": {"lr": 1e-3, "last": 0},
    "shuffled labels": {"lr": 1e-3, "shuffled": True},
    "continued pretraining": {"lr": 1e-3, "continued": True},
}
HEAD_LR = 1e-3  # a new head must learn whatever the body's rate
PROBE_SIZE = 200  # held-out sequences


def forgetting_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Fine-tune one cell and return it with its forgetting curve under "curve".

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of the
    TinyWorld it was pretrained on, and how many documents), "epochs", "every", "lr", and as it
    needs them: "task" (by default "hard sms"), "head_lr" (by default 1e-3, and never less than
    "lr"), "last" (train the last n blocks only; 0: the head), "anchor" (λ in the loss), "proximal"
    (λ), "replay" (share) with "weight", "shuffled" (labels that mean nothing), "continued" (no
    classifier: as many further steps of pretraining; its F1 is 0).
    """
    with threads(1):
        mlm = MaskedLM.load(cell["body"])
        world = TinyWorld(cell["world"])
        documents = [d.sentences for d in world.documents(cell["documents"] + 200)]
        pool, held_out = documents[: cell["documents"]], documents[cell["documents"] :]
        if cell.get("continued"):
            curve = _continue_pretraining(mlm, pool, held_out, cell)
        else:
            curve = _fine_tune(mlm, pool, held_out, cell)
        return cell | {"curve": curve.as_dict()}


def _fine_tune(
    mlm: MaskedLM, pool: Documents, held_out: Documents, cell: dict[str, Any]
) -> ForgettingCurve:
    """Fine-tune on spam under the method of the cell, and measure along the way."""
    seed, tok = cell["seed"], mlm.tokenizer
    probe = make_probe(
        held_out,
        tok,
        layout=layout_for(mlm),
        max_length=mlm.encoder.config.max_positions,
        size=PROBE_SIZE,
        rng=np.random.default_rng(seed),
    )
    rng = np.random.default_rng(seed)
    train, test = make_task(cell.get("task", "hard sms"), 640, seed)
    model = Classifier(mlm.encoder, 2, label_names=train.label_names, rng=rng)
    set_dropout(model, DROPOUT)
    labels = np.asarray(train.labels)
    if cell.get("shuffled"):
        labels = np.random.default_rng(seed + 1).permutation(labels)
    if "last" in cell:
        freeze_body(model, last=cell["last"])
    return forgetting_curve(
        model,
        mlm,
        model.tokenize(train.texts, labels=labels),
        probe,
        test=model.batch_of(test),
        unigram=unigram_loss(Corpus(pool, tok), probe),
        epochs=cell["epochs"],
        lr=max(cell["lr"], cell.get("head_lr", HEAD_LR)),
        body_lr=cell["lr"],
        every=cell["every"],
        repairs=_repairs(model, mlm, pool, cell),
        rng=rng,
    )


def _repairs(
    model: Classifier, mlm: MaskedLM, pool: Documents, cell: dict[str, Any]
) -> list[Repair]:
    repairs: list[Repair] = []
    if "anchor" in cell:
        repairs.append(L2ToInit(model, cell["anchor"]))
    if "proximal" in cell:
        repairs.append(L2ToInit(model, cell["proximal"], decoupled=True))
    if "replay" in cell:
        rng = np.random.default_rng(cell["seed"] + 2)
        repairs.append(ReplayMixer(pool, mlm, cell["replay"], cell["weight"], rng=rng))
    return repairs


def _continue_pretraining(
    mlm: MaskedLM, pool: Documents, held_out: Documents, cell: dict[str, Any]
) -> ForgettingCurve:
    """The control without a task: the held-out loss during further pretraining."""
    history = pretrain(
        mlm,
        pool,
        steps=cell["epochs"] * 20,  # 640 examples in batches of 32
        lr=cell["lr"],
        every=cell["every"],
        held_out=held_out,
        rng=np.random.default_rng(cell["seed"]),
    )
    none = np.zeros(len(history.at("mlm_loss")))
    unigram = float(history["unigram"][0])
    loss, accuracy = history["mlm_loss"], history["mlm_acc"]
    return ForgettingCurve(history.at("mlm_loss"), loss, accuracy, none, unigram)
