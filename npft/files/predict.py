"""``npft predict``: what a saved model says of new rows, said as the rows come.

Row i of the output is row i of the input, whatever it holds. Only plain text whose first line,
blank ones aside, holds a tab is refused, unless the format is named: perhaps a table was meant. No
more than two slices of ``SLICE`` rows are held at once, the last and the next, so a million of them
need no more memory than some thousand; the first answer comes at once, for the slices begin with
one row and double.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from npft.encoder.head import Asked
from npft.files.tasks import Row, Task, load_for
from npft.text import FileFormat

SLICE = 1024  # rows

T = TypeVar("T")


def slices(items: Iterable[T], largest: int = SLICE) -> Iterator[list[T]]:
    """The items in lists of 1, 2, 4, ... up to ``largest``.

    >>> [len(part) for part in slices(range(12), largest=4)]
    [1, 2, 4, 4, 1]
    """
    rest, size = iter(items), 1
    while part := list(islice(rest, size)):
        yield part
        size = min(2 * size, largest)


class Predictions:
    """The rows of a file, each with what the model says of it: an iterator of lists of rows.

    ``counts`` says how many rows were read so far, how many of them were cut, and which share of
    their tokens is unknown.
    """

    def __init__(self, model: Any, task: Task, rows: Iterable[Row]) -> None:
        self.model, self.task, self.rows = model, task, rows
        self.read = self.cut = self.tokens = self.unknown = 0

    def __iter__(self) -> Iterator[list[Row]]:
        tokenizer = self.model.tokenizer
        for part in slices(self.rows):
            texts, pairs = self.task.columns(part)
            batch = self.model.tokenize(texts, pairs)
            self.read += len(part)
            self.cut += batch.n_truncated
            self.tokens += len(batch.ids)
            self.unknown += int((batch.ids == tokenizer.unk_id).sum())
            said = self.task.say(self.model, Asked(texts, pairs, batch, tokenizer))
            yield [new | row for new, row in zip(said, part)]

    def counts(self) -> dict[str, Any]:
        """What was read, cut and unknown."""
        return {
            "rows": self.read,
            "truncated": self.cut,
            "max_length": self.model.encoder.config.max_positions,
            "unknown": self.unknown / max(1, self.tokens),
        }


def predict_file(
    source: Path | BinaryIO, folder: Path, task: str | None = None, fmt: FileFormat = FileFormat()
) -> Predictions:
    """What the model in a folder says of the rows of a file, or of standard input."""
    chosen, model = load_for(folder, task)
    return Predictions(model, chosen, chosen.rows(source, fmt, model))


def print_predictions(found: Predictions, as_json: bool, say: Callable[[str], None]) -> None:
    """Say a line for each row, or all as one JSON object, which comes piece by piece too."""
    if not as_json:
        for part in found:
            say("\n".join(map(found.task.line, part)))
        return
    before = '{"predictions": ['
    for part in found:
        say(before + ",\n".join(json.dumps(row, ensure_ascii=False) for row in part))
        before = ","
    say((before if found.read == 0 else "") + "], " + json.dumps(found.counts())[1:])


def report_counts(counts: dict[str, Any]) -> str:
    """What was cut or unknown, of how many rows; nothing if nothing was."""
    said = []
    if counts["truncated"]:
        said.append(f"cut to {counts['max_length']} tokens: {counts['truncated']:,} rows")
    if counts["unknown"]:
        said.append(f"unknown: {counts['unknown']:.1%} of the tokens")
    return "; ".join([f"{counts['rows']:,} rows", *said]) if said else ""
