"""The readers of text files once more, as plainly as can be: nothing here is from npft.

Each takes the bytes of a file and returns its rows, or raises ``Refused`` where no reading of it
can be right. They are made for small files: not fast, and not kind to whoever wrote the file.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

Row = tuple[Any, ...]  # a label or a score, a text, and of a pair the second text


class Refused(Exception):
    """What stands in the file cannot be read."""


def text_of(data: bytes) -> str:
    """A file is UTF-8, with or without byte order marks where lines begin, and holds no NUL.

    >>> text_of(b"\\xef\\xbb\\xbfa")
    'a'
    """
    if not data or b"\0" in data:
        raise Refused("empty or binary")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("not UTF-8") from None
    end = "\n" if "\n" in text else "\r"
    return end.join(line.lstrip("\ufeff") for line in text.split(end))


def lines_of(data: bytes) -> list[str]:
    r"""A line ends with a line feed, and a carriage return before it goes too.

    In a file without any line feed a carriage return ends a line, as on the first Macs.

    >>> lines_of(b"a\r\nb\rc"), lines_of(b"a\rb")
    (['a', 'b\rc'], ['a', 'b'])
    """
    text = text_of(data)
    if "\n" not in text:
        return text.split("\r")
    return [line[:-1] if line.endswith("\r") else line for line in text.split("\n")]


def cells_of(data: bytes, separator: str) -> list[list[str]]:
    """The rows of a table that are not blank."""
    if separator == "\t":
        rows = [line.split("\t") for line in lines_of(data)]
    else:
        text = text_of(data)
        text = text if "\n" in text else text.replace("\r", "\n")  # as on the first Macs
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
        except csv.Error as error:
            raise Refused(str(error)) from None
    return [row for row in rows if len(row) > 1 or "".join(row).strip()]


def table(
    *columns: int | str, separator: str = "\t", header: bool = False, exact: bool = False,
    scored: bool = False,
) -> Callable[[bytes], list[Row]]:  # fmt: skip
    """A reader of tables; ``exact`` if there are no other columns.

    >>> table(1, 2)(b"spam\\twin\\n\\nham\\thello")
    [('spam', 'win'), ('ham', 'hello')]
    """

    def read(data: bytes) -> list[Row]:
        rows = cells_of(data, separator)
        names = [name.strip() for name in rows.pop(0)] if header and rows else []
        if any(isinstance(c, str) and names.count(c) != 1 for c in columns):
            raise Refused("no such column")
        places = [names.index(c) if isinstance(c, str) else c - 1 for c in columns]
        wide = len(names) if header else len(columns) if exact else 0
        found = []
        for row in rows:
            if len(row) <= max(places) or (wide and len(row) != wide):
                raise Refused("another number of columns")
            label, *texts = (row[place] for place in places)
            if not all(cell.strip() for cell in (label, *texts)):
                raise Refused("an empty cell")
            found.append((number_of(label) if scored else label.strip(), *texts))
        return whole(found)

    return read


def whole(rows: list[Any]) -> list[Any]:
    if not rows:
        raise Refused("nothing in it")
    return rows


def number_of(cell: str) -> float:
    """A finite decimal number; Python would also read 1_0."""
    try:
        number = math.nan if "_" in cell else float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Refused("no finite number")
    return number


def once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """For ``json.loads``: an object in which no key occurs twice."""
    if len(dict(items)) < len(items):
        raise Refused("a key occurs twice")
    return dict(items)


def strict_json(data: bytes | str) -> Any:
    try:
        return json.loads(data, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Refused("no JSON") from None


def in_latin_1(reader: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """A reader of files in Latin-1, each byte of which is a character."""
    return lambda data: reader(data.decode("latin-1").encode("utf-8"))


def json_array(*keys: str) -> Callable[[bytes], list[Row]]:
    """A reader of one array of objects: each as on a line of its own."""

    def read(data: bytes) -> list[Row]:
        items = strict_json("\n".join(lines_of(data)))
        if not isinstance(items, list):
            raise Refused("no array")
        lines = "\n".join(json.dumps(item) for item in items)
        return json_lines(*keys)(lines.encode("utf-8"))

    return read


def answers(data: bytes) -> list[Row]:
    """A question, its passage, and the answer in it, stripped; in a fourth cell its start."""
    found = []
    for row in cells_of(data, "\t"):
        if not 2 <= len(row) <= 4 or not row[0].strip() or not row[1].strip():
            raise Refused("another number of columns, or an empty cell")
        question, passage, answer, start = [*row, "", ""][:4]
        if start.strip():
            raise Refused("a start, which the good file has not")
        if answer.strip() not in passage:
            raise Refused("an answer from elsewhere")
        found.append((question, passage, answer.strip()))
    return whole(found)


def json_lines(*keys: str, scored: bool = False) -> Callable[[bytes], list[Row]]:
    """A reader of an object a line; a label is a string or a whole number, a score any number."""

    def read(data: bytes) -> list[Row]:
        records = [strict_json(line) for line in lines_of(data) if line.strip()]
        rows = []
        for record in records:
            if not isinstance(record, dict) or any(key not in record for key in keys):
                raise Refused("no such key")
            rows.append(tuple(record[key] for key in keys))
        for label, *texts in rows:
            number = type(label) in ((int, float) if scored else (int,))
            for text in texts + ([] if number else [label]):
                odd = not isinstance(text, str) or re.search("[\0\ud800-\udfff]", text)
                if odd or not text.strip():
                    raise Refused("no text")
        if scored:
            return whole([(number_of(str(label)), *texts) for label, *texts in rows])
        return whole([(str(label).strip(), *texts) for label, *texts in rows])

    return read


def documents(
    data: bytes, *, titles: bool = True, wrapped: bool = False
) -> list[list[str]]:
    """Plain text as documents of sentences.

    >>> documents(b'He said "no." She left.\\n\\nIt rained.  We stayed.')
    [['He said "no."', 'She left.'], ['It rained.', 'We stayed.']]
    """
    lines = [line.strip() for line in lines_of(data)]
    if not titles:
        lines = [line for line in lines if not (line[:1] == "[" and line[-1:] == "]")]
    full = whole([line for line in lines if line])
    cut = wrapped or sum(len(sentences(line)) > 1 for line in full) > len(full) / 2
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    blocks = [[" ".join(block)] if wrapped else block for block in blocks if block]
    return [[s for line in block for s in (sentences(line) if cut else [line])] for block in blocks]


def sentences(line: str) -> list[str]:
    """A line cut after . ! or ? and closing signs, where white space follows."""
    found, start = [], 0
    for stop in re.finditer("[.!?]", line):
        end = stop.end()
        while end < len(line) and line[end] in "\"'\u2019\u201d)]":
            end += 1
        after = end
        while after < len(line) and line[after].isspace():
            after += 1
        if end < after < len(line):
            found.append(line[start:end])
            start = after
    return [*found, line[start:]]


Sentence = tuple[list[str], list[str], int]  # its words, their tags, its document


def conll(
    word_at: int = 1, tag_at: int = 2, *, separator: str | None = "\t", exact: bool = False,
    iob: bool | None = None,
) -> Callable[[bytes], list[Sentence]]:  # fmt: skip
    """A reader of a word and its tag a line; without ``iob`` the tags say whether they are IOB.

    >>> conll()(b"In\\tO\\nOslo\\tI-LOC\\n\\nYes\\tO")
    [(['In', 'Oslo'], ['O', 'B-LOC'], 0), (['Yes'], ['O'], 0)]
    """

    def read(data: bytes) -> list[Sentence]:
        lines: list[tuple[str, str] | str] = []
        for line in lines_of(data):
            if not line.strip(" \t\r"):
                lines.append("end")
                continue
            if re.match(r"[ \t]*-DOCSTART-(?![^ \t])", line):
                lines.append("document")
                continue
            cells = line.split("\t") if separator else re.split("[ \t]+", line.strip(" \t\r"))
            if len(cells) < max(word_at, tag_at) or (exact and len(cells) != 2):
                raise Refused("another number of columns")
            word, tag = cells[word_at - 1], cells[tag_at - 1]
            if separator:
                word, tag = word.strip(" \t\r"), tag.strip(" \t\r")
            if word == "-DOCSTART-":
                lines.append("document")
            elif not word or not tag or (iob and not re.fullmatch(r"(?s)O|[BI]-.+", tag)):
                raise Refused("no word, or no tag")
            else:
                lines.append((word, tag))
        tags = [line[1] for line in lines if not isinstance(line, str)]
        marked = all(re.fullmatch(r"(?s)O|[BI]-.+", tag) for tag in tags)
        return in_sentences(lines, marked if iob is None else iob)

    return read


def conllu(place: int) -> Callable[[bytes], list[Sentence]]:
    """A reader of CoNLL-U, with the column ``place`` (from 0) as tags."""

    def read(data: bytes) -> list[Sentence]:
        lines: list[tuple[str, str] | str] = []
        last = 0
        for line in lines_of(data):
            if line.startswith("#"):
                lines += ["document"] if line[1:].split()[:1] == ["newdoc"] else []
                continue
            if not line.strip(" \t\r"):
                lines.append("end")
                last = 0
                continue
            cells = line.split("\t")
            if len(cells) != 10:
                raise Refused("not ten columns")
            if re.search("[-.]", cells[0]):
                continue
            word, tag = (cells[at].strip(" \t\r") for at in (1, place))
            if cells[0] != str(last + 1) or not word or not tag:
                raise Refused("an id out of order, or an empty cell")
            last += 1
            lines.append((word, tag))
        return in_sentences(lines, iob=False)

    return read


def in_sentences(lines: Sequence[tuple[str, str] | str], iob: bool) -> list[Sentence]:
    """Words with tags, and "end" or "document" between sentences and documents."""
    found: list[Sentence] = []
    document, open_, before = 0, False, "O"
    for line in lines:
        if isinstance(line, str):
            document += line == "document" and bool(found)
            open_ = False
            continue
        if not open_:
            found.append(([], [], document))
            open_, before = True, "O"
        word, tag = line
        begins = iob and tag[:2] == "I-" and before[2:] != tag[2:]
        found[-1][0].append(word)
        found[-1][1].append("B-" + tag[2:] if begins else tag)
        before = tag
    return whole(found)
