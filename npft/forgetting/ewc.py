"""Elastic weight consolidation: an anchor that pulls each weight as strongly as it matters.

Idea        most weights may move without harm to what was learnt; hold on to the others
Equation    L + (λ/2) Σ_i F_i (θ_i - θ*_i)²        F: the diagonal Fisher information (fisher.py)
            a further task:  F ← γ F + F_new,  θ* ← θ
When        the old text is at hand once, before the new task, and may not be kept
Cost        a pass of each old example by itself, once; then a few per cent of each step, to go over
            the weights; the memory of two more bodies, θ* and F
Source      Kirkpatrick et al. 2017, equation 3; one anchor for all tasks, called online:
            Schwarz et al. 2018

It is (λ/2) F where ``L2ToInit`` has the same λ for every weight. F has a scale of its own, which
depends on the model, the text and how much is masked, so λ does too: ``mean_fisher`` F̄ tells it.
λ = 2 a / F̄ pulls, on the mean of all weights, as the anchor does with a = 0.01 or whatever it is.

Under Adam the limit of λ is that of the anchor in the loss: a weight still moves by lr at the first
step, where the pull is 0, and is then turned back; one with F_i = 0 stays free at any λ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npft.autograd.inputs import numbers
from npft.autograd.kernels import scale
from npft.autograd.tensor import Tensor
from npft.errors import ConfigError, check_share
from npft.forgetting.anchors import body_of, check_body, sum_of
from npft.forgetting.fisher import Fisher, mean_of
from npft.nn.module import Module
from npft.nn.optim import check_positive
from npft.nn.repair import Repair


class EWC(Repair):
    """Hold the body of a model at its present weights, each by how much it matters.

    ``fisher`` is what ``diagonal_fisher`` says of this body with the head it had before: for
    example of a masked language model, on masked text, whose body is now a classifier's.
    ``lambda_`` is λ; 0 is plain training, bit for bit. Heads are left free. ``mean_fisher`` is F̄.
    Raises ``ConfigError`` for λ < 0, a Fisher of another architecture, or one with numbers that are
    no squares; in training for a model with another encoder.

    >>> from types import SimpleNamespace
    >>> from npft.nn.layers import Linear
    >>> model = SimpleNamespace(body=Linear(2, 1, std=0.0, rng=np.random.default_rng(0)))
    >>> fisher = {"weight": [[3.0, 0.5]], "bias": [0.0]}  # the bias does not matter
    >>> ewc = EWC(model, fisher, lambda_=2.0)
    >>> model.body.weight.assign([[1.0, 2.0]])
    >>> ewc.penalty(model).item()  # 2/2 (3 · 1² + 0.5 · 2²)
    5.0
    """

    name = "ewc"

    def __init__(self, model: Any, fisher: Fisher, lambda_: float) -> None:
        self.lambda_ = check_positive("EWC: lambda_", lambda_, zero=True)
        self.replaces_decay = self.lambda_ > 0
        self.encoder = body_of("EWC", model)
        self.fisher = self._checked(fisher)
        self._anchor()

    def _checked(self, fisher: Fisher) -> Fisher:
        """A copy of F in the dtypes of the weights, after a check that it fits them."""
        own = dict(self.encoder.named_parameters())
        if not isinstance(fisher, Mapping):
            raise ConfigError("EWC: the Fisher is no dict; give what diagonal_fisher returns")
        wrong = sorted(map(str, own.keys() ^ fisher.keys()))
        wrong += [n for n in own if n in fisher and own[n].shape != np.shape(fisher[n])]
        if wrong:
            raise ConfigError(
                "EWC: the Fisher is of another architecture; these weights do not fit: "
                + ", ".join(wrong[:5])
            )
        new = {n: numbers(f"EWC: the Fisher of {n}", fisher[n], p.dtype) for n, p in own.items()}
        for name, f in new.items():
            if not (np.isfinite(f) & (f >= 0)).all():
                raise ConfigError(
                    f"EWC: the Fisher of {name} holds numbers that are no means of squares; "
                    "give what diagonal_fisher returns"
                )
        return new

    def _anchor(self) -> None:
        self.mean_fisher = mean_of(self.fisher)
        # Of what F knows alone: nothing is held of LoRA or adapters that come later.
        self.targets = {
            name: p.numpy() for name, p in self.encoder.named_parameters() if name in self.fisher
        }

    def consolidate(self, fisher: Fisher, gamma: float = 1.0) -> None:
        """After a further task: F ← γ F + ``fisher``, and the anchor is at the present weights.

        ``gamma``, a share from 0 to 1, says how much the tasks before still count. Raises as EWC.
        """
        check_share("EWC: gamma", gamma, zero=True, one=True)
        new = self._checked(fisher)
        self.fisher = {name: gamma * f + new[name] for name, f in self.fisher.items()}
        self._anchor()

    def before_step(self, model: Any, batch: Any) -> None:
        check_body("EWC", model, self.encoder)

    def penalty(self, model: Module) -> Tensor | None:
        """(λ/2) Σ F_i (θ_i - θ*_i)² over the weights of the body that train."""
        if self.lambda_ == 0:
            return None
        terms = []
        for name, p in self.encoder.named_parameters():
            if p.requires_grad and name in self.targets:
                far = p - self.targets[name]
                terms.append((scale(far, factor=self.fisher[name]) * far).sum())
        return sum_of(terms) * (self.lambda_ / 2) if terms else None
