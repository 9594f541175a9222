"""Measuring forgetting: what fine-tuning does to the task the body was pretrained on.

The held-out masked-token loss is measured with masks drawn once and with the original prediction
head kept aside, before the first step and every few steps after it. A rise of the loss over its
value at step 0 is what has been forgotten:

    rise  = L_MLM(step) - L_MLM(0)                                in nats
    share = rise / (L_unigram - L_MLM(0))                         0: all kept, 1: back to guessing
                                                                  by frequency

Measured only after the first epoch, a large part of the rise can be hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from npft.encoder.model import Model
from npft.errors import ConfigError
from npft.finetune.train import Data, evaluate, fine_tune_steps, rank_of
from npft.nn.history import History
from npft.text.batch import Batch


@dataclass(frozen=True)
class ForgettingCurve:
    """What was measured along one fine-tuning run; ``step[0]`` is 0.

    step (S,), mlm_loss and mlm_acc (S,) on the frozen probe, f1 (S,) on the task's test set, and
    ``unigram``, the loss of guessing by frequency.
    """

    step: np.ndarray
    mlm_loss: np.ndarray
    mlm_acc: np.ndarray
    f1: np.ndarray
    unigram: float

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
        return {
            "step": self.step.tolist(),
            "mlm_loss": self.mlm_loss.tolist(),
            "mlm_acc": self.mlm_acc.tolist(),
            "f1": self.f1.tolist(),
            "unigram": self.unigram,
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> ForgettingCurve:
        """The inverse of ``as_dict``."""
        arrays = {k: np.array(v) for k, v in fields.items() if k != "unigram"}
        return cls(**arrays, unigram=fields["unigram"])


def check_shared(caller: str, model: Model, mlm: Model) -> None:
    """Raise ``ConfigError`` unless two models use the same encoder."""
    if model.encoder is not mlm.encoder:
        raise ConfigError(
            f"{caller}: model and mlm have different encoders; build the model of the task on "
            "mlm.encoder"
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
    rng: np.random.Generator,
    **options: Any,
) -> ForgettingCurve:
    """Fine-tune ``model`` and measure, along the way, what its body forgets.

    ``mlm`` is the pretrained model whose encoder ``model`` uses; its prediction head is not
    trained. ``probe`` comes from ``make_probe``. The training is that of ``fine_tune`` with the
    same ``options`` (epochs, batch_size, lr, body_lr, repairs, progress), bit for bit; measuring
    draws nothing. "f1" is the main figure of the task's score on ``test``.

    Raises ``ConfigError`` if the two models do not share their encoder, or every < 1; else as
    ``fine_tune``.
    """
    check_shared("forgetting_curve", model, mlm)

    def measure() -> dict[str, float]:
        known = mlm.measure(probe)
        return {
            "mlm_loss": known["mlm_loss"],
            "mlm_acc": known["mlm_acc"],
            "f1": rank_of(evaluate(model, test))[0],
        }

    history = History()
    for _ in fine_tune_steps(
        model, train, history, every=every, measure=measure, rng=rng, **options
    ):
        pass
    loss, accuracy, f1 = (history[name] for name in ("mlm_loss", "mlm_acc", "f1"))
    return ForgettingCurve(history.at("f1"), loss, accuracy, f1, unigram)
