"""Seeing a computation: the graph behind a loss as a table.

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> loss = (x * x).sum()
    >>> trace(loss, x=x)
    2 ops on 1 leaf, in the order of their making; backward walks from the last to the first
    name  op        inputs  shape  dtype
    x     leaf              (2,)   float64
    1     multiply  x, x    (2,)   float64
    2     sum       1       ()     float64
"""

from __future__ import annotations

from typing import Any, NamedTuple

from npft.autograd.graph import Node
from npft.autograd.tables import html_rows
from npft.autograd.tensor import Tensor
from npft.errors import GraphError

CONSTANT = "constant"  # an input that wants no gradient; the graph does not keep it


class Line(NamedTuple):
    """One value of a graph: a leaf, or what an op made of its inputs (their names)."""

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str


class Trace:
    """The lines of a graph, each after its inputs; prints as a table."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    def _cells(self) -> list[tuple[str, ...]]:
        head = ("name", "op", "inputs", "shape", "dtype")
        rows = [(n, op, ", ".join(i), str(shape), dtype) for n, op, i, shape, dtype in self.lines]
        return [head, *rows]

    def __repr__(self) -> str:
        leaves = sum(line.op == "leaf" for line in self.lines)
        title = (
            f"{len(self.lines) - leaves} ops on {leaves} lea{'f' if leaves == 1 else 'ves'}, in "
            "the order of their making; backward walks from the last to the first"
        )
        cells = self._cells()
        widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
        rows = ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in cells]
        return "\n".join([title, *rows])

    def _repr_html_(self) -> str:
        head, *rows = self._cells()
        return f"<table>{html_rows([head], 'th')}{html_rows(rows, 'td')}</table>"


def trace(loss: Tensor, **names: Tensor) -> Trace:
    """List the graph that was recorded for ``loss``; works before and after ``loss.backward()``.

    Leaves are called x1, x2, ... and ops 1, 2, ..., but for those named by keyword:
    ``trace(loss, w=w)``, or ``trace(loss, **dict(model.named_parameters()))``.
    Raises ``GraphError`` if nothing was recorded.

    >>> w = Tensor([3.0], requires_grad=True)
    >>> trace((w * w).sum(), w=w)
    2 ops on 1 leaf, in the order of their making; backward walks from the last to the first
    name  op        inputs  shape  dtype
    w     leaf              (1,)   float64
    1     multiply  w, w    (1,)   float64
    2     sum       1       ()     float64
    """
    if not isinstance(loss, Tensor) or loss._node is None:
        raise GraphError(
            "trace: nothing was recorded for this tensor; trace the result of an op on a leaf "
            "with requires_grad=True"
        )
    given = {id(t if t._node is None else t._node): name for name, t in names.items()}
    nodes: dict[int, Node] = {}
    pending = [loss._node]
    while pending:
        node = pending.pop()
        if node.serial not in nodes:
            nodes[node.serial] = node
            pending += [p for p in node.parents if isinstance(p, Node)]
    called: dict[int, str] = {}  # by id: the graph is alive, so ids are unique
    lines: list[Line] = []

    def add(value: Any, op: str, inputs: tuple[str, ...], name: str) -> None:
        called[id(value)] = given.get(id(value), name)
        lines.append(Line(called[id(value)], op, inputs, value.shape, str(value.dtype)))

    for number, serial in enumerate(sorted(nodes), start=1):
        node = nodes[serial]
        for leaf in node.parents:
            if isinstance(leaf, Tensor) and id(leaf) not in called:
                add(leaf, "leaf", (), f"x{1 + sum(line.op == 'leaf' for line in lines)}")
        inputs = tuple(CONSTANT if p is None else called[id(p)] for p in node.parents)
        add(node, node.op, inputs, str(number))
    return Trace(lines)
