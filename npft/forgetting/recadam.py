"""RecAdam: recall first, then learn (the pull to the old weights stands inside Adam's step).

Idea        at first a pull to the pretrained weights, which a sigmoid hands over to the task
Equation    θ ← θ - lr ( λ(t) m/(√v + eps) + (1 - λ(t)) γ (θ - θ*) )
            λ(t) = 1 / (1 + exp(-k (t - t0)))
When        large pretrained models on small data; the heads have t0 steps before the body learns
Cost        a few per cent of each step, to go over the weights; the memory of two more bodies, θ*
            and the weights before the step
Source      Chen et al. 2020 (arXiv 2004.12651), section 3 and algorithm 1

Adam's m and v see the gradient of the task alone. An anchor in the loss is divided by √v along with
it, so that a weight with large gradients is held less; here each is held alike, as weight decay is
in AdamW, and the hold ends by itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from npft.errors import ConfigError, check_number
from npft.forgetting.anchors import body_of, check_body, rates_of
from npft.nn.module import Module, Parameter
from npft.nn.optim import Optimizer, check_positive
from npft.nn.repair import Repair


class RecAdam(Repair):
    """Let the body of a model learn by λ(t), and pull it to its present weights by 1 - λ(t).

    ``t0``: the step at which λ is 1/2; steps count from 1, over all runs of this repair
    (``steps``). ``k``: how fast λ rises; 0.1 takes some 40 steps from 0.1 to 0.9. ``gamma``: each
    step takes away (1 - λ) lr γ of the distance to θ*. The paper has γ = 5000 at lr 2e-5, which is
    a tenth of it; at lr 1e-3 that is 100, the default. t0 = -inf is plain training, bit for bit;
    with t0 = inf the body never leaves θ*. Heads train as always.
    Raises ``ConfigError`` for k or γ out of range; in training for a model with another encoder, or
    where (1 - λ) lr γ > 1, for the pull would go past θ*.

    >>> from types import SimpleNamespace
    >>> from npft.nn.layers import Linear
    >>> from npft.nn.optim import SGD
    >>> model = SimpleNamespace(body=Linear(1, 1, std=0.0, rng=np.random.default_rng(0)))
    >>> recall, w = RecAdam(model, t0=1, gamma=0.4), model.body.weight  # θ* is 0
    >>> w.assign([[1.0]])
    >>> recall.before_step(model, None)
    >>> w.assign([[1.5]])  # where the optimiser wants it
    >>> recall.after_step(SGD([w], lr=0.5), factor=1.0)
    >>> round(w.item(), 6)  # λ is 1/2: 1 + 1/2 · 0.5 - 1/2 · 0.5 · 0.4 · (1 - 0)
    1.15
    """

    name = "recadam"

    def __init__(self, model: Any, t0: float, k: float = 0.1, gamma: float = 100.0) -> None:
        if not isinstance(t0, (float, np.floating)) or not math.isinf(t0):
            check_number("RecAdam: t0", t0)
        self.t0 = t0
        self.k = check_positive("RecAdam: k", k)
        self.gamma = check_positive("RecAdam: gamma", gamma, zero=True)
        self.replaces_decay = t0 != -math.inf
        self.encoder: Module = body_of("RecAdam", model)
        self.targets = [(p, p.numpy()) for p in self.encoder.parameters()]
        self.before: list[tuple[Parameter, np.ndarray, np.ndarray]] = []
        self.steps = 0

    def share(self, t: float) -> float:
        """λ(t), how much of step t is the task's.

        >>> from types import SimpleNamespace
        >>> recall = RecAdam(SimpleNamespace(body=Module()), t0=100, k=0.1)
        >>> [round(recall.share(t), 3) for t in (1, 78, 100, 122)]
        [0.0, 0.1, 0.5, 0.9]
        """
        return (1 + math.tanh(self.k * (t - self.t0) / 2)) / 2  # which never overflows

    def before_step(self, model: Any, batch: Any) -> None:
        """Remember where the body is."""
        check_body("RecAdam", model, self.encoder)
        self.steps += 1
        self.before = []
        if self.share(self.steps) < 1:
            self.before = [(p, target, p.numpy()) for p, target in self.targets]

    def after_step(self, optimizer: Optimizer, factor: float) -> None:
        """Take back 1 - λ of what the optimiser did to the body, and pull instead."""
        task = self.share(self.steps)
        rates = rates_of(optimizer, factor)
        held = [row for row in self.before if id(row[0]) in rates]
        fastest = max((rates[id(p)] for p, _, _ in held), default=0.0)
        if (1 - task) * fastest * self.gamma > 1:
            raise ConfigError(
                f"RecAdam: step {self.steps} would go past the old weights, for gamma "
                f"{self.gamma:.3g} times the rate {fastest:.3g} is more than 1; lower one of them"
            )
        for p, target, before in held:
            pull = (1 - task) * rates[id(p)] * self.gamma
            p.assign(before + task * (p.data - before) - pull * (before - target))
