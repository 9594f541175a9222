"""Two ways to look into a step without a change to npft: a clock at its doors, and watched arrays.

Both stand in for functions of the package inside a ``with`` block, and in this process only.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from npft import AdamW, Model
from npft.autograd import kernels, tensor
from npft.nn import loop

REST = "Python and calls"
ADDED = "additions"
TABLES = "tables, pools, loss"
KINDS = {  # the name of an op: what kind of work it is, beside its products
    "linear": "linear maps beyond products", "attention": "attention beyond products",
    "gelu": "GELU", "layer_norm": "layer norm", "dropout": "dropout", "scale": "dropout",
    "embedding": TABLES, "take_rows": TABLES, "segment_mean": TABLES,
    "softmax_cross_entropy": TABLES, "add": ADDED,
}  # fmt: skip
DOORS: tuple[tuple[Any, str, str], ...] = (  # what is no op: where it stands, its name, its kind
    (kernels, "dropout", "dropout"),
    (tensor, "walk", ADDED),  # back through the graph: the gradients of what is used twice add up
    (loop, "_add_up", ADDED),  # the gradients of packs
    (loop, "clip_grad_norm", "optimiser"),
    (AdamW, "step", "optimiser"),
    (Model, "tokenize", "tokenizer"),
)
ORDER = ("products", *dict.fromkeys(KINDS.values()), "optimiser", "tokenizer", REST)


class Clock:
    """The seconds of each kind of work; those of a call within a call go to the inner one.

    >>> clock = Clock()
    >>> outer = clock.timed("outer", clock.timed("inner", lambda: time.sleep(0.01)))
    >>> outer()
    >>> clock.seconds["outer"] < 0.01 <= clock.seconds["inner"]
    True
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.open = [REST]
        self.since = time.perf_counter()

    def turn(self) -> None:
        """Charge what has passed since the last turn to the kind that is open."""
        now = time.perf_counter()
        self.seconds[self.open[-1]] += now - self.since
        self.since = now

    def timed(self, kind: str, call: Callable) -> Callable:
        """``call``, charged to ``kind``."""

        def run(*args: Any, **options: Any) -> Any:
            self.turn()
            self.open.append(kind)
            try:
                return call(*args, **options)
            finally:
                self.turn()
                self.open.pop()

        return run


@contextlib.contextmanager
def clock_at_doors() -> Iterator[Clock]:
    """Every op, its vjp, and the ``DOORS`` are timed inside this block; one thread only."""
    clock, call, packs = Clock(), tensor.called, loop.each_pack

    def called(name: str, *args: Any) -> tuple:
        kind = KINDS.get(name, REST)
        out, vjp = clock.timed(kind, call)(name, *args)
        return out, clock.timed(kind, vjp)

    def each_pack(work: Callable, parts: Any) -> Iterator:
        return packs(clock.timed(REST, work), parts)  # a pack's own work is no adding up

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(tensor, "called", called))
        stack.enter_context(mock.patch.object(loop, "each_pack", each_pack))
        for owner, name, kind in DOORS:
            timed = clock.timed(kind, getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, timed))
        yield clock
        clock.turn()


class Operand(NamedTuple):
    """The shape and strides of an array of float32, from which one like it can be made."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def reach(self) -> int:
        """How many numbers lie from its first to its last."""
        return 1 + sum((n - 1) * step for n, step in zip(self.shape, self.strides)) // 4


LARGE = 500  # numbers: for more than so many NumPy lets go of the interpreter while it computes


class Seen:
    """What the watched arrays of a block saw."""

    def __init__(self) -> None:
        self.calls = self.large_calls = 0
        self.numbers: dict[str, int] = defaultdict(int)  # gone over, by the name of the call
        self.seconds = 0.0
        self.op = REST  # whose arrays are at work
        self.products: list[tuple[Operand, ...]] = []  # two factors and the result
        self.product_seconds: dict[str, float] = defaultdict(float)  # by op

    def note(self, name: str, passed: float, arrays: tuple) -> None:
        """One call of NumPy on some arrays is over."""
        size = max(getattr(a, "size", 1) for a in arrays)
        self.calls += 1
        self.large_calls += size > LARGE
        self.numbers[name] += size
        self.seconds += passed

    def note_product(self, passed: float, arrays: tuple) -> None:
        """It was a product of matrices."""
        self.products.append(tuple(Operand(a.shape, a.strides) for a in arrays))
        self.product_seconds[self.op] += passed


seen = Seen()


class Watched(np.ndarray):
    """An array that notes the calls of NumPy it takes part in. What comes of it is watched too."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        inputs = plain(inputs)
        options = {name: plain(option) for name, option in options.items()}
        start = time.perf_counter()
        result = getattr(ufunc, method)(*inputs, **options)
        passed = time.perf_counter() - start
        seen.note(ufunc.__name__, passed, (*inputs, result))
        if ufunc is np.matmul and min(x.ndim for x in inputs) > 1:
            seen.note_product(passed, (*inputs, result))
        return watched(result)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        start = time.perf_counter()
        result = super().__array_function__(function, types, args, options)
        if function in (np.einsum, np.copyto):  # the others work by ufuncs, or move no numbers
            seen.note(function.__name__, time.perf_counter() - start, args)
        return result


def watched(x: Any) -> Any:
    """An array as a watched one; anything else as it is."""
    return x.view(Watched) if isinstance(x, np.ndarray) else x


def plain(x: Any) -> Any:
    """A watched array, or those of a tuple, as plain ones; anything else as it is."""
    if isinstance(x, tuple):
        return tuple(plain(part) for part in x)
    return x.view(np.ndarray) if isinstance(x, Watched) else x


@contextlib.contextmanager
def arrays_watched() -> Iterator[Seen]:
    """The arrays of all ops and of AdamW are watched inside this block; one thread only.

    Not seen are copies, rows picked out of an array, and the sums of gradients.
    """
    global seen
    seen = Seen()
    call, adamw, empty = tensor.called, AdamW.update, np.empty

    def called(name: str, fn: Callable, signature: Any, arrays: list, *rest: Any) -> tuple:
        seen.op = name
        out, vjp = call(name, fn, signature, [watched(a) for a in arrays], *rest)

        def watched_vjp(g: np.ndarray) -> Any:
            seen.op = name
            return plain(vjp(watched(g)))

        return out, watched_vjp

    def update(self: AdamW, group: Any, rate: float) -> None:
        view = copy.copy(group)  # its arrays are the group's own
        view.flat, view.gradient = watched(group.flat), watched(group.gradient)
        view.memory = {name: watched(a) for name, a in group.memory.items()}
        adamw(self, view, rate)

    with (
        mock.patch.object(tensor, "called", called),
        mock.patch.object(AdamW, "update", update),
        mock.patch.object(np, "empty", lambda *args, **options: watched(empty(*args, **options))),
    ):
        yield seen
