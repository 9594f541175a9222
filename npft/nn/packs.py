"""Packs: parts of a batch that walk through the whole model by themselves, several at once.

The loss of a batch is a sum over its sequences, so it may be computed in parts whose losses and
gradients add up. A part is called a *pack*. Machines that share a batch this way are said to train
data-parallel (Li et al. 2020); here the machines are threads.

    batch   | pack 0 | pack 1 | pack 2 | pack 3 |
    thread 0    fwd-bwd           fwd-bwd             gradient = g0 + g1 + g2 + g3, in this order
    thread 1             fwd-bwd           fwd-bwd

Why threads help although Python runs one instruction at a time: NumPy lets go of the interpreter
while it computes, and nearly all of a step is such computing. Why packs and not parts of each
product: a pack meets the other threads once, at the end, and its arrays are small enough to stay
in the processor's cache. And how the batch is cut, and in which order gradients are added, does
not depend on the number of threads: any number gives the same bits.
"""

from __future__ import annotations

import contextvars
import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from npft.autograd.inputs import mode
from npft.autograd.machine import one_thread_products

PACK = 1024  # tokens: less is not worth a pack of its own, for each pays for the weights' gradient
WIDE = 256  # beyond this width a token costs more, and half of them are enough
MOST = 8  # packs of a batch

P = TypeVar("P")
R = TypeVar("R")


def pack_size(sequences: int, tokens: int, width: int) -> int:
    """How many sequences of a batch go into a pack, so that each is worth its thread.

    That is 1,024 tokens or more; 512 or more if the model is wider than 256.

    >>> pack_size(32, 1100, 64), pack_size(32, 4096, 64), pack_size(32, 1100, 384)
    (32, 8, 16)
    """
    least = PACK if width <= WIDE else PACK // 2
    packs = max(1, min(MOST, tokens // least))
    return -(-sequences // packs)


class _Here(threading.local):
    """What is true of one thread: whether it works on packs for another."""

    helper = False


_here = _Here()


@functools.lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(
        threads, thread_name_prefix="npft", initializer=setattr, initargs=(_here, "helper", True)
    )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child process has none of its threads


def each_pack(work: Callable[[P], R], packs: Iterable[P]) -> Iterator[R]:
    """The results of ``work`` on each pack, in order; several packs at once after ``set_threads``.

    ``work`` may change nothing that another pack reads. It finds ``no_grad`` and NumPy's error
    settings as they are here. The first pack that fails, in order, raises its error here, once no
    other pack is worked on any more. At most one pack more than there are threads is handed out
    ahead, so that few results wait in memory.
    Packs within ``work`` get no threads: all threads might end up waiting for them.

    >>> list(each_pack(lambda x: x * x, [1, 2, 3]))
    [1, 4, 9]
    """
    packs = list(packs)
    with one_thread_products() as threads:
        if threads == 1 or len(packs) < 2 or _here.helper:
            yield from map(work, packs)
            return
        paused = mode.paused

        def inherit(pack: P, context: contextvars.Context) -> R:
            mode.paused = paused
            return context.run(work, pack)

        pool, begun = _pool(threads), deque[Future[R]]()
        try:
            for pack in packs:
                begun.append(pool.submit(inherit, pack, contextvars.copy_context()))
                if len(begun) > threads:
                    wait([begun[0]])  # it stays in the row until then: this may be interrupted
                    yield begun.popleft().result()
            while begun:
                wait([begun[0]])
                yield begun.popleft().result()
        finally:
            # After an error the caller may change weights, draw from a repair's generator, and
            # products may take several threads again: nothing of a pack may still run then.
            wait([future for future in begun if not future.cancel()])
