"""The regimes of fine-tuning side by side on TinyWorld's tasks, beside two controls.

    words    no encoder at all: a bag of words
    scratch  everything learns, from a body with random weights: the control without pretraining
    head, last, full and the others of ``finetune/recipes.py``

A run is a cell: a plain dict with all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.finetune.baselines import bag_of_words
from npft.finetune.recipes import fine_tune_as
from npft.finetune.regimes import DROPOUT, freeze_first, learning_rate, num_trainable
from npft.finetune.train import evaluate, figures_of, fine_tune
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.text.examples import Examples
from npft.worlds import (
    TinyWorld, hard_sms_messages, hard_sms_test, is_test_side, sms_messages, sms_test,
)

REGIMES = ("words", "scratch", "head", "last", "full")
EPOCHS = 20
TEST_SIZE = 1000
FIGURES = ("precision", "recall", "f1", "accuracy")
WHOLE_RUN = 10**9  # steps between two looks at the test set: only at both ends


def make_task(name: str, n: int, seed: int) -> tuple[Examples, Examples]:
    """``n`` training examples of a task of TinyWorld and 1,000 to test on.

    "sms" are the messages of the lesson, "hard sms" those that depend on order, both tested on
    their test side; "topic" are sentences, all of which are of the same forms and names, and
    "clinic" such sentences of another domain, of whose words pretraining has read few.
    Raises ``ConfigError`` for another name.
    """
    if name == "sms":
        return sms_messages(n, seed), sms_test(TEST_SIZE, seed + 1)
    if name == "hard sms":
        messages = hard_sms_messages(n + n // 4, seed)
        train = messages[~is_test_side(np.asarray(messages.groups))]
        return train, hard_sms_test(TEST_SIZE, seed + 1)
    if name in ("topic", "clinic"):
        world = TinyWorld(seed, domain="clinic" if name == "clinic" else "general")
        return world.task("topic", n, seed=1), world.task("topic", TEST_SIZE, seed=2)
    raise ConfigError(f"task is {name!r}, expected 'sms', 'hard sms', 'topic' or 'clinic'")


def run_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train and measure one cell {"task", "n", "regime", "seed", "body", "epochs"}.

    "body" is the folder of a pretrained MaskedLM. A cell may also have "random" (True: a body of
    the same shape with random weights), "dropout", "first" (n: train all but the embeddings and the
    first n blocks), and options in a dict: "head" of ``Classifier``, "train" of ``fine_tune_as``.

    Returns the cell with "precision", "recall", "f1" (macro for more than two classes), "accuracy",
    "trained" (weights), "seconds" (of the processor, for training alone, on one thread) and
    "curve": F1 on the test set after each epoch, or with "watch" False at both ends. The curve is
    only watched; nothing is chosen by it.
    """
    train, test = make_task(cell["task"], cell["n"], cell["seed"])
    if cell["regime"] == "words":
        begin = time.process_time()
        found = bag_of_words(train, test).figures()
        seconds = time.process_time() - begin
        return cell | {k: found[k] for k in FIGURES} | {
            "trained": 0, "seconds": seconds, "curve": [],
        }  # fmt: skip
    with threads(1):
        return cell | _trained(cell, train, test)


def _trained(cell: dict[str, Any], train: Examples, test: Examples) -> dict[str, Any]:
    """What an encoder comes to in the regime of the cell."""
    body = MaskedLM.load(cell["body"]).body
    rng = np.random.default_rng(cell["seed"])
    if cell.get("random") or cell["regime"] == "scratch":
        body = Encoder(body.config, tokenizer=body.tokenizer, rng=rng)
    names, head = train.label_names, cell.get("head", {})
    model = Classifier(body, len(names), label_names=names, rng=rng, **head)
    set_dropout(model, cell.get("dropout", DROPOUT))
    regime = "full" if cell["regime"] == "scratch" else cell["regime"]
    batch, test_batch = model.batch_of(train), model.batch_of(test)
    watching = 0.0

    def measure() -> dict[str, float]:
        nonlocal watching
        begin = time.process_time()
        found = figures_of(evaluate(model, test_batch))
        watching += time.process_time() - begin
        return found

    options = {"epochs": cell["epochs"], "measure": measure, "rng": rng} | cell.get("train", {})
    if not cell.get("watch", True):
        options["every"] = WHOLE_RUN
    begin = time.process_time()
    if "first" in cell:
        freeze_first(model, cell["first"])
        history = fine_tune(model, batch, **{"lr": learning_rate("full")} | options)
    else:
        history = fine_tune_as(model, batch, regime, **options)
    seconds = time.process_time() - begin - watching
    return {name: float(history[name][-1]) for name in FIGURES} | {
        "trained": num_trainable(model), "seconds": seconds, "curve": history["f1"].tolist(),
    }  # fmt: skip
