"""Files that appear whole or not at all.

A new file is written beside the old one, flushed to the disk, and renamed into place:

    .npft-5f0c.tmp  -- write, flush, fsync -->  .npft-5f0c.tmp  -- rename -->  model.npz

A rename is one step of the file system, so after a crash, a kill or a full disk there is the old
file or the new one, never half of one. The temporary name is drawn until nobody has it.

A killed process leaves its temporary file. The next one that writes in the folder removes it, if
nobody holds it any more: a writer holds its file by ``flock``, which the system itself lets go
when the process ends, in whatever way.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from npft.errors import CheckpointError, ConfigError, ShapeError, quoted

try:
    import fcntl
except ImportError:  # Windows has no flock
    fcntl = None  # type: ignore[assignment]

PathLike = str | os.PathLike[str]
PREFIX, SUFFIX = ".npft-", ".tmp"
LONGEST = 200  # characters of a path in a message


def shown(path: PathLike) -> str:
    """A path as a message shows it: on one line, and not longer than a line or two.

    >>> shown("a/b.json"), shown("a" + chr(10) + "b")
    ('a/b.json', "'a\\\\nb'")
    """
    text = os.fsdecode(path)
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"


def is_path(value: Any) -> bool:
    """Whether ``value`` names a file or a folder: a string, or a path that is one.

    >>> is_path("a"), is_path(Path("a")), is_path(b"a"), is_path(0)
    (True, True, False, False)
    """
    return isinstance(value, (str, os.PathLike)) and isinstance(os.fspath(value), str)


def check_path(name: str, value: Any) -> Path:
    """Check that ``value`` names a file or a folder, as a string or a ``Path``; return a ``Path``.

    Raises ``ConfigError``.

    >>> check_path("load: path", "a/b").name
    'b'
    >>> check_path("load: path", None)
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: load: path is None, expected a name, as a string or a pathlib.Path
    """
    if not is_path(value):
        raise ConfigError(
            f"{name} is {quoted(value)}, expected a name, as a string or a pathlib.Path"
        )
    return Path(value)


def unwritable(path: PathLike, error: Exception) -> CheckpointError:
    """The error for a place that cannot be written, with the reason the system gives."""
    reason = getattr(error, "strerror", None) or error
    return CheckpointError(f"{shown(path)}: cannot be written: {reason}")


def hold(handle: int) -> bool | None:
    """Hold an open file until it is closed or this process is gone, even by kill -9.

    False if another process holds it, None where the system cannot tell.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def in_place(handle: int, path: PathLike) -> bool:
    """Whether an open file is the one of this name, and has not been removed or replaced."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


@contextmanager
def made_folder(folder: PathLike) -> Iterator[None]:
    """A folder for the block, made if need be; if it is new and still empty, it goes afterwards.

    Raises ``CheckpointError`` if it cannot be made.
    """
    new = []
    try:
        path = Path(folder)
        while not path.exists():
            new.append(path)
            path = path.parent
        if not path.is_dir():
            raise CheckpointError(f"{shown(folder)}: cannot be written: {shown(path)} is a file; "
                                  "give the name of a folder")
        os.makedirs(folder, exist_ok=True)
    except CheckpointError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name with NUL
        _remove_empty(new)
        raise unwritable(folder, error) from None
    try:
        yield
    finally:
        _remove_empty(new)


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders, the deepest first, as far as they are there and empty."""
    for folder in folders:
        with suppress(OSError, ValueError):
            folder.rmdir()


def check_place(path: PathLike) -> None:
    """Refuse, before any work is done, a file that could not be written afterwards.

    What can be told without waiting is tried: a file of another name is made and removed.

    Raises ``CheckpointError`` with the path and the reason.
    """
    real = _real(path)
    with made_folder(os.path.dirname(real)):
        try:
            handle, temporary = _temporary(os.path.dirname(real))
        except OSError as error:
            raise unwritable(path, error) from None
        os.close(handle)
        os.unlink(temporary)


@contextmanager
def new_file(path: PathLike) -> Iterator[BinaryIO]:
    """An open file that takes the place of ``path`` when the block ends, if it ends well.

    A link stays a link: the file behind it is replaced. The block should do nothing but write.

    Raises ``CheckpointError`` with the path and the reason if it cannot be written; then, and
    for any error in the block, an older file is kept and nothing else is left.
    """
    real = _real(path)
    try:
        handle, temporary = _temporary(os.path.dirname(real))
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(handle)
                if fcntl is not None:
                    os.replace(temporary, real)  # while it is held, lest it be swept away
            if fcntl is None:
                os.replace(temporary, real)  # Windows renames no open file
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise unwritable(path, error) from None
    sync_folder(os.path.dirname(real))
    _sweep(os.path.dirname(real))


def write_bytes(path: PathLike, data: bytes) -> None:
    """Write a whole file, or none; raises what ``new_file`` raises."""
    with new_file(path) as file:
        file.write(data)


def write_rows(path: PathLike, blocks: Iterable[np.ndarray]) -> int:
    """Write blocks of rows, each (n, D) float32, to one .npy file as they come; returns how many.

    So a million vectors need the memory of one block. The file is that of
    ``np.save(path, np.concatenate(blocks))``.

    Raises what ``new_file`` raises, and ``ShapeError`` for no block or blocks of unlike width.
    """
    rows, width = 0, None
    with new_file(path) as file:
        for block in blocks:
            if width is None:
                width = block.shape[1]
                _write_header(file, (0, width))
            if block.shape[1:] != (width,):
                raise ShapeError(f"write_rows: a block has shape {block.shape}, expected "
                                 f"(n, {width})")
            file.write(np.ascontiguousarray(block, np.float32).data)
            rows += len(block)
        if width is None:
            raise ShapeError("write_rows: there are no rows")
        file.seek(0)
        _write_header(file, (rows, width))  # NumPy leaves room, so that it is as long as before
    return rows


def _write_header(file: BinaryIO, shape: tuple[int, int]) -> None:
    fields: dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, fields)


def _real(path: PathLike) -> str:
    """The file behind a name and its links; refuses what is there and is no file."""
    try:
        real = os.path.realpath(path)
        if not stat.S_ISREG(os.stat(real).st_mode):
            raise CheckpointError(f"{shown(path)}: cannot be written: it is no plain file")
    except CheckpointError:
        raise
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # ValueError: a name with NUL
        raise unwritable(path, error) from None
    return real


def _temporary(folder: str) -> tuple[int, str]:
    """A new file of a name that nobody has, open and held."""
    while True:
        path = os.path.join(folder, f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if hold(handle) is not False and in_place(handle, path):
            return handle, path
        os.close(handle)  # taken for a left one in the moment before it was held


def sync_folder(folder: str) -> None:
    """Let a new name survive a power cut too, where folders can be flushed."""
    if hasattr(os, "O_DIRECTORY"):
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _sweep(folder: str) -> None:
    """Remove the temporary files of processes that are gone."""
    for left in Path(folder).glob(f"{PREFIX}*{SUFFIX}"):
        with suppress(OSError):
            handle = os.open(left, os.O_RDWR)
            try:
                if hold(handle):
                    left.unlink()
            finally:
                os.close(handle)
