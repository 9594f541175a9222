"""Optimisers on flat buffers, parameter groups, and clipping.

An optimiser moves the parameters of a group into one flat array and lets each parameter be a slice
of it. A step then is a handful of array operations over the whole group, in chunks that stay in
the processor's cache, instead of a handful for each of many small arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from npft.errors import (
    CheckpointError, ConfigError, DtypeError, GraphError, NonFiniteError, check_positive, quoted,
)
from npft.nn.module import Module, Parameter

CHUNK = 16384  # elements of float32: 64 KiB for each array of a step

Schedule = Callable[[int], float]  # from the step to a factor of the rate


class Group:
    """Parameters trained alike, laid end to end in one flat array.

    ``lr`` is its rate now: ``peak``, times its own ``schedule`` if it has one. ``memory`` holds
    what an optimiser remembers of each number, laid out in the same way, and ``steps`` how many
    steps the group has made.
    """

    def __init__(
        self,
        params: list[Parameter],
        lr: float,
        weight_decay: float,
        schedule: Schedule | None = None,
    ) -> None:
        check_positive("lr", lr)
        check_positive("weight_decay", weight_decay, zero=True)
        if len({p.dtype for p in params}) > 1:
            raise DtypeError("optimiser: the parameters of a group must be of one dtype")
        self.params = params
        self.lr = self.peak = lr
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.steps = 0
        self.memory: dict[str, np.ndarray] = {}
        self.flat = np.concatenate([p.storage.ravel() for p in params])
        self.gradient = np.empty_like(self.flat)
        self.slots = []
        start = 0
        for p in params:
            slot = self.flat[start : start + p.size].reshape(p.shape)
            p.move_to(slot)
            self.slots.append(slot)
            start += p.size

    def gather(self) -> bool:
        """Lay the gradients end to end; False if no parameter of the group has one."""
        gradients = [p.grad.ravel() for p in self.params if p.grad is not None]
        missing = [p for p in self.params if p.grad is None]
        if len(missing) == len(self.params):
            return False
        if missing:
            raise GraphError(
                f"step: {len(missing)} of {len(self.params)} parameters of a group have no "
                f"gradient (the first has shape {missing[0].shape}); freeze parameters the loss "
                "does not use, or give them a group of their own"
            )
        for p, slot in zip(self.params, self.slots):
            if p.storage is not slot:
                raise GraphError(
                    "step: a parameter has left this optimiser: one built later holds it, or "
                    "astype gave it another dtype; use the one built last, or build one anew"
                )
        np.concatenate(gradients, out=self.gradient)
        return True

    def without_frozen(self) -> Group | None:
        """A group of those parameters that still train, with their memory; None if none do."""
        kept = [p for p in self.params if p.requires_grad]
        if not kept:
            return None
        group = Group(kept, self.peak, self.weight_decay, self.schedule)
        group.steps = self.steps
        chosen = np.repeat([p.requires_grad for p in self.params], [p.size for p in self.params])
        group.memory = {name: flat[chosen] for name, flat in self.memory.items()}
        return group


class Optimizer:
    """What SGD and AdamW share: ``groups`` is a list of parameters, or of dicts.

    A dict {"params": [...], "lr": ..., "weight_decay": ..., "schedule": ...} may leave out all but
    the first. A schedule of a group's own is a function from the step to a factor of its rate.
    Frozen parameters are left out until ``refresh`` finds that they train. A group steps as a
    whole: it is an error if only some of its parameters have gradients.

    Raises ``ConfigError`` for no parameters, one given twice, or rates out of range.
    """

    memory: tuple[str, ...] = ()  # the names of what is remembered of each number

    def __init__(self, groups: Iterable[Any], lr: float, weight_decay: float) -> None:
        groups = list(groups)
        if groups and not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for g in groups:
            if "params" not in g or not set(g) <= {"params", "lr", "weight_decay", "schedule"}:
                raise ConfigError(
                    f"optimiser: a group has the keys {sorted(g)}, expected 'params' and perhaps "
                    "'lr', 'weight_decay' and 'schedule'"
                )
        params = [p for g in groups for p in g["params"]]
        if not all(isinstance(p, Parameter) for p in params):
            raise ConfigError("optimiser: every entry of params must be a Parameter")
        if len({id(p) for p in params}) != len(params):
            raise ConfigError("optimiser: a parameter is given twice; give each once")
        self.given = [
            (g["params"], g.get("lr", lr), g.get("weight_decay", weight_decay), g.get("schedule"))
            for g in groups
        ]
        self.groups: list[Group] = []
        self.params: list[Parameter] = []
        if not self.refresh():
            raise ConfigError("optimiser: no parameter to train; are all of them frozen?")

    def refresh(self) -> bool:
        """Look again at what is frozen; True if anything has changed since the last look.

        Parameters that went on training keep their memory. Those that begin to train form a group
        of their own, whose first step is a first step: what AdamW divides by depends on that.
        Raises ``ConfigError`` if nothing is left to train.
        """
        held = {id(p) for p in self.params}
        begun = [
            ([p for p in params if p.requires_grad and id(p) not in held], *rates)
            for params, *rates in self.given
        ]
        if all(p.requires_grad for p in self.params) and not any(params for params, *_ in begun):
            return False
        still = [group.without_frozen() for group in self.groups]
        self.groups = [group for group in still if group is not None]
        for params, *rates in begun:
            if params:
                group = Group(params, *rates)
                group.memory = {name: np.zeros_like(group.flat) for name in self.memory}
                self.groups.append(group)
        if not self.groups:
            raise ConfigError("optimiser: no parameter is left to train; all of them are frozen")
        self.params = [p for g in self.groups for p in g.params]
        return True

    def set_rates(self, step: int) -> None:
        """Give each group that has a schedule of its own its rate at this step."""
        for group in self.groups:
            if group.schedule is not None:
                group.lr = group.peak * group.schedule(step)

    def step(self, factor: float = 1.0) -> None:
        """Change the parameters by their gradients, at ``factor`` times each group's rate."""
        for group in self.groups:
            if group.gather():
                group.steps += 1
                self.update(group, group.lr * factor)
                for p in group.params:
                    p.version += 1

    def update(self, group: Group, lr: float) -> None:
        """Change ``group.flat`` by ``group.gradient`` at the rate ``lr``."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, np.ndarray]:
        """What the optimiser remembers between steps, as arrays by name: here nothing."""
        return {}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Go on from a ``state_dict`` of an optimiser of the same kind and parameters.

        Raises ``CheckpointError`` if names or shapes differ, or for numbers that cannot be; nothing
        is changed then.
        """
        own = self.state_dict()
        kinds = {name: (a.shape, a.dtype) for name, a in own.items()}
        if {name: (np.shape(a), np.asarray(a).dtype) for name, a in state.items()} != kinds:
            raise CheckpointError(
                f"optimiser: the state has {quoted(sorted(state))}, expected {sorted(kinds)} of "
                "the shapes and dtypes of this optimiser's parameters"
            )


