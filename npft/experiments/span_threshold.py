"""Spans over the threshold: what is said if a span must be surer of its type than of nothing.

A span is said if P(type) - P(NULL) is above the threshold (Jurafsky & Martin, eq. 11.27, with NULL
as one more class). A run trains a tagger of spans, reads precision, recall and F1 on a test whose
names are all new at every threshold of ``GRID``, and calibrates the threshold on two dev sets:

    known names    further texts of the training side, as one has them who labels one heap of texts
    new names      further texts of the test side, as one has them who expects the names to change

A run is a cell: a plain dict with all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.model import Model
from npft.experiments.taggers import EPOCHS, HELD_OUT, LABELS, LR, TEST, TAGGERS
from npft.finetune.regimes import DROPOUT
from npft.finetune.train import evaluate, fine_tune
from npft.heads.thresholds import Curve, calibrate, threshold_curve
from npft.loading import load
from npft.nn.layers import set_dropout
from npft.text.batch import Batch
from npft.worlds import TinyWorld

GRID = tuple(k / 20 for k in range(-19, 20))
DEV = {"known names": {"seed": 3, "test": False}, "new names": {"seed": 4, "test": True}}
FIGURES = ("precision", "recall", "f1")


def threshold_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train the bundled body on ``n`` texts and measure one cell {"seed", "n", "epochs"}.

    Adds "precision", "recall" and "f1" on the test, each a list along ``GRID``; "at" {"0", and each
    dev set: {"threshold", "precision", "recall", "f1"}}; and "best", the F1 at the threshold that
    one would choose who knew the test.
    """
    world = TinyWorld(cell["seed"])
    train = world.task("entities", cell["n"], seed=1)
    test = world.task("entities", TEST, seed=2, test=True)
    rng = np.random.default_rng(cell["seed"])
    with threads(1):
        model = TAGGERS["mean"](load("tinyworld").body, train, rng)
        set_dropout(model, DROPOUT)
        fine_tune(model, model.batch_of(train), epochs=cell["epochs"], lr=LR, rng=rng)
        batch = model.batch_of(test)
        curve = threshold_curve(model, batch)
        at = {"0": measured(model, batch)}
        for name, side in DEV.items():
            calibrate(model, model.batch_of(world.task("entities", HELD_OUT, **side)))
            at[name] = measured(model, batch)
    steps = steps_at(curve, GRID)
    along = {name: getattr(curve, name)[steps].tolist() for name in FIGURES}
    return cell | along | {"at": at, "best": float(curve.f1.max())}


def steps_at(curve: Curve, thresholds: tuple[float, ...]) -> np.ndarray:
    """For each threshold (G,) the last step of a curve that is not below it.

    >>> curve = Curve(np.array([0.9, 0.5, 0.1]), *np.zeros((3, 3)))
    >>> steps_at(curve, (-1.0, 0.1, 0.4, 0.95)).tolist()
    [2, 2, 1, 0]
    """
    return np.maximum(np.searchsorted(-curve.thresholds, -np.array(thresholds), "right") - 1, 0)


def measured(model: Model, batch: Batch) -> dict[str, float]:
    """The threshold of a model, and what it comes to on a labelled batch."""
    score = evaluate(model, batch)
    return {"threshold": float(model.head().options()["threshold"])} | {
        name: float(getattr(score, name)) for name in FIGURES
    }
