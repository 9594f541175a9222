"""A-GEM: no step of the task may make the loss on old text larger (averaged gradient of memories).

Idea        take out of the gradient what would undo the past, and nothing else
Equation    if g · r < 0:   g ← g - (g · r / r · r) r    r: the gradient on a few old sequences
When        pretraining text is at hand, and it shall cost the task no example of its batch
Cost        a forward and a backward pass more in each step, of ``size`` sequences: half as much
            again for 16 beside a batch of 32; the memory of two more gradients; pretraining text
Source      Chaudhry et al. 2019, section 4, equation 11; GEM: Lopez-Paz & Ranzato 2017

After it g · r = 0: to first order a small step of gradient descent leaves the loss on these
sequences as it is. Adam divides each weight's step by a size of its own, and keeps a mean of past
gradients, so under Adam this is a tendency, not a promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.autograd.tensor import pull_back
from npft.errors import NonFiniteError, check_count, check_rng
from npft.forgetting.anchors import check_body
from npft.forgetting.replay import draw_masked, source_for
from npft.heads.words import MaskedLM
from npft.nn.module import Module, Parameter
from npft.nn.repair import Repair
from npft.pretraining.pairs import Documents
from npft.text.batch import Batch


class AGEM(Repair):
    """Keep the body's gradient from pointing against that of freshly masked old sequences.

    documents: the pool. mlm: the body with the head it was pretrained with, which stays as it is.
    size: sequences of each step; 0 is plain training, bit for bit. rng, which nothing else may use,
    draws sequences, masks and dropout. ``projected`` counts the steps, of ``steps``, whose gradient
    was changed. Heads are left free. There is one inner product, over all weights of the body that
    have a gradient from the task, and not one for each layer.
    Raises ``ConfigError`` for a size < 0 and, in training, a model whose encoder is not that of
    ``mlm``; ``DataError`` for an empty pool; ``NonFiniteError`` for an mlm without a finite loss.

    >>> from npft import Classifier, fine_tune, load
    >>> rng, mlm = np.random.default_rng(0), load("tinyworld")
    >>> agem = AGEM([["the teller counts", "the chef cooks"]], mlm, 2, rng=np.random.default_rng(1))
    >>> model = Classifier(mlm.body, 2, rng=rng)
    >>> train = model.tokenize(["see you at noon", "win cash"], labels=[0, 1])
    >>> history = fine_tune(model, train, epochs=3, repairs=[agem], rng=rng)
    >>> agem.steps, agem.projected <= agem.steps
    (3, True)
    """

    name = "agem"

    def __init__(
        self, documents: Documents, mlm: MaskedLM, size: int = 16, *, rng: np.random.Generator
    ) -> None:
        self.size = check_count("AGEM: size", size, least=0)
        check_rng("AGEM: rng", rng)
        self.source = source_for("AGEM", documents, mlm)
        self.mlm, self.rng = mlm, rng
        self.masked: Batch | None = None  # the old sequences of the present step
        self.steps = self.projected = 0

    def before_step(self, model: Module, batch: Any) -> None:
        """Draw and mask the sequences of this step."""
        check_body("AGEM", model, self.mlm.encoder)
        self.steps += 1
        if self.size > 0:
            self.masked = draw_masked(self.source, self.size, rng=self.rng)

    def gradients(self, params: Sequence[Parameter]) -> None:
        """Project the body's gradient, if it points against that of the old sequences."""
        body = {id(p) for p in self.mlm.encoder.parameters()}
        held = [p for p in params if id(p) in body and p.grad is not None]
        if self.masked is None or not held:
            return
        loss = self.mlm.loss(self.masked, self.rng).total
        if not np.isfinite(loss.item()):
            raise NonFiniteError(
                f"AGEM: step {self.steps}: the loss on old sequences is {loss.item()}; lower the "
                "learning rate, or give the mlm whose encoder this is, undamaged"
            )
        found = pull_back(loss)
        held = [p for p in held if p in found]
        task: list[Any] = [p.grad for p in held]
        changed = project(task, [found[p] for p in held])
        if changed is not task:
            self.projected += 1
            for p, g in zip(held, changed):
                p.grad = g


def project(g: list[np.ndarray], r: list[np.ndarray]) -> list[np.ndarray]:
    """The gradient g without what goes against r; g itself if, all in all, nothing does.

    >>> project([np.array([1.0, -1.0])], [np.array([0.0, 2.0])])
    [array([1., 0.])]
    >>> project([np.array([1.0]), np.array([-1.0])], [np.array([3.0]), np.array([2.0])])
    [array([1.]), array([-1.])]
    """
    product = sum(float(np.vdot(a, b)) for a, b in zip(g, r))
    if not product < 0:  # or NaN, whose place the loop will name
        return g
    square = sum(float(np.vdot(b, b)) for b in r)
    if not 0 < square < np.inf:  # too small, or too large, to be divided by
        return g
    share = product / square
    return [a - share * b for a, b in zip(g, r)]
