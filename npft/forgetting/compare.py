"""Repairs side by side, at equal success on the task.

"A lower rate forgets less" may only mean that it has learnt less. So each method is read at the
first measurement at which it has learnt the task: where its F1 reaches 0.98 times the best F1 of
the weakest method (same seed, same body). What it has forgotten by then is its price.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import set_threads
from npft.encoder.checkpoint import load_as
from npft.errors import ConfigError
from npft.finetune.heads import Classifier, freeze_body
from npft.finetune.regimes import DROPOUT, make_task
from npft.forgetting.anchors import L2ToInit
from npft.forgetting.measure import ForgettingCurve, forgetting_curve
from npft.forgetting.replay import ReplayMixer
from npft.nn.layers import set_dropout
from npft.nn.loop import Repair
from npft.pretrain.objectives import MaskedLM
from npft.pretrain.pairs import Corpus, Documents
from npft.pretrain.probe import make_probe, unigram_loss
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
HEAD_LR = 1e-3  # at least this: a new head must learn whatever the body's rate
PROBE_SIZE = 200  # held-out sequences
SHARE_OF_BEST = 0.98
LEARNT = 0.9  # of the plain run's best F1, on the mean over the seeds: less is not having learnt
TRIVIAL_F1 = 2 / 3  # of calling every message spam where half of them are: nor is this


def forgetting_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Fine-tune one cell and return it with its forgetting curve under "curve".

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of the
    TinyWorld it was pretrained on, and how many documents), "epochs", "every", "lr", and as it
    needs them: "last" (train the last n blocks only; 0: the head), "anchor" (λ in the loss),
    "proximal" (λ),
    "replay" (share) with "weight", "shuffled" (labels that mean nothing), "continued" (no
    classifier: as many further steps of pretraining; its F1 is 0).
    """
    set_threads(1)
    seed = cell["seed"]
    mlm = load_as(MaskedLM, cell["body"])
    tok = mlm.encoder.tokenizer
    documents = [d.sentences for d in TinyWorld(cell["world"]).documents(cell["documents"] + 200)]
    pool, held_out = documents[: cell["documents"]], documents[cell["documents"] :]
    probe = make_probe(
        held_out,
        tok,
        nsp=mlm.nsp,
        max_length=mlm.encoder.config.max_positions,
        size=PROBE_SIZE,
        rng=np.random.default_rng(seed),
    )
    if cell.get("continued"):
        return cell | {"curve": _continue_pretraining(mlm, pool, held_out, cell).as_dict()}
    rng = np.random.default_rng(seed)
    train, test = make_task("sms", 640, seed)
    model = Classifier(mlm.encoder, 2, label_names=train.label_names, rng=rng)
    set_dropout(model, DROPOUT)
    labels = np.asarray(train.labels)
    if cell.get("shuffled"):
        labels = np.random.default_rng(seed + 1).permutation(labels)
    repairs: list[Repair] = []
    if "anchor" in cell:
        repairs.append(L2ToInit(model, cell["anchor"]))
    if "proximal" in cell:
        repairs.append(L2ToInit(model, cell["proximal"], decoupled=True))
    if "replay" in cell:
        replay_rng = np.random.default_rng(seed + 2)
        repairs.append(ReplayMixer(pool, mlm, cell["replay"], cell["weight"], rng=replay_rng))
    if "last" in cell:
        freeze_body(model, last=cell["last"])
    curve = forgetting_curve(
        model,
        mlm,
        model.tokenize(train.texts, labels=labels),
        probe,
        test=model.tokenize(test.texts, labels=test.labels),
        unigram=unigram_loss(Corpus(pool, tok), probe),
        epochs=cell["epochs"],
        lr=max(cell["lr"], HEAD_LR),
        body_lr=cell["lr"],
        every=cell["every"],
        repairs=repairs,
        rng=rng,
    )
    return cell | {"curve": curve.as_dict()}


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


def compare_methods(cells: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every method at matched F1, from the results of ``forgetting_cell``.

    Each cell has a "method", one of which is "rate 1e-3", the plain run. Returns for each method
    lists over the seeds: "f1" (best of the run), "end" (rise at the end), "learnt" (whether its
    mean best F1 is at least 0.9 times the plain run's and that of the trivial answer), and "rise"
    at matched F1 among the methods that have learnt; None where a run never reaches it.
    """
    curves: dict[str, dict[int, ForgettingCurve]] = {}
    for c in cells:
        curves.setdefault(c["method"], {})[c["seed"]] = ForgettingCurve.from_dict(c["curve"])
    found: dict[str, dict[str, Any]] = {
        name: {
            "f1": [float(curve.f1.max()) for curve in runs.values()],
            "end": [float(curve.rise[-1]) for curve in runs.values()],
        }
        for name, runs in curves.items()
    }
    if PLAIN not in found:
        raise ConfigError(f"compare_methods: the plain run {PLAIN!r} is missing; got {list(found)}")
    enough = max(LEARNT * np.mean(found[PLAIN]["f1"]), TRIVIAL_F1)
    for row in found.values():
        row["learnt"] = bool(np.mean(row["f1"]) >= enough)
    learnt = [name for name, row in found.items() if row["learnt"]]
    matched = {
        seed: rise_at_matched_f1({name: curves[name][seed] for name in learnt})
        for seed in curves[PLAIN]
    }
    for name, row in found.items():
        row["rise"] = [rises.get(name) for rises in matched.values()]
    return found


def rise_at_matched_f1(curves: dict[str, ForgettingCurve]) -> dict[str, float | None]:
    """For each method the rise at the first measurement with enough F1; None if it never has it.

    ``curves`` holds one curve for each method, all of one seed and body. Enough is 0.98 times the
    smallest of the methods' best F1. Step 0 is before learning, so its F1 is that of chance: it
    never counts as enough, and a method that never rises above it has learnt nothing, gets None,
    and does not say what is enough for the others. Raises ``ConfigError`` without curves.

    >>> def curve(f1, loss):
    ...     steps = np.arange(len(f1))
    ...     return ForgettingCurve(steps, np.array(loss), np.zeros(len(f1)), np.array(f1), 5.0)
    >>> quick = curve([0.1, 0.8, 0.9], [2.0, 2.5, 3.5])
    >>> gentle = curve([0.1, 0.5, 0.8], [2.0, 2.1, 2.2])
    >>> {k: round(v, 6) for k, v in rise_at_matched_f1({"quick": quick, "gentle": gentle}).items()}
    {'quick': 0.5, 'gentle': 0.2}
    """
    if not curves:
        raise ConfigError("rise_at_matched_f1: no curves to compare")
    learnt = {name: c for name, c in curves.items() if c.f1.max() > c.f1[0]}
    enough = SHARE_OF_BEST * min((c.f1.max() for c in learnt.values()), default=0.0)
    found: dict[str, float | None] = dict.fromkeys(curves)
    for name, curve in learnt.items():
        first = 1 + np.flatnonzero(curve.f1[1:] >= enough)[0]
        found[name] = float(curve.rise[first])
    return found
