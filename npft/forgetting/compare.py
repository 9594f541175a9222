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
from npft.pretrain.pairs import Corpus
from npft.pretrain.train import make_probe, unigram_loss
from npft.worlds import TinyWorld

HEAD_LR = 1e-3  # at least this: a new head must learn whatever the body's rate
PROBE_SIZE = 200  # held-out sequences
SHARE_OF_BEST = 0.98


def forgetting_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Fine-tune one cell and return it with its forgetting curve under "curve".

    A cell holds "seed", "body" (the folder of a MaskedLM pretrained on TinyWorld(seed)),
    "documents" (how many it was trained on), "epochs", "every", "lr", and as it needs them:
    "last" (train the last n blocks only; 0: the head), "anchor" (λ in the loss), "proximal" (λ),
    "replay" (share) with "weight", "shuffled" (labels: a control without a task).
    """
    set_threads(1)
    seed = cell["seed"]
    mlm = load_as(MaskedLM, cell["body"])
    tok = mlm.encoder.tokenizer
    documents = [d.sentences for d in TinyWorld(seed).documents(cell["documents"] + 200)]
    pool, held_out = documents[: cell["documents"]], documents[cell["documents"] :]
    probe = make_probe(
        held_out,
        tok,
        nsp=mlm.nsp,
        max_length=mlm.encoder.config.max_positions,
        size=PROBE_SIZE,
        rng=np.random.default_rng(seed),
    )
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


def rise_at_matched_f1(curves: dict[str, ForgettingCurve]) -> dict[str, float | None]:
    """For each method the rise at the first measurement with enough F1; None if it never has it.

    ``curves`` holds one curve for each method, all of one seed and body. Enough is 0.98 times the
    smallest of the methods' best F1. Raises ``ConfigError`` without curves.

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
    enough = SHARE_OF_BEST * min(c.f1.max() for c in curves.values())
    found: dict[str, float | None] = {}
    for name, curve in curves.items():
        reached = np.flatnonzero(curve.f1 >= enough)
        found[name] = float(curve.rise[reached[0]]) if len(reached) else None
    return found