class SGD(Optimizer):
    """Gradient descent: θ ← θ - lr g.

    >>> w = Parameter([1.0])
    >>> w.grad = np.array([0.5])
    >>> SGD([w], lr=0.1).step()
    >>> w.data.tolist()
    [0.95]
    """

    def __init__(self, groups: Iterable[Any], lr: float = 0.1) -> None:
        super().__init__(groups, lr, 0.0)

    def update(self, group: Group, lr: float) -> None:
        group.flat -= lr * group.gradient


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2).

        m ← β₁ m + (1 - β₁) g            v ← β₂ v + (1 - β₂) g²
        θ ← θ - lr wd θ - lr (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + eps)

    The first step moves each weight by lr against the sign of its gradient:

    >>> w = Parameter([1.0, 1.0])
    >>> w.grad = np.array([0.5, -3.0])
    >>> AdamW([w], lr=0.1, weight_decay=0.0).step()
    >>> w.data.round(6).tolist()
    [0.9, 1.1]
    """

    memory = ("m", "v")

    def __init__(
        self,
        groups: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        if not all(0 <= b < 1 for b in betas):
            raise ConfigError(f"AdamW: betas are {betas}, expected two numbers in [0, 1)")
        check_positive("eps", eps)
        super().__init__(groups, lr, weight_decay)
        self.betas, self.eps = betas, eps

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of the moments of each group, "m.0", "v.0", ..., and of its "steps"."""
        state = {"steps": np.array([group.steps for group in self.groups], dtype=np.int64)}
        for i, group in enumerate(self.groups):
            state |= {f"{name}.{i}": flat.copy() for name, flat in group.memory.items()}
        return state

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        super().load_state_dict(state)
        for name, a in state.items():
            least = -np.inf if name.startswith("m.") else 0
            if not (np.isfinite(a) & (a >= least)).all():
                raise CheckpointError(f"AdamW: {name} of the state holds numbers that cannot be")
        for i, group in enumerate(self.groups):
            group.steps = int(state["steps"][i])
            for name, flat in group.memory.items():
                flat[...] = state[f"{name}.{i}"]

    def update(self, group: Group, lr: float) -> None:
        b1, b2 = self.betas
        # with v̂ = v / root², a step of lr m̂ / (√v̂ + eps) is one of rate m / (√v + root eps)
        root = np.sqrt(1 - b2**group.steps).item()
        rate = lr * root / (1 - b1**group.steps)
        for start in range(0, len(group.flat), CHUNK):
            chunk = slice(start, start + CHUNK)
            theta, g = group.flat[chunk], group.gradient[chunk]
            m, v = group.memory["m"][chunk], group.memory["v"][chunk]
            m *= b1
            work = g * (1 - b1)
            m += work
            np.multiply(g, g, out=work)
            work *= 1 - b2
            v *= b2
            v += work
            np.sqrt(v, out=work)
            work += root * self.eps
            np.divide(m, work, out=work)
            work *= rate
            theta *= 1 - lr * group.weight_decay
            theta -= work


