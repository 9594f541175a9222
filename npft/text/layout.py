"""How a file of labelled texts is to be read: format, columns, header, separator and encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npft.errors import ConfigError, check_choice, quoted
from npft.text.readers import check_encoding, source_name

FORMATS = ("tsv", "csv", "jsonl", "json", "conll", "conllu", "txt")
ENDINGS = {f".{name}": name for name in FORMATS} | {
    ".ndjson": "jsonl", ".iob": "conll", ".iob2": "conll", ".bio": "conll"}

Columns = Sequence[int] | Sequence[str] | Sequence[int | str] | None


@dataclass(frozen=True)
class FileFormat:
    r"""How a file is to be read. What is left out follows from the ending of the file's name.

    name: the format, or None.
        tsv     a row a line, tabs between its cells; quotes are characters like others
        csv     commas between cells, which may be quoted as in RFC 4180 and hold line breaks
        jsonl   a JSON object on each line
        json    one JSON array of objects
        conll   a word and its tag on each line, a blank line between sentences
        conllu  the ten columns of Universal Dependencies
        txt     one text a line
    columns: where the cells stand that are asked for, in the order in which they are asked for:
        numbers from 1, names of the header, or keys of JSON objects. Of tags: the word and its tag.
    header: the first row names the columns.
    separator: one character, or None for that of the format; where no format is named it makes
        the file csv, and a tab makes it tsv. None divides conll at spaces and tabs.
    encoding: the name of one that Python knows.

    Raises ``ConfigError`` for values that cannot work.

    >>> FileFormat(columns=["v1", "v2"], header=True, encoding="latin-1").named("spam.CSV")
    'csv'
    """

    name: str | None = None
    columns: tuple[int | str, ...] | None = None
    header: bool = False
    separator: str | None = None
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if self.name is not None:
            check_choice("format", self.name, FORMATS)
        if self.columns is not None:
            _check_columns(self.columns)
            object.__setattr__(self, "columns", tuple(self.columns))
        if not isinstance(self.header, bool):
            raise ConfigError(f"header is {quoted(self.header)}, expected True or False")
        s = self.separator
        if s is not None and (not isinstance(s, str) or len(s) != 1 or s in '"\r\n\0\ufeff'):
            raise ConfigError(f"separator is {quoted(s)}, expected one character, such as ';'")
        check_encoding(self.encoding)

    def named(self, source: Any, otherwise: str = "tsv") -> str:
        """The format of a file: the one that is named, or that of the ending of the file's name.

        otherwise: the format for other endings.
        """
        return self.name or ENDINGS.get(Path(source_name(source)).suffix.lower(), otherwise)

    def refuse(self, name: str, *options: str) -> None:
        """Raise ``ConfigError`` if one of these options is given: the format has no use for it."""
        for option in options:
            if getattr(self, option):
                raise ConfigError(f"{option} is {quoted(getattr(self, option))}, but a file in the "
                                  f"format {name} has none; leave it out or name another format")


def _check_columns(columns: Any) -> None:
    if isinstance(columns, (str, bytes)) or not isinstance(columns, Sequence) or not columns:
        raise ConfigError(f"columns is {quoted(columns)}, expected a list of numbers or of names")
    for column in columns:
        number = isinstance(column, int) and not isinstance(column, bool) and column >= 1
        if not number and not (isinstance(column, str) and column):
            raise ConfigError(f"columns has {quoted(column)}, expected numbers from 1, or names of "
                              f"the header or keys of JSON objects")


def check_format(fmt: Any) -> None:
    """Raise ``ConfigError`` for what is no ``FileFormat``."""
    if not isinstance(fmt, FileFormat):
        raise ConfigError(f"fmt is {quoted(fmt)}, expected a FileFormat, such as "
                          "FileFormat('conll')")


def format_of(
    fmt: FileFormat | None, columns: Columns, header: bool, separator: str | None, encoding: str,
    format: str | None,
) -> FileFormat:
    """The options of a reader in one: ``fmt``, or the five others.

    Raises ``ConfigError`` if both are given.
    """
    made = FileFormat(format, columns, header, separator, encoding)  # type: ignore[arg-type]
    if fmt is None:
        return made
    check_format(fmt)
    if made != FileFormat():
        raise ConfigError("fmt is a FileFormat with all options: give it, or columns, header, "
                          "separator, encoding and format, not both")
    return fmt
