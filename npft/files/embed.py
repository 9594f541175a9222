"""``npft embed``: a vector for each line of a file, written as they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from npft.atomic import check_place, made_folder, write_rows
from npft.embed.sentences import SentenceEncoder
from npft.errors import ConfigError
from npft.files.predict import slices
from npft.files.tasks import plain
from npft.loading import load
from npft.text import FileFormat, read_records


def embed_file(
    text: Path, model: Path, out: Path, *, pool: str = "mean", fmt: FileFormat = FileFormat()
) -> dict[str, Any]:
    """Write the unit vectors of the lines of a file to ``out``, an .npy file (lines, D).

    Row i is line i, blank lines included.
    """
    if out.suffix != ".npy":
        raise ConfigError(f"{out}: give the name of an .npy file")
    check_place(out)
    encoder = SentenceEncoder(load(model).body, pool)
    lines = read_records(text, ("text",), plain(text, ("text",), fmt))
    total = np.zeros(encoder.encoder.config.hidden_size)

    def blocks() -> Iterator[np.ndarray]:
        for part in slices(line.cells[0] for line in lines):
            vectors = encoder.encode(part)
            total[:] += vectors.sum(axis=0, dtype=np.float64)
            yield vectors

    with made_folder(out.parent):
        n = write_rows(out, blocks())
    # the cosines of all pairs add up to the squared length of the sum, less one for each line
    cosine = (float(total @ total) - n) / (n * (n - 1)) if n > 1 else None
    return {"texts": n, "width": len(total), "pool": pool, "mean_cosine": cosine, "out": str(out)}


def report_embed(results: dict[str, Any]) -> str:
    """How many vectors were written where."""
    cosine = results["mean_cosine"]
    said = "" if cosine is None else f"; mean cosine of two lines {cosine:.3f}"
    return f"{results['texts']} vectors of {results['width']} numbers in {results['out']}{said}"
