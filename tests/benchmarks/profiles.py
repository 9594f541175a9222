"""Why a step takes as long as it does: where its time goes, and what no change could take away.

    python tests/benchmarks --only profile          measures and prints four tables
    python tests/benchmarks --only profile --save   writes them to the results and the page too

How to read them:

    1. where    The share of each kind of work in a step of npft. Two looks tell (``watch.py``). In
                the first a clock stands at the door of every op, forward and backward, and whatever
                passes is charged to the kind of the innermost op; so the shares add up to 1, and
                "with the clock / without" says what the clock itself costs. In the second each call
                of NumPy is seen, and a product of matrices is timed by itself. What an op does
                beside its products (memory asked for, a bias added, softmax) is the rest of it.
                "Additions" are x + y and sums of gradients, with the walk that finds them.
    2. bound    The products of a step alone: same shapes, strides and order, into arrays that stand
                ready, over the time of the peer's whole step. If all else cost nothing, npft would
                need that share of the peer's time; an aim below it cannot be met on this processor.
                Beside it the same products by PyTorch: where the two are alike, no faster product
                is to be had from the other library. On two threads half of the time is taken, as if
                the second thread helped wholly.
    3. threads  How many calls a second two threads make together, over those of one thread: 2 is
                all one can hope for. A long product needs no interpreter; who makes short calls
                must have it back after each, and wait for it; large arrays share one memory. How
                many calls a step makes and how long one takes stands under its shares; not seen
                are copies, rows picked out of an array, and sums of gradients.
    4. passes   GELU and layer norm, forward. NumPy goes over an array once for each operation: so
                many passes, of which exp and division cost more than the others, that cost what a
                multiplication in place does. Their sum, in blocks that the kernel works in, is a
                floor, within a tenth or so; PyTorch goes over the array once.
"""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from clock import in_turns, seconds, spread
from kernels import cases
from models import (
    SIZES, full_batch, our_model, our_step, torch_model, torch_optimizer, torch_step, torch_tensors,
)
from numpy.lib.stride_tricks import as_strided
from steps import PACKS
from watch import KINDS, ORDER, REST, Operand, arrays_watched, clock_at_doors, watched

from npft.autograd.kernels import STRETCH
from npft.autograd.machine import freed_memory_kept

Call = Callable[[], object]


def step_of(name: str, aim: float, threads: int, rounds: int) -> list[dict]:
    """The first two tables' rows for one size of model."""
    import torch

    torch.set_num_threads(threads)
    size = SIZES[name]
    ours, batch = our_model(size), full_batch(size)
    theirs = torch_model(size, ours)
    step = our_step(ours, batch, PACKS.get(name) if threads > 1 else None)
    peer = torch_step(theirs, torch_optimizer(theirs), *torch_tensors(size, batch))
    return rows_of(f"{name} step", step, "PyTorch eager", peer, aim, threads, rounds)


def rows_of(
    work: str, ours: Call, peer: str, theirs: Call, aim: float, threads: int, rounds: int
) -> list[dict]:
    """Where the time of our work goes (on one thread), and the bound beside the peer's."""
    rows = [where(work, ours, rounds)] if threads == 1 else []
    return [*rows, bound(work, ours, peer, theirs, aim, threads, rounds)]


def where(work: str, step: Call, rounds: int) -> dict:
    """The share of each kind of work in a step: the medians of the rounds, over their sum."""
    step()
    repeats = max(1, round(0.1 / seconds(step, 1)))
    without, with_clock = np.empty(rounds), np.empty(rounds)
    spent: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(rounds))
    for r in range(rounds):
        without[r] = seconds(step, repeats)
        with clock_at_doors() as clock:
            with_clock[r] = seconds(step, repeats)
        for kind, passed in clock.seconds.items():
            spent[kind][r] += passed
        with arrays_watched() as found:
            seconds(step, repeats)
        for op, passed in found.product_seconds.items():  # a product is not the rest of its op
            spent[KINDS.get(op, REST)][r] -= passed
            spent["products"][r] += passed
    middle = {kind: float(np.median(spent[kind])) for kind in ORDER if kind in spent}
    whole = sum(middle.values())
    return {
        "work": f"profile, {work}", "threads": 1, "rounds": rounds,
        "npft_ms": spread(1000 * without), "with_clock": spread(with_clock / without),
        "shares": {kind: round(passed / whole, 4) for kind, passed in middle.items()},
        "calls": found.calls // repeats, "large_calls": found.large_calls // repeats,
        "call_us": round(1e6 * found.seconds / found.calls, 1),
    }  # fmt: skip


def products_of(step: Call) -> list[tuple[tuple[np.ndarray, Any], ...]]:
    """The products of a step: two factors and a place for the result, each for NumPy and PyTorch.

    Arrays of one size share their memory, which so is warmer than in the step: all the more a
    bound from below. Of a batch of matrices PyTorch gets one long row, its fastest form.
    """
    import torch

    rng = np.random.default_rng(0)

    @functools.cache
    def memory(place: int, reach: int) -> np.ndarray:
        return rng.standard_normal(reach, np.float32)

    @functools.cache
    def both(place: int, like: Operand) -> tuple[np.ndarray, Any]:
        array = as_strided(memory(place, like.reach()), like.shape, like.strides)
        row = torch.from_numpy(array).reshape(-1, *like.shape[-2:])
        return array, row[0] if array.ndim == 2 else row

    with arrays_watched() as found:
        step()
    return [tuple(map(both, range(3), product)) for product in found.products]


