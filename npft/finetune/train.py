"""Fine-tuning: one loop for every head and every regime, and the evaluation on a test set.

What trains is decided beforehand, by ``freeze_body`` or ``unfreeze_body``; the loop is the same.
How fast each layer learns, and when, is said by rates and schedules (``rates.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from npft.encoder.model import Model, Verdict
from npft.errors import ConfigError, check_count, check_items
from npft.finetune.rates import rate_groups, scheduled
from npft.finetune.regimes import check_model
from npft.metrics.score import Score
from npft.nn.fit import WEIGHT_DECAY, Best, check_patience, fit, reported
from npft.nn.history import History
from npft.nn.loop import Step, streams
from npft.nn.optim import AdamW, check_positive
from npft.nn.progress import ProgressFn
from npft.nn.repair import Repair
from npft.text.batch import Batch, batches_of

Data = Batch | Mapping[str, Batch]  # labelled for all heads, or for each head its own


def evaluate(model: Model, test: Data) -> Any:
    """How good a model is on labelled sequences: the score of its head, of several a dict of them.

    A classifier gives ``Metrics``: accuracy, precision, recall, F1, confusion matrix and loss; a
    score says in ``averaged`` what its F1 is of. Dropout is off.
    Raises ``DataError`` for no data or labels the model does not know, ``NonFiniteError`` for a
    head whose scores are NaN or infinite.

    >>> from npft import Classifier, load
    >>> model = Classifier(load("tinyworld").body, 2, rng=np.random.default_rng(0))
    >>> model.head().linear.bias.assign([0.0, 99.0])  # it says class 1, whatever it reads
    >>> found = evaluate(model, model.tokenize(["hi", "win", "free"], labels=[0, 1, 1]))
    >>> round(found.accuracy, 3), found.recall, found.f1
    (0.667, 1.0, 0.8)
    """
    check_model("evaluate", model)
    model.check(test)
    tests = test if isinstance(test, Mapping) else dict.fromkeys(model.heads, test)
    verdicts: dict[str, Verdict] = {}
    if isinstance(test, Mapping):
        for name, batch in test.items():
            verdicts |= model.judge(batch, [name])
    else:
        verdicts = model.judge(test)  # one pass of the encoder for all heads
    scores = {
        name: replace(model.heads[name].score(said.decisions, tests[name]), loss=said.loss)
        for name, said in verdicts.items()
    }
    return scores if len(model.heads) > 1 else next(iter(scores.values()))


def check_numbers(epochs: int, batch_size: int, lr: float) -> None:
    """Raise ``ConfigError`` for numbers with which training cannot begin."""
    check_count("fine-tuning: epochs", epochs)
    check_count("fine-tuning: batch_size", batch_size)
    check_positive("fine-tuning: lr", lr)


def listed_repairs(repairs: Iterable[Repair]) -> list[Repair]:
    """The repairs as a list, for each step goes through all of them, which a generator allows once.

    Raises ``DtypeError`` or ``ConfigError`` for what are none.
    """
    found = list(check_items("fine-tuning: repairs", repairs, of="repairs"))
    for repair in found:
        if not isinstance(repair, Repair):
            raise ConfigError(f"fine-tuning: {repair!r:.60} among the repairs is none")
    return found


def task_size(batch_size: int, repairs: Sequence[Repair]) -> int:
    """How many examples of the task a batch holds beside what the repairs put into it."""
    for repair in repairs:
        batch_size = repair.task_size(batch_size)
    return batch_size


def epochs_of(train: Data, size: int, *, rng: np.random.Generator) -> Iterator[Data]:
    """Batches of ``size`` examples, epoch after epoch in a new order.

    Of several tasks each batch holds some of each, so that an epoch reads all of them once, and a
    task that has fewer examples than the epoch has batches over and over.
    """
    if not isinstance(train, Mapping):
        while True:
            yield from batches_of(train, size, rng=rng)
    steps = steps_in_epoch(train, size)
    while True:
        orders = {
            k: np.resize(rng.permutation(len(b)), max(len(b), steps)) for k, b in train.items()
        }
        cuts = {name: np.array_split(order, steps) for name, order in orders.items()}
        for i in range(steps):
            chosen = {name: train[name][cut[i]] for name, cut in cuts.items()}
            yield {name: next(batches_of(b, len(b))) for name, b in chosen.items()}


def with_something_asked(model: Model, batches: Iterable[Data]) -> Iterator[Data]:
    """The batches from which some head learns; of several heads, for those that do.

    Few examples of many may have an answer, or a label: chance then makes batches without any.
    """
    for batch in batches:
        given = batch if isinstance(batch, Mapping) else dict.fromkeys(model.heads, batch)
        asked = {name: own for name, own in given.items() if model.heads[name].count(own)}
        if asked:
            yield batch if len(asked) == len(given) else asked


def steps_in_epoch(train: Data, size: int) -> int:
    """How many batches of ``size`` examples hold all of them."""
    n = sum(map(len, train.values())) if isinstance(train, Mapping) else len(train)
    return -(-n // size)


def fine_tune_steps(
    model: Model,
    train: Data,
    history: History,
    *,
    epochs: int = 20,
    batch_size: int = 32,
    lr: float = 1e-3,
    body_lr: float | None = None,
    ratio: float = 1.0,
    schedule: str | Mapping[str, str] = "linear",
    repairs: Iterable[Repair] = (),
    progress: ProgressFn | None = None,
    rng: np.random.Generator,
    **looking: Any,
) -> Iterator[Step]:
    """Train whatever is not frozen on labelled data, one step at a time.

    AdamW with warm-up and linear decay, or another ``schedule``, also one for each part:
    {"heads": "cosine", "body": "constant"}; gradients are clipped to length 1. ``lr`` is the rate
    of the heads and, unless ``body_lr`` says otherwise, of the body; with a ``ratio`` above 1 each
    layer learns by that more slowly than the one above it (``rates.py``). ``looking`` are ``every``
    (default: an epoch), ``measure`` and ``stop`` of ``fit``, which fill the ``history``. A batch
    from which no head learns is no step: the next one takes its place.

    Raises ``DataError`` for data without labels, ``ConfigError`` for numbers out of range,
    ``NonFiniteError`` with the step if training fails.
    """
    check_numbers(epochs, batch_size, lr)
    check_model("fine_tune", model)
    model.check(train)
    rngs = streams(rng)
    repairs = listed_repairs(repairs)
    size = task_size(batch_size, repairs)
    per_epoch = steps_in_epoch(train, size)
    steps = epochs * per_epoch
    body_decay = 0.0 if any(r.replaces_decay for r in repairs) else WEIGHT_DECAY
    groups = rate_groups(model, lr, body_lr, ratio, body_decay=body_decay)
    groups, shared = scheduled(model, groups, schedule, steps)
    walk = fit(
        model,
        with_something_asked(model, epochs_of(train, size, rng=rngs.order)),
        AdamW(groups, lr=lr),
        history,
        steps=steps,
        schedule=shared,
        repairs=repairs,
        cut=model.packs,
        rng=rngs.dropout,
        **{"every": per_epoch} | looking,
    )
    yield from reported(walk, steps, history, progress)


def fine_tune(
    model: Model,
    train: Data,
    *,
    validation: Data | None = None,
    patience: int | None = None,
    rng: np.random.Generator,
    **options: Any,
) -> History:
    """Train whatever is not frozen on labelled data; return the history.

    The options are those of ``fine_tune_steps``: epochs, batch_size, lr, body_lr, ratio, schedule,
    repairs, progress. "loss" is the mean, over the steps of each epoch, of all that a step makes
    small: the loss of its batch, and the terms of repairs. With ``validation`` the history also
    holds the figures of its score at step 0 and after each epoch, "val_loss" among
    them, and the weights of the best epoch are put back at the end, by the main figure of the score
    (F1 of a classifier; of several heads the mean) and, where it is equal, the lower loss;
    ``patience`` stops after that many epochs without a better one.

    Raises as ``fine_tune_steps``, and ``ConfigError`` for a patience without validation.

    >>> from npft import Classifier, load
    >>> rng, texts = np.random.default_rng(0), ["see you at noon", "win cash"]
    >>> model = Classifier(load("tinyworld").body, 2, label_names=["ham", "spam"], rng=rng)
    >>> history = fine_tune(model, model.tokenize(texts, labels=[0, 1]), epochs=10, rng=rng)
    >>> model.predict(texts), bool(history["loss"][-1] < history["loss"][0])
    (['ham', 'spam'], True)
    """
    check_patience(patience, validation is not None)
    history = History()
    if validation is None:
        for _ in fine_tune_steps(model, train, history, rng=rng, **options):
            pass
        return history

    found: Any = None

    def measure() -> dict[str, float]:
        nonlocal found
        found = evaluate(model, validation)
        return figures_of(found)

    best = Best(model, lambda: rank_of(found), patience)
    looking: dict[str, Any] = {"measure": measure, "stop": best.stop}
    try:
        for _ in fine_tune_steps(model, train, history, rng=rng, **options, **looking):
            pass
    finally:
        best.restore()  # on every way out, also an interrupt
    return history


train_classifier = fine_tune  # as the head-swap lesson calls it


def figures_of(found: Any) -> dict[str, float]:
    """Scores as columns of a history: "f1", "val_loss"; of several heads "topic_f1" and so on."""
    if isinstance(found, Score):
        return {"val_loss" if k == "loss" else k: x for k, x in found.figures().items()}
    return {f"{name}_{k}": x for name, score in found.items() for k, x in figures_of(score).items()}


def rank_of(found: Any) -> tuple[float, float]:
    """What makes one state better than another: the main figure, then the lower loss.

    Of several heads the mean of their main figures, and the sum of their losses. A figure that is
    NaN, as that of a score of your own may be, is worse than any other.
    """
    scores: list[Any] = [found] if isinstance(found, Score) else list(found.values())
    main = float(np.mean([s.best_by for s in scores]))
    return (-np.inf if np.isnan(main) else main), -sum(s.loss or 0.0 for s in scores)
