"""Many runs at once: a sweep calls one function for each cell of a grid.

A cell is a plain dict that holds all its run depends on, and the function is a top-level one, so
any ``concurrent.futures.Executor`` can carry a sweep: processes of this machine by default,
``dask.distributed``'s ``Client.get_executor()`` or ``mpi4py.futures.MPIPoolExecutor`` on a cluster.

The default deals the cells to new processes, each at the end of a line of its own:

    this process  -- cell -->  worker
                  <-- result --

A worker whose line breaks has been killed. Workers end when the sweep does, in whatever way: they
also watch whether this process is still there.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future
from concurrent.futures import wait as first_of
from contextlib import closing, contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any

from npft.errors import ConfigError, WorkerError

UNGUARDED = 73  # exit status of a worker that found itself running the whole script
GRACE = 5.0  # seconds for a worker without work to end by itself
Function = Callable[[Any], Any]
Ends = Generator[tuple[int, Future], None, None]


def sweep(function: Function, cells: Sequence[Any], executor: Executor | None = None) -> list[Any]:
    """``function(cell)`` for every cell, in the order of the cells.

    Without an executor, one new process for each processor core does the work. A new process reads
    the script anew, so the script needs its guard, ``if __name__ == "__main__":``, and the function
    a file from which it can be imported.

    Raises ``ConfigError`` for a script without the guard or a function that other processes cannot
    find, ``WorkerError`` if a process ends before its work is done or returns what cannot be read
    here, and what the function raises.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as executor:
    ...     sweep(abs, [-1, 2, -3], executor)
    [1, 2, 3]
    """
    results: list[Any] = [None] * len(cells)
    with closing(finished(function, cells, executor)) as ends:
        for index, done in ends:
            results[index] = done.result()
    return results


def finished(
    function: Function, cells: Sequence[Any], executor: Executor | None = None
) -> Ends:
    """The number of each cell and what became of it, as soon as it is done, in any order.

    ``future.result()`` is the result of the cell, or raises what its function raised. Of cells that
    are done at the same moment those that failed come last. To close the generator ends the work.
    """
    if executor is None:
        leave_if_script_is_read_again()
        _check_can_be_sent(function, cells)
        return _by_workers(function, cells)
    return _by_executor(function, cells, executor)


def _by_executor(
    function: Function, cells: Sequence[Any], executor: Executor
) -> Ends:
    """Hand all cells to an executor at once; what it has not begun at the end is taken back."""
    places = {executor.submit(function, cell): index for index, cell in enumerate(cells)}
    left = set(places)
    try:
        while left:
            done, left = first_of(left, return_when=FIRST_COMPLETED)
            yield from ((places[future], future) for future in sorted(done, key=_failed))
    finally:
        for future in left:
            future.cancel()


def _by_workers(function: Function, cells: Sequence[Any]) -> Ends:
    """Deal the cells to new processes, a new one to each that is done with its last."""
    left = iter(range(len(cells)))
    doing: dict[Connection, int] = {}
    with _workers(function, min(len(cells), os.cpu_count() or 1)) as workers:
        free = list(workers)
        while True:
            for line, index in zip(free, left):
                with _unbroken(workers[line]):
                    line.send(cells[index])
                doing[line] = index
            if not doing:
                return
            ready = wait(list(doing))
            free = [line for line in doing if line in ready]
            done = {_received(line, workers[line]): doing.pop(line) for line in free}
            yield from ((done[future], future) for future in sorted(done, key=_failed))


def _failed(future: Future) -> bool:
    return future.exception() is not None


@contextmanager
def _workers(function: Function, count: int) -> Iterator[dict[Connection, BaseProcess]]:
    """New processes that wait for cells, by their lines; none is left after the block."""
    context = multiprocessing.get_context("spawn")
    workers: dict[Connection, BaseProcess] = {}
    try:
        with _interrupts_held_back():
            for _ in range(count):
                mine, theirs = context.Pipe()
                process = context.Process(target=_work, args=(function, theirs))
                process.start()
                theirs.close()  # so that the line breaks when the worker ends
                workers[mine] = process
        yield workers
        for line in workers:
            line.close()
        for worker in workers.values():
            worker.join(GRACE)
    finally:
        for worker in workers.values():
            worker.kill()
            worker.join()


def _work(function: Function, line: Connection) -> None:
    """What a worker does: a cell comes, a result goes, until the line is closed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            cell = line.recv()
        except EOFError:
            return
        try:
            line.send((function(cell), None, ""))
        except Exception as error:
            line.send((None, _sendable(error), traceback.format_exc()))


