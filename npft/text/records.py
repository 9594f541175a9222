r"""The rows of a file, whatever its format, one after the other as the file is read.

    tsv    spam<TAB>Win a prize now
    csv    spam,"Win, now"
    jsonl  {"label": "spam", "text": "Win a prize now"}
    json   [{"label": "spam", "text": "Win a prize now"}, ...]
    txt    Win a prize now

A caller says which cells it wants, as ("label", "text"). A table has just these columns in this
order, unless ``columns`` says where they stand or a header has these very names. Nothing is
guessed from the content: a row that does not fit is refused with its line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from npft.errors import ConfigError, DataError, listed, quoted
from npft.text.advice import mend_width
from npft.text.json_records import json_array, json_cells, json_lines
from npft.text.layout import FileFormat
from npft.text.readers import Source, numbered_lines, raw_lines, source_name

Rows = Iterator[tuple[int, list[str]]]  # number of the first line, cells


class Record(NamedTuple):
    """One row of a file: the number of its first line, and the cells that were asked for."""

    line: int
    cells: list[str]


def read_records(
    source: Source,
    layout: Sequence[str],
    fmt: FileFormat = FileFormat(),
    optional: Sequence[str] = (),
) -> Iterator[Record]:
    r"""The rows of a file, in constant memory but for ``json``, which is read whole.

    source: a path, or a binary stream such as ``sys.stdin.buffer``.
    layout: the names of the wanted cells, in the order in which records have them; also the keys
        of JSON objects and the names of a header where ``fmt.columns`` does not say others.
    optional: those that may be empty or missing, and then are "".

    Blank lines between rows are skipped; in a ``txt`` a blank line is an empty text.

    Raises ``ConfigError`` for options that do not go together; while reading, ``DataError`` with
    file and line for what ``numbered_lines`` refuses and for a row that does not fit.

    >>> import io
    >>> file = io.BytesIO(b"ham\tHi\n\nspam\tWin a prize\n")
    >>> list(read_records(file, ("label", "text")))
    [Record(line=1, cells=['ham', 'Hi']), Record(line=3, cells=['spam', 'Win a prize'])]
    """
    name = table_format(source, layout, fmt)
    least = max((k + 1 for k, cell in enumerate(layout) if cell not in optional), default=1)
    if fmt.columns is not None and not least <= len(fmt.columns) <= len(layout):
        raise ConfigError(f"columns is {quoted(fmt.columns)}, expected {len(layout)}: "
                          f"{', '.join(layout)}")
    if name == "txt":
        return (Record(n, [line]) for n, line in numbered_lines(source, fmt.encoding))
    if name in ("json", "jsonl"):
        keys = [str(key) for key in fmt.columns or layout]
        objects = (json_array if name == "json" else json_lines)(source, fmt.encoding)
        records = (Record(n, json_cells(found, layout, keys, optional, source_name(source), n))
                   for n, found in objects)
        return _some(records, source)
    return _some(_Table(source, layout, fmt, name, least, optional).records(), source)


def table_format(source: Source, layout: Sequence[str], fmt: FileFormat) -> str:
    """The format in which rows with such cells are read.

    Raises ``ConfigError`` for a format that has no such rows, or has no use for an option.

    >>> table_format("a.txt", ("text",), FileFormat())
    'txt'
    >>> table_format("a.txt", ("label", "text"), FileFormat())
    'tsv'
    """
    name = fmt.named(source)
    if fmt.name is None:
        if name == "txt" and (len(layout) > 1 or fmt.columns or fmt.header or fmt.separator):
            name = "tsv"
        if fmt.separator is not None and name in ("tsv", "csv"):
            name = "tsv" if fmt.separator == "\t" else "csv"
    if name in ("conll", "conllu"):
        raise ConfigError(f"{source_name(source)}: the format {name} holds words and tags, "
                          f"expected rows of {', '.join(layout)}; name another format, such as tsv")
    if name == "txt":
        if len(layout) > 1:
            raise ConfigError(f"format txt has one text a line, expected {', '.join(layout)}; name "
                              f"another format, such as tsv")
        fmt.refuse(name, "columns", "header", "separator")
    if name in ("json", "jsonl"):
        fmt.refuse(name, "header", "separator")
        if not all(isinstance(key, str) for key in fmt.columns or ()):
            raise ConfigError(f"columns is {quoted(fmt.columns)}, expected keys of JSON objects")
    return name


def _some(records: Iterator[Record], source: Source) -> Iterator[Record]:
    """The records; raises ``DataError`` at the end if there was none."""
    record = None
    for record in records:
        yield record
    if record is None:
        raise DataError("the file has only blank lines", path=source_name(source))


def table_rows(source: Source, name: str, separator: str, encoding: str) -> Rows:
    """Each row of a tsv or csv that is not blank, with the number of its first line."""
    if name == "csv":
        return _quoted_rows(source, separator, encoding)
    lines = numbered_lines(source, encoding)
    return ((n, line.split(separator)) for n, line in lines if line.strip() or separator in line)


def _quoted_rows(source: Source, separator: str, encoding: str) -> Rows:
    # The lines keep their ends, since a quoted cell may hold some.
    lines = (line + "\n" for line in raw_lines(source, encoding))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    number, path = 1, source_name(source)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) or len(cells) > 1:
                yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        what = str(error).split(" - ")[0]
        if "field limit" in what:
            raise DataError(f"a cell has more than {csv.field_size_limit():,} characters; close "
                            f"its quotes if they stay open, else split it or write the file with "
                            f"tabs", path=path, line=number) from None
        raise DataError(f'a quoted cell is broken: {what}; put a cell that holds a quote or a line '
                        f'break in quotes, and write a quote inside it twice: ""',
                        path=path, line=number) from None


def separator_of(fmt: FileFormat, name: str) -> str:
    """The separator of a tsv or csv."""
    return fmt.separator or ("," if name == "csv" else "\t")


def column_places(
    columns: Sequence[int | str], names: list[str] | None, path: object
) -> list[int]:
    """Columns, numbers from 1 or names of the header, as places from 0.

    Raises ``DataError`` for columns that the header does not have or has twice, ``ConfigError``
    for names without a header and for a column that is asked for twice.

    >>> column_places(["text", 1], ["id", "text"], "a.tsv")
    [1, 0]
    """
    places = []
    for column in columns:
        if isinstance(column, str):
            if names is None:
                raise ConfigError(f"columns has {quoted(column)}, expected numbers from 1; for "
                                  f"names of a header say header")
            if names.count(column) != 1:
                raise DataError(f"the header has {names.count(column)} columns {quoted(column)}, "
                                f"expected one; it has {listed(filter(None, names))}", path=path)
            places.append(names.index(column))
        elif names is not None and column > len(names):
            raise DataError(f"the header has {len(names)} columns, there is no column {column}",
                            path=path)
        else:
            places.append(column - 1)
    if len(set(places)) < len(places):
        raise ConfigError(f"columns is {quoted(tuple(columns))}, which asks for one column twice")
    return places


class _Table:
    """The rows of a tsv or csv, each checked against the columns that are asked for."""

    def __init__(
        self, source: Source, layout: Sequence[str], fmt: FileFormat, name: str, least: int,
        optional: Sequence[str],
    ) -> None:
        self.path, self.layout, self.fmt = source_name(source), layout, fmt
        self.least, self.optional = least, optional
        self.separator = separator_of(fmt, name)
        self.rows = table_rows(source, name, self.separator, fmt.encoding)
        self.wanted = ("<TAB>" if self.separator == "\t" else self.separator).join(layout)
        if not fmt.header:
            column_places(fmt.columns or (), None, self.path)  # refuses before anything is read

    def records(self) -> Iterator[Record]:
        """The rows as records."""
        names = self.header() if self.fmt.header else None
        columns = self.columns(names)
        places = column_places(columns, names, self.path)
        if names is not None:
            least, most = len(names), len(names)
        elif self.fmt.columns is None:
            least, most = self.least, len(self.layout)
        else:
            least, most = max(places) + 1, None
        record = None
        for number, cells in self.rows:
            if len(cells) < least or (most is not None and len(cells) > most):
                first = record is None and names is None
                raise self.wrong_width(number, cells, least, names, first)
            # Optional columns at the end may be missing, all or from some row on.
            chosen = [cells[place] if place < len(cells) else "" for place in places]
            chosen += [""] * (len(self.layout) - len(chosen))
            for name, cell in zip(self.layout, chosen):
                if not cell.strip() and name not in self.optional:
                    raise DataError(f"the {name} is empty, expected {self.wanted}; fill it in or "
                                    f"delete the line", path=self.path, line=number)
            record = Record(number, chosen)
            yield record
        if record is None and names is not None:
            raise DataError("the file has only a header", path=self.path)

    def header(self) -> list[str]:
        number, cells = next(self.rows, (0, []))
        if not cells:
            raise DataError("the file has only blank lines", path=self.path)
        names = [cell.strip() for cell in cells]
        if self.fmt.columns is None and not self.named_in(names):
            shown = listed(name for name in names if name)
            if not self.least <= len(names) <= len(self.layout):
                raise DataError(f"the header has {len(names)} columns, {shown}, expected "
                                f"{self.wanted}; name the columns", path=self.path, line=number)
            for wanted, name in zip(self.layout, names):
                words = set(re.split(r"[\W_\d]+", name.lower()))
                if wanted not in words and words.intersection(self.layout):
                    raise DataError(f"the header has the columns {shown}, expected {self.wanted}; "
                                    f"name the columns", path=self.path, line=number)
        return names

    def named_in(self, names: list[str]) -> bool:
        """Whether the header has the names of the layout, each once."""
        lower = [name.lower() for name in names]
        return all(lower.count(name) == 1 for name in self.layout[: self.least])

    def columns(self, names: list[str] | None) -> Sequence[int | str]:
        """Where the cells stand: as the options say, by the header's names, or as in the layout."""
        if self.fmt.columns is not None:
            return self.fmt.columns
        if names is not None and self.named_in(names):
            lower = [name.lower() for name in names]
            there = takewhile(lambda name: lower.count(name) == 1, self.layout)
            return [lower.index(name) + 1 for name in there]
        return range(1, len(names or self.layout) + 1)

    def wrong_width(
        self, number: int, cells: list[str], least: int, names: list[str] | None, first: bool
    ) -> DataError:
        few = len(cells) < least
        tabs = self.separator == "\t"
        has = f"{len(cells) - 1} tabs" if tabs else f"{len(cells)} cells"
        width = f" in {least} columns" if names or self.fmt.columns else ""
        mend = mend_width(cells, few, least, self.separator, first)
        return DataError(f"has {has}, expected {self.wanted}{width}; {mend}", path=self.path,
                         line=number)
