"""Does a linear probe rank checkpoints as fine-tuning would, for a fraction of the cost?

A body is kept at some steps of one pretraining. Each copy is judged twice, by the same labels:

    probe   the body stays as it is: its mean-pooled vectors, and a softmax regression on them
    full    a new head, and all weights learn

How well the one foretells the other is their rank correlation over the copies. Two more forecasts
stand beside the probe, for they need no label at all: the number of steps, and the held-out loss of
masked words. A probe that ranks no better than these has only seen that training went on.

The harder question is asked of bodies with nothing else to tell them apart: those of other seeds
(other documents, other weights at the start) after as many steps. There a second fine-tuning of the
same copy, "again", with another new head and other batches, says how far even fine-tuning agrees
with itself. A run is a cell: a plain dict with all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.embed.sentences import SentenceEncoder
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.experiments.bodies import DOCUMENTS, STEPS, pretrain_tinyworld
from npft.experiments.regimes import TEST_SIZE, make_task
from npft.experiments.when_to_tune import BATCH_SIZE, epochs_of
from npft.finetune.baselines import fit_softmax
from npft.finetune.recipes import fine_tune_as
from npft.finetune.regimes import DROPOUT
from npft.finetune.train import evaluate
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.metrics.classes import averages, confusion_matrix
from npft.metrics.ranking import spearman
from npft.nn.layers import set_dropout
from npft.text.examples import Examples
from npft.worlds import TinyWorld

LOOKS = (0, 280, 840, 1120, 1680, STEPS)  # steps at which the held-out loss is measured
AGAIN = (1120, STEPS)  # where a copy is fine-tuned twice
SETTINGS = {  # task and number of labels
    ("topic", 32): "topic, 32 labels",
    ("topic", 320): "topic, 320 labels",
    ("senses", 320): "senses, 320 labels",
    ("sms", 320): "messages, 320 labels",
}
LABELS = 0  # the seed of the labelled texts: the same for all copies of all bodies
FORECASTS: dict[str, Callable[[Mapping[str, Any]], float]] = {  # higher: a better body is expected
    "probe": lambda row: row["probe"],
    "steps": lambda row: row["step"],
    "loss": lambda row: -row["loss"],
    "again": lambda row: row["again"],
}


def ranks_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Pretrain the body of a "seed" and judge its copies.

    A cell may also have "steps", "documents" and "looks" (at which steps a copy is kept; a
    twentieth of the steps or multiples of it). It is returned with "rows": for each copy and
    setting {"step", "loss", "task", "n", "probe", "full" (mean F1 of the classes on 1,000
    test texts), "probe_seconds", "full_seconds" (of the processor, to learn, without the test)},
    at the steps of ``AGAIN`` also "again". Raises ``ConfigError`` for a look without a loss.
    """
    steps, looks = cell.get("steps", STEPS), cell.get("looks", LOOKS)
    copies: dict[int, dict[str, np.ndarray]] = {}

    def look(mlm: MaskedLM, step: int) -> None:
        if step in looks:
            copies[step] = mlm.body.state_dict()

    with threads(1):
        mlm, history = pretrain_tinyworld(
            cell["seed"], steps, cell.get("documents", DOCUMENTS), look=look
        )
        loss = dict(zip(history.at("mlm_loss").tolist(), history["mlm_loss"].tolist()))
        if missing := set(looks) - loss.keys():
            raise ConfigError(f"looks are at {sorted(missing)}, expected some of {sorted(loss)}")
        rows = []
        for step in looks:
            for task, n in SETTINGS:
                mlm.body.load_state_dict(copies[step])
                row = {"step": step, "loss": loss[step], "task": task, "n": n}
                rows.append(row | judged(mlm.body, task, n, cell["seed"], step in AGAIN))
    return cell | {"rows": rows}


def labelled(task: str, n: int) -> tuple[Examples, Examples]:
    """``n`` labelled texts and 1,000 to test on; an ambiguous word stands in its sentence once."""
    if task != "senses":
        return make_task(task, n, LABELS)
    world = TinyWorld(LABELS)
    train = world.task(task, n, seed=1, distractors=0.0)
    return train, world.task(task, TEST_SIZE, seed=2, distractors=0.0)


def judged(body: Encoder, task: str, n: int, seed: int, again: bool) -> dict[str, float]:
    """Both judgements of a body by ``n`` labels of a task; ``again``: fine-tuned a second time."""
    train, test = labelled(task, n)
    before = body.state_dict()
    found = {}
    found["probe"], found["probe_seconds"] = probe(body, train, test)
    found["full"], found["full_seconds"] = tuned(body, train, test, seed)
    if again:
        body.load_state_dict(before)
        found["again"], _ = tuned(body, train, test, seed + 100)
    return found


