"""The driver of every training run: measure, step, report, stop.

Pretraining, fine-tuning, contrastive training and forgetting curves are one thing: batches go into
``train_steps``, and every so many steps something is measured. They differ in their batches and in
what they measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from npft.errors import ConfigError, DataError, check_count, quoted
from npft.nn.history import History
from npft.nn.loop import Step, train_steps
from npft.nn.module import Module, evaluating
from npft.nn.optim import Optimizer
from npft.nn.progress import ProgressFn
from npft.nn.repair import Repair
from npft.nn.schedules import schedule_of

WEIGHT_DECAY = 0.01  # of matrices, in every run

Measure = Callable[[], dict[str, float]]
M = TypeVar("M", bound=Module)


def warmup(steps: int, share: float) -> Callable[[int], float]:
    """The schedule of every run: up in a line over ``share`` of the steps, then down in a line."""
    return schedule_of("linear", steps, share)


def fit(
    model: Module,
    batches: Iterable[Any],
    optimizer: Optimizer,
    history: History,
    *,
    steps: int,
    schedule: Callable[[int], float],
    every: int,
    measure: Measure | None = None,
    stop: Callable[[], bool] | None = None,
    repairs: Sequence[Repair] = (),
    cut: Callable[[Any], Sequence[Any]] | None = None,
    rng: np.random.Generator,
) -> Iterator[Step]:
    """Train up to step ``steps``; yield each step; write down what is measured in ``history``.

    model: a module with ``loss(piece, rng)``; ``cut`` divides batches into pieces, and both are
        handed to ``train_steps``.
    measure: called at step 0, every ``every`` steps and at the end; its figures make a row of the
        history, with the means since the row before: of the loss ("loss"), and of its named parts
        ("train_mlm" and so on).
    stop: asked after each row whether to end the run.
    history: empty, or that of a run that goes on behind its last row.

    The model is in evaluation mode afterwards, however the run ends. Raises as ``train_steps``, and
    ``ConfigError`` for numbers that are no counts.

    >>> from npft.nn.layers import Linear
    >>> from npft.nn.optim import SGD
    >>> class Identity(Linear):
    ...     def loss(self, x, rng):
    ...         error = self(x) - x
    ...         return (error * error).mean(), {}
    >>> model, history = Identity(1, 1, std=0.0, rng=np.random.default_rng(0)), History()
    >>> data = [np.array([[1.0], [-1.0]], np.float32)] * 4
    >>> run = fit(model, data, SGD(model.parameters(), lr=0.25), history, steps=4,
    ...           schedule=lambda step: 1.0, every=2, rng=np.random.default_rng(0))
    >>> [step.step for step in run], history["loss"].round(2).tolist()
    ([1, 2, 3, 4], [0.78, 0.16])
    """
    check_count("training: steps", steps)
    check_count("training: every", every)
    if measure is not None and not history.rows:
        history.add(0, **measure())
    first = int(history.step[-1]) + 1 if history.rows else 1
    if first > steps:
        model.eval()
        return
    seen: list[dict[str, float]] = []
    try:
        for step in train_steps(
            model,
            batches,
            lambda model, piece, rng: model.loss(piece, rng),
            optimizer,
            schedule=schedule,
            repairs=repairs,
            cut=cut,
            first=first,
            rng=rng,
        ):
            seen.append({"loss": step.loss} | {f"train_{k}": x for k, x in step.parts.items()})
            last = step.step >= steps
            if step.step % every == 0 or last:
                history.add(step.step, **(_means(seen) | ({} if measure is None else measure())))
                seen.clear()
                last |= stop is not None and stop()
            yield step
            if last:
                return
        raise DataError(f"training: the batches ended before step {steps}; give as many as steps")
    finally:
        model.eval()


def measure_of(
    caller: str, model: M, measure: Callable[[M], dict[str, float]] | None
) -> Measure | None:
    """What ``fit`` measures by a function of the caller's user: ``measure(model)``, evaluating.

    Raises ``ConfigError`` for what is no function; when it is asked, for what is no dict of
    numbers, or names that a history has anyway: "step", "loss" and those of the losses.

    >>> measure_of("train", Module(), lambda model: {"training": model.training})()
    {'training': False}
    """
    if measure is None:
        return None
    if not callable(measure):
        raise ConfigError(
            f"{caller}: measure is {quoted(measure)}, expected a function of the model that "
            "returns figures by name"
        )

    def measured() -> dict[str, float]:
        with evaluating(model):
            found = measure(model)
        if not isinstance(found, Mapping):
            raise ConfigError(
                f"{caller}: measure returned {quoted(found)}, expected figures by name: "
                '{"f1": 0.5}'
            )
        for name, value in found.items():
            if name in ("step", "loss") or str(name).startswith("train_"):
                raise ConfigError(
                    f"{caller}: measure returned {quoted(name)}, which is measured anyway; give "
                    "it another name"
                )
            if not isinstance(value, (int, float, np.integer, np.floating, np.bool_)):
                raise ConfigError(
                    f"{caller}: measure returned {quoted(value)} for {quoted(name)}, expected a "
                    "number"
                )
        return dict(found)

    return measured


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure over the rows that have it: a task may miss a step."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def reported(
    steps: Iterator[Step], total: int, history: History, progress: ProgressFn | None
) -> Iterator[Step]:
    """The steps of ``fit``, each told to ``progress`` with its loss and what was measured last."""
    for step in steps:
        if progress is not None:
            row = history.rows[-1] if history.rows else {}
            known = {k: x for k, x in row.items() if k not in ("step", "loss", "tokens")}
            said = [f"{k} {x:.3f}" for k, x in known.items() if not k.startswith("train_")]
            progress(step.step, total, " ".join([f"loss {step.loss:.3f}", *said]))
        yield step


class Best:
    """The best weights of a run so far; patience ends the run.

    rank: how good the model is now, as a tuple; a larger one is better, an equal one is not.
    patience: end after so many rows without a better one; None never ends.

    ``stop`` belongs into ``fit``, which asks it after each row but that of step 0: weights that
    have not learnt anything yet are never the best.

    >>> ranks = iter([(0.5,), (0.7,), (0.6,), (0.7,)])
    >>> best = Best(Module(), lambda: next(ranks), patience=2)
    >>> [best.stop() for _ in range(4)]
    [False, False, False, True]
    """

    def __init__(
        self, model: Module, rank: Callable[[], tuple[float, ...]], patience: int | None = None
    ) -> None:
        if patience is not None:
            check_count("training: patience", patience)
        self.model, self.rank, self.patience = model, rank, patience
        self.best: tuple[float, ...] | None = None
        self.weights: dict[str, np.ndarray] = {}
        self.waited = 0

    def stop(self) -> bool:
        """Keep the weights if they are the best so far; True if patience is at its end."""
        rank = self.rank()
        self.waited += 1
        if self.best is None or rank > self.best:
            self.best, self.weights, self.waited = rank, self.model.state_dict(), 0
        return self.patience is not None and self.waited >= self.patience

    def restore(self) -> None:
        """Put the best weights back, if there are any."""
        if self.best is not None:
            self.model.load_state_dict(self.weights)


def check_patience(patience: int | None, watched: bool) -> None:
    """Raise ``ConfigError`` for a patience that has nothing to watch."""
    if patience is not None and not watched:
        raise ConfigError(
            "training: patience needs held-out data to watch: give validation or held_out"
        )