def bound(
    work: str, ours: Call, peer: str, theirs: Call, aim: float, threads: int, rounds: int
) -> dict:
    """The products of our step over the whole step of the peer."""
    import torch

    products = products_of(ours)

    def by_numpy() -> None:
        for (a, _), (b, _), (out, _) in products:
            np.matmul(a, b, out=out)

    def by_torch() -> None:
        for (_, a), (_, b), (_, out) in products:
            (torch.mm if out.ndim == 2 else torch.bmm)(a, b, out=out)

    times = in_turns({"ours": by_numpy, "theirs": by_torch, "step": theirs}, rounds)
    least = times["ours"] / threads
    return {
        "work": f"bound, {work}", "peer": peer, "threads": threads, "rounds": rounds,
        "aim": round(aim, 3),
        "products_ms": spread(1000 * least), "peer_products_ms": spread(1000 * times["theirs"]),
        "peer_ms": spread(1000 * times["step"]),
        "bound": spread(least / times["step"]),
        "peer_products": spread(times["theirs"] / times["step"]),
    }  # fmt: skip


def two_threads(rounds: int) -> list[dict]:
    """Calls a second of one thread and of two together, each with arrays of its own."""
    rng = np.random.default_rng(0)
    works: list[tuple[str, Any, tuple, tuple]] = [  # name, call, shapes of the factors, of the rest
        ("64 x 1,024 by 1,024 x 256", np.matmul, ((64, 1024), (1024, 256)), (64, 256)),
        ("16,384 numbers times 16,384", np.multiply, ((1 << 14,), (1 << 14,)), (1 << 14,)),
        ("262,144 numbers (1 MB) times as many", np.multiply, ((1 << 18,),) * 2, (1 << 18,)),
        ("64 MB copied", np.positive, ((1 << 24,),), (1 << 24,)),
    ]
    rows = []
    for name, call, shapes, shape in works:
        sets = [
            ([rng.standard_normal(s, np.float32) for s in shapes], np.empty(shape, np.float32))
            for _ in range(2)
        ]

        def one(thread: int, call: Any = call, sets: list = sets) -> None:
            call(*sets[thread][0], out=sets[thread][1])

        repeats = max(5, round(0.1 / seconds(lambda one=one: [one(0), one(1)], 1)))
        alone, both = np.empty(rounds), np.empty(rounds)
        for r in range(rounds):
            alone[r], both[r] = together(1, one, repeats), together(2, one, repeats)
        rows.append({
            "work": f"two threads, {name}", "threads": 2, "rounds": rounds,
            "call_us": spread(1e6 * alone / repeats), "one_per_s": spread(repeats / alone),
            "two_per_s": spread(2 * repeats / both), "scaling": spread(2 * alone / both),
        })  # fmt: skip
    return rows


def together(number: int, one: Callable[[int], None], repeats: int) -> float:
    """The seconds until each of so many threads has made its calls."""

    def work(thread: int) -> None:
        for _ in range(repeats):
            one(thread)

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(time.sleep, [0.01] * number))  # until all of them stand
        start = time.perf_counter()
        list(pool.map(work, range(number)))
        return time.perf_counter() - start


def passes(name: str, kernel: str, aim: float, rounds: int) -> list[dict]:
    """GELU or layer norm, forward: what its passes alone would take, beside PyTorch."""
    import torch

    torch.set_num_threads(1)
    ours, theirs, arrays, constants, _ = cases(SIZES[name])[kernel]
    size = arrays[0].size
    with arrays_watched() as found:
        ours(*map(watched, arrays), **constants)
    number = {name: count / size for name, count in found.numbers.items()}  # of passes
    block = np.ones(min(size, STRETCH) if kernel == "GELU" else size, np.float32)
    out, tensors = block.copy(), [torch.from_numpy(a).requires_grad_() for a in arrays]
    calls: dict[str, Call] = {
        "npft": lambda: ours(*arrays, **constants), "torch": lambda: theirs(*tensors),
        "multiply": lambda: np.multiply(out, block, out=out),
        "exp": lambda: np.exp(block, out=out), "divide": lambda: np.divide(out, block, out=out),
    }  # fmt: skip
    with freed_memory_kept():  # as in training; else new memory is cleared at each call
        times = in_turns(calls, rounds, least=0.02)
    one = {name: times[name] * size / block.size for name in ("multiply", "exp", "divide")}
    floor = sum(n * one.get(name, one["multiply"]) for name, n in number.items())
    return [{
        "work": f"passes, {kernel}, forward, {name}", "peer": "PyTorch eager", "threads": 1,
        "rounds": rounds, "aim": aim, "passes": round(sum(number.values()), 1),
        **{f"{call}_ms": spread(1000 * one[call]) for call in one if call in number},
        "floor_ms": spread(1000 * floor),
        "npft_ms": spread(1000 * times["npft"]), "peer_ms": spread(1000 * times["torch"]),
        "bound": spread(floor / times["torch"]),
    }]  # fmt: skip
