"""One writer to a folder: a run holds a lock on its output folder from its first check to its end.

The lock is the file ``npft.lock``, which names the process. It is held by ``flock``: the system
lets it go when the process ends, also by kill -9 or a power cut, and the file that is left then
stops nobody. Another computer on the same disk cannot tell that, so there the message says which
file to remove.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from npft.atomic import hold, in_place, made_folder, shown, unwritable
from npft.errors import CheckpointError

LOCK = "npft.lock"
NAMED = re.compile(r"process \d+ on (.+)\n")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other run of npft out of a folder while the block runs.

    The folder is made if need be; if it is new and still empty at the end, it goes again.

    Raises ``CheckpointError`` that names the other process, or says why nothing can be written.
    """
    with made_folder(folder):
        path = folder / LOCK
        try:
            handle = _take(path)
        except OSError as error:
            raise unwritable(folder, error) from None
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()
            if handle is not None:
                os.close(handle)  # after the file has gone, so that nobody takes it in between


def _take(path: Path) -> int | None:
    """Make or take over the lock file; returns it held and open, or None where files have no locks.

    Raises ``CheckpointError`` if another process has it, or may have it.
    """
    while True:
        # a link could lead to a file of somebody else
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            held = hold(handle)
            owner = os.read(handle, 1000).decode("utf-8", "replace")
            if held is False:
                raise CheckpointError(
                    f"{shown(path.parent)}: {owner.strip() or 'another process'} writes here; "
                    "wait until it is done, or name another folder"
                )
            if in_place(handle, path):  # not removed by its owner, who ended in this moment
                _check_gone(path, owner, held)
                _sign(handle, path)
                if held:
                    return handle
                break
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    os.close(handle)
    return None


def _sign(handle: int, path: Path) -> None:
    """Write the name of this process into the lock file."""
    try:
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, f"process {os.getpid()} on {platform.node()}\n".encode())
    except OSError:  # a full disk
        path.unlink()
        raise


def _check_gone(path: Path, owner: str, held: bool | None) -> None:
    """Refuse to take over a lock file unless the process that it names is known to be gone."""
    if not owner:
        return
    named = NAMED.fullmatch(owner)
    if named is None:
        raise CheckpointError(f"{shown(path)}: is no lock file of npft; move it away")
    if not held or named[1] != platform.node():
        raise CheckpointError(
            f"{shown(path)}: {owner.strip()} writes here, or was killed; if it no longer runs, "
            "remove this file"
        )