def decay_groups(
    module: Module,
    *,
    lr: float,
    weight_decay: float,
    prefix: str | tuple[str, ...] = "",
    exclude: str | None = None,
) -> list[dict[str, Any]]:
    """Two groups: matrices decay, vectors (biases and layer-norm weights) do not.

    Decay pulls a weight to 0, which is a sensible place for an entry of a matrix but not for the
    scale of a layer norm. Takes the parameters whose name starts with ``prefix`` (or with one of
    several) and not with ``exclude``; every one of them is in just one group.
    """
    chosen = [
        p
        for name, p in module.named_parameters()
        if name.startswith(prefix) and (exclude is None or not name.startswith(exclude))
    ]
    return [
        {"params": [p for p in chosen if p.ndim > 1], "lr": lr, "weight_decay": weight_decay},
        {"params": [p for p in chosen if p.ndim <= 1], "lr": lr, "weight_decay": 0.0},
    ]


def clip_grad_norm(params: list[Parameter], max_norm: float | None) -> float:
    """Scale all gradients so that their common length is at most ``max_norm``; return the length.

    None only measures (Pascanu, Mikolov & Bengio 2013). Parameters without a gradient count 0.
    Raises ``NonFiniteError`` with the position of the first gradient that is NaN or infinite.

    >>> w = Parameter([0.0, 0.0])
    >>> w.grad = np.array([3.0, 4.0])
    >>> clip_grad_norm([w], 2.5), w.grad.tolist()
    (5.0, [1.5, 2.0])
    """
    grads = [np.zeros(1) if p.grad is None else p.grad for p in params]
    norm = float(np.sqrt(np.sum([float(np.vdot(g, g)) for g in grads])))
    if not np.isfinite(norm):
        bad = [i for i, g in enumerate(grads) if not np.isfinite(g).all()]
        if bad:
            raise NonFiniteError(
                f"clip_grad_norm: the gradient of parameter {bad[0]} of shape "
                f"{params[bad[0]].shape} is not finite"
            )
        largest = max(float(np.abs(g).max(initial=0)) for g in grads)  # whose square overflowed
        norm = largest * float(np.sqrt(sum(np.sum((g / largest) ** 2) for g in grads)))
    if max_norm is not None:
        check_positive("max_norm", max_norm)
        if norm > max_norm:
            for p in params:
                if p.grad is not None:
                    p.grad = p.grad * float(max_norm / norm)
    return norm
