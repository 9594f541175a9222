"""Domain-adaptive pretraining to the end: does text of a domain help a task of that domain?

    general text  ->  text of the domain  ->  task         (Gururangan et al. 2020, section 3)

``pretraining/adapt.py`` shows what the middle step does to the losses. Here the task follows, once
from each body, with the same labels, steps and test:

    no domain text      the body as general text has left it
    more general text   as many further steps on general text it has not read: is it the domain
                        that helps, or only more steps? (their section 3.3, an irrelevant domain)
    25 documents        a corpus so small that it is read many times over, and learnt by heart
    2,000 documents     a corpus of half the size of the general one
    and replay          the same, with general text in a fifth of the sequences

The tasks are the departments of the clinic, which its words decide, and its entities, which are
names, and those stand in both domains. A run is a cell: a plain dict with all that it depends on
(see ``sweep.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.model import Model, copy_of
from npft.errors import ConfigError
from npft.experiments.bodies import DOCUMENTS, HELD_OUT
from npft.experiments.multi_task import head_for, make_task
from npft.finetune.regimes import DROPOUT, LEARNING_RATES
from npft.finetune.train import evaluate, fine_tune
from npft.loading import load
from npft.nn.layers import set_dropout
from npft.pretraining.adapt import adapt
from npft.worlds import TinyWorld

SMALL, LARGE = 25, 2000  # documents of the clinic
PLAIN = "no domain text"
# How each body goes on: with how many documents of which world, and what share of replay.
WAYS: dict[str, dict[str, Any]] = {
    PLAIN: {},
    "more general text": {"domain": "general", "documents": LARGE, "replay": 0.0},
    f"{SMALL} documents": {"domain": "clinic", "documents": SMALL, "replay": 0.0},
    f"{LARGE:,} documents": {"domain": "clinic", "documents": LARGE, "replay": 0.0},
    f"{LARGE:,} documents, replay": {"domain": "clinic", "documents": LARGE, "replay": 0.2},
}
TASKS = {"clinic_topic": (32, 160), "clinic_entities": (20, 100)}  # numbers of labelled texts
STEPS, EVERY = 480, 120
TRAIN_STEPS = 100  # of fine-tuning, of SIZE examples each, whatever the number of labels
SIZE = 32
UNREAD = DOCUMENTS + HELD_OUT  # the first document that the body has neither read nor been shown


def dapt_cells() -> list[dict[str, Any]]:
    """What a cell says of its way: its name, the text it goes on with, and the task's labels.

    >>> [cell["way"] for cell in dapt_cells()][:2]
    ['no domain text', 'more general text']
    """
    return [
        {"way": way, "steps": STEPS, "train_steps": TRAIN_STEPS, "tasks": TASKS} | text
        for way, text in WAYS.items()
    ]


def dapt_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Adapt a body and train each task on it: a cell of ``dapt_cells`` with "seed" and "body".

    "body" is the folder of a model that has read the first 4,000 documents of ``TinyWorld(seed)``.
    Returns the cell with "losses", rows of {"step", "domain", "seen", "general"} in nats for each
    masked token, none for the body that does not go on, and "f1": {task: {labels: F1 on 300
    tests}}.
    """
    with threads(1):
        model: Any = load(cell["body"])
        losses: list[dict[str, float]] = []
        if "domain" in cell:
            model, losses = gone_on(model, cell)
        f1 = {
            task: {str(n): trained(copy_of(model), task, n, cell) for n in numbers}
            for task, numbers in cell["tasks"].items()
        }
    return cell | {"losses": losses, "f1": f1}


def gone_on(model: Model, cell: Mapping[str, Any]) -> tuple[Model, list[dict[str, float]]]:
    """The model after the middle step, and the three losses along it."""
    seed = cell["seed"]
    general, clinic = TinyWorld(seed), TinyWorld(seed, domain="clinic")
    text = general if cell["domain"] == "general" else clinic

    def sentences(world: TinyWorld, n: int, start: int) -> list[list[str]]:
        return [d.sentences for d in world.documents(n, start)]

    adapted, history = adapt(
        model,
        sentences(text, cell["documents"], UNREAD),
        held_out=sentences(clinic, HELD_OUT, DOCUMENTS),
        general=sentences(general, HELD_OUT, DOCUMENTS),
        pool=sentences(general, DOCUMENTS, 0) if cell["replay"] else None,
        replay=cell["replay"],
        steps=cell["steps"],
        every=min(EVERY, cell["steps"]),
        rng=np.random.default_rng(seed),
    )
    names = ("domain", "seen", "general")
    rows = [
        {"step": row["step"]} | {name: row[f"{name}_mlm_loss"] for name in names}
        for row in history.rows
    ]
    return adapted, rows


def trained(model: Model, task: str, labels: int, cell: Mapping[str, Any]) -> float:
    """F1 of a new head and the body under it after ``train_steps`` steps on so many labels."""
    body, rng = model.body, np.random.default_rng(cell["seed"])
    train, test = make_task(task, labels, cell["seed"])
    model = Model(body, {task: head_for(body, train, rng)})
    set_dropout(model, DROPOUT)
    size = min(SIZE, labels)
    epochs = -(-cell["train_steps"] // -(-labels // size))
    fine_tune(
        model, model.batch_of(train), epochs=epochs, batch_size=size, lr=LEARNING_RATES["full"],
        rng=rng,
    )
    return float(evaluate(model, model.batch_of(test)).best_by)


def dapt_table(
    cells: Sequence[Mapping[str, Any]], task: str, labels: int
) -> dict[str, np.ndarray]:
    """{way: F1 of each seed}, by rising seed. Raises ``ConfigError`` if a way has no cells."""
    found = {}
    for way in WAYS:
        own = sorted((c for c in cells if c["way"] == way), key=lambda c: c["seed"])
        if not own:
            raise ConfigError(f"dapt: no cell of the way {way!r}; compute it anew")
        found[way] = np.array([c["f1"][task][str(labels)] for c in own])
    return found
