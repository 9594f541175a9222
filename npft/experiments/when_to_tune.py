"""When to tune: F1 against the number of labels, for five ways that cost more and more.

    prompt    a cloze, with the labelled examples shown before it as far as they fit; no training
    centroid  vectors off the shelf, and the nearest mean of a class
    logistic  the same vectors, and a logistic regression on them
    head      a new head on a frozen body
    full      a new head, and all weights learn

Beside them a bag of words, for which no body is needed. Along the axis stand the tiers by which
such choices are often made: no label, 2 to 32, 100 to 1,000, 10,000 and more.

Three tasks: the topic of a sentence, which pretraining had to learn to restore words; whether it is
good news, of which its documents say nothing; and messages that only the order of words tells
apart. The test texts have forms and names of their own. A run is a cell (see ``sweep.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.embed.rows import unit_rows
from npft.embed.sentences import SentenceEncoder
from npft.encoder.model import Model
from npft.errors import ConfigError
from npft.experiments.few_shot import PATTERNS, words_of
from npft.experiments.regimes import make_task
from npft.finetune.baselines import bag_of_words, fit_softmax
from npft.finetune.recipes import fine_tune_as
from npft.finetune.regimes import DROPOUT
from npft.finetune.train import evaluate
from npft.heads.classes import Classifier
from npft.heads.cloze import ClozeClassifier
from npft.heads.words import MaskedLM
from npft.loading import load
from npft.metrics.classes import averages, confusion_matrix
from npft.nn.layers import set_dropout
from npft.text.examples import Examples
from npft.worlds import TinyWorld

WAYS = ("prompt", "centroid", "logistic", "head", "full", "words")
TASKS = {"topic": "topic", "sentiment": "good or bad news", "hard sms": "hard messages"}
NUMBERS = (0, 2, 32, 100, 320, 1000, 10_000)
TIERS = {  # from, to
    "none": (0, 0), "few": (2, 32), "100 to 1,000": (100, 1000), "10,000": (10_000, 10_000),
}  # fmt: skip
MOST_SHOWN = 32  # more examples than these never fit before a text
TEST_SIZE = 500
STEPS, BATCH_SIZE = 200, 32
EPOCHS, FEW_EPOCHS = 13, 2  # at least: of up to 1,000 labels, and of more
ASKED = {  # the cloze of each task, and the words that stand for its classes
    "hard sms": ("{text} [SEP] it is [MASK]", {"ham": "good", "spam": "bad"}),
}


def when_cells() -> list[dict[str, Any]]:
    """Task, way and number of labels of each cell, the longest first.

    >>> cells = when_cells()
    >>> len(cells), cells[0]["n"], {c["way"] for c in cells if c["n"] == 0}
    (99, 10000, {'prompt'})
    """
    return [
        {"task": task, "way": way, "n": n}
        for n in reversed(NUMBERS)
        for task in TASKS
        for way in WAYS
        if (n <= MOST_SHOWN if way == "prompt" else n > 0)
    ]


def epochs_of(n: int) -> int:
    """So many epochs of ``n`` labels that there are 200 steps, at least 13; of very many, 2.

    >>> [epochs_of(n) for n in (2, 100, 1000, 10_000)]
    [200, 50, 13, 2]
    """
    least = EPOCHS if n <= 1000 else FEW_EPOCHS
    return max(least, -(-STEPS // -(-n // BATCH_SIZE)))


def task_of(task: str, n: int, seed: int) -> tuple[Examples | None, Examples]:
    """``n`` labelled texts (None for 0) and 500 to test on, of other forms and names."""
    if task not in TASKS:
        raise ConfigError(f"task is {task!r}, expected one of {', '.join(TASKS)}")
    if task == "hard sms":
        train, test = make_task(task, 8 * (n // 8 + 5), seed)
        half = [np.flatnonzero(np.asarray(train.labels) == k)[: n // 2] for k in (0, 1)]
        return (train[np.sort(np.concatenate(half))] if n else None), test[np.arange(TEST_SIZE)]
    world = TinyWorld()
    test = world.task(task, TEST_SIZE, seed=2, test=True)
    return (world.task(task, n, seed=10 + seed, test=False) if n else None), test


def question(task: str) -> tuple[str, dict[str, list[str]]]:
    """The pattern of a task, and for each class its words."""
    if task in ASKED:
        pattern, like = ASKED[task]
        words = words_of("sentiment")
        return pattern, {name: words[other] for name, other in like.items()}
    return PATTERNS[task], words_of(task)


def when_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Learn from "n" texts in the way "way" on the bundled body; returns the cell with "f1".

    A cell is one of ``when_cells`` with a "seed", which draws the labelled texts and the new head.
    F1 is the mean over the classes, so that one answer for all texts earns little.
    """
    train, test = task_of(cell["task"], cell["n"], cell["seed"])
    way = cell["way"]
    if way not in WAYS or (train is None and way != "prompt"):
        raise ConfigError(f"way is {way!r} with {cell['n']} labels, expected one of "
                          f"{', '.join(WAYS)}, and labels for all but 'prompt'")
    with threads(1):
        mlm: Any = load("tinyworld")
        if way == "prompt" or train is None:
            confusion = by_prompt(cell["task"], mlm, train, test)
        elif way == "words":
            confusion = bag_of_words(train, test).confusion
        elif way in ("centroid", "logistic"):
            confusion = by_vectors(way, mlm, train, test)
        else:
            confusion = by_training(way, mlm, train, test, cell["seed"])
    return cell | {"f1": float(averages(np.asarray(confusion))[2])}


