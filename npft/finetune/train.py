"""Fine-tuning: one loop for every regime, and the evaluation on a test set.

What trains is decided beforehand, by ``freeze_body`` or ``unfreeze_body``; the loop is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from npft.autograd.losses import softmax_cross_entropy
from npft.errors import ConfigError, check_count
from npft.finetune.heads import Classifier, Head
from npft.metrics import Metrics, classification_metrics
from npft.nn.history import History
from npft.nn.loop import Repair, Step, streams, train_steps
from npft.nn.module import train_mode
from npft.nn.optim import AdamW, check_positive, decay_groups
from npft.nn.packs import pack_size
from npft.nn.progress import ProgressFn
from npft.nn.schedules import warmup_linear
from npft.text.batch import Batch, batches_of

WARMUP = 0.05  # share of the steps
WEIGHT_DECAY = 0.01


def check_options(epochs: int, batch_size: int, lr: float) -> None:
    """Raise ``ConfigError`` for numbers with which training cannot begin."""
    check_count("fine-tuning: epochs", epochs)
    check_count("fine-tuning: batch_size", batch_size)
    check_positive("fine-tuning: lr", lr)


def evaluate(model: Classifier, test: Batch) -> Metrics:
    """Accuracy, precision, recall, F1, confusion matrix and loss on labelled sequences.

    With two classes, class 1 is the positive one. Dropout is off.
    Raises ``DataError`` for no data or labels the model does not know.
    """
    model.check("evaluate", test)
    labels = np.asarray(test.labels)
    logits = model.logits(test)
    loss = softmax_cross_entropy(logits, targets=labels).item()
    return classification_metrics(labels, logits.argmax(axis=1), model.num_labels, loss)


def epoch_plan(train: Batch, batch_size: int, repairs: Sequence[Repair]) -> tuple[int, int]:
    """How many examples of the task a step takes, and how many steps an epoch has."""
    size = batch_size
    for repair in repairs:
        size = repair.task_size(size)
    return size, -(-len(train) // size)


def head_steps(
    model: Head,
    train: Batch,
    *,
    epochs: int = 20,
    batch_size: int = 32,
    lr: float = 1e-3,
    body_lr: float | None = None,
    repairs: Sequence[Repair] = (),
    rng: np.random.Generator,
) -> Iterator[Step]:
    """Train whatever is not frozen on labelled data, one step at a time.

    AdamW with warm-up and linear decay; gradients are clipped to length 1. ``lr`` is the rate of
    the head and, unless ``body_lr`` says otherwise, of the body. Between steps the caller may look
    at the model; see ``train_classifier`` for the whole run.

    Raises ``DataError`` for data without labels, ``ConfigError`` for numbers out of range,
    ``NonFiniteError`` with the step if training fails.
    """
    model.check("fine-tuning", train)
    check_options(epochs, batch_size, lr)
    rngs = streams(rng)
    size, per_epoch = epoch_plan(train, batch_size, repairs)
    total = epochs * per_epoch
    warmup = max(1, round(WARMUP * total))
    body_lr = lr if body_lr is None else body_lr
    body_decay = 0.0 if any(r.replaces_decay for r in repairs) else WEIGHT_DECAY
    groups = decay_groups(model, lr=body_lr, weight_decay=body_decay, prefix="encoder.")
    groups += decay_groups(model, lr=lr, weight_decay=WEIGHT_DECAY, exclude="encoder.")

    def batches() -> Iterator[Batch]:
        for _ in range(epochs):
            yield from batches_of(train, size, rng=rngs.order)

    def packs(batch: Batch) -> list[tuple[Batch, float]]:
        """Parts of the batch, each with the share of its loss in that of the batch."""
        size = pack_size(len(batch), len(batch.ids))
        if size >= len(batch):
            return [(batch, 1.0)]
        parts = [batch[i : i + size] for i in range(0, len(batch), size)]
        terms = [model.terms(part) for part in parts]
        if not any(terms):
            return [(batch, 1.0)]  # whose loss says what is missing
        return [(part, n / sum(terms)) for part, n in zip(parts, terms) if n]

    def loss_fn(model: Head, pack: tuple[Batch, float], rng: np.random.Generator):
        batch, share = pack
        loss = model.loss(batch, rng)
        return loss if share == 1.0 else loss * share, {}

    train_mode(model)
    yield from train_steps(
        model,
        batches(),
        loss_fn,
        AdamW(groups, lr=lr),
        schedule=lambda s: warmup_linear(s, warmup, total),
        repairs=repairs,
        cut=packs,
        rng=rngs.dropout,
    )


def train_head(
    model: Head,
    train: Batch,
    *,
    epochs: int = 20,
    progress: ProgressFn | None = None,
    rng: np.random.Generator,
    **options: Any,
) -> History:
    """Train a head of any kind; return the mean loss of each epoch as "loss".

    The options are those of ``head_steps``. The model is in evaluation mode afterwards.
    """
    history, losses = History(), list[float]()
    _, per_epoch = epoch_plan(train, options.get("batch_size", 32), options.get("repairs", ()))
    try:
        for step in head_steps(model, train, epochs=epochs, rng=rng, **options):
            losses.append(step.loss)
            if progress is not None:
                progress(step.step, epochs * per_epoch, f"loss {step.loss:.3f}")
            if step.step % per_epoch == 0:
                history.add(step.step, loss=float(np.mean(losses)))
                losses.clear()
    finally:
        model.eval()
    return history


def train_classifier(
    model: Classifier,
    train: Batch,
    *,
    epochs: int = 20,
    batch_size: int = 32,
    lr: float = 1e-3,
    body_lr: float | None = None,
    validation: Batch | None = None,
    patience: int | None = None,
    repairs: Sequence[Repair] = (),
    progress: ProgressFn | None = None,
    rng: np.random.Generator,
) -> History:
    """Train whatever is not frozen on labelled sequences; return the history.

    The steps are those of ``head_steps``. With ``validation`` the history holds its "f1",
    "accuracy" and "val_loss" at step 0 and after each epoch, and the weights of the best F1 are put
    back at the end; ``patience`` stops after that many epochs without a better one. "loss" is the
    mean training loss of each epoch.

    Raises as ``head_steps``, and ``ConfigError`` for a patience without validation.
    """
    model.check("train_classifier", train)
    check_options(epochs, batch_size, lr)
    if patience is not None and (patience < 1 or validation is None):
        raise ConfigError("train_classifier: patience must be at least 1 and needs validation data")
    _, per_epoch = epoch_plan(train, batch_size, repairs)
    history, best, best_f1, waited = History(), None, -1.0, 0
    if validation is not None:
        best_f1 = _validate(model, validation, history, 0)
        best = model.state_dict()
    steps = head_steps(
        model,
        train,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        body_lr=body_lr,
        repairs=repairs,
        rng=rng,
    )
    losses: list[float] = []
    try:
        for step in steps:
            losses.append(step.loss)
            if progress is not None:
                progress(step.step, epochs * per_epoch, f"loss {step.loss:.3f}")
            if step.step % per_epoch:
                continue
            history.add(step.step, loss=float(np.mean(losses)))
            losses.clear()
            if validation is not None:
                f1 = _validate(model, validation, history, step.step)
                waited += 1
                if f1 > best_f1:
                    best, best_f1, waited = model.state_dict(), f1, 0
                if patience is not None and waited >= patience:
                    break
    finally:
        # on every way out, also an interrupt, the best weights come back
        if best is not None:
            model.load_state_dict(best)
        model.eval()
    return history


def _validate(model: Classifier, validation: Batch, history: History, step: int) -> float:
    found = evaluate(model, validation)
    history.add(step, f1=found.f1, accuracy=found.accuracy, val_loss=found.loss or 0.0)
    return found.f1
