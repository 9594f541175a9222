"""The one training loop: a generator that a lesson can step through.

    for each batch:   forward and backward of its parts -> sum of gradients -> clip -> step

``fit.py`` drives it: it measures along the way, reports, and knows when to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from npft.autograd.machine import freed_memory_kept
from npft.autograd.tensor import Tensor, pull_back
from npft.errors import ConfigError, DataError, GraphError, NonFiniteError, check_rng
from npft.nn.module import Module, train_mode
from npft.nn.optim import Optimizer, clip_grad_norm
from npft.nn.packs import each_pack
from npft.nn.repair import Repair


class Step(NamedTuple):
    """What one step did: ``grad_norm`` is the length of the gradient before clipping.

    >>> step = Step(step=1, loss=2.5, parts={"mlm": 2.0, "nsp": 0.5}, factor=1.0, grad_norm=3.0)
    >>> step.loss == sum(step.parts.values())
    True
    """

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
    probe: np.random.Generator


def streams(rng: np.random.Generator) -> Streams:
    """Derive the generators of a training run from one; ``ConfigError`` if it is none."""
    check_rng("training: rng", rng)
    return Streams(*rng.spawn(len(Streams._fields)))


class Loss(NamedTuple):
    """The loss of a part of a batch, its named parts as numbers, and the scores it comes from.

    >>> mlm, nsp = Tensor(2.0), Tensor(0.5)
    >>> Loss(mlm + nsp, {"mlm": mlm.item(), "nsp": nsp.item()}).total.item()
    2.5
    """

    total: Tensor
    parts: dict[str, float]
    scores: Any = None


LossFn = Callable[..., "tuple[Tensor, dict[str, float]] | Loss"]


def train_steps(
    model: Module,
    batches: Iterable[Any],
    loss_fn: LossFn,
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

    ``loss_fn(model, batch, rng=rng)`` returns the loss and a dict of its named parts, perhaps as a
    ``Loss``; ``rng`` draws dropout. ``schedule(step)`` multiplies the learning rates, on top of the
    schedule a group may have of its own; steps count from ``first``. ``repairs`` may add to the
    loss and change gradients and weights (``repair.py``).
    ``cut`` divides a batch into pieces whose losses add up to that of the batch (gradient
    accumulation): their gradients are added before the step. As many pieces as there are threads
    (``set_threads``) are worked on at once, and one more may wait; each has dropout of its own.
    The model is put into training mode, but for parts that are frozen. What trains is asked anew at
    each step, so that it may be frozen or unfrozen between steps.
    Raises ``DataError`` for a batch cut into nothing, ``ConfigError`` for two repairs of one name,
    ``NonFiniteError`` that names the step, and the parameter for a gradient.

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
    check_names(model, repairs)
    train_mode(model)
    with freed_memory_kept():
        for step, batch in enumerate(batches, start=first):
            factor = 1.0 if schedule is None else schedule(step)
            for repair in repairs:
                repair.before_step(model, batch)
            if optimizer.refresh():
                train_mode(model)
            optimizer.set_rates(step)
            pieces = [batch] if cut is None else list(cut(batch))
            if not pieces:
                raise DataError(
                    f"step {step}: the batch was cut into no pieces, expected at least one"
                )
            tasks = [
                _of_piece(model, loss_fn, piece, chance, repairs)
                for piece, chance in zip(pieces, _chances(rng, len(pieces)))
            ]
            tasks += [_of_penalty(model, repair) for repair in repairs]
            value, parts = _add_up(step, optimizer, tasks)
            for repair in repairs:
                repair.gradients(optimizer.params)
            norm = _clipped(step, model, optimizer, clip)
            optimizer.step(factor)
            for repair in repairs:
                repair.after_step(optimizer, factor)
            yield Step(step, value, parts, factor, norm)


def check_names(model: Module, repairs: Sequence[Repair]) -> None:
    """Raise ``ConfigError`` for two terms of the loss of one name: they could not be told apart."""
    names = [repair.name for repair in repairs]
    for name in names:
        if names.count(name) > 1 or name in getattr(model, "heads", ()):
            both = "two repairs" if names.count(name) > 1 else "a repair and a head"
            raise _of_one_name(both, name)


def _of_one_name(both: str, name: str) -> ConfigError:
    return ConfigError(
        f"training: {both} are called {name!r}; give a repair another name: "
        f"repair.name = '{name} 2'"
    )


Gradients = dict[Any, np.ndarray]
Task = Callable[[], "tuple[float, dict[str, float], Gradients] | None"]


def _chances(rng: np.random.Generator, pieces: int) -> list[np.random.Generator]:
    """A generator for each piece, so that what one draws does not depend on the others."""
    if pieces == 1:
        return [rng]
    return [np.random.default_rng(seed) for seed in rng.integers(1 << 62, size=pieces)]


def _of_piece(
    model: Module,
    loss_fn: LossFn,
    piece: Any,
    chance: np.random.Generator,
    repairs: Sequence[Repair],
) -> Task:
    """Work to do: the loss of a piece of the batch, its parts, and the gradients."""

    def work() -> tuple[float, dict[str, float], Gradients]:
        total, parts, scores = Loss(*loss_fn(model, piece, rng=chance))
        for repair in repairs:
            if repair.name in parts:
                raise _of_one_name("a repair and a part of the loss", repair.name)
            term = repair.loss(model, piece, scores)
            if term is not None:
                total, parts = total + term, parts | {repair.name: term.item()}
        return total.item(), parts, _gradients(total)

    return work


def _gradients(term: Tensor) -> Gradients:
    """The gradients of one term of the loss; none where all it depends on is frozen."""
    return pull_back(term) if term.requires_grad else {}


def _of_penalty(model: Module, repair: Repair) -> Task:
    """Work to do: a repair's own term and its gradients, or nothing."""

    def work() -> tuple[float, dict[str, float], Gradients] | None:
        term = repair.penalty(model)
        if term is None:
            return None
        return term.item(), {repair.name: term.item()}, _gradients(term)

    return work


