"""Repair after the fact: on the way back to the pretrained weights, and by a few steps of replay.

The model is fine-tuned plainly, once; what is done to it afterwards starts from there each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.experiments.repairs import ONLY_THE_ENDS, fine_tuned, make_scene
from npft.finetune.train import evaluate, rank_of
from npft.forgetting.afterwards import refit_head, replay_afterwards
from npft.forgetting.interpolate import interpolate, interpolation_path

REPLAY_STEPS, REPLAY_EVERY = 100, 10
REFITTED = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # alphas
REFIT_EPOCHS = 5


def repair_path_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Fine-tune one cell {"task", "seed", "body", "world", "documents", "epochs"} and repair it.

    Returns the cell with "before" (the loss of the pretrained body) and three paths:
    "interpolate" {"alpha", "mlm_loss", "f1"}, "refit" {"alpha", "f1"} with the head fitted anew to
    the body at each alpha, and "replay" {"step", "mlm_loss", "f1"}.
    """
    with threads(1):
        scene = make_scene(cell)
        model, mlm, encoder = scene.model, scene.mlm, scene.mlm.encoder
        start = encoder.state_dict()
        curve = fine_tuned(scene, {**cell, "every": ONLY_THE_ENDS})
        end = model.state_dict()
        line = interpolation_path(model, mlm, start, scene.probe, scene.test)
        refitted = []
        for alpha in REFITTED:
            model.load_state_dict(end)
            encoder.load_state_dict(interpolate(start, encoder.state_dict(), alpha))
            rng = np.random.default_rng(cell["seed"])
            refit_head(model, scene.train, epochs=REFIT_EPOCHS, rng=rng)
            refitted.append(rank_of(evaluate(model, scene.test))[0])
        model.load_state_dict(end)
        replayed = replay_afterwards(
            model, mlm, scene.pool, scene.probe, scene.test, steps=REPLAY_STEPS,
            every=REPLAY_EVERY, rng=np.random.default_rng(cell["seed"]),
        )  # fmt: skip
    return cell | {
        "before": float(curve.mlm_loss[0]), "interpolate": line,
        "refit": {"alpha": list(REFITTED), "f1": refitted}, "replay": replayed,
    }  # fmt: skip
