"""What may come of reading a damaged file, and what may not.

Allowed are our own error, in one line that names the file; and a result that another reading of
the same bytes confirms. All else is a fault. Numbers that a file may hold and no one can reckon
with, such as weights of 3e38, are refused when they are used: ``NonFiniteError`` knows no file.
"""

from __future__ import annotations

import re
import traceback
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from inputs import Input

from npft.errors import NonFiniteError, NpftError

# Faults, the worst first. Who runs the worker finds the first and the third.
FAULTS = (
    "dead process", "silent difference", "hang", "memory", "exception", "warning", "long message",
    "broken message", "message without the file",
)  # fmt: skip
REFUSED, READ = "refused", "read"  # what is allowed
MOST_SIGNS = 1000  # of a message
# What breaks a line, or what a terminal takes as a command, or what cannot be written in UTF-8.
CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Verdict(NamedTuple):
    """``outcome`` is REFUSED, READ or a fault; ``where`` it happened; ``said``: the message."""

    outcome: str
    where: str = ""
    said: str = ""


def judge(given: Input, folder: Path) -> Verdict:
    """Write an input down in a folder, read it, and see what comes of it."""
    path = folder / given.target.file
    path.write_bytes(given.data)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            read = given.target.read(path)
        except NpftError as error:
            verdict = of_message(error, folder)
        except MemoryError as error:
            verdict = Verdict("memory", place_of(error), str(error))
        except Exception as error:
            verdict = Verdict("exception", f"{type(error).__name__} {place_of(error)}", str(error))
        else:
            verdict = of_result(given, read)
    if warned and verdict.outcome in (REFUSED, READ):
        first = warned[0]
        return Verdict("warning", f"{Path(first.filename).name}: {first.category.__name__}",
                       str(first.message))  # fmt: skip
    return verdict


def of_message(error: NpftError, folder: Path) -> Verdict:
    """Whether our own error is one line that names the file or its folder, and not too long."""
    said, where = str(error), place_of(error)
    if str(folder) not in said and not isinstance(error, NonFiniteError):
        return Verdict("message without the file", where, said)
    if CONTROL.search(said):
        return Verdict("broken message", where, said)
    if len(said) > MOST_SIGNS:
        return Verdict("long message", where, said)
    return Verdict(REFUSED, where, said)


def of_result(given: Input, read: Any) -> Verdict:
    different = given.target.confirm(given.data, read)
    if different is None:
        return Verdict(READ)
    said = different.split(":")[0]
    return Verdict("silent difference", f"{family(given)} {said}", different)


def family(given: Input) -> str:
    """The target of an input without its options: "labelled" of "labelled, semicolons"."""
    return given.target.name.split(",")[0]


def place_of(error: BaseException) -> str:
    """The function of npft in which an error was raised, as file:function."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/npft/" in frame.filename]
    frame = (ours or frames)[-1]
    return f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.name}"
