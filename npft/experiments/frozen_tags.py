"""Entities from a frozen body: how far below full fine-tuning, and do more layers help?

BERT's features, the last four layers side by side under a tagger, came within 0.3 F1 of fine-tuning
all weights (Devlin et al. 2019, table 7: 96.1 and 96.4). This is the question again, for a body of
two blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.finetune.recipes import fine_tune_as
from npft.finetune.regimes import DROPOUT
from npft.finetune.train import evaluate
from npft.heads.tags import TokenClassifier
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.worlds import TinyWorld

# How a tagger is trained: its regime, and which layers it reads.
WAYS: dict[str, dict[str, Any]] = {
    "frozen, last layer": {"regime": "head"},
    "frozen, last 2 layers, mean": {"regime": "head", "layers": 2, "combine": "mean"},
    "frozen, last 2 layers, joined": {"regime": "head", "layers": 2, "combine": "concat"},
    "last block": {"regime": "last"},
    "full": {"regime": "full"},
}
LABELS = (120, 1000)  # sentences to train on
EPOCHS, TEST = 20, 1000


def tag_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train and measure one cell {"way", "n", "seed", "body"}; adds its entity "f1"."""
    world, rng = TinyWorld(cell["seed"]), np.random.default_rng(cell["seed"])
    train = world.task("entities", cell["n"], seed=1, test=False)
    test = world.task("entities", TEST, seed=2, test=True)
    regime, *layers = WAYS[cell["way"]].values()
    with threads(1):
        body = MaskedLM.load(cell["body"]).body
        model = TokenClassifier(body, train.tag_names, "bio", "first", *layers, rng=rng)
        set_dropout(model, DROPOUT)
        fine_tune_as(model, model.batch_of(train), regime, epochs=cell["epochs"], rng=rng)
        return cell | {"f1": evaluate(model, model.batch_of(test)).f1}
