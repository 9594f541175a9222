"""Measuring forgetting: what fine-tuning does to the task the body was pretrained on.

The held-out masked-token loss is measured with masks drawn once and with the original prediction
head kept aside, before the first step and every few steps after it. A rise of the loss over its
value at step 0 is what has been forgotten:

    rise  = L_MLM(step) - L_MLM(0)                                in nats
    share = rise / (L_unigram - L_MLM(0))                         0: all kept, 1: back to guessing
                                                                  by frequency

Measured only after the first epoch, a large part of the rise can be hidden: ``measure_forgetting``
reads a curve in that way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npft.autograd.inputs import numbers
from npft.encoder.model import Model
from npft.errors import ConfigError, DtypeError, check_count, check_number, quoted
from npft.finetune.regimes import check_model
from npft.finetune.train import Data, evaluate, fine_tune_steps, rank_of
from npft.metrics.score import ByValue
from npft.nn.history import History
from npft.text.batch import Batch


@dataclass(frozen=True, eq=False)
class ForgettingCurve(ByValue):
    """What was measured along one fine-tuning run; ``step[0]`` is 0.

    step (S,), mlm_loss and mlm_acc (S,) on the frozen probe, f1 (S,) on the task's test set, and
    ``unigram``, the loss of guessing by frequency. ``also``: further figures, (S,) each, by name.

    >>> half = np.array([0.5, 0.5])
    >>> curve = ForgettingCurve(np.array([0, 10]), np.array([2.0, 3.5]), half, half, unigram=5.0)
    >>> curve.rise
    array([0. , 1.5])
    """

    step: np.ndarray
    mlm_loss: np.ndarray
    mlm_acc: np.ndarray
    f1: np.ndarray
    unigram: float
    also: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def rise(self) -> np.ndarray:
        """How far the held-out loss has risen over step 0, in nats: (S,)."""
        return self.mlm_loss - self.mlm_loss[0]

    @property
    def share(self) -> np.ndarray:
        """The share of the way back to the unigram loss: 0 is kept, 1 is all forgotten: (S,).

        Raises ``ConfigError`` if the body knew no more than frequencies at step 0.
        """
        learnt = self.unigram - self.mlm_loss[0]
        if not learnt > 0:
            raise ConfigError(
                f"share: the loss at step 0 is {self.mlm_loss[0]:.4g} and guessing by frequency "
                f"costs {self.unigram:.4g}, so there is nothing to forget; pretrain the body longer"
            )
        return self.rise / learnt

    def as_dict(self) -> dict[str, Any]:
        """Plain lists, for JSON."""
        also = {name: figures.tolist() for name, figures in self.also.items()}
        return {
            "step": self.step.tolist(),
            "mlm_loss": self.mlm_loss.tolist(),
            "mlm_acc": self.mlm_acc.tolist(),
            "f1": self.f1.tolist(),
            "unigram": self.unigram,
        } | ({"also": also} if also else {})

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> ForgettingCurve:
        """The inverse of ``as_dict``.

        Raises ``ConfigError`` for what is no curve, such as one whose columns are of other lengths,
        empty, or hold what is no finite number.
        """
        wanted = {"step", "mlm_loss", "mlm_acc", "f1", "unigram"}
        if not isinstance(fields, Mapping) or fields.keys() - {"also"} != wanted:
            raise ConfigError(
                f"ForgettingCurve.from_dict: got {quoted(fields)}, expected a dict of what "
                f"as_dict returns: {', '.join(sorted(wanted))}"
            )
        also = fields.get("also", {})
        if not isinstance(also, Mapping):
            raise ConfigError(
                f"ForgettingCurve.from_dict: also is {quoted(also)}, expected a dict of columns"
            )
        n = np.size(fields["step"])
        columns = {name: _column(name, fields[name], n) for name in sorted(wanted - {"unigram"})}
        further = {name: _column(name, figures, n) for name, figures in also.items()}
        unigram = check_number("ForgettingCurve.from_dict: unigram", fields["unigram"])
        return cls(**columns, unigram=unigram, also=further)


def _column(name: str, given: Any, n: int) -> np.ndarray:
    """A column of n finite numbers, n at least 1."""
    try:
        column = numbers(name, given, None)
    except DtypeError:
        column = np.zeros((0, 0))
    if column.shape != (n,) or n == 0 or column.dtype.kind not in "iuf":
        raise ConfigError(
            f"ForgettingCurve.from_dict: {name} is {quoted(given)}, expected as many numbers as "
            "there are steps, at least one"
        )
    if not np.isfinite(column).all():
        raise ConfigError(f"ForgettingCurve.from_dict: {name} holds a number that is not finite")
    return column


def check_shared(caller: str, model: Model, mlm: Model) -> None:
    """Raise ``ConfigError`` unless these are two models that use the same encoder."""
    check_model(caller, model)
    check_model(caller, mlm)
    if model.encoder is not mlm.encoder:
        raise ConfigError(
            f"{caller}: model and mlm have different encoders; build the model of the task on "
            "mlm.encoder"
        )


def check_words(caller: str, *models: Model) -> None:
    """Raise ``ConfigError`` for what is no model with a head for masked tokens."""
    for model in models:
        check_model(caller, model)
        if "mlm" not in model.heads:
            raise ConfigError(
                f"{caller}: the heads of the model are {', '.join(model.heads)}; give the one with "
                "the masked-token head 'mlm', such as a MaskedLM on the same body"
            )


def forgetting_curve(
    model: Model,
    mlm: Model,
    train: Data,
    probe: Batch,
    *,
    test: Batch,
    unigram: float,
    every: int = 25,
    also: Mapping[str, Callable[[], float]] | None = None,
    rng: np.random.Generator,
    **options: Any,
) -> ForgettingCurve:
    """Fine-tune ``model`` and measure, along the way, what its body forgets.

    ``mlm`` is the pretrained model whose encoder ``model`` uses; its prediction head is not
    trained. ``probe`` comes from ``make_probe``. The training is that of ``fine_tune`` with the
    same ``options`` (epochs, batch_size, lr, body_lr, repairs, progress), bit for bit; measuring
    draws nothing. "f1" is the main figure of the task's score on ``test``.

    also: what else to measure each time, by name, such as next sentences, or what a probe of the
    body still finds (``latent.linear_probe``):
    {"nsp_acc": lambda: mlm.measure(probe)["nsp_acc"]}. They must leave both models as they are.

    Raises ``ConfigError`` if the two models do not share their encoder, for an ``mlm`` without a
    head for masked tokens, every < 1, or a further figure with the name of one that is measured
    anyway; else as ``fine_tune``.

    >>> from npft import Classifier, load, make_probe
    >>> rng, mlm = np.random.default_rng(0), load("tinyworld")
    >>> text = [["the teller counts the money", "the teller waits"]]
    >>> probe = make_probe(text, mlm.tokenizer, max_length=32, layout="pairs", rng=rng)
    >>> model = Classifier(mlm.body, 2, rng=rng)
    >>> train = model.tokenize(["see you at noon", "win cash"], labels=[0, 1])
    >>> curve = forgetting_curve(
    ...     model, mlm, train, probe, test=train, unigram=5.0, epochs=2, every=1, rng=rng)
    >>> curve.step.tolist(), curve.rise[0].item()
    ([0, 1, 2], 0.0)
    """
    check_shared("forgetting_curve", model, mlm)
    check_words("forgetting_curve", mlm)
    unigram = check_number("forgetting_curve: unigram", unigram)
    also = {} if also is None else also
    if not isinstance(also, Mapping) or not all(map(callable, also.values())):
        raise ConfigError(
            f"forgetting_curve: also is {quoted(also)}, expected a dict of functions without "
            'arguments: {"nsp_acc": lambda: mlm.measure(probe)["nsp_acc"]}'
        )
    if taken := sorted(also.keys() & {"step", "loss", "mlm_loss", "mlm_acc", "f1"}):
        raise ConfigError(
            f"forgetting_curve: {', '.join(taken)} is measured anyway; give what is in also "
            "another name"
        )

    def measure() -> dict[str, float]:
        known = mlm.measure(probe)
        return {
            "mlm_loss": known["mlm_loss"],
            "mlm_acc": known["mlm_acc"],
            "f1": rank_of(evaluate(model, test))[0],
            **{
                name: check_number(f"forgetting_curve: also {name}", figure())
                for name, figure in also.items()
            },
        }

    history = History()
    for _ in fine_tune_steps(
        model, train, history, every=every, measure=measure, rng=rng, **options
    ):
        pass
    loss, accuracy, f1 = (history[name] for name in ("mlm_loss", "mlm_acc", "f1"))
    further = {name: history[name] for name in also}
    return ForgettingCurve(history.at("f1"), loss, accuracy, f1, unigram, further)


def measure_forgetting(curve: ForgettingCurve, epoch: int) -> np.ndarray:
    """What a loop that measures after each epoch sees of a curve: the losses (E,), without step 0.

    Such loops are common: train an epoch, evaluate, append; at the end print the first loss and the
    last. The first was taken when most of the forgetting had already happened, so the rise that is
    printed lacks all of epoch 1. ``epoch``: the number of steps in an epoch.

    Raises ``ConfigError`` for an epoch below 1, or a curve without a measurement after each.

    The loss rises by 2 nats; seen in this way it falls:

    >>> losses = np.array([2.0, 3.9, 4.2, 4.1, 4.0])
    >>> curve = ForgettingCurve(np.arange(5) * 10, losses, losses * 0, losses * 0, 5.0)
    >>> seen = measure_forgetting(curve, epoch=20)
    >>> f"{seen[0]:.1f} -> {seen[-1]:.1f}, in truth {curve.rise[-1]:+.1f}"
    '4.2 -> 4.0, in truth +2.0'
    """
    check_count("measure_forgetting: epoch", epoch)
    if not isinstance(curve, ForgettingCurve):
        raise ConfigError(
            f"measure_forgetting: curve is {quoted(curve)}, expected what forgetting_curve returns"
        )
    ends = np.arange(epoch, curve.step[-1] + 1, epoch)
    missing = np.setdiff1d(ends, curve.step)
    if len(ends) == 0 or len(missing):
        where = f"at step {missing[0]}" if len(missing) else "after an epoch"
        raise ConfigError(
            f"measure_forgetting: the curve has no measurement {where}; epoch is {epoch} steps, "
            f"measured are {curve.step.tolist()}"
        )
    return curve.mlm_loss[np.isin(curve.step, ends)]
