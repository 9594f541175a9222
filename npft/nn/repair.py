"""The contract of a repair: what may be done at each step of training against forgetting.

A run asks ``task_size`` once, how much of a batch is left to the task. A step of training then
calls, in this order, and each may be left as it is:

    before_step    look at the model and the batch, draw what will be needed, freeze or unfreeze
    loss           a term on what the model says of a part of the batch, once for each part
    penalty        a term that needs no batch: of the weights, or of text of the repair's own
    gradients      change the gradients, before they are clipped
    after_step     change the weights

``loss`` and ``penalty`` may be called by several threads at once, so they change nothing but a
generator of the repair's own; what must happen in order belongs into ``before_step``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from npft.autograd.tensor import Tensor
from npft.nn.module import Module, Parameter
from npft.nn.optim import Optimizer


class Repair:
    """Something done at each step of training; a kind of repair is a class with some of these.

    ``name`` is the name of its terms among the parts of a step, and unique within a run.
    One that ``replaces_decay`` already pulls the body somewhere, so that weight decay to 0 must
    not pull it elsewhere.

    >>> class HalfSteps(Repair):
    ...     def gradients(self, params):
    ...         for p in params:
    ...             p.grad = p.grad / 2
    >>> HalfSteps().task_size(32), HalfSteps().penalty(Module())
    (32, None)
    """

    name = "repair"
    replaces_decay = False

    def task_size(self, batch_size: int) -> int:
        """How many examples of the task a batch of ``batch_size`` holds."""
        return batch_size

    def before_step(self, model: Module, batch: Any) -> None:
        """Called before anything is computed; what trains may change here."""

    def loss(self, model: Module, part: Any, scores: Any) -> Tensor | None:
        """The share of a part of the batch in a term on the model's ``scores``, or None.

        The terms of all parts add up, so a mean over what a head's loss is over is multiplied by
        ``part.shares[head]``.
        """
        return None

    def penalty(self, model: Module) -> Tensor | None:
        """A term that does not depend on the batch, or None; computed once a step."""
        return None

    def gradients(self, params: Sequence[Parameter]) -> None:
        """Change ``p.grad`` of the parameters that train, by a new array in its place."""

    def after_step(self, optimizer: Optimizer, factor: float) -> None:
        """Change the weights after a step at ``factor`` times the optimiser's rates."""
