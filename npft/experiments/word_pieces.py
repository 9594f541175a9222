"""A word in pieces: should its first token say its tag, or all of them together?

A vocabulary of few pieces cuts most words into several tokens. In training each of them has the
tag of its word; afterwards the first decides, or the mean or the largest of what all say of each
tag (``heads/tags.py``). So one tagger is trained, and asked in three ways. A run is a cell: a plain
dict (see ``sweep.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.experiments.bodies import pretrain_tinyworld
from npft.finetune.recipes import fine_tune_as
from npft.finetune.regimes import DROPOUT
from npft.finetune.train import evaluate
from npft.heads.tags import PIECES, TokenClassifier
from npft.nn.layers import set_dropout
from npft.worlds import TinyWorld

VOCABULARIES = (260, 700)  # pieces
STEPS = 1400  # of pretraining
LABELS, EPOCHS, TEST = 500, 20, 1000
TASKS = {"pos": "accuracy", "entities": "f1"}  # and what is measured


def piece_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Pretrain a body and train two taggers on it: one cell {"vocabulary", "steps", "seed"}.

    Adds "tokens", the mean number of tokens of a word of the test texts, and for each task
    {"first", "mean", "max"}: the accuracy of parts of speech, the F1 of entities.
    """
    seed = cell["seed"]
    world = TinyWorld(seed)
    found: dict[str, Any] = {}
    with threads(1):
        mlm, _ = pretrain_tinyworld(seed, cell["steps"], vocab_size=cell["vocabulary"])
        start = mlm.encoder.state_dict()
        for task, figure in TASKS.items():
            mlm.encoder.load_state_dict(start)
            train = world.task(task, LABELS, seed=1, test=False)
            test = world.task(task, TEST, seed=2, test=True)
            rng = np.random.default_rng(seed)
            model = TokenClassifier(mlm.encoder, train.tag_names, rng=rng)
            set_dropout(model, DROPOUT)
            fine_tune_as(model, model.batch_of(train), "full", epochs=EPOCHS, rng=rng)
            exam = model.batch_of(test)
            head: Any = model.heads["tags"]
            found[task] = {}
            for way in PIECES:
                head.pieces = way
                found[task][way] = getattr(evaluate(model, exam), figure)
    words = sum(len(row) for row in test.words)
    return cell | {"tokens": float((np.asarray(exam.words) >= 0).sum() / words)} | found


def piece_scores(cells: Sequence[Mapping[str, Any]], vocabulary: int, task: str) -> np.ndarray:
    """What the cells of a vocabulary reach on a task, by who decides and seed: (3, seeds)."""
    rows = [c[task] for c in cells if c["vocabulary"] == vocabulary]
    return np.array([[row[way] for row in rows] for way in PIECES])


def piece_table(cells: Sequence[Mapping[str, Any]]) -> str:
    """The table of the gallery: mean and range over the seeds by task, vocabulary and who decides.

    >>> scores = {"first": 0.5, "mean": 0.75, "max": 0.7}
    >>> cell = {"vocabulary": 260, "tokens": 2.5, "pos": scores, "entities": scores}
    >>> print(piece_table([cell, cell | {"vocabulary": 700}]).splitlines()[2])
    | parts of speech, 2.5 tokens a word | 0.50 (0.50-0.50) | 0.75 (0.75-0.75) | 0.70 (0.70-0.70) |
    """
    lines = ["| | first token | mean of all | largest of all |", "|---" * 4 + "|"]
    for task, name in (("pos", "parts of speech"), ("entities", "entities")):
        for size in VOCABULARIES:
            tokens = np.mean([c["tokens"] for c in cells if c["vocabulary"] == size])
            row = " | ".join(
                f"{v.mean():.2f} ({v.min():.2f}-{v.max():.2f})"
                for v in piece_scores(cells, size, task)
            )
            lines.append(f"| {name}, {tokens:.1f} tokens a word | {row} |")
    return "\n".join(lines)
