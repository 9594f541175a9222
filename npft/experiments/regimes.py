"""The regimes of fine-tuning side by side on TinyWorld's tasks, beside two controls.

    words   no encoder at all: a bag of words
    scratch everything learns, from a body with random weights: the control without pretraining
    head, last, full    see ``finetune/regimes.py``

A run is a cell: a plain dict with all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.finetune.baselines import bag_of_words
from npft.finetune.regimes import DROPOUT, learning_rate, num_trainable, set_regime
from npft.finetune.train import evaluate, figures_of, fine_tune_steps
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.history import History
from npft.nn.layers import set_dropout
from npft.text.examples import Examples
from npft.worlds import TinyWorld, is_test_side, sms_messages, sms_test

REGIMES = ("words", "scratch", "head", "last", "full")
EPOCHS = 20
TEST_SIZE = 1000


def make_task(name: str, n: int, seed: int) -> tuple[Examples, Examples]:
    """``n`` training examples of a task of TinyWorld and 1,000 of its test side.

    "sms" takes 640 of the 800 generated messages; "topic" any n.
    Raises ``ConfigError`` for another name.
    """
    if name == "sms":
        messages = sms_messages(n + n // 4, seed)
        return messages[~is_test_side(np.asarray(messages.groups))], sms_test(TEST_SIZE, seed + 1)
    if name == "topic":
        world = TinyWorld(seed)
        return world.task("topic", n, seed=1), world.task("topic", TEST_SIZE, seed=2)
    raise ConfigError(f"task is {name!r}, expected 'sms' or 'topic'")


def run_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train and measure one cell {"task", "n", "regime", "seed", "body", "epochs"}.

    "body" is the folder of a pretrained MaskedLM. Returns the cell with "f1" (macro for more than
    two classes), "accuracy", "trained" (weights) and "curve": F1 on the test set after each epoch.
    The curve is only watched; nothing is chosen by it.
    """
    train, test = make_task(cell["task"], cell["n"], cell["seed"])
    if cell["regime"] == "words":
        found = bag_of_words(train, test)
        return cell | {"f1": found.f1, "accuracy": found.accuracy, "trained": 0, "curve": []}
    with threads(1):
        return cell | _trained(cell, train, test)


def _trained(cell: dict[str, Any], train: Examples, test: Examples) -> dict[str, Any]:
    """What an encoder comes to in the regime of the cell."""
    body = MaskedLM.load(cell["body"]).body
    rng = np.random.default_rng(cell["seed"])
    if cell["regime"] == "scratch":
        body = Encoder(body.config, tokenizer=body.tokenizer, rng=rng)
    model = Classifier(body, len(train.label_names), label_names=train.label_names, rng=rng)
    set_dropout(model, DROPOUT)
    regime = "full" if cell["regime"] == "scratch" else cell["regime"]
    set_regime(model, regime)
    test_batch, history = model.batch_of(test), History()
    for _ in fine_tune_steps(
        model,
        model.batch_of(train),
        history,
        epochs=cell["epochs"],
        lr=learning_rate(regime),
        measure=lambda: figures_of(evaluate(model, test_batch)),
        rng=rng,
    ):
        pass
    return {
        "f1": history["f1"][-1],
        "accuracy": history["accuracy"][-1],
        "trained": num_trainable(model),
        "curve": history["f1"].tolist(),
    }