def _add_up(
    step: int, optimizer: Optimizer, tasks: list[Task]
) -> tuple[float, dict[str, float]]:
    """Do all tasks; leave the sum of their gradients in the weights; return the loss, its parts."""
    value, parts, total = 0.0, dict[str, float](), Gradients()
    for done in each_pack(lambda task: task(), tasks):
        if done is None:
            continue
        loss, found, gradients = done
        value += loss
        parts |= {name: parts.get(name, 0.0) + part for name, part in found.items()}
        if not np.isfinite(value):
            listed = ", ".join(f"{name} {part}" for name, part in parts.items()) or "one part"
            raise NonFiniteError(
                f"step {step}: the loss is {value} ({listed}); lower the learning rate, or look "
                "for weights that are not finite"
            )
        for leaf, g in gradients.items():
            if leaf in total:
                total[leaf] += g
            else:
                total[leaf] = g.copy()  # another leaf may have the same array
    if not total:
        raise GraphError(
            f"step {step}: the loss depends on nothing that trains; check for frozen parameters"
        )
    for weight in {*optimizer.params, *total}:
        weight.grad = total.get(weight)
    return value, parts


def _clipped(step: int, model: Module, optimizer: Optimizer, clip: float | None) -> float:
    """Clip the gradients and return their length; an error names the parameter and the step."""
    try:
        return clip_grad_norm(optimizer.params, clip)
    except NonFiniteError:
        grads = ((name, p.grad) for name, p in model.named_parameters() if p.grad is not None)
        wrong = (name for name, g in grads if not np.isfinite(g).all())
        bad = next(wrong, "a parameter outside the model")
        raise NonFiniteError(
            f"step {step}: the gradient of {bad} is not finite; lower the learning rate"
        ) from None