def by_prompt(task: str, mlm: MaskedLM, train: Examples | None, test: Examples) -> np.ndarray:
    """The confusions of a cloze that is shown as many of the examples as fit before the text."""
    pattern, words = question(task)
    shown: list[tuple[str, str]] = []
    if train is not None:
        labels = [train.label_names[k] for k in np.asarray(train.labels)]
        shown = list(zip(train.texts, labels))
    model = ClozeClassifier(mlm, {n: words[n] for n in test.label_names}, pattern, shown)
    return confusions(model, test)


def by_vectors(way: str, mlm: MaskedLM, train: Examples, test: Examples) -> np.ndarray:
    """The confusions of vectors off the shelf: mean-pooled, and moved by the mean of the training
    vectors, without which all of them point one way."""
    encoder = SentenceEncoder(mlm.body, normalize=False)
    x, other = encoder.encode(train.texts), encoder.encode(test.texts)
    labels, classes = np.asarray(train.labels), len(test.label_names)
    centre = x.mean(axis=0)
    x, other = x - centre, other - centre
    if way == "centroid":
        scores = nearest_centroid(x, labels, other, classes)
    else:
        weights = fit_softmax(x.astype(np.float64), labels, classes)
        scores = other @ weights[:-1] + weights[-1]
    return confusion_matrix(np.asarray(test.labels), scores.argmax(axis=1), classes)


def nearest_centroid(
    x: np.ndarray, labels: np.ndarray, other: np.ndarray, classes: int
) -> np.ndarray:
    """The cosine of each of ``other`` (M, D) with the mean of each class of x (N, D): (M, K).

    A class without an example is as far as can be.

    >>> x = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
    >>> nearest_centroid(x, np.array([0, 0, 2]), np.array([[0.0, 5.0]]), 3).tolist()
    [[0.0, -1.0, 1.0]]
    """
    scores = np.full((len(other), classes), -1.0)
    rows = unit_rows("vectors", other)
    for k in np.unique(labels):
        scores[:, k] = rows @ unit_rows("centroid", x[labels == k].mean(axis=0)[None])[0]
    return scores


def by_training(
    regime: str, mlm: MaskedLM, train: Examples, test: Examples, seed: int
) -> np.ndarray:
    """The confusions of a new head in a regime of fine-tuning, at its own rate."""
    rng, names = np.random.default_rng(seed), test.label_names
    model = Classifier(mlm.body, len(names), label_names=names, rng=rng)
    set_dropout(model, DROPOUT)
    fine_tune_as(
        model, model.batch_of(train), regime, epochs=epochs_of(len(train)), batch_size=BATCH_SIZE,
        rng=rng,
    )  # fmt: skip
    return confusions(model, test)


def confusions(model: Model, test: Examples) -> np.ndarray:
    """What a model says of the test texts, counted."""
    return evaluate(model, model.batch_of(test)).confusion


def curve_of(cells: Sequence[Mapping[str, Any]], task: str, way: str) -> dict[int, np.ndarray]:
    """{labels: F1 of the seeds}, by rising number of labels."""
    found: dict[int, list[float]] = {}
    for c in cells:
        if (c["task"], c["way"]) == (task, way):
            found.setdefault(c["n"], []).append(c["f1"])
    return {n: np.array(found[n]) for n in sorted(found)}


def best_ways(cells: Sequence[Mapping[str, Any]], task: str) -> dict[int, list[str]]:
    """{labels: the way with the highest mean F1, then those that cannot be told apart from it}.

    That is, whose mean difference over the seeds is at most two of its standard errors.
    """
    curves = {way: curve_of(cells, task, way) for way in WAYS}
    found = {}
    for n in sorted({c["n"] for c in cells if c["task"] == task}):
        known = {way: curve[n] for way, curve in curves.items() if n in curve}
        order = sorted(known, key=lambda way: -known[way].mean())
        best = known[order[0]]
        tied = []
        for way in order[1:]:
            behind = best - known[way]
            error = behind.std(ddof=1) / np.sqrt(len(behind)) if len(behind) > 1 else 0.0
            if behind.mean() <= 2 * error:
                tied.append(way)
        found[n] = [order[0], *tied]
    return found


def tune_from(cells: Sequence[Mapping[str, Any]], task: str) -> int | None:
    """The number of labels from which on training all weights is better than every other way.

    None where it never is, up to the most that were tried.
    """
    best = best_ways(cells, task)
    found = None
    for n in sorted(best, reverse=True):
        if best[n] != ["full"]:
            break
        found = n
    return found


def when_table(cells: Sequence[Mapping[str, Any]]) -> str:
    """The rows of the gallery: of each task and way the mean F1 at each number of labels."""
    lines = [f"| task | way | {' | '.join(f'{n:,}' for n in NUMBERS)} |",
             "|---" * (2 + len(NUMBERS)) + "|"]
    for task, name in TASKS.items():
        for way in WAYS:
            curve = curve_of(cells, task, way)
            row = [f"{curve[n].mean():.2f}" if n in curve else "" for n in NUMBERS]
            lines.append(f"| {name} | {way} | {' | '.join(row)} |")
    return "\n".join(lines)