def probe(body: Encoder, train: Examples, test: Examples) -> tuple[float, float]:
    """Mean F1 of a softmax regression on the vectors of a body, and the seconds to read and fit.

    The vectors are moved by the mean of the training vectors and divided by one number, their
    spread, so that the pull of the regression to 0 is alike in a narrow cone and in a wide one.
    """
    begin = time.process_time()
    encoder = SentenceEncoder(body, normalize=False)
    x = encoder.encode(train.texts).astype(np.float64)
    centre = x.mean(axis=0)
    spread = np.sqrt(np.square(x - centre).mean())
    classes = len(test.label_names)
    weights = fit_softmax((x - centre) / spread, np.asarray(train.labels), classes)
    seconds = time.process_time() - begin
    scores = (encoder.encode(test.texts) - centre) / spread @ weights[:-1] + weights[-1]
    confusion = confusion_matrix(np.asarray(test.labels), scores.argmax(axis=1), classes)
    return float(averages(confusion)[2]), seconds


def tuned(body: Encoder, train: Examples, test: Examples, seed: int) -> tuple[float, float]:
    """Mean F1 after all weights have learnt, with the head and batches of a seed; the seconds."""
    begin, rng = time.process_time(), np.random.default_rng(seed)
    names = test.label_names
    model = Classifier(body, len(names), label_names=names, rng=rng)
    set_dropout(model, DROPOUT)
    fine_tune_as(
        model, model.batch_of(train), "full", epochs=epochs_of(len(train)), batch_size=BATCH_SIZE,
        rng=rng,
    )  # fmt: skip
    seconds = time.process_time() - begin
    found = evaluate(model, model.batch_of(test))
    return float(averages(np.asarray(found.confusion))[2]), seconds


def over_steps(
    rows: Sequence[Mapping[str, Any]], forecast: str, task: str, n: int
) -> np.ndarray:
    """The rank correlation of a forecast with full fine-tuning over the copies of each seed: (S,).

    ``rows`` are those of ``ranks_cell``, each with its "seed"; ``forecast`` is a key of
    ``FORECASTS``.
    """
    seeds = sorted({row["seed"] for row in rows})
    return np.array([
        _agreement([r for r in rows if (r["seed"], r["task"], r["n"]) == (seed, task, n)], forecast)
        for seed in seeds
    ])  # fmt: skip


def over_seeds(
    rows: Sequence[Mapping[str, Any]], forecast: str, step: int
) -> dict[tuple[str, int], float]:
    """{(task, labels): the rank correlation over the bodies of all seeds after as many steps}.

    A setting in which all bodies come to the same F1 is left out: there is nothing to rank.
    """
    found = {}
    for task, n in SETTINGS:
        own = [r for r in rows if (r["step"], r["task"], r["n"]) == (step, task, n)]
        if len({r["full"] for r in own}) > 1:
            found[task, n] = _agreement(own, forecast)
    return found


def _agreement(rows: Sequence[Mapping[str, Any]], forecast: str) -> float:
    return spearman([FORECASTS[forecast](row) for row in rows], [row["full"] for row in rows])


def seconds_of(rows: Sequence[Mapping[str, Any]], n: int) -> tuple[float, float]:
    """The median seconds to learn from ``n`` labels, of a probe and of full fine-tuning."""
    own = [row for row in rows if row["n"] == n]
    return (
        float(np.median([row["probe_seconds"] for row in own])),
        float(np.median([row["full_seconds"] for row in own])),
    )


def ranks_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of the gallery: mean and range over the seeds of how the copies are ranked."""
    lines = ["| over the copies of a body | probe | number of steps |", "|---|---|---|"]
    for (task, n), name in SETTINGS.items():
        said = [over_steps(rows, forecast, task, n) for forecast in ("probe", "steps")]
        shown = [f"{x.mean():.2f} ({x.min():.2f} to {x.max():.2f})" for x in said]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines)


def copies_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of the gallery: mean F1 over the seeds of each copy, by the probe and tuned."""
    lines = [f"| F1 after steps | {' | '.join(f'{step:,}' for step in LOOKS)} |",
             "|---" * (1 + len(LOOKS)) + "|"]
    for (task, n), name in SETTINGS.items():
        for by in ("probe", "full"):
            means = [
                np.mean([r[by] for r in rows if (r["task"], r["n"], r["step"]) == (task, n, step)])
                for step in LOOKS
            ]
            lines.append(f"| {name}, {by} | {' | '.join(f'{x:.2f}' for x in means)} |")
    return "\n".join(lines)
