"""Several tasks on one body: does a task learn better in company?

Each task has a head of its own and the body serves all of them, so what one task teaches the body
the others get as well, wanted or not. The comparison is fair if only the company differs: every run
takes the same number of steps, and each step reads ``SIZE`` examples of every task of the run,
few labels over and over. A run of two tasks therefore reads twice as many examples in all, and
each of its tasks as many as alone.

    loss = Σ_tasks weight · loss of the task       the knob that balances them

A run is a cell: a plain dict with all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.encoder import Encoder
from npft.encoder.head import Head
from npft.encoder.model import Model
from npft.errors import ConfigError
from npft.finetune.regimes import DROPOUT, LEARNING_RATES
from npft.finetune.train import evaluate, fine_tune
from npft.heads.classes import Classes
from npft.heads.tags import Tags
from npft.loading import load
from npft.nn.layers import set_dropout
from npft.text.batch import Batch
from npft.text.tagged import TaggedTexts
from npft.worlds import TinyWorld

SIZE = 16  # examples of each task in a step
TEST_SIZE = 300
CLINIC = "clinic_"  # before the name of a task: that task in the second domain
RANDOM = "random"  # the texts of "sentiment", half of them with the other label: nothing to learn


def make_task(name: str, n: int, seed: int) -> tuple[Any, Any]:
    """``n`` examples of a task of TinyWorld to train on, and 300 of its test side.

    >>> train, test = make_task("random", 8, seed=0)
    >>> right, _ = make_task("sentiment", 8, seed=0)
    >>> train.texts == right.texts, int((train.labels != right.labels).sum())
    (True, 4)
    """
    in_clinic, label_noise = name.startswith(CLINIC), 0.5 if name == RANDOM else 0.0
    world = TinyWorld(seed, domain="clinic" if in_clinic else "general")
    task = "sentiment" if name == RANDOM else name.removeprefix(CLINIC)
    return (
        world.task(task, n, seed=1, test=False, label_noise=label_noise),
        world.task(task, TEST_SIZE, seed=2, test=True, label_noise=label_noise),
    )


def head_for(body: Encoder, examples: Any, rng: np.random.Generator) -> Head:
    """A new head for tagged words, or for classes of texts."""
    if isinstance(examples, TaggedTexts):
        return Tags(body, examples.tag_names, rng=rng)
    return Classes(body, examples.label_names, rng=rng)


def read_over(batch: Batch, count: int) -> Batch:
    """``count`` sequences: all of the batch in turn, again and again.

    >>> read_over(Batch([5, 6, 7], [0, 1, 3], labels=[0, 1]), 3).labels
    array([0, 1, 0])
    """
    return batch[np.resize(np.arange(len(batch)), count)]


def multi_task_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train and measure one cell {"labels", "weights", "steps", "seed", "body"}.

    "labels" is {task: how many labels}, "weights" {task: its weight in the loss}, 1 for those not
    named, and "body" a folder or "tinyworld". Returns the cell with "scores": the main figure of
    each task on its 300 tests, F1 over classes, tags or entities.
    Raises ``ConfigError`` for a cell without tasks.
    """
    if not cell["labels"]:
        raise ConfigError("multi_task_cell: the cell has no tasks; give labels={'topic': 16}")
    data = {name: make_task(name, n, cell["seed"]) for name, n in cell["labels"].items()}
    with threads(1):
        body, rng = load(cell["body"]).body, np.random.default_rng(cell["seed"])
        heads = {name: head_for(body, train, rng) for name, (train, _) in data.items()}
        model = Model(body, heads, cell["weights"])
        set_dropout(model, DROPOUT)
        train = {
            name: read_over(model.batch_of(examples, name), cell["steps"] * SIZE)
            for name, (examples, _) in data.items()
        }
        fine_tune(
            model, train, epochs=1, batch_size=SIZE * len(data), lr=LEARNING_RATES["full"], rng=rng
        )
        tests = {name: model.batch_of(test, name) for name, (_, test) in data.items()}
        found = evaluate(model, tests)
    scores = found if len(data) > 1 else dict.fromkeys(data, found)
    return cell | {"scores": {name: float(score.best_by) for name, score in scores.items()}}
