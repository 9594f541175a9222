"""Anchoring: pulling the body back to its pretrained weights (L2-SP).

Idea        what is near the old weights says nearly what they said; a new head knows nothing yet
Equation    in the loss   L + λ Σ_body (θ - θ₀)² + μ Σ_heads w²    the gradient gains 2 λ (θ - θ₀)
            proximal      after each step  θ ← θ₀ + (θ - θ₀) / (1 + 2 lr λ),  w ← w / (1 + 2 lr μ)
When        always worth a first try: it needs no text, and one number to choose
Cost        a few per cent of each step, to go over the weights; the memory of one more body
Source      Li, Grandvalet & Davoine 2018, section 3, where λ is α/2 and μ is β/2

The two forms differ under Adam, which divides each gradient by its own size: with an infinite λ in
the loss every weight still moves by lr at the first step it leaves θ₀; the proximal step, which
stands to the anchor as decoupled weight decay stands to L2, does freeze the body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.autograd.losses import squared_distance
from npft.autograd.tensor import Tensor
from npft.errors import ConfigError, quoted
from npft.nn.module import Module, Parameter
from npft.nn.optim import Optimizer, check_positive
from npft.nn.repair import Repair


def body_of(owner: str, model: Any) -> Any:
    """The body of a model; raises ``ConfigError`` for what has none."""
    body = getattr(model, "body", None)
    if not isinstance(body, Module):
        raise ConfigError(
            f"{owner}: a {type(model).__name__} has no body to hold; give a model, which is an "
            "encoder with its heads"
        )
    return body


def check_body(owner: str, model: Any, body: Module) -> None:
    """Raise ``ConfigError`` if a model trains another body than the one ``owner`` was made for."""
    if getattr(model, "body", None) is not body:
        raise ConfigError(
            f"{owner}: the model that trains has another encoder than the one that is to be held, "
            "so nothing would be; make one for this model, or build the model on that encoder"
        )


def weights_of_heads(model: Any, batch: Any = None) -> list[Parameter]:
    """All weights but the body's, of which a tied head shares one.

    Of a batch for some of the heads by name: the weights of these.
    """
    body = {id(p) for p in model.body.parameters()}
    parts = [model.heads[name] for name in batch] if isinstance(batch, Mapping) else [model]
    return [p for part in parts for p in part.parameters() if id(p) not in body]


def rates_of(optimizer: Optimizer, factor: float) -> dict[int, float]:
    """The rate of each parameter that trains in this step, by its id."""
    return {id(p): g.lr * factor for g in optimizer.groups for p in g.params}


def sum_of(terms: Sequence[Tensor]) -> Tensor:
    """The sum of at least one term."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


class L2ToInit(Repair):
    """An anchor for the encoder of a model at its present weights, or at those of ``anchor``.

    ``lambda_`` is λ; ``decoupled`` takes the proximal form. ``head`` is μ: heads are new, have no
    weights to go back to, and are pulled to 0, beside the weight decay they always have, in each
    step that they learn in: one that has learnt a task before keeps it. With μ = 0 they are left
    free; with λ = 0 too, training is plain, bit for bit.
    Raises ``ConfigError`` for λ < 0, μ < 0 or an anchor of another architecture or of no kind; in
    training for a model with another encoder.

    >>> from npft import Linear
    >>> model = Module()
    >>> model.body = Linear(2, 1, std=0.0, rng=np.random.default_rng(0))
    >>> anchor = L2ToInit(model, lambda_=0.1)
    >>> model.body.weight.assign([[1.0, 2.0]])
    >>> round(anchor.penalty(model).item(), 6)  # 0.1 (1² + 2²)
    0.5
    """

    name = "anchor"

    def __init__(
        self,
        model: Any,
        lambda_: float = 0.01,
        decoupled: bool = False,
        anchor: Module | None = None,
        head: float = 0.0,
    ) -> None:
        check_positive("L2ToInit: lambda_", lambda_, zero=True)
        check_positive("L2ToInit: head", head, zero=True)
        if not isinstance(decoupled, bool):
            raise ConfigError(f"L2ToInit: decoupled is {quoted(decoupled)}, expected True or False")
        if anchor is not None and not isinstance(anchor, Module):
            raise ConfigError(
                f"L2ToInit: anchor is {quoted(anchor)}, expected an encoder, such as copy_of(model)"
                ".encoder"
            )
        self.encoder = body_of("L2ToInit", model)
        own = dict(self.encoder.named_parameters())
        start = own if anchor is None else dict(anchor.named_parameters())
        wrong = sorted(own.keys() ^ start.keys())
        wrong += [n for n in own if n in start and own[n].shape != start[n].shape]
        if wrong:
            raise ConfigError(
                "L2ToInit: the anchor is of another architecture; these weights do not fit: "
                + ", ".join(wrong[:5])
            )
        self.of_heads = weights_of_heads(model)
        self.lambda_, self.head = lambda_, head
        self.replaces_decay = lambda_ > 0  # no pull at all is plain training, with its decay
        self.decoupled = decoupled
        self.targets: list[tuple[Parameter, np.ndarray]] = [
            (p, start[name].numpy().astype(p.dtype)) for name, p in own.items()
        ]

    def before_step(self, model: Any, batch: Any) -> None:
        check_body("L2ToInit", model, self.encoder)
        self.of_heads = weights_of_heads(model, batch)

    def penalty(self, model: Module) -> Tensor | None:
        """λ Σ (θ - θ₀)² + μ Σ w² over the weights that train, or None for the proximal form."""
        if self.decoupled:
            return None
        terms = []
        if self.lambda_ > 0:
            near = [squared_distance(p, target=t) for p, t in self.targets if p.requires_grad]
            terms += [sum_of(near) * self.lambda_] if near else []
        if self.head > 0:
            new = [p for p in self.of_heads if p.requires_grad]
            small = [squared_distance(p, target=np.zeros_like(p.data)) for p in new]
            terms += [sum_of(small) * self.head] if small else []
        return sum_of(terms) if terms else None

    def after_step(self, optimizer: Optimizer, factor: float) -> None:
        """The proximal form: shrink the distance to the anchor, and the heads."""
        if not self.decoupled:
            return
        rates = rates_of(optimizer, factor)
        for p, target in self.targets if self.lambda_ > 0 else ():
            if id(p) in rates:
                shrink = 1 / (1 + 2 * rates[id(p)] * self.lambda_)
                p.assign(target + (p.data - target) * shrink)
        for p in self.of_heads if self.head > 0 else ():
            if id(p) in rates:
                p.assign(p.data / (1 + 2 * rates[id(p)] * self.head))
