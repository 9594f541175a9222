"""Four tasks one after another on one body: what later tasks do to earlier ones, and to the words.

Spam, then topics of another domain, sentiment, and entities, each under a head of its own; three
ways: plainly, with replay of the pretraining text, and with EWC, whose Fisher information grows by
each task. None of them replays the tasks themselves. A run is a cell (see ``sweep.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.model import Model
from npft.errors import ConfigError
from npft.experiments import multi_task, regimes
from npft.experiments.multi_task import head_for
from npft.experiments.repairs import BATCH_SIZE, LABELS, LR, held_out_probe, world_documents
from npft.finetune.regimes import DROPOUT
from npft.forgetting.fisher import diagonal_fisher
from npft.forgetting.methods import METHODS, Run
from npft.forgetting.sequence import joint_scores, train_sequence
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.nn.repair import Repair

TASKS = ("spam", "clinic", "sentiment", "entities")
WAYS = ("plain", "replay", "EWC")
TESTS = 200
EPOCHS, EVERY = 5, 10
REPLAY_SHARE = 0.2
EWC_STRENGTH = 1e-2  # as an anchor of this λ, on the mean of all weights
FISHER_EXAMPLES = 100


def make_task(name: str, seed: int) -> tuple[Any, Any]:
    """640 examples of a task to train on and 200 to test on; ``ConfigError`` for another name."""
    if name not in TASKS:
        raise ConfigError(f"task is {name!r}, expected one of {', '.join(TASKS)}")
    if name in ("spam", "clinic"):
        train, test = regimes.make_task({"spam": "sms"}.get(name, name), LABELS, seed)
    else:
        train, test = multi_task.make_task(name, LABELS, seed)
    return train, test[np.arange(TESTS)]


def sequence_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train one cell {"way", "seed", "body", "world", "documents"} on the four tasks in turn.

    A cell may also have "joint": True, which trains each task jointly with those before it, too, to
    compare with (intransigence). Returns the cell with "r" (above the diagonal None), "path" (the
    scores every few steps, None before a task is begun), "mlm_loss" before and after each task, and
    the figures of ``TaskMatrix`` and ``Path``.
    """
    with threads(1):
        mlm, rng = MaskedLM.load(cell["body"]), np.random.default_rng(cell["seed"])
        pool, held_out = world_documents(cell["world"], cell["documents"])
        data = {name: make_task(name, cell["seed"]) for name in TASKS}
        heads = {name: head_for(mlm.encoder, train, rng) for name, (train, _) in data.items()}
        model = Model(mlm.encoder, heads)
        set_dropout(model, DROPOUT)
        tasks = {
            name: (model.batch_of(train, name), model.batch_of(test, name))
            for name, (train, test) in data.items()
        }
        options: dict[str, Any] = {"epochs": EPOCHS, "lr": LR}
        joint = None
        if cell.get("joint"):
            joint = joint_scores(model, tasks, rng=np.random.default_rng(cell["seed"]), **options)
        whole = Run(
            model=model, mlm=mlm, start=mlm.encoder.state_dict(), documents=pool,
            train=tasks[TASKS[0]][0], epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LR,
            seed=cell["seed"],
        )  # fmt: skip
        run = train_sequence(
            model, tasks, mlm=mlm, probe=held_out_probe(mlm, held_out, cell["seed"]), every=EVERY,
            repairs=_Repairs(cell["way"], whole, tasks), rng=np.random.default_rng(cell["seed"]),
            **options,
        )  # fmt: skip
    matrix = replace(run.matrix, joint=joint)
    figures = {
        name: getattr(matrix, name)
        for name in (
            "average_accuracy", "learning_accuracy", "backward_transfer", "forgetting",
            "cl_accuracy", "remembering",
        )
    } | {name: getattr(run.path, name) for name in ("stability_gap", "worst_case_accuracy")}
    return cell | {
        "r": _plain(matrix.r), "step": run.path.step.tolist(), "path": _plain(run.path.scores),
        "mlm_loss": [] if run.mlm_loss is None else run.mlm_loss.tolist(), **figures,
        "intransigence": [] if joint is None else matrix.intransigence.tolist(),
    }  # fmt: skip


def _plain(scores: np.ndarray) -> list[list[float | None]]:
    """For JSON, which has no NaN."""
    return [[None if np.isnan(x) else float(x) for x in row] for row in scores]


class _Repairs:
    """The repairs of each task, in the way of the cell."""

    def __init__(self, way: str, run: Run, tasks: Any) -> None:
        self.way, self.run, self.tasks = way, run, tasks
        self.ewc: Any = None

    def __call__(self, i: int) -> list[Repair]:
        if self.way == "plain":
            return []
        if self.way == "replay":
            anew = replace(self.run, seed=self.run.seed + 100 * i)  # other sequences each time
            repair = METHODS["replay"].before(anew, REPLAY_SHARE)
        elif self.ewc is None:
            repair = self.ewc = METHODS["ewc"].before(self.run, EWC_STRENGTH)
        else:
            name = TASKS[i - 1]
            few = self.tasks[name][0][np.arange(FISHER_EXAMPLES)]
            # drawn labels: those it was just trained on have next to no gradient left
            fisher = diagonal_fisher(self.run.model, few, name, "drawn", rng=self.run.rng())
            self.ewc.consolidate(fisher)
            repair = self.ewc
        return [] if repair is None else [repair]
