"""What a few labels are worth, asked as a cloze and learnt by a new head.

    prompt      a cloze with the labelled examples shown before it; no weight moves
    calibrated  the same, divided by what it says of an empty text
    cloze       the same question, and the masked language model is trained to answer it
    head        a new head on a frozen body
    full        a new head, and all weights learn
    words       no encoder at all: a bag of words

Two tasks of TinyWorld: the topic of a sentence, which pretraining had to learn to restore words,
and whether it is good news, of which its documents say nothing. A run is a cell: a plain dict with
all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.errors import ConfigError
from npft.finetune.baselines import bag_of_words
from npft.finetune.regimes import DROPOUT, learning_rate, set_regime
from npft.finetune.train import evaluate, fine_tune
from npft.heads.classes import Classifier
from npft.heads.cloze import ClozeClassifier
from npft.heads.words import MaskedLM
from npft.loading import load
from npft.nn.layers import set_dropout
from npft.text.examples import Examples
from npft.worlds import TinyWorld
from npft.worlds.polarity import BAD, GOOD

HOWS = ("prompt", "calibrated", "cloze", "head", "full", "words")
LABELS = (0, 2, 4, 8, 16, 32)
TEST_SIZE = 500
EPOCHS, BATCH_SIZE = 20, 8
PATTERNS = {"topic": "{text} [SEP] at the [MASK]", "sentiment": "{text} [SEP] it is [MASK]"}


def words_of(task: str) -> dict[str, list[str]]:
    """The words that stand for each class: the places of a topic, good and bad words.

    Raises ``ConfigError`` for another task.

    >>> words_of("topic")["money"]
    ['counter', 'vault', 'exchange', 'treasury', 'kiosk', 'boardroom']
    """
    if task == "topic":
        world = TinyWorld()
        return {n: list(t.places) for n, t in zip(world.topic_names, world.topics)}
    if task == "sentiment":
        return {"bad": list(BAD), "good": list(GOOD)}
    raise ConfigError(f"task is {task!r}, expected 'topic' or 'sentiment'")


def run_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Learn from "n" examples in the way "how", and measure on 500 of the test side.

    A cell is {"task", "how", "n", "seed"}; the seed draws the examples and the new weights. The
    body is the one that comes with npft. Returns the cell with "accuracy" and, for a cloze,
    "shown": how many examples stand before a text, on average.
    """
    words_of(cell["task"])
    if cell["how"] not in HOWS:
        raise ConfigError(f"how is {cell['how']!r}, expected one of {', '.join(HOWS)}")
    world = TinyWorld()
    test = world.task(cell["task"], TEST_SIZE, seed=2, test=True)
    train = None
    if cell["n"]:
        train = world.task(cell["task"], cell["n"], seed=10 + cell["seed"], test=False)
    with threads(1):
        return cell | _measured(cell, train, test)


def _measured(cell: dict[str, Any], train: Examples | None, test: Examples) -> dict[str, Any]:
    mlm: Any = load("tinyworld")
    if cell["how"] in ("prompt", "calibrated", "cloze"):
        return _by_cloze(cell, mlm, train, test)
    if train is None:
        raise ConfigError(f"how is {cell['how']!r} with n = 0: it needs an example")
    if cell["how"] == "words":
        return {"accuracy": bag_of_words(train, test).accuracy}
    names, rng = test.label_names, np.random.default_rng(cell["seed"])
    model = Classifier(mlm.body, len(names), label_names=names, rng=rng)
    _train(model, cell["how"], train, rng)
    return {"accuracy": evaluate(model, model.batch_of(test)).accuracy}


def _by_cloze(
    cell: dict[str, Any], mlm: MaskedLM, train: Examples | None, test: Examples
) -> dict[str, Any]:
    shown: list[tuple[str, str]] = []
    if train is not None and cell["how"] != "cloze":
        labels = [train.label_names[k] for k in np.asarray(train.labels)]
        shown = list(zip(train.texts, labels))
    model = ClozeClassifier(mlm, words_of(cell["task"]), PATTERNS[cell["task"]], shown)
    if train is not None and cell["how"] == "cloze":
        _train(model, "full", train, np.random.default_rng(cell["seed"]))
    if cell["how"] == "calibrated":
        model.calibrate()
    head: Any = model.head()
    positions = model.encoder.config.max_positions
    fit = [head.prompt(model.tokenizer, text, positions).shown for text in test.texts]
    accuracy = evaluate(model, model.batch_of(test)).accuracy
    return {"accuracy": accuracy, "shown": float(np.mean(fit))}


def _train(model: Classifier, regime: str, train: Examples, rng: np.random.Generator) -> None:
    set_dropout(model, DROPOUT)
    set_regime(model, regime)
    fine_tune(
        model, model.batch_of(train), epochs=EPOCHS, batch_size=BATCH_SIZE,
        lr=learning_rate(regime), rng=rng,
    )  # fmt: skip
