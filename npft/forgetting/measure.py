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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npft.errors import ConfigError
from npft.finetune.heads import Classifier
from npft.finetune.train import check_options, epoch_plan, evaluate, head_steps
from npft.nn.loop import Repair
from npft.nn.progress import ProgressFn
from npft.pretrain.masking import Masked
from npft.pretrain.objectives import MaskedLM
from npft.pretrain.probe import evaluate_mlm
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


def forgetting_curve(
    model: Classifier,
    mlm: MaskedLM,
    train: Batch,
    probe: Masked,
    *,
    test: Batch,
    unigram: float,
    epochs: int = 20,
    batch_size: int = 32,
    lr: float = 1e-3,
    body_lr: float | None = None,
    every: int = 25,
    repairs: Sequence[Repair] = (),
    progress: ProgressFn | None = None,
    rng: np.random.Generator,
) -> ForgettingCurve:
    """Fine-tune ``model`` and measure, along the way, what its body forgets.

    ``mlm`` is the pretrained model whose encoder ``model`` uses; its prediction head is not
    trained. ``probe`` comes from ``make_probe``. The training is that of ``train_classifier`` with
    the same arguments, bit for bit; measuring draws nothing.

    Raises ``ConfigError`` if the two models do not share their encoder, or every < 1; else as
    ``train_classifier``.
    """
    model.check("forgetting_curve", train)
    check_options(epochs, batch_size, lr)
    if model.encoder is not mlm.encoder:
        raise ConfigError(
            "forgetting_curve: model and mlm have different encoders; build the Classifier on "
            "mlm.encoder"
        )
    if every < 1:
        raise ConfigError(f"forgetting_curve: every is {every}, expected at least 1")
    rows: list[tuple[int, float, float, float]] = []

    def measure(step: int) -> None:
        found = evaluate_mlm(mlm, probe)
        rows.append((step, found["mlm_loss"], found["mlm_acc"], evaluate(model, test).f1))

    measure(0)
    total = epochs * epoch_plan(train, batch_size, repairs)[1]
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
    try:
        for step in steps:
            if step.step % every == 0 or step.step == total:
                measure(step.step)
            if progress is not None:
                progress(step.step, total, f"rise {rows[-1][1] - rows[0][1]:.3f} nats")
    finally:
        model.eval()
    at, loss, accuracy, f1 = (np.array(column) for column in zip(*rows))
    return ForgettingCurve(at.astype(np.int64), loss, accuracy, f1, unigram)
