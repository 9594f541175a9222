"""The graph: the nodes that ops leave behind, and the walk from the loss back to the leaves.

If the loss L depends on x through y = f(x), the chain rule says

    ∂L/∂x_j = Σ_i (∂L/∂y_i) (∂y_i/∂x_j)

The function that takes g = ∂L/∂y to this sum is the *vjp* (vector-Jacobian product) of f at x. For
y = x² it is g -> 2 g x. An *op* is a function with its vjp, a *leaf* a value that no op made. For
L = sum(x * x) the walk starts with g = 1 at the sum, whose vjp spreads it to ones; the vjp of the
product gives ones * x twice, once for each factor; both belong to x, and their sum 2 x is ∂L/∂x. So
a value must wait until all that use it have been visited: its gradient is the sum of theirs.

A node knows the vjp of one application of an op, and where the gradients go. What is true of every
op is done here once: broadcasting is undone, the gradients of a value used more than once are
added, shapes and dtypes are checked.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from npft.errors import GraphError

_serial = itertools.count()


class Node:
    """One application of an op: its vjp and where the gradients go.

    ``parents`` has one entry for each array argument: the node that made it, the leaf itself, or
    None where no gradient is wanted. A node holds no tensor but leaves, and no child: there are no
    reference cycles, and a graph nobody needs dies by reference count.
    """

    __slots__ = ("serial", "op", "vjp", "parents", "leaves", "shape", "dtype")

    def __init__(self, op: str, vjp: Callable, parents: list, leaves: list, out: np.ndarray):
        self.serial = next(_serial)  # grows: a node is made after its parents
        self.op = op
        self.vjp: Callable | None = vjp
        self.parents = parents
        self.leaves = leaves
        self.shape = out.shape
        self.dtype = out.dtype

    def pull(self, g: np.ndarray) -> tuple:
        """Pull the gradient of the output back: a part for each parent. The vjp is forgotten."""
        if self.vjp is None:
            raise GraphError(
                f"{self.op}: this graph was walked before and its arrays are released; "
                "compute the loss again, or add the losses and walk once"
            )
        for leaf, version in self.leaves:
            if leaf.version != version:
                raise GraphError(
                    f"{self.op}: a parameter of shape {leaf.shape} was changed after this graph "
                    "was recorded; compute the loss again after the optimiser step"
                )
        g = g.view()
        g.setflags(write=False)  # it may be the gradient of another value as well
        parts = self.vjp(g)
        self.vjp = None
        if not isinstance(parts, tuple):
            parts = (parts,)
        if len(parts) != len(self.parents):
            raise GraphError(
                f"{self.op}: its vjp returned {len(parts)} gradients for {len(self.parents)} inputs"
            )
        return parts

    def fit(self, number: int, part: Any) -> np.ndarray:
        """The gradient ``part`` in the shape of parent ``number``: a broadcast is undone."""
        parent = self.parents[number]
        if part is None:
            raise GraphError(
                f"{self.op}: its vjp returned None for input {number}, which wants a gradient; is "
                "a return missing?"
            )
        part = np.asarray(part)
        # no broadcast gives a gradient more axes than both: it is a fault, not to be summed away
        if part.ndim <= max(len(self.shape), len(parent.shape)):
            part = unbroadcast(part, parent.shape)
        if part.shape != parent.shape or part.dtype != parent.dtype:
            raise GraphError(
                f"{self.op}: its vjp returned a gradient of shape {part.shape} and dtype "
                f"{part.dtype} for an input of shape {parent.shape} and {parent.dtype}"
            )
        return part


def unbroadcast(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum ``g`` over the axes along which an input of ``shape`` was broadcast.

    >>> unbroadcast(np.ones((4, 3)), (3,))
    array([4., 4., 4.])
    """
    if g.shape == shape or g.ndim < len(shape):  # too few axes: the caller reports it
        return g
    lead = g.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(
        lead + i for i, n in enumerate(shape) if n == 1 and g.shape[lead + i] != 1
    )
    total = g.sum(axis=axes, keepdims=True) if axes else g
    return total.reshape(total.shape[lead:])  # the leading axes have length 1 now: drop them


def walk(source: Any, seed: np.ndarray, keep: set) -> dict[Any, np.ndarray]:
    """Walk the graph from ``source``; return the gradient of every leaf, and of the nodes in keep.

    A node is made after its parents, so taking the youngest pending node first visits every node
    after all its children: a topological order without a sort and without recursion.
    """
    found: dict[Any, np.ndarray] = {}
    pending: dict[Any, np.ndarray] = {source: seed}
    queue = [(-source.serial, source)] if isinstance(source, Node) else []
    while queue:
        node = heapq.heappop(queue)[1]
        g = pending.pop(node)
        if keep and node in keep:
            found[node] = g
        for number, (parent, part) in enumerate(zip(node.parents, node.pull(g))):
            if parent is None:
                continue
            if (
                type(part) is not np.ndarray
                or part.shape != parent.shape
                or part.dtype is not parent.dtype
            ):
                part = node.fit(number, part)
            if parent in pending:
                # never +=: the array may be shared; a sum of 0-d arrays is no array in NumPy
                pending[parent] = np.asarray(pending[parent] + part)
            else:
                pending[parent] = part
                if isinstance(parent, Node):
                    heapq.heappush(queue, (-parent.serial, parent))
    return {**found, **pending}  # what is still pending are the leaves
