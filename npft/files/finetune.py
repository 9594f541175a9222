"""``npft finetune``: a model of any task from a file of labelled rows.

    npft finetune MESSAGES.tsv --out spam                          label<TAB>text
    npft finetune NLI.csv --header --columns gold,a,b --out nli    pairs, from a spreadsheet
    npft finetune TRAIN.conll --test TEST.conll --out entities     tags
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import CheckpointError, ConfigError, DataError
from npft.files.memory import Memory
from npft.files.output import ProgressMaker, claimed, timed, write_model
from npft.files.pretrain import MAX_POSITIONS, VOCAB_SIZE
from npft.files.tasks import TASKS, Task
from npft.files.vectors import own_pool
from npft.finetune.recipes import check_epochs, fine_tune_as
from npft.finetune.regimes import DROPOUT, learning_rate, num_trainable
from npft.finetune.train import check_numbers, evaluate
from npft.forgetting.anchors import L2ToInit
from npft.forgetting.methods import REPLAY_WEIGHT
from npft.forgetting.replay import ReplayMixer
from npft.heads.words import MaskedLM
from npft.loading import load
from npft.nn.layers import set_dropout
from npft.nn.progress import ProgressFn
from npft.nn.repair import Repair
from npft.pretraining.start import PRETRAIN_LR, Vocabulary, make_tokenizer, new_masked_lm
from npft.pretraining.train import pretrain
from npft.text import (
    FileFormat, conflicts, drop_duplicates, guess_task, split, suitable_tokenizer, unknown_share,
)
from npft.text.readers import check_no_pipe

QUICK_EPOCHS = 5  # of masked-word training on the training texts, when no model is given
TEST_SHARE = 0.2


@dataclass(frozen=True)
class Material:
    """What is learnt from, and what the result is measured on.

    test, validation: files like ``data``; without ``test`` 20 % of the data are the test set,
    without ``validation`` (which may also be a share of the training rows) all epochs are run and
    the last one counts.
    positive: of two labels the one whose precision and recall count. scheme: how tags mark
    entities, where the tags leave it open (see ``npft.metrics.entities``). tagger: what learns
    tags (see ``npft.files.tasks.TAGGERS``). pool: how the tokens of a text become one vector (see
    ``npft.encoder.pooling``).
    """

    data: Path
    task: str | None = None
    test: Path | None = None
    validation: str | None = None
    positive: str | None = None
    scheme: str | None = None
    pool: str | None = None
    tagger: str | None = None


@dataclass(frozen=True)
class Start:
    """The body that is tuned: a pretrained ``model``, or a new one with a tokenizer of its own."""

    model: Path | None = None
    tokenizer: str | None = None
    lowercase: bool | None = None
    text: list[Path] | None = None  # what the model was pretrained on: measures the forgetting
    text_encoding: str | None = None  # of ``text``; UTF-8 by default, as that of the rows is


@dataclass(frozen=True)
class Training:
    """How the model is trained, and what is done against forgetting (see ``npft.forgetting``)."""

    regime: str = "full"
    epochs: int = 10
    batch_size: int = 32
    lr: float | None = None
    patience: int | None = None
    anchor: float | None = None
    replay: float = 0.0
    seed: int = 0


class Parts(NamedTuple):
    """The examples of each part, and what was found in the file."""

    train: Any
    test: Any
    validation: Any | None
    counts: dict[str, int]


def finetune_file(
    material: Material,
    out: Path,
    *,
    fmt: FileFormat = FileFormat(),
    start: Start = Start(),
    training: Training = Training(),
    force: bool = False,
    progress: ProgressMaker,
) -> dict[str, Any]:
    """Fine-tune a model on a file of labelled rows and save it in ``out``.

    Texts are stripped and exact repeats dropped. Without a model to start from, a new body is
    first pretrained for a few epochs on the training texts.
    """
    check_options(material, start, training)
    with claimed(out, start=start.model, force=force):
        rng = np.random.default_rng(training.seed)
        name, reason = chosen_task(material, fmt)
        task, timings = TASKS[name], dict[str, float]()
        options = options_of(task, material)
        parts = divided(task, material, fmt, rng)
        texts = task.texts(parts.train)
        loaded = None if start.model is None else load_with_tokenizer(start.model)
        if loaded is not None and "pool" in task.options and own_pool(loaded) is not None:
            options = {"pool": own_pool(loaded)} | options
        with timed(timings, "pretrain"):
            body = loaded.body if loaded else quick_body(texts, start, progress("pretrain"), rng)
        model = task.model(body, parts.train, rng, **options)
        set_dropout(model, DROPOUT)
        lr = rate_of(body.config.hidden_size, training)
        memory = memory_of(loaded, start, training.seed) if start.text else None
        repairs = repairs_of(model, memory, training)
        train, test = model.batch_of(parts.train), model.batch_of(parts.test)
        held_out = None if parts.validation is None else model.batch_of(parts.validation)
        with timed(timings, "finetune"):
            history = fine_tune_as(
                model, train, training.regime, validation=held_out, patience=training.patience,
                epochs=training.epochs, batch_size=training.batch_size, lr=lr, repairs=repairs,
                progress=progress("finetune"), rng=rng,
            )  # fmt: skip
        results = {
            "task": name,
            "guessed": reason,
            "regime": training.regime,
            **task.names(model),
            **parts.counts,
            "truncated": train.n_truncated + test.n_truncated,
            "max_length": body.config.max_positions,
            "tokenizer": model.tokenizer.kind,
            "unknown": unknown_share(model.tokenizer, texts),
            "trained_weights": num_trainable(model),
            "weights": model.num_parameters(),
            **evaluate(model, test).as_dict(),
            "baselines": {
                k: score.as_dict()
                for k, score in task.baselines(parts.train, parts.test, **options).items()
            },
            **({} if memory is None else memory.rise()),
            "seed": training.seed,
        }
        write_model(out, model, results, history, timings)
    return results


def check_options(material: Material, start: Start, training: Training) -> None:
    """Raise ``ConfigError`` for options that do not go together."""
    if start.text and start.model is None:
        raise ConfigError("--text needs --model, the model that was pretrained on it")
    if start.text_encoding is not None and not start.text:
        raise ConfigError("--text-encoding is that of --text; name its files, or leave it out")
    if training.replay and not start.text:
        raise ConfigError("--replay needs the pretraining text; name its files with --text")
    if start.model is not None and (start.tokenizer, start.lowercase) != (None, None):
        raise ConfigError("--model brings its own tokenizer; leave out --tokenizer, --lowercase "
                          "and --cased")
    if training.patience is not None and material.validation is None:
        raise ConfigError("--patience needs rows to watch: --validation 0.1, or a file")
    lr = learning_rate(training.regime) if training.lr is None else training.lr
    check_numbers(training.epochs, training.batch_size, lr)
    check_epochs(training.regime, training.epochs)


def rate_of(width: int, training: Training) -> float:
    """The learning rate that is asked for, or that of the regime for a body of this width."""
    return learning_rate(training.regime, width) if training.lr is None else training.lr


def chosen_task(material: Material, fmt: FileFormat) -> tuple[str, str | None]:
    """The task, and, if it was guessed, by what sign.

    Raises ``DataError`` where the file leaves a doubt, and for a pipe, which is empty after a look.
    """
    if material.task is not None:
        return material.task, None
    check_no_pipe(material.data, "name the --task of its rows, or give a file")
    task, sign = guess_task(material.data, fmt)
    if task is None:
        raise DataError(f"{sign}; say which with --task {'/'.join(TASKS)}", path=material.data)
    return task, sign


def options_of(task: Task, material: Material) -> dict[str, Any]:
    """The options of the task that are given; raises ``ConfigError`` for those of other tasks."""
    given = {name: getattr(material, name) for name in ("positive", "scheme", "tagger", "pool")}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in task.options:
            raise ConfigError(f"--{name} is not for the task {task.name}; leave it out")
    return options


def divided(task: Task, material: Material, fmt: FileFormat, rng: np.random.Generator) -> Parts:
    """Training, test and validation examples, none of which stands in two parts.

    Exact repeats are dropped, of the training rows those that a given test or validation file
    holds too, and of a validation file those of the test file. Else given files stay as they are.
    Raises ``DataError`` that names the file.
    """
    everything = task.read(material.data, fmt)
    rows = drop_duplicates(everything)
    if rows.groups is not None and len(set(rows.groups)) == 1:
        rows.groups = None  # one document cannot be divided as a whole
    share, path = share_or_file(material.validation)
    test = None if material.test is None else task.read(material.test, fmt, everything)
    validation = None if path is None else task.read(path, fmt, everything)
    shared = 0
    if test is not None and validation is not None:
        held = set(test.stripped().contents())
        own = np.array([content not in held for content in validation.stripped().contents()])
        if not own.any():
            raise DataError("all its rows stand in the test file too; give other rows, or leave "
                            "out --validation", path=path)
        validation, shared = validation[own], int((~own).sum())
    apart = {c for part in (test, validation) if part for c in part.stripped().contents()}
    train = rows[np.array([content not in apart for content in rows.contents()])]
    counts = {
        "rows": len(everything),
        "skipped": sum(task.skipped(file, fmt) for file in (material.data, material.test, path)
                       if file is not None),
        "repeats_dropped": len(everything) - len(rows),
        "conflicts": len(conflicts(everything)),
        "held_out_dropped": len(rows) - len(train),
        "validation_dropped": shared,
    }
    try:
        if test is None:
            train, test = split(train, TEST_SHARE, task.stratify, rng=rng)
        if share is not None:
            train, validation = split(train, share, task.stratify, rng=rng)
    except DataError as error:
        raise DataError(str(error), path=material.data) from None
    if len(train) == 0:
        raise DataError("all its rows stand in the test or validation file too; give other rows",
                        path=material.data)
    counts |= {"train_examples": len(train), "test_examples": len(test)}
    return Parts(train, test, validation, counts)


def share_or_file(validation: str | None) -> tuple[float | None, Path | None]:
    """What ``--validation`` means: a share of the rows, or a file of them.

    >>> share_or_file("0.1"), share_or_file(None)
    ((0.1, None), (None, None))
    """
    if validation is None:
        return None, None
    try:
        return float(validation), None
    except ValueError:
        return None, Path(validation)


def quick_body(
    texts: list[str], start: Start, progress: ProgressFn | None, rng: np.random.Generator
) -> Encoder:
    """A body pretrained for a few epochs on the training texts alone (never on test texts)."""
    texts = list(dict.fromkeys(texts))
    kind = start.tokenizer or suitable_tokenizer(texts)
    tok = make_tokenizer(Vocabulary(kind, None, start.lowercase), texts, VOCAB_SIZE)
    mlm = new_masked_lm(tok, MAX_POSITIONS, False, rng)
    steps = QUICK_EPOCHS * -(-len(texts) // 32)
    documents = [[text] for text in texts]
    pretrain(mlm, documents, steps=steps, lr=PRETRAIN_LR, progress=progress, rng=rng)
    return mlm.body


def memory_of(loaded: Any, start: Start, seed: int) -> Memory:
    """The memory of the model that was loaded; raises ``ConfigError`` if it predicts no words."""
    if not isinstance(loaded, MaskedLM):
        raise ConfigError(
            f"{start.model} holds no pretraining head; --text needs a pretrained model"
        )
    return Memory(loaded, start.text or [], seed, start.text_encoding)


def repairs_of(model: Model, memory: Memory | None, training: Training) -> list[Repair]:
    """What is done against forgetting."""
    repairs: list[Repair] = []
    if training.anchor is not None:
        repairs.append(L2ToInit(model, training.anchor))
    if memory and training.replay:
        rng = np.random.default_rng(training.seed + 1)
        share = training.replay
        repairs.append(ReplayMixer(memory.train, memory.mlm, share, REPLAY_WEIGHT, rng=rng))
    return repairs


def load_with_tokenizer(folder: Path) -> Any:
    """The model in a folder; raises ``CheckpointError`` if it cannot read text."""
    found = load(folder)
    if found.body.tokenizer is None:
        raise CheckpointError(f"{folder}: the model was saved without a tokenizer")
    return found
