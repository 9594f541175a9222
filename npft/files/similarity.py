"""``npft similarity``: how alike the two texts of each pair are, and how well that fits scores.

    score<TAB>text<TAB>pair      a table: the correlation of cosine and score, for each way to make
                                 a vector of a text
    text<TAB>pair                with --unscored: the cosine of each pair
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import bag_of_words_encoder, paired_cosines
from npft.embed.token_table import token_table_encoder
from npft.encoder.pooling import POOLS
from npft.files.predict import slices
from npft.files.tasks import cell
from npft.files.vectors import sentence_encoder_in
from npft.loading import load
from npft.metrics.ranking import pearson, spearman
from npft.text import FileFormat, count_unscored, read_records, read_scored
from npft.text.readers import check_no_pipe

PAIR = ("text", "pair")


def similarity_file(
    pairs: Path, model: Path, *, fmt: FileFormat = FileFormat()
) -> dict[str, Any]:
    """Spearman's and Pearson's correlation of cosine and score, for each way of making vectors.

    The ways: every pool of the encoder's last layer, the mean of its token table ("static"), and
    the tf-idf of the words of this very file ("bag of words"). Raises as ``read_scored``, and
    ``DataError`` for a pipe, ``NonFiniteError`` if all scores are equal.
    """
    check_no_pipe(pairs)  # it is read again to count what was skipped
    encoder = load(model).body
    examples = read_scored(pairs, unscored="skip", fmt=fmt)
    first, second = examples.texts, examples.pairs or []
    ways = {pool: SentenceEncoder(encoder, pool, normalize=False).encode for pool in POOLS}
    ways["static"] = token_table_encoder(encoder)
    ways["bag of words"] = bag_of_words_encoder([*first, *second])
    table = {}
    for name, encode in ways.items():
        cosines = paired_cosines(encode(first), encode(second))
        table[name] = {
            "spearman": spearman(cosines, examples.labels),
            "pearson": pearson(cosines, examples.labels),
            "mean_cosine": float(cosines.mean()),
        }
    skipped = count_unscored(pairs, fmt=fmt)
    return {"pairs": len(first), "without_score": skipped, "ways": table}


def report_similarity(results: dict[str, Any]) -> str:
    """The table as lines."""
    lines = [f"{'':12}  spearman  pearson  mean cosine of a pair"]
    for name, row in results["ways"].items():
        lines.append(f"{name:12}  {row['spearman']:8.3f}  {row['pearson']:7.3f}  "
                     f"{row['mean_cosine']:6.3f}")
    skipped = results["without_score"]
    without = f", {skipped:,} rows without a score left out" if skipped else ""
    return "\n".join([*lines, f"{results['pairs']:,} pairs{without}"])


def cosines_of_pairs(
    pairs: Any, model: Path, *, pool: str | None = None, fmt: FileFormat = FileFormat()
) -> Iterator[dict[str, Any]]:
    """Each pair of a file or a stream with the cosine of its texts, as the rows come."""
    encoder = sentence_encoder_in(model, pool)
    rows = (record.cells for record in read_records(pairs, PAIR, fmt))
    for part in slices(rows):
        u, v = (np.asarray(encoder.encode([row[i] for row in part])) for i in (0, 1))
        for row, cosine in zip(part, paired_cosines(u, v)):
            yield {"cosine": round(float(cosine), 6), **dict(zip(PAIR, row))}


def pair_line(row: dict[str, Any]) -> str:
    """A pair as a line: cosine, text, pair."""
    return "\t".join(map(cell, row.values()))
