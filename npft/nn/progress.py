"""A progress line: what has been done, what was last measured, and how long it will still take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

ProgressFn = Callable[[int, int, str], None]  # called with step, total, message
EVERY = 5.0  # seconds between two lines


class Progress:
    """Writes ``label step/total  message  elapsed  remaining`` every five seconds, and at the end.

    Pass one as ``progress=`` to a training function; without one, training is silent. So it is
    where standard error is closed, or its disk full: a line that nobody can read is no reason to
    end a run.

    >>> progress = Progress("mlm", sys.stdout)
    >>> progress(1, 200, "loss 6.1")  # too early for a line
    >>> progress(200, 200, "loss 2.9")
    mlm 200/200  loss 2.9  0 s
    """

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self.label = label
        self.stream: TextIO | None = stream or sys.stderr
        self.start = self.last = time.perf_counter()
        self.before: int | None = None  # the steps of an earlier process, when a run goes on

    def __call__(self, step: int, total: int, message: str) -> None:
        now = time.perf_counter()
        if self.before is None:
            self.before = step - 1
        if step < total and now - self.last < EVERY:
            return
        self.last = now
        spent = now - self.start
        left = spent / max(1, step - self.before) * (total - step)
        line = f"{self.label} {step}/{total}  {message}  {duration(spent)}"
        line += f", {duration(left)} left" if step < total else ""
        try:
            if self.stream is not None:  # print(file=None) would go to standard output
                print(line, file=self.stream, flush=True)
        except BrokenPipeError:  # its reader has gone, and a filter ends with its reader
            raise
        except OSError:
            self.stream = None


def duration(seconds: float) -> str:
    """Seconds, or from an hour on hours and minutes.

    >>> duration(59.6), duration(3600), duration(36_299)
    ('60 s', '1:00 h', '10:05 h')
    """
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"
