"""The one training loop: a generator that a lesson can step through.

Pretraining, fine-tuning and contrastive training are thin callers of ``train_steps``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from npft.autograd.machine import keep_freed_memory
from npft.autograd.tensor import Tensor, pull_back
from npft.errors import DataError, NonFiniteError, check_rng
from npft.nn.module import Module
from npft.nn.optim import Optimizer, clip_grad_norm
from npft.nn.packs import each_pack


class Step(NamedTuple):
    """What one step did: ``grad_norm`` is the length of the gradient before clipping."""

    step: int
    loss: float
    parts: dict[str, float]
    factor: float
    grad_norm: float


class Streams(NamedTuple):
    """Independent generators, so that using more of one kind of chance changes no other kind."""

    order: np.random.Generator
    masks: np.random.Generator
    dropout: np.random.Generator
    replay: np.random.Generator


def streams(rng: np.random.Generator) -> Streams:
    """Derive the generators of a training run from one; ``ConfigError`` if it is none."""
    check_rng("training: rng", rng)
    return Streams(*rng.spawn(len(Streams._fields)))


class Repair:
    """Something done at each step against forgetting; every method may be left as it is.

    ``name`` is the name of its loss among the parts of a step; one that ``replaces_decay`` already
    pulls the body somewhere, so that weight decay to 0 must not pull it elsewhere.
    """

    name = "repair"
    replaces_decay = False

    def task_size(self, batch_size: int) -> int:
        """How many examples of the task a batch of ``batch_size`` holds."""
        return batch_size

    def loss(self, model: Module) -> Tensor | None:
        """A term to add to the loss, or None."""
        return None

    def after_step(self, optimizer: Optimizer, factor: float) -> None:
        """Change the weights after a step at ``factor`` times the optimiser's rates."""


def train_steps(
    model: Module,
    batches: Iterable[Any],
    loss_fn: Callable[..., tuple[Tensor, dict[str, float]]],
    optimizer: Optimizer,
    *,
    schedule: Callable[[int], float] | None = None,
    clip: float | None = 1.0,
    repairs: Sequence[Repair] = (),
    cut: Callable[[Any], Sequence[Any]] | None = None,
    first: int = 1,
    rng: np.random.Generator,
) -> Iterator[Step]:
    """Train on each batch in turn, and yield what happened after each step.

    ``loss_fn(model, batch, rng=rng)`` returns the loss and a dict of its named parts; ``rng``
    draws dropout. ``schedule(step)`` multiplies the learning rates; steps count from ``first``.
    ``repairs`` may add to the loss, and change the weights after the step.
    ``cut`` divides a batch into pieces whose losses add up to that of the batch (gradient
    accumulation): their gradients are added before the step. As many pieces as there are threads
    (``set_threads``) are worked on at once, and one more may wait; each has dropout of its own.
    Raises ``DataError`` for a batch cut into nothing, ``NonFiniteError`` that names the step, and
    the parameter for a gradient.

    >>> from npft.nn.layers import Linear
    >>> from npft.nn.optim import SGD
    >>> rng = np.random.default_rng(0)
    >>> model = Linear(1, 1, std=0.0, rng=rng)
    >>> def loss_fn(model, x, rng):
    ...     error = model(x) - x  # learn the identity
    ...     return (error * error).mean(), {}
    >>> data = [np.array([[1.0], [-1.0]], np.float32)] * 3
    >>> steps = train_steps(model, data, loss_fn, SGD(model.parameters(), lr=0.25), rng=rng)
    >>> [round(s.loss, 4) for s in steps]
    [1.0, 0.5625, 0.25]
    """
    keep_freed_memory()
    weights = [*model.parameters(), *optimizer.params]  # which may train more than the model
    for step, batch in enumerate(batches, start=first):
        factor = 1.0 if schedule is None else schedule(step)
        for weight in weights:
            weight.grad = None
        pieces = [batch] if cut is None else list(cut(batch))
        if not pieces:
            raise DataError(f"step {step}: the batch was cut into no pieces, expected at least one")
        chances = [rng]
        if len(pieces) > 1:
            seeds = rng.integers(1 << 62, size=len(pieces))
            chances = [np.random.default_rng(seed) for seed in seeds]

        def work(number: int) -> tuple[float, dict[str, float], dict[Any, np.ndarray]]:
            """The loss of one piece, its parts, and the gradients of the weights."""
            loss, found = loss_fn(model, pieces[number], rng=chances[number])
            for repair in repairs if number == 0 else ():
                extra = repair.loss(model)
                if extra is not None:
                    found = found | {repair.name: extra.item()}
                    loss = loss + extra
            return loss.item(), found, pull_back(loss)

        value, parts = 0.0, dict[str, float]()
        for loss, found, gradients in each_pack(work, range(len(pieces))):
            value += loss
            parts |= {name: parts.get(name, 0.0) + part for name, part in found.items()}
            if not np.isfinite(value):
                raise NonFiniteError(
                    f"step {step}: the loss is {value} ({_listed(parts)}); lower the learning "
                    "rate, or look for weights that are not finite"
                )
            for leaf, g in gradients.items():
                if leaf.grad is None:
                    leaf.grad = g.copy()  # another leaf may have the same array
                else:
                    leaf.grad += g
        try:
            norm = clip_grad_norm(optimizer.params, clip)
        except NonFiniteError:
            names = (name for name, p in model.named_parameters() if not _finite(p.grad))
            bad = next(names, "a parameter outside the model")
            raise NonFiniteError(
                f"step {step}: the gradient of {bad} is not finite; lower the learning rate"
            ) from None
        optimizer.step(factor)
        for repair in repairs:
            repair.after_step(optimizer, factor)
        yield Step(step, value, parts, factor, norm)


def _listed(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {part}" for name, part in parts.items()) or "one part"


def _finite(grad: np.ndarray | None) -> bool:
    return grad is None or bool(np.isfinite(grad).all())
