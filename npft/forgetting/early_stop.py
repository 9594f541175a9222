"""Joint early stopping: fine-tuning ends where it has forgotten as much as it may.

Idea        Measure the task and the memory side by side. Stop as soon as the memory has suffered
            more than allowed, and go back to the best weights for the task that were still within
            it.
Equation    among the steps t measured before the first with L_MLM(t) - L_MLM(0) > allowed, the one
            with the best task score on a validation set
When        where one may say how much forgetting is too much; it also saves the steps behind it
Cost        at each measurement a pass over the probe and the validation set; a copy of the weights;
            some held-out pretraining text and labelled examples
Source      Prechelt 1998, "Early Stopping - But When?": his criterion GL ends a run once one loss
            has risen beyond a threshold; here that loss is the one of ``measure.py``
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from npft.encoder.model import Model
from npft.errors import check_positive
from npft.finetune.train import Data, evaluate, figures_of, fine_tune_steps, rank_of
from npft.forgetting.measure import check_shared, check_words
from npft.nn.fit import Best
from npft.nn.history import History
from npft.nn.module import Module
from npft.text.batch import Batch


class WithinAllowance(Best):
    """The best weights so far that cost no more than ``allowed``; the first that cost more end it.

    rank, patience: those of ``Best``. cost: what the present weights cost. As in ``Best`` the
    weights of the start are not among those compared, but they are put back if all others cost
    too much.

    >>> costs = iter([0.1, 0.3])
    >>> kept = WithinAllowance(Module(), lambda: (0.5,), lambda: next(costs), allowed=0.2)
    >>> kept.stop(), kept.stop()
    (False, True)
    """

    def __init__(
        self,
        model: Module,
        rank: Callable[[], tuple[float, ...]],
        cost: Callable[[], float],
        allowed: float,
        patience: int | None = None,
    ) -> None:
        super().__init__(model, rank, patience)
        self.cost, self.allowed = cost, allowed
        self.weights = model.state_dict()

    def stop(self) -> bool:
        """True where the allowance is used up; else as ``Best``."""
        return self.cost() > self.allowed or super().stop()

    def restore(self) -> None:
        """Put the best weights within the allowance back, or those of the start."""
        self.model.load_state_dict(self.weights)


def fine_tune_within(
    model: Model,
    mlm: Model,
    train: Data,
    probe: Batch,
    *,
    validation: Data,
    allowed: float,
    patience: int | None = None,
    rng: np.random.Generator,
    **options: Any,
) -> History:
    """Fine-tune until the held-out pretraining loss has risen by more than ``allowed`` nats.

    ``mlm`` is the pretrained model whose encoder ``model`` uses, ``probe`` comes from
    ``make_probe``. Returns the history: the figures of the probe ("mlm_loss", ...) and those of the
    validation set ("f1", "val_loss", ...) at step 0 and every ``every`` steps, by default after
    each epoch. The other options are those of ``fine_tune``: epochs, batch_size, lr, body_lr,
    repairs, progress, patience.

    At the end, and on every other way out, the best weights within the allowance are put back, by
    the main figure of the score; those of step 0 if the first row is already beyond it. With
    ``allowed`` = inf this is ``fine_tune`` with a validation set, bit for bit; with 0 nothing is
    forgotten on the probe.

    Raises ``ConfigError`` for an allowance below 0, models that do not share their encoder, or an
    ``mlm`` without a head for masked tokens; else as ``fine_tune``.

    >>> from npft import Classifier, load, make_probe
    >>> rng, mlm = np.random.default_rng(0), load("tinyworld")
    >>> text = [["the teller counts the money", "the teller waits"]]
    >>> probe = make_probe(text, mlm.tokenizer, max_length=32, layout="pairs", rng=rng)
    >>> model = Classifier(mlm.body, 2, rng=rng)
    >>> train = model.tokenize(["see you at noon", "win cash"], labels=[0, 1])
    >>> history = fine_tune_within(
    ...     model, mlm, train, probe, validation=train, allowed=0.5, epochs=5, rng=rng)
    >>> bool(mlm.measure(probe)["mlm_loss"] <= history["mlm_loss"][0] + 0.5)
    True
    """
    check_shared("fine_tune_within", model, mlm)
    check_words("fine_tune_within", mlm)
    if not (isinstance(allowed, float) and allowed == math.inf):
        allowed = check_positive("fine_tune_within: allowed", allowed, zero=True)
    history, found = History(), None

    def measure() -> dict[str, float]:
        nonlocal found
        found = evaluate(model, validation)
        return mlm.measure(probe) | figures_of(found)

    def rise() -> float:
        losses = history["mlm_loss"]
        return float(losses[-1] - losses[0])

    kept = WithinAllowance(model, lambda: rank_of(found), rise, allowed, patience)
    looking: dict[str, Any] = {"measure": measure, "stop": kept.stop}
    try:
        for _ in fine_tune_steps(model, train, history, rng=rng, **options, **looking):
            pass
    finally:
        kept.restore()
    return history
