"""One classifier, many decisions: where "spam" begins, and what that gives and costs.

A classifier gives each message a probability of spam. To say "spam" from 0.5 on is one decision of
many; each makes a confusion matrix, and all together the curve of precision against recall.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.encoder import Encoder
from npft.experiments.regimes import make_task
from npft.finetune.recipes import fine_tune_as
from npft.finetune.regimes import DROPOUT
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout

WAYS = ("full", "head", "scratch", "head, random body")


def decision_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train one cell {"way", "seed", "body", "epochs"} on the lesson's messages.

    Returns the cell with "labels" and "p_spam" of the 1,000 test messages, rounded to 4 digits.
    """
    with threads(1):
        train, test = make_task("sms", 640, cell["seed"])
        body, rng = MaskedLM.load(cell["body"]).body, np.random.default_rng(cell["seed"])
        if cell["way"] in ("scratch", "head, random body"):
            body = Encoder(body.config, tokenizer=body.tokenizer, rng=rng)
        model = Classifier(body, 2, label_names=train.label_names, rng=rng)
        set_dropout(model, DROPOUT)
        regime = "head" if cell["way"].startswith("head") else "full"
        fine_tune_as(model, model.batch_of(train), regime, epochs=cell["epochs"], rng=rng)
        p_spam = model.predict_proba(test.texts)[:, 1]
    return cell | {
        "labels": np.asarray(test.labels).tolist(),
        "p_spam": [round(float(p), 4) for p in p_spam],
    }
