"""The regimes of fine-tuning side by side, and a sweep over them.

    head    the body is frozen; only the new head learns
    last    the last block learns as well
    full    everything learns
    scratch everything learns, from a body with random weights: the control without pretraining
    words   no encoder at all: a bag of words

A run is a cell: a plain dict with all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import set_threads
from npft.encoder.checkpoint import load_as
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.finetune.baselines import bag_of_words
from npft.finetune.heads import Classifier, freeze_body, num_trainable, unfreeze_body
from npft.finetune.train import evaluate, train_classifier
from npft.nn.layers import set_dropout
from npft.pretrain.objectives import MaskedLM
from npft.text.examples import Examples
from npft.worlds import TinyWorld, is_test_side, sms_messages, sms_test

# The learning rate of each regime: the best of a sweep on TinyWorld's tasks at this size. Rates of
# large models (2e-5 for all weights of BERT) would hardly move a body of 10^5 weights.
LEARNING_RATES = {"head": 1e-2, "last": 3e-3, "full": 2e-3, "scratch": 2e-3}
REGIMES = ("words", "scratch", "head", "last", "full")
DROPOUT = 0.1
EPOCHS = 20
TEST_SIZE = 1000


def learning_rate(regime: str) -> float:
    """The rate a regime trains at; raises ``ConfigError`` for an unknown regime."""
    if regime not in LEARNING_RATES:
        raise ConfigError(f"regime is {regime!r}, expected one of {', '.join(LEARNING_RATES)}")
    return LEARNING_RATES[regime]


def set_regime(model: Classifier, regime: str) -> None:
    """Freeze what the regime keeps fixed, and let the rest train."""
    if regime in ("head", "last"):
        freeze_body(model, last=1 if regime == "last" else 0)
    else:
        unfreeze_body(model)


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
    set_threads(1)
    train, test = make_task(cell["task"], cell["n"], cell["seed"])
    if cell["regime"] == "words":
        found = bag_of_words(train, test)
        return cell | {"f1": found.f1, "accuracy": found.accuracy, "trained": 0, "curve": []}
    body = load_as(MaskedLM, cell["body"]).body
    rng = np.random.default_rng(cell["seed"])
    if cell["regime"] == "scratch":
        body = Encoder(body.config, tokenizer=body.tokenizer, rng=rng)
    model = Classifier(body, len(train.label_names), label_names=train.label_names, rng=rng)
    set_dropout(model, DROPOUT)
    set_regime(model, cell["regime"])
    lr = learning_rate(cell["regime"])
    test_batch = model.tokenize(test.texts, labels=test.labels)
    curve = [evaluate(model, test_batch).f1]

    def watch(step: int, total: int, message: str) -> None:
        if step * cell["epochs"] % total == 0:
            curve.append(evaluate(model, test_batch).f1)

    batch = model.tokenize(train.texts, labels=train.labels)
    train_classifier(model, batch, epochs=cell["epochs"], lr=lr, progress=watch, rng=rng)
    found = evaluate(model, test_batch)
    return cell | {
        "f1": found.f1,
        "accuracy": found.accuracy,
        "trained": num_trainable(model),
        "curve": curve,
    }
