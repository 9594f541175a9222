"""Parameters, and modules that own them.

A module finds its parameters and submodules among its own attributes, and in lists, tuples and
dicts of them, in the order in which they were set. Nothing is registered, so nothing can be
registered twice.
"""

from __future__ import annotations

import contextlib
import html
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from npft.autograd.inputs import FLOATS, no_grad, numbers
from npft.autograd.tensor import Tensor
from npft.errors import CheckpointError, ConfigError, DtypeError, ShapeError


class Parameter(Tensor):
    """A leaf tensor that training changes.

    ``data`` stays read-only for everyone else; only ``assign`` and the optimiser that holds the
    parameter write to it, and each change raises ``version``, so that the engine notices a graph
    recorded before the change.

    ``parts`` names equal slices of the rows: one array (3 D, D) holds query, key and value, and is
    saved as three.

    >>> w = Parameter(np.zeros(2))
    >>> w.assign(np.ones(2))
    >>> w.data.tolist(), w.version
    ([1.0, 1.0], 1)
    """

    __slots__ = ("storage", "parts")

    def __init__(self, data: Any, parts: tuple[str, ...] = (), dtype: Any = None) -> None:
        super().__init__(data, requires_grad=True, dtype=dtype)
        self.parts = parts
        self.move_to(self._data.copy())

    def __reduce__(self) -> tuple:
        return _parameter, (type(self), self.storage.copy(), self.parts, self.requires_grad)

    def move_to(self, storage: np.ndarray) -> None:
        """Live in ``storage`` (an array with the parameter's values) from now on."""
        self.storage = storage
        self._data = storage.view()
        self._data.flags.writeable = False

    def assign(self, values: np.ndarray) -> None:
        """Copy values into place.

        Raises ``ShapeError`` if the shape differs, ``DtypeError`` for no real numbers.
        """
        new = numbers("assign: values", values, self.dtype)
        if new.shape != self.shape:
            raise ShapeError(f"assign: values have shape {new.shape}, not {self.shape}")
        self.storage[...] = new
        self.version += 1


def _parameter(cls: type, data: np.ndarray, parts: tuple, requires_grad: bool) -> Parameter:
    """A parameter as it was copied or pickled."""
    parameter = cls(data, parts)
    parameter.requires_grad = requires_grad
    return parameter


