"""A sequence of tasks: one body learns them one after another, under a head for each.

    for each task i:   repairs(i) -> fine-tune on task i -> masked-token loss
                       every few steps of it: the test scores of tasks 1..i

The figures that are read from what is measured are in ``matrix.py``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import ConfigError, check_count, quoted
from npft.finetune.regimes import check_model
from npft.finetune.train import evaluate, fine_tune, fine_tune_steps, rank_of
from npft.forgetting.latent import linear_probe
from npft.forgetting.matrix import Path, TaskMatrix
from npft.forgetting.measure import check_shared, check_words
from npft.metrics.score import ByValue
from npft.nn.history import History
from npft.nn.repair import Repair
from npft.text.batch import Batch

Tasks = Mapping[str, tuple[Batch, Batch]]  # by the names of their heads: to train on, to test on
PROBE_SEED = 0  # of all probes, so that two of them differ by the body alone


@dataclass(frozen=True, eq=False)
class SequenceRun(ByValue):
    """What ``train_sequence`` found: the names of the tasks, the table, the path between.

    mlm_loss: (T + 1,) the held-out masked-token loss before the first task and after each; None
    without a pretrained model to measure.
    """

    tasks: tuple[str, ...]
    matrix: TaskMatrix
    path: Path
    mlm_loss: np.ndarray | None = None


def train_sequence(
    model: Model,
    tasks: Tasks,
    *,
    mlm: Model | None = None,
    probe: Batch | None = None,
    every: int = 5,
    repairs: Callable[[int], Sequence[Repair]] = lambda i: (),
    probe_epochs: int = 0,
    rng: np.random.Generator,
    **options: Any,
) -> SequenceRun:
    """Fine-tune one body on tasks one after another, each under a head of its own.

    model: has a head for each task, by its name, and perhaps others. tasks: name to (train, test),
        in the order in which they are trained.
    mlm, probe: the pretrained model on the same body and its held-out batch, for ``mlm_loss``.
    every: steps between two measurements of all tasks begun so far. The stability gap is a matter
        of a few steps.
    repairs: called with i = 0..T-1 before the training on a task, when the body is as the task
        before has left it; gives the repairs of this task.
    probe_epochs: if above 0, how long linear probes are trained for FWT. A task that has not been
        trained has a new head that knows nothing, so its score is chance whatever the body knows.
        b_j and R[j-1,j] are then scores of a fresh head, trained so long on the frozen body; they
        compare with each other, not with the rest of R, and stand beside it (``before``,
        ``ahead``). Without, FWT is undefined.

    ``options``: those of ``fine_tune``, the same for each task; the first task is trained as
    ``fine_tune(model, {name: train})`` would, bit for bit, and measuring draws nothing.

    Raises ``ConfigError`` for no tasks, a task without a head, mlm without probe or on another
    body; else as ``fine_tune``.

    >>> from npft import load
    >>> from npft.heads.classes import Classes
    >>> rng, body = np.random.default_rng(0), load("tinyworld").body
    >>> model = Model(
    ...     body, {name: Classes(body, ["no", "yes"], rng=rng) for name in ("food", "money")})
    >>> texts = ["the chef cooks", "the teller counts the money"]
    >>> batch = model.tokenize(texts, labels=[0, 1], head="food")
    >>> tasks = {"food": (batch, batch), "money": (batch, batch)}
    >>> run = train_sequence(model, tasks, epochs=1, every=1, rng=rng)
    >>> run.tasks, run.path.ends.tolist(), run.matrix.r.shape
    (('food', 'money'), [1, 2], (2, 2))
    """
    names = check_tasks("train_sequence", model, tasks)
    check_count("train_sequence: probe_epochs", probe_epochs, 0)
    if not callable(repairs):
        raise ConfigError(
            f"train_sequence: repairs is {quoted(repairs)}, expected a function of the number of "
            "the task: lambda i: [L2ToInit(model, 0.01)]"
        )
    if (mlm is None) != (probe is None):
        raise ConfigError("train_sequence: mlm and probe belong together; give both or neither")
    if mlm is not None:
        check_shared("train_sequence", model, mlm)
        check_words("train_sequence", mlm)
    known: list[float] = []

    def remember() -> None:
        if mlm is not None and probe is not None:
            known.append(mlm.measure(probe)["mlm_loss"])

    before, ahead = None, None
    if probe_epochs:
        before = np.array([_probed(model, name, tasks[name], probe_epochs) for name in names])
        ahead = np.zeros(len(names) - 1)
    remember()
    steps, rows, ends = list[int](), list[list[float]](), list[int]()
    for i in range(len(names)):
        done = ends[-1] if ends else 0
        history = _trained(model, tasks, names[: i + 1], every, repairs(i), rng, options)
        for row in history.rows[1:] if i else history.rows:  # step 0 is the end of the task before
            steps.append(done + row["step"])
            rows.append([row.get(f"score_{k}", np.nan) for k in range(len(names))])
        ends.append(steps[-1])
        remember()
        if ahead is not None and i < len(ahead):
            ahead[i] = _probed(model, names[i + 1], tasks[names[i + 1]], probe_epochs)
    path = Path(np.array(steps), np.array(rows), np.array(ends))
    matrix = TaskMatrix(path.at_ends, before, ahead=ahead)
    return SequenceRun(tuple(names), matrix, path, np.array(known) if known else None)


def check_tasks(caller: str, model: Model, tasks: Tasks) -> list[str]:
    """The names of the tasks; raises ``ConfigError`` for none, or data no head is there for."""
    check_model(caller, model)
    if not isinstance(tasks, Mapping) or not tasks:
        raise ConfigError(
            f"{caller}: tasks are no dict with a task in it: {{'topic': (train, test)}}"
        )
    for name, data in tasks.items():
        if not isinstance(data, tuple) or len(data) != 2:
            raise ConfigError(f"{caller}: the task {name!r} is no pair (train, test) of batches")
        for batch in data:
            model.check({name: batch})
    return list(tasks)


def _trained(
    model: Model,
    tasks: Tasks,
    begun: list[str],
    every: int,
    repairs: Sequence[Repair],
    rng: np.random.Generator,
    options: dict[str, Any],
) -> History:
    """Train on the last of the tasks begun, and measure all of them along the way."""

    def measure() -> dict[str, float]:
        return {f"score_{k}": _score(model, name, tasks[name][1]) for k, name in enumerate(begun)}

    history, train = History(), {begun[-1]: tasks[begun[-1]][0]}
    for _ in fine_tune_steps(
        model, train, history, every=every, measure=measure, repairs=repairs, rng=rng, **options
    ):
        pass
    return history


def _score(model: Model, name: str, test: Batch) -> float:
    """The main figure of one head."""
    return rank_of(evaluate(model, {name: test}))[0]


def _probed(model: Model, name: str, data: tuple[Batch, Batch], epochs: int) -> float:
    """What a new head like that of a task finds in the frozen body."""
    rng = np.random.default_rng(PROBE_SEED)

    def make(body: Encoder) -> Model:
        return Model.from_options(body, {name: model.options()[name]}, rng=rng)

    return linear_probe(model, make, *data, epochs=epochs, rng=rng)


def joint_scores(
    model: Model, tasks: Tasks, *, rng: np.random.Generator, **options: Any
) -> np.ndarray:
    """R*_k: (T,) the score on task k of a copy of ``model`` trained jointly on tasks 1..k.

    What intransigence compares with: ``dataclasses.replace(run.matrix, joint=scores)``. ``model``
    is as it was before ``train_sequence``; with a generator as that had, R*_1 is R[1,1]. One
    training for each task, which makes it the slower part. ``options``: those of ``fine_tune``.
    Raises as ``train_sequence``.

    >>> from npft import load
    >>> from npft.heads.classes import Classes
    >>> rng, body = np.random.default_rng(0), load("tinyworld").body
    >>> model = Model(
    ...     body, {name: Classes(body, ["no", "yes"], rng=rng) for name in ("food", "money")})
    >>> texts = ["the chef cooks", "the teller counts the money"]
    >>> batch = model.tokenize(texts, labels=[0, 1], head="food")
    >>> tasks = {"food": (batch, batch), "money": (batch, batch)}
    >>> joint_scores(model, tasks, epochs=1, rng=rng).shape  # a score for each task
    (2,)
    """
    names = check_tasks("joint_scores", model, tasks)
    scores = []
    for k, name in enumerate(names):
        learner = copy.deepcopy(model)  # with its dropout, and what of it is frozen
        fine_tune(learner, {n: tasks[n][0] for n in names[: k + 1]}, rng=rng, **options)
        scores.append(_score(learner, name, tasks[name][1]))
    return np.array(scores)
