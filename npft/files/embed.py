"""``npft embed``: a vector for each line of a text, or row of a table, written as they come.

A file is read twice: first to count its lines, so that a line that cannot be read is told before
the first vector is made, and then how many are left. A pipe can be read once only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from npft.atomic import check_place, made_folder, shown, write_rows
from npft.embed.rows import unit_rows
from npft.errors import ConfigError
from npft.files.output import ProgressMaker, same_file
from npft.files.predict import slices
from npft.files.tasks import plain
from npft.files.vectors import own_pool, sentence_encoder_in
from npft.nn.progress import within
from npft.text import FileFormat, Record, read_records


def embed_file(
    text: Path,
    model: Path,
    out: Path,
    *,
    pool: str | None = None,
    fmt: FileFormat = FileFormat(),
    progress: ProgressMaker,
) -> dict[str, Any]:
    """Write the vectors of the lines of a file to ``out``, an .npy file (lines, D).

    Row i is line i of a plain text, blank lines included. Of a table or JSON it is row i: the
    header and blank lines between rows are no rows. The vectors have length 1, unless the folder of
    a sentence encoder says that its have not; ``pool`` is another pool than the model's own.
    ``progress`` makes what is told how many lines are done; of a pipe it is told nothing.

    Raises ``ConfigError`` for an ``out`` that is no .npy file or is the text itself, and what
    ``read_records`` and ``check_place`` raise.
    """
    if out.suffix != ".npy":
        raise ConfigError(f"{out}: give the name of an .npy file")
    if same_file(text, out):
        raise ConfigError(f"{shown(out)}: holds the text that is read; name another file")
    check_place(out)
    encoder = sentence_encoder_in(model, pool)
    whole = text.is_file()  # and no pipe, whose end nobody knows
    number = sum(1 for _ in records(text, fmt)) if whole else 0
    say = progress("embed") if whole else None
    total = np.zeros(encoder.encoder.config.hidden_size)

    def blocks() -> Iterator[np.ndarray]:
        done = 0
        for part in slices(line.cells[0] for line in records(text, fmt)):
            inside = within(say, done, len(part), number, "lines")
            vectors = encoder.encode(part, progress=inside)
            done += len(part)
            total[:] += unit_rows("embed: vectors", vectors).sum(axis=0)
            yield vectors

    with made_folder(out.parent):
        n = write_rows(out, blocks())
    # the cosines of all pairs add up to the squared length of the sum, less one for each line
    cosine = (float(total @ total) - n) / (n * (n - 1)) if n > 1 else None
    said = {"texts": n, "width": len(total), "pool": own_pool(encoder), "mean_cosine": cosine}
    return said | {"out": str(out)}


def records(text: Path, fmt: FileFormat) -> Iterator[Record]:
    """The rows of the file, a text each."""
    return read_records(text, ("text",), plain(text, ("text",), fmt))


def report_embed(results: dict[str, Any]) -> str:
    """How many vectors were written where."""
    cosine = results["mean_cosine"]
    said = "" if cosine is None else f"; mean cosine of two lines {cosine:.3f}"
    return f"{results['texts']} vectors of {results['width']} numbers in {results['out']}{said}"
