"""Many runs at once: a sweep calls one function for each cell of a grid.

A cell is a plain dict that holds all its run depends on, and the function is a top-level one, so
any ``concurrent.futures.Executor`` can carry a sweep: processes of this machine by default,
``dask.distributed``'s ``Client.get_executor()`` or ``mpi4py.futures.MPIPoolExecutor`` on a cluster.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any


def sweep(
    function: Callable[[Any], Any], cells: Sequence[Any], executor: Executor | None = None
) -> list[Any]:
    """``function(cell)`` for every cell, in the order of the cells.

    Without an executor, one new process for each processor core does the work.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as executor:
    ...     sweep(abs, [-1, 2, -3], executor)
    [1, 2, 3]
    """
    if executor is not None:
        return list(executor.map(function, cells))
    workers = max(1, min(len(cells), os.cpu_count() or 1))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as processes:
        return list(processes.map(function, cells))
