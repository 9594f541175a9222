"""``npft search``: the lines of text files that say what was asked for, best first.

By words (``--bm25``) or by the vectors of a model, which can be kept in a folder (``--index``): the
next search of the same files by the same model then encodes the queries alone. A folder of another
model, another pool or other text is refused, never used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from npft.atomic import check_place, shown
from npft.errors import CheckpointError, ConfigError, DataError, check_count
from npft.files.output import ProgressMaker
from npft.files.predict import slices
from npft.files.tasks import cell, plain
from npft.files.vectors import unit_encoder_in
from npft.search.bm25 import BM25
from npft.search.index import INDEX, VECTORS, Index
from npft.search.top import Found
from npft.text import FileFormat, read_records

AT_ONCE = 64  # queries


@dataclass(frozen=True)
class Way:
    """How to search: by the model in a folder, and its index if it is kept; or by words."""

    model: Path | None = None
    pool: str | None = None  # the model's own, or mean
    index: Path | None = None
    bm25: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        if self.bm25 and (self.model or self.index or self.pool):
            raise ConfigError(
                "--bm25 searches by words alone; leave out --model, --index and --pool"
            )
        if not self.bm25 and self.model is None:
            raise ConfigError("how to search? give --model, or --bm25 to search by words")


class Search:
    """The lines of files, ready to be searched.

    Blank lines are no texts. ``progress`` makes what is told how many of them have a vector.
    Raises ``DataError`` for files that cannot be read or hold no text.
    """

    def __init__(
        self,
        files: Sequence[Path],
        way: Way,
        k: int = 5,
        fmt: FileFormat = FileFormat(),
        *,
        progress: ProgressMaker,
    ) -> None:
        self.k = check_count("k", k)
        self.texts: list[str] = []
        self.places: list[tuple[Path, int]] = []  # file and line of each text
        for path in files:
            for record in read_records(path, ("text",), plain(path, ("text",), fmt)):
                if record.cells[0].strip():
                    self.texts.append(record.cells[0])
                    self.places.append((path, record.line))
        if not self.texts:
            raise DataError("there is no text to search in", path=files[0])
        self.several = len(files) > 1
        self.way = way
        self.by: Callable[..., Found] = (
            BM25(self.texts).search if way.bm25 else _index(self.texts, way, progress).search
        )

    def answers(self, queries: Iterable[str]) -> Iterator[dict[str, Any]]:
        """For each query, as they come: {"query", "found": [{"score", "file", "line", "text"}]}."""
        for asked in slices(queries, largest=AT_ONCE):
            found = self.by(asked, self.k)
            for query, documents, scores in zip(asked, found.documents, found.scores):
                hits = [self._hit(i, s) for i, s in zip(documents, scores)]
                if self.way.bm25:
                    hits = [hit for hit in hits if hit["score"] > 0]  # without a word in common
                yield {"query": query, "found": hits}

    def _hit(self, document: int, score: float) -> dict[str, Any]:
        path, line = self.places[document]
        said = {"file": str(path), "line": line, "text": self.texts[document]}
        return {"score": round(float(score), 6), **said}

    def told(self, answer: dict[str, Any]) -> str:
        """An answer as lines: the query, and below it score, place and text of each hit."""
        lines = [f"? {cell(answer['query'])}"]
        for hit in answer["found"]:
            place = f"{shown(hit['file'])}:{hit['line']}" if self.several else str(hit["line"])
            text = cell(" ".join(hit["text"].split()))
            lines.append(f"{hit['score']:.3f}\t{place}\t{text}")
        if not answer["found"]:
            lines.append("(no line has a word of it)")
        return "\n".join(lines)


def _index(texts: list[str], way: Way, progress: ProgressMaker) -> Index:
    """The index that is kept, if it is of these texts and this encoder; else a new one."""
    assert way.model is not None
    encoder = unit_encoder_in(way.model, way.pool)
    if way.index is None:
        return Index(encoder, texts, progress=progress("search"))
    if any((way.index / name).exists() for name in (INDEX, VECTORS)) and not way.force:
        try:
            return Index.load(way.index, encoder, texts)
        except (ConfigError, CheckpointError) as error:
            raise type(error)(f"{error}; --force makes it again") from None
    for name in (INDEX, VECTORS):
        check_place(way.index / name)
    index = Index(encoder, texts, progress=progress("search"))
    index.save(way.index)
    return index


def queries_of(
    given: Sequence[str] | None, source: Path | BinaryIO, fmt: FileFormat = FileFormat()
) -> Iterator[str]:
    """The queries of the command line, or else those of a file or a stream, a line each.

    Blank lines are left out. Raises ``ConfigError`` for a blank query among those given.
    """
    if given is not None:
        if not all(query.strip() for query in given):
            raise ConfigError("--query is empty; say what to look for")
        return iter(given)
    txt = FileFormat(name="txt", encoding=fmt.encoding)
    lines = (record.cells[0] for record in read_records(source, ("text",), txt))
    return (line for line in lines if line.strip())
