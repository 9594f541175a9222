"""How a command ends: with an exit status and, where it is not done, one line on standard error.

Only of options that cannot be parsed more is said, the usage of the verb. Beside that line stand
what a verb tells of its progress, and of ``predict`` the counts of what was cut or unknown.

    0      done
    2      input, options or files that cannot be used, no memory, or results that cannot be printed
    129    the terminal was closed (SIGHUP)
    130    interrupted by Ctrl-C (SIGINT)
    141    who reads the output has gone, as in ``npft predict ... | head -1`` (SIGPIPE): no line
    143    told to stop (SIGTERM)

A signal becomes an exception, so that on its way out every block closes what it has opened:
temporary files, the lock of a folder, workers. Text is printed as UTF-8, whatever the terminal
says: npft reads UTF-8, so one command can read what another prints.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, NoReturn

from npft.errors import ConfigError, NpftError

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stopped(BaseException):
    """The process was told to stop by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.status = 128 + number


class Ending:
    """A block whose errors become one line and an exit status; ``name`` begins the line.

    An error that is a fault of npft goes on, with its traceback.

    >>> with Ending("npft embed") as ending:
    ...     pass
    >>> ending.status
    0
    """

    def __init__(self, name: str) -> None:
        self.name, self.status = name, 0
        self.handlers: dict[int, Any] = {}

    def __enter__(self) -> Ending:
        if threading.current_thread() is threading.main_thread():  # who alone may ask for signals
            for number in SIGNALS:
                if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores SIGHUP: leave it so
                    self.handlers[number] = signal.signal(number, _stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if error is None or isinstance(error, SystemExit):  # argparse ends by SystemExit
            error = _flushed(sys.stdout) or error
        line, self.status = line_and_status(error)
        if line:
            with suppress(OSError):
                print(f"{self.name}: {printable(line)}", file=sys.stderr, flush=True)
        for stream in (sys.stdout, sys.stderr):
            _close_broken(stream)
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        return self.status != NOT_OURS


NOT_OURS = -1  # an error that is a fault of npft, or SystemExit: it goes on as it is


def line_and_status(error: BaseException | None) -> tuple[str, int]:
    """What to say of an error, and the exit status.

    >>> line_and_status(NpftError("no such thing")), line_and_status(KeyboardInterrupt())
    (('no such thing', 2), ('interrupted', 130))
    >>> line_and_status(FileNotFoundError(2, "No such file", "a.txt")), line_and_status(None)
    (('a.txt: No such file', 2), ('', 0))
    """
    if error is None:
        return "", 0
    if isinstance(error, NpftError):
        return str(error), 2
    if isinstance(error, MemoryError):
        return f"not enough memory; give less text or a smaller model {error or ''}".strip(), 2
    if isinstance(error, BrokenPipeError):
        return "", 141
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}", 2
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", 130
    if isinstance(error, Stopped):
        return str(error), error.status
    return "", NOT_OURS


def printable(text: str) -> str:
    """The text on one line, with escapes for control characters and halves of surrogate pairs.

    >>> print(printable("a" + chr(10) + "ä" + chr(27)))
    a\\nä\\x1b
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def open_streams() -> None:
    """Make the three standard streams usable: UTF-8 for output, and none closed.

    A closed input is an empty one, and what would go to a closed standard error goes nowhere.
    A closed output takes no results, so ``ConfigError`` is raised before any work.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # else the next file to be opened would be taken for the stream
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
        raise ConfigError("standard output is closed; give it a file, such as >/dev/null")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def say(text: str) -> None:
    """Print results, at once; an ``OSError`` names standard output."""
    error = _flushed(sys.stdout, text + "\n")
    if error is not None:
        raise error


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # one is enough; the way out is short
    raise Stopped(number)


def _flushed(stream: Any, text: str = "") -> OSError | None:
    """Write a text and all that a stream still holds; returns the error if it cannot."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError as error:
        return error
    except OSError as error:
        return OSError(error.errno, error.strerror, "standard output")
    return None


def _close_broken(stream: Any) -> None:
    """Let a stream that takes no more text lead nowhere, or Python would complain at its end."""
    if _flushed(stream) is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
