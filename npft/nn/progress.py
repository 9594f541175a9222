"""A progress line: what has been done, what was last measured, and how long it will still take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TextIO, TypeVar

ProgressFn = Callable[[int, int, str], None]  # called with step, total, message
EVERY = 5.0  # seconds between two lines

T = TypeVar("T")


class Progress:
    """Writes ``label step/total  message  elapsed  remaining`` every five seconds, and at the end.

    Pass one as ``progress=`` to a training function; without one, training is silent. So it is
    where standard error is closed, or its disk full: a line that nobody can read is no reason to
    end a run.

    short: False says nothing of what ends before its first line is due.

    >>> progress = Progress("mlm", sys.stdout)
    >>> progress(1, 200, "loss 6.1")  # too early for a line
    >>> progress(200, 200, "loss 2.9")
    mlm 200/200  loss 2.9  0 s
    """

    def __init__(self, label: str, stream: TextIO | None = None, *, short: bool = True) -> None:
        self.label, self.ends = label, short  # ends: whether the end gets a line at any time
        self.stream: TextIO | None = stream or sys.stderr
        self.start = self.last = time.perf_counter()
        self.before: int | None = None  # the steps of an earlier process, when a run goes on

    def __call__(self, step: int, total: int, message: str) -> None:
        now = time.perf_counter()
        if self.before is None:
            self.before = max(0, step - 1)
        if now - self.last < EVERY and (step < total or not self.ends):
            return
        self.last, self.ends = now, True
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


def told(
    items: Iterable[T], sizes: Sequence[int], progress: ProgressFn | None, message: str
) -> Iterator[T]:
    """The items as they come, each told to ``progress`` by its share of the sum of the sizes.

    >>> said = []
    >>> list(told("ab", [2, 6], lambda *step: said.append(step), "tokens")), said
    (['a', 'b'], [(0, 8, 'tokens'), (2, 8, 'tokens'), (8, 8, 'tokens')])
    """
    done, total = 0, sum(sizes)
    if progress is not None:
        progress(done, total, message)  # from when on the time counts
    for item, size in zip(items, sizes):
        done += size
        if progress is not None:
            progress(done, total, message)
        yield item


def within(
    progress: ProgressFn | None, before: int, size: int, total: int, message: str
) -> ProgressFn | None:
    """The progress function of a part, whose steps are told as those of the whole.

    The part is ``size`` of ``total`` things, behind ``before`` others.

    >>> part = within(print, 100, 50, 200, "texts")
    >>> part(1, 2, "tokens")
    125 200 texts
    """
    if progress is None:
        return None
    return lambda step, steps, _: progress(before + size * step // max(1, steps), total, message)


def duration(seconds: float) -> str:
    """Seconds, or from an hour on hours and minutes.

    >>> duration(59.6), duration(3600), duration(36_299)
    ('60 s', '1:00 h', '10:05 h')
    """
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"
