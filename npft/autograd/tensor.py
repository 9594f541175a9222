"""Reverse-mode automatic differentiation: tensors, and functions of arrays lifted to tensors.

A computation is recorded as a graph of nodes. Each op is one function of arrays that returns its
value together with its *vjp* (vector-Jacobian product): the function that takes the gradient of
the loss with respect to the op's output and gives the gradient with respect to each input.

    @primitive
    def mul(a, b):
        return a * b, lambda g: (g * b, g * a)

``backward`` walks the graph (``graph.py``) from the loss to the leaves and applies the chain rule
at each node. That is all of backpropagation; what may enter a computation and what must not leave
it stands in ``inputs.py``.

Three rules guard against silent wrong answers:
    - arrays inside the graph are read-only, and those from outside are copied, so nothing that a
      vjp saved can change under it;
    - a parameter counts its changes, and a graph recorded before a change refuses to be walked;
    - the graph is released as it is walked, and a second walk raises.

First order only: a gradient is a plain array, not part of a graph. One thread per leaf: gradients
of two threads for one leaf may get lost; use ``grad`` or ``pull_back`` there.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from npft.autograd.graph import Node, walk
from npft.autograd.inputs import FLOATS, Guarded, called, floats, mode, no_grad, numbers, one_dtype
from npft.autograd.tables import tensor_html
from npft.errors import ConfigError, DtypeError, GraphError, ShapeError

__all__ = ["FLOATS", "Tensor", "grad", "no_grad", "primitive"]


class Tensor(Guarded):
    """An array of floats that remembers how it was computed.

    ``Tensor(data, requires_grad=False, dtype=None)`` copies ``data``. A tensor made this way is a
    *leaf*; after ``loss.backward()`` a leaf with ``requires_grad`` holds d loss / d leaf in
    ``.grad``. Calling ``backward`` on a second loss adds to it; set it to None to start anew.

    float32, float64 and complex128 are the dtypes; float32 and float64 do not mix.

    Raises ``DtypeError`` if ``data`` are not floats.

    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> loss = (x * x).sum()
    >>> loss.backward()
    >>> loss.item(), x.grad.tolist()
    (14.0, [2.0, 4.0, 6.0])
    """

    __slots__ = ("_data", "_node", "_requires_grad", "_grad", "version", "__weakref__")

    def __init__(self, data: Any, requires_grad: bool = False, dtype: Any = None) -> None:
        self._data: np.ndarray = floats("Tensor", data, dtype)
        self._node: Node | None = None  # how it was computed; None for a leaf
        self.requires_grad = requires_grad
        self._grad: np.ndarray | None = None
        self.version = 0  # counts changes of the data; only an optimiser or a loader changes it

    def backward(self, grad: Any = None) -> None:
        """Add d self / d leaf to ``.grad`` of every leaf that requires it.

        ``grad`` is the gradient to start from, of this tensor's shape; it may be left out for a
        tensor of one element, where it is 1.
        Raises ``GraphError`` if nothing was recorded or the graph was walked before.
        """
        for leaf, g in pull_back(self, grad).items():
            # a copy, because a vjp may have returned the same array for two leaves
            leaf._grad = g.copy() if leaf._grad is None else np.asarray(leaf._grad + g)

    @property
    def data(self) -> np.ndarray:
        """The values, as a read-only view."""
        return self._data.view()  # which, unlike an array with memory of its own, stays read-only

    @property
    def grad(self) -> np.ndarray | None:
        """The gradient of a leaf: an array of the leaf's shape and dtype, or None.

        A value computed on the way keeps none; ask for it with ``grad(loss, [value])``.
        """
        return self._grad

    @grad.setter
    def grad(self, value: np.ndarray | None) -> None:
        array = None if value is None else np.asarray(value)
        if array is not None and (array.shape != self.shape or array.dtype != self.dtype):
            raise ShapeError(
                f"grad has shape {array.shape} and dtype {array.dtype}, "
                f"expected {self.shape} and {self.dtype} like the tensor"
            )
        self._grad = array

    @property
    def requires_grad(self) -> bool:
        """Whether ``backward`` looks for its gradient."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        if self._node is not None:
            raise GraphError("requires_grad can be set on leaves only; use .detach() to get one")
        if not isinstance(flag, (bool, np.bool_)):
            raise ConfigError(f"requires_grad is {flag!r:.60}, expected True or False")
        self._requires_grad = bool(flag)

    shape = property(attrgetter("_data.shape"))
    dtype = property(attrgetter("_data.dtype"))
    ndim = property(attrgetter("_data.ndim"))
    size = property(attrgetter("_data.size"))

    def detach(self) -> Tensor:
        """The same values as a new leaf that is not part of any graph."""
        return _wrap(self._data.copy(), None)  # a view would change with a parameter, unnoticed

    def numpy(self) -> np.ndarray:
        """A copy of the values, free to be written to."""
        return self._data.copy()

    def item(self) -> float:
        """The value of a tensor of one element, as a Python number."""
        if self.size != 1:
            raise ShapeError(f"item() needs one element, this tensor has shape {self.shape}")
        return self._data.item()

    if TYPE_CHECKING:  # ops.py binds all operators and methods; a type checker cannot see that

        def __add__(self, other: Any) -> Tensor: ...

        def __sub__(self, other: Any) -> Tensor: ...

        def __mul__(self, other: Any) -> Tensor: ...

    def __repr__(self) -> str:
        origin = f", op={self._node.op}" if self._node is not None else ""
        grad = ", requires_grad=True" if self._node is None and self._requires_grad else ""
        shown = max(1, 4 - self.ndim)  # at each end of an axis
        values = np.array2string(
            self._data, threshold=20, edgeitems=shown, precision=4, prefix="Tensor("
        )
        return f"Tensor({values}, shape={self.shape}, dtype={self.dtype}{origin}{grad})"

    def _repr_html_(self) -> str:
        """A small table in a notebook."""
        return tensor_html(self)


