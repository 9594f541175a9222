"""A sweep that outlives its machine: each finished cell is a line of a file, at once.

    {"function": "forgetting_cell", "cell": {"lr": 0.001, "seed": 0}, "result": {"f1": 0.93}}

A line is flushed to the disk before the next result is taken. So after Ctrl-C, kill -9 or a power
cut the same call goes on: a cell whose line is there is not done again, and half a line at the end,
of the cell that was being written, is dropped. Of two processes on one file the second is refused.

What finds a line again is its cell, written as JSON with sorted keys, and the function's name must
be that of the file. Not part of it are the code of the function, its libraries, and files it reads:
if one of these changes, name another file. All else that a result depends on belongs into the cell.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from npft.atomic import PathLike, check_path, hold, made_folder, shown, sync_folder, unwritable
from npft.errors import CheckpointError, ConfigError, DataError, WorkerError, quoted
from npft.experiments.sweep import Function, finished, leave_if_script_is_read_again
from npft.nn.progress import ProgressFn
from npft.strict_json import parse

BEGINNING = b'{"function": '
KEYS = ["function", "cell", "result"]
HANDLES: set[int] = set()  # of the files that grids of this process hold


def grid(
    function: Function,
    cells: Sequence[Any],
    path: PathLike,
    executor: Executor | None = None,
    progress: ProgressFn | None = None,
) -> list[Any]:
    """``function(cell)`` for every cell, in the order of the cells; a file keeps what is done.

    Cells and results are what JSON can hold: texts, finite numbers, None, lists and dicts. Results
    are as the file gives them back: a tuple as a list, a key that is a number as a text. Lines of
    cells that are not asked for stay in the file, and equal cells are done once. ``executor`` is as
    in ``sweep``. ``progress`` is called after each cell; the time that ``Progress`` foretells is
    reckoned from the cells done now, not from those that were read.

    Raises ``WorkerError`` that names the cell if its function raises or returns what JSON cannot
    hold, or its process ends; what was done by then is in the file. ``ConfigError`` for a cell that
    JSON cannot hold, and for a lambda or a ``functools.partial``, ``DataError`` with the line for a
    file that is damaged or another function's, ``CheckpointError`` for one that cannot be written
    or that another process writes, and else what ``sweep`` raises.

    >>> import tempfile
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as executor:
    ...     path = Path(folder) / "results.jsonl"
    ...     print(grid(abs, [-1, 2], path, executor), grid(abs, [2, -3], path, executor))
    ...     print(path.read_text(), end="")
    [1, 2] [2, 3]
    {"function": "abs", "cell": -1, "result": 1}
    {"function": "abs", "cell": 2, "result": 2}
    {"function": "abs", "cell": -3, "result": 3}
    """
    if executor is None:
        leave_if_script_is_read_again()  # before it finds that the first process has the file
    path, cells = check_path("grid: path", path), list(cells)
    name = _name(function)
    keys = [_key(cell) for cell in cells]
    with _held(path) as handle:
        results = _read(handle, path, name)
        new = {key: cell for key, cell in zip(keys, cells) if key not in results}
        names, total = list(new), len(set(keys))
        with closing(finished(function, list(new.values()), executor)) as ends:
            for count, (index, done) in enumerate(ends, start=total - len(new) + 1):
                key = names[index]
                result = _result(done, name, key)
                _append(handle, path, _line(name, key, result))
                results[key] = parse(result)
                if progress is not None:
                    progress(count, total, "cells")
    return [results[key] for key in keys]


def _name(function: Function) -> str:
    """The name that tells a function's results from another's.

    Raises ``ConfigError`` for a lambda or a ``functools.partial``: these have one name for all.
    """
    name = getattr(function, "__qualname__", type(function).__name__)
    if isinstance(function, partial) or name.endswith("<lambda>"):
        raise ConfigError(
            f"grid: the function is a {name.rpartition('.')[2].strip('<>')}, which has no name of "
            "its own, so its results could be taken for another's; give a function with a name, "
            "and put what varies into the cell"
        )
    return name


def _key(cell: Any) -> str:
    """The one way to write a cell as JSON; raises ``ConfigError`` where there is none."""
    try:
        key = json.dumps(cell, sort_keys=True, allow_nan=False)
        parse(key)
        return key
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"grid: the cell {quoted(cell, 100)} cannot be kept as JSON ({error}); use texts, "
            "finite numbers, None, lists and dicts"
        ) from None


def _result(done: Future, name: str, key: str) -> str:
    """What a cell has returned, as JSON; raises ``WorkerError`` that names the cell."""
    try:
        value = done.result()
    except Exception as error:
        raise WorkerError(
            f"grid: {name} failed for the cell {shown(key)}: {type(error).__name__}: {error}"
        ) from error
    try:
        result = json.dumps(value, allow_nan=False)
        parse(result)  # two keys may have become one, such as 1 and "1"
        return result
    except (TypeError, ValueError, RecursionError) as error:
        raise WorkerError(
            f"grid: what {name} returned for the cell {shown(key)} cannot be kept as JSON "
            f"({error}); return finite numbers (None where there is none), texts, lists and dicts"
        ) from None


def _line(name: str, key: str, result: str) -> bytes:
    return f'{{"function": {json.dumps(name)}, "cell": {key}, "result": {result}}}\n'.encode()


@contextmanager
def _held(path: PathLike) -> Iterator[int]:
    """The file, open and kept from every other process until the block ends."""
    folder = Path(path).parent
    with made_folder(folder):
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            handle = os.open(path, flags, 0o666)
        except (OSError, ValueError) as error:  # ValueError: a name with NUL
            raise unwritable(path, error) from None
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise CheckpointError(f"{shown(path)}: cannot be written: it is no plain file")
            if hold(handle) is False:
                raise CheckpointError(
                    f"{shown(path)}: another grid writes here; wait until it is done, or name "
                    "another file"
                )
            sync_folder(str(folder))
            HANDLES.add(handle)
            yield handle
        finally:
            HANDLES.discard(handle)
            os.close(handle)


def _let_go() -> None:
    """In a forked worker: close what it has inherited, for it may outlive a grid that is killed."""
    while HANDLES:
        os.close(HANDLES.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _read(handle: int, path: PathLike, name: str) -> dict[str, Any]:
    """The results in the file by their cells; half a line at its end is cut off."""
    with open(handle, "rb", closefd=False) as file:
        *lines, rest = file.read().split(b"\n")
    results: dict[str, Any] = {}
    for number, line in enumerate(lines, start=1):
        function, cell, result = _parsed(line, path, number)
        if function != name:
            raise DataError(
                f"holds results of {quoted(function)}, not of {name}; name another file, or, if "
                "that is its old name, change it there", path, number,
            )  # fmt: skip
        results[cell] = result
    if rest:
        half = rest.rstrip(b"\0")  # some file systems leave zeros after a power cut
        if not (half.startswith(BEGINNING) or BEGINNING.startswith(half)):
            raise _damaged(path, len(lines) + 1)
        os.ftruncate(handle, sum(len(line) + 1 for line in lines))
    return results


def _parsed(line: bytes, path: PathLike, number: int) -> tuple[Any, str, Any]:
    """Function, cell and result of a line."""
    try:
        found = parse(line.decode())
        if list(found) == KEYS:
            return found["function"], _key(found["cell"]), found["result"]
    except (ValueError, TypeError, RecursionError):
        pass
    raise _damaged(path, number)


def _damaged(path: PathLike, number: int) -> DataError:
    return DataError(
        "is no line of a grid, or is damaged; name another file, or remove the line", path, number
    )


def _append(handle: int, path: PathLike, line: bytes) -> None:
    """Write a line and let it reach the disk."""
    try:
        while line:
            line = line[os.write(handle, line) :]
        os.fsync(handle)
    except OSError as error:
        raise unwritable(path, error) from None
