"""Files of questions about passages, with the answers cut out of the passages.

    a table or JSON    question, passage, answer and, if known, the character where it starts
    SQuAD's JSON       {"data": [{"paragraphs": [{"context": ..., "qas": [...]}]}]}

An answer is a run of characters of its passage (Rajpurkar et al. 2016, "SQuAD"); a question that
the passage does not answer has an empty one (Rajpurkar et al. 2018, "Know what you don't know").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from npft.errors import ConfigError, DataError, quoted
from npft.strict_json import parse
from npft.text.examples import Examples
from npft.text.layout import Columns, FileFormat, format_of
from npft.text.readers import NO_TEXT, PathLike, check_no_pipe, numbered_lines
from npft.text.records import read_records, table_format

ANSWERED = ("question", "passage", "answer", "start")


class _Answered(NamedTuple):
    place: str  # in the JSON of SQuAD, for messages
    line: int | None
    question: str
    passage: str
    answer: str
    start: str


def read_answers(
    path: PathLike,
    fmt: FileFormat | None = None,
    *,
    columns: Columns = None,
    header: bool = False,
    separator: str | None = None,
    encoding: str = "utf-8",
    format: str | None = None,
) -> Examples:
    """Read questions (``texts``), passages (``pairs``) and where the answers stand (``spans``).

    The cells are question, passage, answer and start: the number of characters of the passage
    before the answer. Without a start it is the first place where the answer stands. An empty
    answer is no answer, (-1, -1). White space round an answer is dropped. ``columns`` names two,
    three or all four; the other options and the errors are those of ``read_labelled``.

    A ``json`` that begins with an object is read as SQuAD's. Of several answers to a question the
    first is taken.

    Raises ``DataError``, naming file and line, also for an answer that does not stand in its
    passage at its start; in SQuAD's JSON the question's place is named.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"Who?\\tAnn saw Ann.\\tAnn\\t8\\nWhen?\\tAnn saw Ann.\\n"), file.flush()
    ...     e = read_answers(file.name)
    >>> e.texts, e.pairs[0], e.spans.tolist()
    (['Who?', 'When?'], 'Ann saw Ann.', [[8, 11], [-1, -1]])
    """
    fmt = format_of(fmt, columns, header, separator, encoding, format)
    rows = list(_squad(path, fmt.encoding) if is_squad(path, fmt) else _rows(path, fmt))
    spans = np.array([_span(path, row) for row in rows])
    return Examples([r.question for r in rows], pairs=[r.passage for r in rows], spans=spans)


def is_squad(path: PathLike, fmt: FileFormat) -> bool:
    """Whether a file, which will be read again, is SQuAD's JSON: ``json`` that begins with an
    object.

    Raises ``ConfigError`` for columns, which SQuAD's JSON has not, ``DataError`` for a pipe.
    """
    if table_format(path, ANSWERED, fmt) != "json" or not is_object(path, fmt.encoding):
        return False
    if fmt.columns is not None:
        raise ConfigError("columns is given, but the keys of SQuAD's JSON are fixed; leave it out")
    return True


def is_object(path: PathLike, encoding: str) -> bool:
    """Whether a JSON file, which will be read again, begins with an object and not an array."""
    check_no_pipe(path)
    lines = (line.strip() for _, line in numbered_lines(path, encoding))
    return next(filter(None, lines), "").startswith("{")


def squad_questions(path: PathLike, encoding: str) -> Iterator[tuple[str, str]]:
    """Each question of SQuAD's JSON and its passage, with or without an answer there.

    Raises ``DataError`` that names the place.
    """
    return ((question, passage) for _, question, passage, _ in _asked(path, encoding))


def _rows(path: PathLike, fmt: FileFormat) -> Iterator[_Answered]:
    for line, cells in read_records(path, ANSWERED, fmt, optional=("answer", "start")):
        yield _Answered("", line, *cells)


def _squad(path: PathLike, encoding: str) -> Iterator[_Answered]:
    """The questions of SQuAD's JSON with their first answers."""
    for at, question, passage, asked in _asked(path, encoding):
        impossible = "is_impossible" in asked and _part(path, asked, "is_impossible", bool, at)
        given = {"answers": []} | asked if impossible else asked
        answers = _part(path, given, "answers", list, at)
        if impossible and answers:
            raise DataError(f"{at}is_impossible is True, and there are answers; take away the one "
                            "or the other", path=path)
        if not answers:
            yield _Answered(at, None, question, passage, "", "")
            continue
        answer = _part(path, answers[0], "text", str, f"{at}answers[0].")
        start = _part(path, answers[0], "answer_start", int, f"{at}answers[0].")
        yield _Answered(at, None, question, passage, answer, str(start))


def _asked(path: PathLike, encoding: str) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Of each question in SQuAD's JSON: its place, itself, its passage, and all that is told."""
    text = "\n".join(line for _, line in numbered_lines(path, encoding))
    try:
        whole = parse(text)
    except json.JSONDecodeError as error:
        raise DataError(f"is no JSON: {error.msg}", path=path, line=error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"is no JSON: {error}", path=path) from None
    at = ""
    for i, article in enumerate(_part(path, whole, "data", list, "")):
        paragraphs = _part(path, article, "paragraphs", list, f"data[{i}].")
        for j, paragraph in enumerate(paragraphs):
            place = f"data[{i}].paragraphs[{j}]."
            passage = _part(path, paragraph, "context", str, place)
            for k, asked in enumerate(_part(path, paragraph, "qas", list, place)):
                at = f"{place}qas[{k}]."
                question = _part(path, asked, "question", str, at)
                if not question.strip() or not passage.strip():
                    raise DataError(f"{at}question or its context is empty", path=path)
                yield at, question, passage, asked
    if not at:
        raise DataError("the file has no question", path=path)


def _part(path: PathLike, of: Any, key: str, kind: type, place: str) -> Any:
    """A value of an object in SQuAD's JSON, checked."""
    value = of.get(key) if isinstance(of, dict) else None
    if not isinstance(value, kind):
        raise DataError(f"{place}{key} is {quoted(value)}, expected {kind.__name__}, as in SQuAD's "
                        "JSON; for one object on each line say format jsonl", path=path)
    if isinstance(value, str) and NO_TEXT.search(value):
        raise DataError(f"{place}{key} has a NUL or half of a surrogate pair, which is no "
                        "character of a text", path=path)
    return value


def _span(path: PathLike, row: _Answered) -> tuple[int, int]:
    """The first character of an answer and the one after its last, or (-1, -1)."""
    answer, passage = row.answer.strip(), row.passage
    if not answer and row.start.strip() in ("", "-1", "0"):
        return -1, -1
    begin = passage.find(answer)
    if row.start.strip():
        if not row.start.strip().isdecimal() or len(row.start) > 9:
            raise DataError(f"{row.place}start is {quoted(row.start)}, expected the number of "
                            f"characters of the passage before the answer, or nothing",
                            path=path, line=row.line)
        begin = int(row.start) + len(row.answer) - len(row.answer.lstrip())
    if begin < 0 or not answer or passage[begin : begin + len(answer)] != answer:
        found = passage.find(answer) if answer else -1
        mend = f"; it stands at {found}" if found >= 0 else (
            "; an answer must be copied from its passage, letter by letter, or be empty")
        where = f" at character {begin}" if row.start.strip() else ""
        raise DataError(f"{row.place}answer is {quoted(answer)}, which does not stand in the "
                        f"passage {quoted(passage)}{where}{mend}", path=path, line=row.line)
    return begin, begin + len(answer)
