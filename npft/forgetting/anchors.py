"""Anchoring: pulling the body back to its pretrained weights (L2-SP, Li et al. 2018).

    in the loss   L + λ Σ (θ - θ₀)²            the gradient gains exactly 2 λ (θ - θ₀)
    proximal      after each step  θ ← θ₀ + (θ - θ₀) / (1 + 2 lr λ)

The two differ under Adam, which divides each gradient by its own size: with an infinite λ in the
loss every weight still moves by lr at the first step it leaves θ₀; the proximal step, which stands
to the anchor as decoupled weight decay stands to L2, does freeze the body.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.losses import squared_distance
from npft.autograd.tensor import Tensor
from npft.errors import ConfigError
from npft.nn.module import Module, Parameter
from npft.nn.optim import Optimizer, check_positive
from npft.nn.repair import Repair


class L2ToInit(Repair):
    """An anchor for the encoder of a model at its present weights, or at those of ``anchor``.

    The head is new and is left free. ``lambda_`` is λ; ``decoupled`` takes the proximal form.
    Raises ``ConfigError`` for λ < 0 or an anchor of another architecture; in training for a model
    with another encoder.
    """

    name = "anchor"

    def __init__(
        self,
        model: Any,
        lambda_: float = 0.01,
        decoupled: bool = False,
        anchor: Module | None = None,
    ) -> None:
        check_positive("L2ToInit: lambda_", lambda_, zero=True)
        own = dict(model.body.named_parameters())
        start = own if anchor is None else dict(anchor.named_parameters())
        wrong = sorted(own.keys() ^ start.keys())
        wrong += [n for n in own if n in start and own[n].shape != start[n].shape]
        if wrong:
            raise ConfigError(
                "L2ToInit: the anchor is of another architecture; these weights do not fit: "
                + ", ".join(wrong[:5])
            )
        self.encoder = model.body
        self.lambda_ = lambda_
        self.replaces_decay = lambda_ > 0  # no pull at all is plain training, with its decay
        self.decoupled = decoupled
        self.targets: list[tuple[Parameter, np.ndarray]] = [
            (p, start[name].numpy().astype(p.dtype)) for name, p in own.items()
        ]

    def before_step(self, model: Any, batch: Any) -> None:
        if model.body is not self.encoder:
            raise ConfigError(
                "L2ToInit: the model that trains has another encoder than the one this anchor was "
                "made for, so it would hold nothing; make one for this model"
            )

    def penalty(self, model: Module) -> Tensor | None:
        """λ Σ (θ - θ₀)² over the trained weights of the body, or None for the proximal form."""
        if self.decoupled or self.lambda_ == 0:
            return None
        terms = [squared_distance(p, target=t) for p, t in self.targets if p.requires_grad]
        if not terms:
            return None
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total * self.lambda_

    def after_step(self, optimizer: Optimizer, factor: float) -> None:
        """The proximal form: shrink the distance to the anchor."""
        if not self.decoupled:
            return
        rates = {id(p): g.lr * factor for g in optimizer.groups for p in g.params}
        for p, target in self.targets:
            if id(p) in rates:
                shrink = 1 / (1 + 2 * rates[id(p)] * self.lambda_)
                p.assign(target + (p.data - target) * shrink)