def _owned(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The parameters and modules in an attribute: itself, or the items of a container, by name."""
    if isinstance(value, (Parameter, Module)):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _owned(f"{name}.{key}", item)
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _owned(f"{name}.{i}", item)
    elif isinstance(value, (set, frozenset)) and any(list(_owned("", item)) for item in value):
        raise ConfigError(f"{name} is a set with parameters in it, which has no order; use a list")


class Module:
    """Something with parameters: a layer, an encoder, a model with its head.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Parameter([2.0])
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> layer = Scale()
    >>> layer(np.array([3.0])).data.tolist()
    [6.0]
    >>> [name for name, _ in layer.named_parameters()]
    ['factor']
    """

    training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def _members(self) -> Iterator[tuple[str, Any]]:
        for name, value in vars(self).items():
            yield from _owned(name, value)

    def modules(self) -> Iterator[Module]:
        """This module and all modules inside it."""
        yield self
        for _, member in self._members():
            if isinstance(member, Module):
                yield from member.modules()

    def _all_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        for name, member in self._members():
            if isinstance(member, Parameter):
                yield prefix + name, member
            else:
                yield from member._all_parameters(f"{prefix}{name}.")

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Dotted names and parameters, in order; a shared parameter once, by its first name."""
        seen: set[int] = set()
        for name, parameter in self._all_parameters():
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def parameters(self) -> list[Parameter]:
        """All parameters, each once."""
        return [p for _, p in self.named_parameters()]

    def matrices(self) -> list[Parameter]:
        """The parameters of this module alone that ``quantize`` may round: none."""
        return []

    def buffers(self) -> dict[str, np.ndarray]:
        """Arrays of this module alone that are saved like weights and never train: none."""
        return {}

    def _named_buffers(self, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
        yield from ((prefix + name, array) for name, array in self.buffers().items())
        for name, member in self._members():
            if isinstance(member, Module):
                yield from member._named_buffers(f"{prefix}{name}.")

    def _all_buffers(self) -> dict[str, np.ndarray]:
        """Buffers by dotted names; a shared one once, by its first name."""
        first = {id(array): name for name, array in reversed(list(self._named_buffers()))}
        return {n: array for n, array in self._named_buffers() if first[id(array)] == n}

    def num_parameters(self) -> int:
        """The number of weights."""
        return sum(p.size for p in self.parameters())

    def num_bytes(self) -> int:
        """The memory of all that is saved: parameters and buffers, without gradients."""
        return sum(array.nbytes for array in self._named_storage().values())

    def _named_storage(self) -> dict[str, np.ndarray]:
        """What is saved, by name: the parameters, with those in parts cut into their parts."""
        arrays: dict[str, np.ndarray] = {}
        for name, parameter in self.named_parameters():
            if parameter.parts:
                prefix = name[: name.rfind(".") + 1]
                pieces = np.split(parameter.storage, len(parameter.parts))
                arrays.update((prefix + part, a) for part, a in zip(parameter.parts, pieces))
            else:
                arrays[name] = parameter.storage
        return arrays | self._all_buffers()

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of all weights by name."""
        return {name: array.copy() for name, array in self._named_storage().items()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Copy weights into place.

        Numbers of another float dtype are rounded to that of the weights.
        Raises ``CheckpointError`` with one list of all that is missing, unexpected, of another
        shape, no real numbers, or too large for the dtype; nothing is copied then.
        """
        own = self._named_storage()
        wrong = [f"missing {name}" for name in own if name not in state]
        wrong += [f"unexpected {name}" for name in state if name not in own]
        given = {name: np.asarray(state[name]) for name in own if name in state}
        wrong += [
            f"{name} {fault}" for name, a in given.items() if (fault := _misfit(a, own[name]))
        ]
        if wrong:
            raise CheckpointError(
                f"load_state_dict: the weights do not fit {type(self).__name__}: "
                + "; ".join(wrong)
            )
        for name, array in own.items():
            array[...] = state[name]
        for parameter in self.parameters():
            parameter.version += 1

    def train(self, mode: bool = True) -> Module:
        """Training mode: dropout is on."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Evaluation mode: dropout is off."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def astype(self, dtype: Any) -> Module:
        """Convert all weights: float32 trains, float64 and complex128 are for checking gradients.

        An optimiser does not follow: build it anew. Raises ``DtypeError`` for another dtype.
        """
        if dtype is None or dtype not in FLOATS:  # to NumPy None is float64
            raise DtypeError(f"astype: {dtype!r}, expected np.float32, np.float64 or np.complex128")
        for parameter in self.parameters():
            parameter.grad = None
            parameter.move_to(parameter.storage.astype(dtype))
            parameter.version += 1
        return self

    def __repr__(self) -> str:
        trained = sum(p.size for p in self.parameters() if p.requires_grad)
        frozen = "" if trained == self.num_parameters() else f", {trained:,} of them trainable"
        fixed = sum(array.size for array in self._all_buffers().values())
        more = f", and {fixed:,} fixed numbers" if fixed else ""
        return f"{type(self).__name__}({self.num_parameters():,} parameters{frozen}{more})"

    def _repr_html_(self) -> str:
        """A tree to unfold in a notebook: each part with its number of weights."""
        return f"<details open><summary>{html.escape(repr(self))}</summary>{self._tree()}</details>"

    def _tree(self) -> str:
        items = []
        for name, member in self._members():
            if isinstance(member, Module):
                head = html.escape(f"{name}: {member!r}")
                items.append(f"<details><summary>{head}</summary>{member._tree()}</details>")
            else:
                frozen = "" if member.requires_grad else ", frozen"
                items.append(html.escape(f"{name}: {member.shape}, {member.dtype}{frozen}"))
        return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def _misfit(given: np.ndarray, own: np.ndarray) -> str:
    """What keeps one array from being copied into another; "" if nothing does."""
    if given.shape != own.shape:
        return f"has shape {given.shape}, expected {own.shape}"
    if given.dtype == own.dtype:
        return ""
    if given.dtype.kind not in "fiu" or own.dtype not in FLOATS:  # int8 holds rounded weights
        return f"has dtype {given.dtype}, expected {own.dtype}"
    with np.errstate(over="ignore"):  # 1e300 in float32 is infinite
        lost = np.isfinite(given) & ~np.isfinite(given.astype(own.dtype))
    return f"holds {given[lost][0]:g}, too large for {own.dtype}" if lost.any() else ""


def train_mode(model: Module) -> None:
    """Training mode for what trains; a part whose weights are all frozen stays in evaluation."""
    model.train()
    for module in model.modules():
        own = module.parameters()
        if own and not any(p.requires_grad for p in own):
            module.eval()


@contextlib.contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Evaluation mode inside this block, and no graph; then each part is in its own mode again.

    >>> model = Module()
    >>> with evaluating(model):
    ...     model.training
    False
    >>> model.training
    True
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _set_requires_grad(module: Module, which: str | Callable[[str], bool], flag: bool) -> int:
    chosen = which if callable(which) else lambda name: name.startswith(which)
    count = 0
    for name, parameter in module.named_parameters():
        if chosen(name):
            parameter.requires_grad = flag
            parameter.grad = None
            count += 1
    return count


def freeze(module: Module, which: str | Callable[[str], bool] = "") -> int:
    """Stop training the parameters whose name starts with ``which`` (or for which it is true).

    Nothing is recorded for a frozen parameter, so freezing saves its products. Returns how many
    parameters were chosen. An optimiser notices at its next step.

    >>> from npft import Linear
    >>> layer = Linear(3, 2, rng=np.random.default_rng(0))
    >>> freeze(layer, "bias"), layer.bias.requires_grad, layer.weight.requires_grad
    (1, False, True)
    """
    return _set_requires_grad(module, which, False)


def unfreeze(module: Module, which: str | Callable[[str], bool] = "") -> int:
    """Let the chosen parameters train again; see ``freeze``.

    >>> from npft import Linear
    >>> layer = Linear(3, 2, rng=np.random.default_rng(0))
    >>> freeze(layer), unfreeze(layer, lambda name: name != "bias")
    (2, 1)
    >>> layer.bias.requires_grad, layer.weight.requires_grad
    (False, True)
    """
    return _set_requires_grad(module, which, True)
