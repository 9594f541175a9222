"""The regimes of fine-tuning by name, each in one call: what trains, how fast, and in which order.

    head     a frozen body that reads each text once (``features.py``); the head learns
    last     the last block learns as well
    full     everything learns at one rate
    gradual  epoch e trains the top e layers (``gradual.py``)
    ulmfit   gradual; each layer 2.6 times more slowly than the one above; slanted triangular
    lp-ft    the head alone for half of the epochs, then everything: a linear probe, then
             fine-tuning (Kumar et al. 2022); a body that meets a head which already knows the task
             is changed less, and forgets less
    lora     a low-rank change of rank 4 is added to the body, which stays, and learns
    adapter  bottlenecks of 4 numbers are added to the body, which stays, and learn
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from npft.encoder.additions import ADDITIONS, kinds_of
from npft.encoder.model import Model
from npft.errors import ConfigError
from npft.finetune.features import LIMIT, cached, cached_bytes
from npft.finetune.gradual import GradualUnfreezing
from npft.finetune.rates import RATIO
from npft.finetune.regimes import check_model, learning_rate, set_regime
from npft.finetune.train import (
    Data, check_numbers, fine_tune, listed_repairs, steps_in_epoch, task_size,
)
from npft.nn.history import History
from npft.nn.repair import Repair


def fine_tune_as(
    model: Model,
    train: Data,
    regime: str,
    *,
    epochs: int = 20,
    batch_size: int = 32,
    lr: float | None = None,
    validation: Data | None = None,
    repairs: Iterable[Repair] = (),
    rng: np.random.Generator,
    **options: Any,
) -> History:
    """Fine-tune a model in the regime of this name, one of ``LEARNING_RATES``; return the history.

    Freezes what the regime keeps fixed and trains by ``fine_tune``, which the options are for.
    ``lr`` is by default that of the regime for a body of this width. The history of "lp-ft" is
    that of both halves, one behind the other; the best weights of each half are put back at its
    end, if there is a validation set, and the first half has the rate of "head". "lora" and
    "adapter" add what they train, of the usual size, unless the model has it.

    Raises ``ConfigError`` for an unknown regime, or less than two epochs of "lp-ft", and as
    ``fine_tune``.

    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.encoder.encoder import Encoder
    >>> from npft.heads.classes import Classifier
    >>> from npft.text.batch import Batch
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    >>> batch = Batch([104, 105, 106], [0, 2, 3], labels=[0, 1])
    >>> history = fine_tune_as(model, batch, "lp-ft", epochs=4, rng=rng)
    >>> history.at("loss").tolist()
    [1, 2, 3, 4]
    """
    check_model("fine_tune_as", model)
    lr = learning_rate(regime, model.encoder.config.hidden_size) if lr is None else lr
    check_numbers(epochs, batch_size, lr)
    check_epochs(regime, epochs)
    repairs = listed_repairs(repairs)
    data = [train] if validation is None else [train, validation]
    for labelled in data:
        model.check(labelled)
    given: dict[str, Any] = {"batch_size": batch_size, "validation": validation, "rng": rng}
    given |= options
    if regime == "lp-ft":
        half, given = epochs // 2, given | {"repairs": repairs}
        probe = fine_tune_as(model, train, "head", epochs=half, **given)
        set_regime(model, "full")
        return followed(probe, fine_tune(model, train, epochs=epochs - half, lr=lr, **given))
    if regime in ADDITIONS and regime not in kinds_of(model):
        ADDITIONS[regime](model, rng=rng)
    set_regime(model, regime)
    if regime in ("gradual", "ulmfit"):
        per_epoch = steps_in_epoch(train, task_size(batch_size, repairs))
        repairs = [*repairs, GradualUnfreezing(per_epoch)]
    if regime == "ulmfit":
        given = {"ratio": RATIO, "schedule": "slanted"} | given
    with contextlib.ExitStack() as stack:
        if regime == "head" and cached_bytes(model, *data) <= LIMIT:
            stack.enter_context(cached(model, *data))
        return fine_tune(model, train, epochs=epochs, lr=lr, repairs=repairs, **given)


def check_epochs(regime: str, epochs: int) -> None:
    """Raise ``ConfigError`` if a regime in two parts has but one epoch."""
    if regime == "lp-ft" and epochs < 2:
        raise ConfigError("lp-ft: epochs is 1, expected 2 or more: half of them for each part")


def followed(first: History, second: History) -> History:
    """Two histories as one; the steps of the second go on behind those of the first.

    >>> one, two = History([{"step": 5, "loss": 1.0}]), History([{"step": 5, "loss": 0.5}])
    >>> followed(one, two).step.tolist()
    [5, 10]
    """
    done = int(first.step[-1])
    rows = [row | {"step": row["step"] + done} for row in second.rows if row["step"]]
    return History(first.rows + rows)