def pull_back(root: Tensor, seed: Any = None, keep: Any = ()) -> dict[Any, np.ndarray]:
    """The gradient of ``root``, times ``seed``, of every leaf and of the nodes in keep.

    No ``.grad`` is changed, so that several threads may do this at once. Two leaves may share an
    array, and a leaf that ``root`` does not depend on is not among them. The graph is released.
    """
    if not root.requires_grad:
        raise GraphError(
            "backward: nothing was recorded for this tensor; make a leaf with requires_grad=True, "
            "and check for no_grad() and frozen parameters"
        )
    return walk(root if root._node is None else root._node, _seed(root, seed), keep)


def _seed(root: Tensor, seed: Any) -> np.ndarray:
    if seed is None:
        if root.size != 1:
            raise GraphError(
                f"backward: the tensor has shape {root.shape}, not one element; call .sum() or "
                ".mean() first, or pass the gradient to start from"
            )
        return np.ones(root.shape, root.dtype)
    array = numbers("backward: grad", seed, root.dtype)
    if array.shape != root.shape:
        raise ShapeError(f"backward: grad has shape {array.shape}, the tensor {root.shape}")
    return array


def grad(loss: Tensor, wrt: list[Tensor]) -> list[np.ndarray]:
    """The gradients of ``loss`` with respect to the tensors in ``wrt``; ``.grad`` is left alone.

    The tensors may be leaves or values computed on the way. The graph is released.
    Raises ``GraphError`` if ``loss`` does not depend on one of them.

    >>> x = Tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> [float(g) for g in grad(y * x, [x, y])]
    [27.0, 3.0]
    """
    several = isinstance(wrt, (list, tuple)) and all(isinstance(t, Tensor) for t in wrt)
    if not several or not isinstance(loss, Tensor):
        raise DtypeError("grad: expected a tensor and a list of tensors: grad(loss, [x, y])")
    sources = [t if t._node is None else t._node for t in wrt]
    found = pull_back(loss, None, {s for s in sources if isinstance(s, Node)})
    for i, source in enumerate(sources):
        if source not in found:
            raise GraphError(f"grad: the loss does not depend on wrt[{i}], or it is frozen")
    return [found[source].copy() for source in sources]


def primitive(fn: Callable) -> Callable:
    """Lift a function of arrays that returns ``(out, vjp)`` to a function of tensors.

    Positional arguments are arrays (tensors, arrays or numbers); constants are keywords.
    ``vjp(g)`` returns one gradient, or None, for each positional argument. A function that can
    save work for inputs without a gradient declares a keyword ``need`` and receives a tuple of
    bools. ``op.raw`` is the function itself: it needs no engine.

    >>> @primitive
    ... def cube(x):
    ...     return x**3, lambda g: g * 3 * x**2
    >>> x = Tensor([2.0], requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    array([12.])
    >>> out, vjp = cube.raw(np.array([2.0]))
    >>> out, vjp(np.array([1.0]))
    (array([8.]), array([12.]))
    """
    name = fn.__name__
    signature = inspect.signature(fn)
    wants_need = "need" in signature.parameters

    @functools.wraps(fn)
    def op(*args: Any, **constants: Any) -> Tensor:
        arrays, dtype, parents, leaves, recorded = _lift(name, args)
        if wants_need:
            constants["need"] = tuple([p is not None for p in parents])
        out, vjp = called(name, fn, signature, arrays, constants, dtype)
        if out.base is not None and (leaves or not recorded):
            out = out.copy()  # a view would change with a parameter, or an array from outside
        return _wrap(out, Node(name, vjp, parents, leaves, out) if recorded else None)

    op.raw = fn  # type: ignore[attr-defined]
    return op


def _lift(name: str, args: tuple) -> tuple[list, np.dtype, list, list, bool]:
    """Split arguments into arrays (of one dtype, which is returned too) and where they come from.

    That is: the parents, the leaves whose changes must be noticed, and whether there is a parent.
    """
    arrays: list[Any] = []
    parents: list[Node | Tensor | None] = []
    leaves: list[tuple[Tensor, int]] = []
    dtype, alike, recording, recorded = None, True, not mode.paused, False
    for a in args:
        parent = None
        if isinstance(a, Tensor):
            if a._requires_grad and recording:
                parent = a if a._node is None else a._node
                recorded = True
            if a._node is None:
                leaves.append((a, a.version))
            a = a._data
            alike = alike and (dtype is None or dtype is a.dtype)
            dtype = a.dtype
        else:
            alike = False
        arrays.append(a)
        parents.append(parent)
    if dtype is None or not alike:
        arrays, dtype = one_dtype(name, arrays, [isinstance(a, Tensor) for a in args])
    return arrays, dtype, parents, leaves, recorded


def _wrap(array: np.ndarray, node: Node | None) -> Tensor:
    """A tensor around an array of the engine's own, without a copy."""
    tensor = Tensor.__new__(Tensor)
    array.setflags(write=False)
    tensor._data = array
    tensor._node = node
    tensor._requires_grad = node is not None
    tensor._grad = None
    tensor.version = 0
    return tensor
