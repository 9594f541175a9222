"""Distillation of sentence vectors: a student's vector of a text points where its teacher's does.

    L = mean over the texts of 1 - cos(u_teacher, u_student)

No labels, no pairs and no masks are needed, only texts like those that will be asked about; the
teacher reads each of them once. Since what is used of such vectors are cosines, their direction is
all that has to be learnt.

Source: Reimers & Gurevych 2020, "Making Monolingual Sentence Embeddings Multilingual using
Knowledge Distillation", section 2 (there with the squared distance); Sanh et al. 2019, section 2
(the cosine).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from npft.contrast.pair_losses import cosine_distance
from npft.embed.sentences import SentenceEncoder
from npft.encoder.pooling import pool
from npft.errors import ConfigError, DataError, check_count, check_strings
from npft.nn.fit import WEIGHT_DECAY, fit, measure_of, reported
from npft.nn.history import History
from npft.nn.loop import Loss, streams
from npft.nn.module import Module
from npft.nn.optim import AdamW, decay_groups
from npft.nn.progress import ProgressFn
from npft.nn.schedules import schedule_of
from npft.pretraining.train import WARMUP
from npft.text.batch import Batch, rows_of_epochs


class Lesson(NamedTuple):
    """Texts, and the vectors (B, D) that a student should find for them."""

    batch: Batch
    vectors: np.ndarray


class VectorLoss(Module):
    """A student that learns vectors, as ``fit`` trains it: its pool, and the loss of a lesson."""

    def __init__(self, student: SentenceEncoder) -> None:
        self.student = student

    def loss(self, lesson: Lesson, rng: np.random.Generator | None) -> Loss:
        """The mean of 1 - cos over the texts of a lesson."""
        how = self.student.heads["vectors"].options()["pool"]
        vectors = pool(self.student.encoder(lesson.batch, rng), lesson.batch, how)
        return Loss(cosine_distance(vectors, lesson.vectors), {}, vectors)


def train_student_encoder(
    student: SentenceEncoder,
    teacher: SentenceEncoder,
    texts: Sequence[str],
    *,
    steps: int,
    batch_size: int = 32,
    lr: float = 1e-4,
    every: int = 50,
    measure: Callable[[SentenceEncoder], dict[str, float]] | None = None,
    progress: ProgressFn | None = None,
    rng: np.random.Generator,
) -> History:
    """Train a student until its vectors of the texts point where the teacher's do.

    AdamW with warm-up and linear decay, in epochs of new order. The history holds the mean "loss"
    since the last row, and at step 0, every ``every`` steps and at the end what
    ``measure(student)`` returns.

    Raises ``DataError`` for no texts, ``DtypeError`` for what is no list of strings,
    ``ConfigError`` for other models, encoders of two widths or numbers out of range,
    ``NonFiniteError`` if training fails.

    >>> from npft.loading import load
    >>> from npft.serving.blocks import keep_blocks
    >>> teacher = SentenceEncoder(load("tinyworld").body)
    >>> student = keep_blocks(teacher, [0])
    >>> history = train_student_encoder(student, teacher, ["win cash now", "see you at noon"],
    ...     steps=6, every=3, rng=np.random.default_rng(0))
    >>> bool(history["loss"][1] < history["loss"][0])
    True
    """
    texts = check_strings("train_student_encoder: texts", texts)
    check_count("train_student_encoder: batch_size", batch_size)
    if not texts:
        raise DataError("train_student_encoder: there are no texts to learn from")
    for name, model in (("teacher", teacher), ("student", student)):
        if not isinstance(model, SentenceEncoder):
            raise ConfigError(
                f"train_student_encoder: the {name} is {type(model).__name__}, expected a "
                "SentenceEncoder: SentenceEncoder(model.body)"
            )
    theirs, ours = (m.encoder.config.hidden_size for m in (teacher, student))
    if theirs != ours:
        raise ConfigError(
            f"train_student_encoder: the teacher has vectors of width {theirs}, the student of "
            f"{ours}, expected one width; make the student with keep_blocks(teacher, ...)"
        )
    whole = Lesson(student.tokenize(texts), teacher.encode(texts))
    asked = measure_of("train_student_encoder", student, measure)
    rngs, history = streams(rng), History()

    walk = fit(
        VectorLoss(student),
        (
            Lesson(whole.batch[chosen], whole.vectors[chosen])
            for chosen in rows_of_epochs(whole.batch.lengths, batch_size, rngs.order)
        ),
        AdamW(decay_groups(student, lr=lr, weight_decay=WEIGHT_DECAY), lr=lr),
        history,
        steps=steps,
        schedule=schedule_of("linear", steps, WARMUP),
        every=every,
        measure=asked,
        rng=rngs.dropout,
    )
    for _ in reported(walk, steps, history, progress):
        pass
    return history
