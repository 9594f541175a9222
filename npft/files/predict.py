"""``npft predict`` and ``npft embed``: what a saved model says of new texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from npft.embed.geometry import mean_cosine
from npft.embed.sentences import SentenceEncoder
from npft.errors import ConfigError, DataError
from npft.files.output import check_out
from npft.heads.classes import Classifier
from npft.loading import load
from npft.text import read_text


def predict_lines(lines: list[str], model: Path) -> dict[str, Any]:
    """The label and its probability for each line of text."""
    clf = Classifier.load(model)
    p = clf.predict_proba(lines)
    return {
        "predictions": [
            {"label": clf.label_names[k], "probability": round(float(row[k]), 6), "text": text}
            for text, row, k in zip(lines, p, p.argmax(axis=1))
        ]
    }


def report_predict(results: dict[str, Any]) -> str:
    """Label, probability and text of each line."""
    rows = results["predictions"]
    return "\n".join(f"{r['label']}\t{r['probability']:.3f}\t{r['text']}" for r in rows)


def input_lines(data: bytes) -> list[str]:
    """The lines of standard input; raises ``DataError`` that names the line that is no text."""
    if not data:
        raise DataError("standard input is empty; give one text a line")
    lines = data.removesuffix(b"\n").split(b"\n")
    texts = []
    for number, line in enumerate(lines, start=1):
        try:
            texts.append(line.decode("utf-8").removesuffix("\r"))
        except UnicodeDecodeError:
            raise DataError("is not UTF-8", path="standard input", line=number) from None
        if "\0" in texts[-1]:
            raise DataError("holds a NUL byte", path="standard input", line=number)
    return texts


def embed_file(text: Path, model: Path, out: Path, pool: str = "mean") -> dict[str, Any]:
    """Write the unit vectors of the lines of a file to ``out``, an .npy file (lines, D)."""
    check_out(out.parent)
    if out.suffix != ".npy":
        raise ConfigError(f"{out}: give the name of an .npy file")
    lines = [s for document in read_text(text) for s in document]
    vectors = SentenceEncoder(load(model).body, pool).encode(lines)
    out.parent.mkdir(parents=True, exist_ok=True)
    np.save(out, vectors)
    return {
        "texts": len(lines),
        "width": vectors.shape[1],
        "pool": pool,
        "mean_cosine": mean_cosine(vectors) if len(lines) > 1 else None,
        "out": str(out),
    }


def report_embed(results: dict[str, Any]) -> str:
    """How many vectors were written where."""
    cosine = results["mean_cosine"]
    said = "" if cosine is None else f"; mean cosine of two lines {cosine:.3f}"
    return f"{results['texts']} vectors of {results['width']} numbers in {results['out']}{said}"
