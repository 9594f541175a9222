"""What pads do to a classifier that takes them for tokens: the answer depends on their number.

A rectangle (B, T) needs a mask. Where it is forgotten, or the last column is taken for the last
word, a message is classified by how much longer its neighbours in the batch are. Here a classifier
is trained on ragged batches, and then shown its test messages with 0 to 30 pads behind them: once
with the mask, which is to say without the pads, and once without it, with pads as tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.kernels import softmax
from npft.autograd.machine import threads
from npft.experiments.regimes import make_task
from npft.finetune.regimes import DROPOUT, learning_rate
from npft.finetune.train import fine_tune
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.text.batch import Batch

POOLS = ("mean", "cls", "max", "last")
PADS = (0, 1, 2, 5, 10, 15, 20, 25, 30)
MESSAGES = 300  # of the test


def with_pads(batch: Batch, pads: int, pad_id: int) -> Batch:
    """The sequences with so many pads behind each, taken for tokens.

    >>> with_pads(Batch([5, 8, 9], [0, 2, 3]), 2, pad_id=0).ids
    array([5, 8, 0, 0, 9, 0, 0])
    """
    ids = np.insert(batch.ids, np.repeat(batch.offsets[1:], pads), pad_id)
    return Batch(ids, batch.offsets + pads * np.arange(len(batch) + 1))


def pad_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train and measure one cell {"pool", "seed", "body", "epochs"} on the lesson's messages.

    Returns the cell with, for each number of ``PADS``, "ham": the mean p(spam) of the ham messages,
    and "changed": the share of all answers that differ from those without pads. "masked" is the
    largest change of a probability where the pads are left out by the mask.
    """
    with threads(1):
        train, test = make_task("sms", 640, cell["seed"])
        body = MaskedLM.load(cell["body"]).body
        rng = np.random.default_rng(cell["seed"])
        model = Classifier(body, 2, cell["pool"], label_names=train.label_names, rng=rng)
        set_dropout(model, DROPOUT)
        lr = learning_rate("full")
        fine_tune(model, model.batch_of(train), epochs=cell["epochs"], lr=lr, rng=rng)
        batch, pad_id = model.batch_of(test[:MESSAGES]), model.tokenizer.pad_id
        batch = batch[batch.lengths <= body.config.max_positions - PADS[-1]]  # room for the pads
        without = p_spam(model, batch)
        found = {n: p_spam(model, with_pads(batch, n, pad_id)) for n in PADS}
        ids, mask = batch.to_padded(pad_id)
        wider = [np.pad(a, ((0, 0), (0, PADS[-1])), constant_values=a.dtype.type(0))
                 for a in (ids, mask)]
        masked = p_spam(model, Batch.from_padded(*wider))
    ham = np.asarray(batch.labels) == 0
    return cell | {
        "ham": [float(p[ham].mean()) for p in found.values()],
        "changed": [float(((p > 0.5) != (without > 0.5)).mean()) for p in found.values()],
        "masked": float(np.abs(masked - without).max()),
    }


def p_spam(model: Classifier, batch: Batch) -> np.ndarray:
    """The probability of spam of each sequence (B,)."""
    return softmax(model.logits(batch)).numpy()[:, 1]
