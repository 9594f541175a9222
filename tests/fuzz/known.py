"""Faults that are known and not mended yet, and why.

The key is the outcome and a pattern of where it happened, in which * stands for anything. They are
counted in every report and fail nothing. A row goes when its fault is mended; a whole fuzz says
which rows it no longer finds.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

KNOWN: dict[tuple[str, str], str] = {
    ("long message", "*"): "what a file says is quoted at any length",
    ("broken message", "*"): "what a file says is quoted with its control characters",
}  # fmt: skip


def row_of(outcome: str, where: str) -> tuple[str, str] | None:
    """The row of ``KNOWN`` that a fault falls under."""
    rows = (row for row in KNOWN if row[0] == outcome and fnmatchcase(where, row[1]))
    return next(rows, None)
