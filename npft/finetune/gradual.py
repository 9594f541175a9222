"""Gradual unfreezing: the layers begin to train one after the other, from the top down.

    epoch 1      the heads
    epoch 2      the heads and the last block
    ...
    epoch L + 2  everything, for the embeddings are the lowest layer

Idea        The head is new and wrong at first, and so is what it would teach the body. A body that
            waits until the head knows something forgets less.
Equation    θ_l ← θ_l - lr ∇_l L_task in epoch e for the top e layers l; the others stay
When        where labelled examples are few, and a few more epochs are no matter
Cost        nothing: an epoch with frozen layers is cheaper; no text of before
Source      Howard & Ruder 2018, "Universal Language Model Fine-tuning", section 3.3
"""

from __future__ import annotations

from typing import Any

from npft.errors import ConfigError, check_count
from npft.finetune.regimes import freeze_body, unfreeze_body
from npft.nn.repair import Repair


class GradualUnfreezing(Repair):
    """Unfreezes one layer more of a model with each ``steps_in_epoch`` steps of one run.

    Its ``steps`` go on over several runs on one model. Raises ``ConfigError`` in training for
    another model than that of its first step, whose layers would not be frozen at first.

    >>> import numpy as np
    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.encoder.encoder import Encoder
    >>> from npft.finetune.regimes import num_trainable
    >>> from npft.heads.classes import Classifier
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    >>> gradual, trained = GradualUnfreezing(steps_in_epoch=1), []
    >>> for step in range(5):
    ...     gradual.before_step(model, None)
    ...     trained.append(num_trainable(model))
    >>> trained  # the head, + block 1 and the last norm, + block 0, + the embeddings
    [130, 50242, 100226, 118914, 118914]
    """

    name = "gradual unfreezing"

    def __init__(self, steps_in_epoch: int) -> None:
        self.steps_in_epoch = check_count("GradualUnfreezing: steps_in_epoch", steps_in_epoch)
        self.steps = 0
        self.model: Any = None  # that of the first step

    def before_step(self, model: Any, batch: Any) -> None:
        """At the first step of an epoch, let one layer more train."""
        if self.model is None:
            self.model = model
        if model is not self.model:
            raise ConfigError(
                f"GradualUnfreezing: it has unfrozen another model for {self.steps} steps, and "
                "would go on from there; make one for each model"
            )
        epoch, within = divmod(self.steps, self.steps_in_epoch)
        self.steps += 1
        if within == 0:
            unfreeze_layers(model, epoch)


def unfreeze_layers(model: Any, body_layers: int) -> None:
    """Train the heads and the top ``body_layers`` layers of the body: blocks, then embeddings."""
    if body_layers <= model.encoder.config.num_layers:
        freeze_body(model, last=body_layers)
    else:
        unfreeze_body(model)