def _end_with_parent() -> None:
    """Wait until the process that started this one is gone, and end at once."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _received(line: Connection, process: BaseProcess) -> Future:
    """What a worker sends: the result of its cell, or the error that the function raised."""
    done: Future = Future()
    try:
        with _unbroken(process):
            sent = line.recv_bytes()
        result, error, trace = _read(sent)
    except WorkerError as lost:
        done.set_exception(lost)
        return done
    if error is None:
        done.set_result(result)
    else:
        error.__cause__ = WorkerError(f"in a worker process:\n{trace}")
        done.set_exception(error)
    return done


def _read(sent: bytes) -> tuple[Any, Exception | None, str]:
    """What was sent, made again; raises ``WorkerError`` for what can be sent and not be read."""
    try:
        return ForkingPickler.loads(sent)
    except Exception as error:  # whatever the class of a result does
        raise WorkerError(
            f"sweep: what the function returned cannot be read by this process "
            f"({type(error).__name__}: {error}); return plain values"
        ) from error


@contextmanager
def _unbroken(process: BaseProcess) -> Iterator[None]:
    """Send to a worker, or receive; a broken line becomes an error that says how it ended."""
    try:
        yield
    except (EOFError, OSError):
        process.join()
    else:
        return
    code = process.exitcode or 0
    if code == UNGUARDED:
        raise ConfigError(
            "sweep: each new process reads the script anew and would sweep again; put what the "
            'script does under: if __name__ == "__main__":'
        ) from None
    if code < 0:
        raise WorkerError(
            f"sweep: a worker process was killed by {signal.Signals(-code).name}, perhaps for lack "
            "of memory; to work in this process, give executor=ThreadPoolExecutor(1)"
        ) from None
    raise WorkerError(
        f"sweep: a worker process ended with exit status {code} before its work was done; what it "
        "wrote to standard error says more"
    ) from None


def leave_if_script_is_read_again() -> None:
    """End a new process that is still reading the script of the one that started it.

    Meanwhile Python calls the script ``__mp_main__``, and afterwards ``__main__`` as well. In the
    process that started it both names are the script's, which is called ``__main__``; where one
    process runs several scripts in turn, the first one's. The sweep that waits for the process says
    what is wrong with the script.
    """
    script = sys.modules.get("__mp_main__")
    if script is None or script is sys.modules["__main__"]:
        return
    if script.__name__ == "__mp_main__":
        os._exit(UNGUARDED)


def _check_can_be_sent(function: Function, cells: Sequence[Any]) -> None:
    """Refuse a function, or cells, that new processes cannot be given."""
    name = getattr(function, "__qualname__", repr(function))
    try:
        sent = bytes(ForkingPickler.dumps((function, list(cells))))
    except Exception as error:  # there is no one class for what cannot be sent
        raise ConfigError(
            f"sweep: {name} and its cells cannot be sent to other processes ({error}); give a "
            "function from the top level of a file, and cells of plain values"
        ) from None
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is not None and not os.path.isfile(script):
        raise ConfigError(
            f"sweep: new processes read the script anew, and there is no file {script}; put the "
            "script into a file, or give executor=ThreadPoolExecutor()"
        )
    if b"__main__" in sent and script is None:
        raise ConfigError(
            f"sweep: {name} is made in a notebook or at a prompt, where other processes cannot "
            "find it; put it into a file and import it, or give executor=ThreadPoolExecutor()"
        )


def _sendable(error: Exception) -> Exception:
    """The error, or one of ours with its words if it cannot be sent to another process."""
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:
        return WorkerError(f"sweep: {type(error).__name__}: {error}")
    return error


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """In this block Ctrl-C waits. Processes started in it never hear it: this one ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # Python's helper; its start would end the waiting
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
