"""Tables of labelled texts, pairs of texts, and pairs with a score.

    read_labelled   label<TAB>text             spam<TAB>Win a prize now
    read_pairs      label<TAB>text<TAB>text    entailment<TAB>A man sleeps<TAB>Someone sleeps
    read_scored     score<TAB>text<TAB>text    3.8<TAB>A man plays a flute<TAB>A man is playing
    read_jsonl      {"label": "spam", "text": "Win a prize now"}

Nothing about a table is guessed from its content. Its columns are those above, in that order and no
others, unless ``columns`` names them; it has a header only if ``header=True`` says so. The
separator is the tab, and then ``"`` is a character like others and a line is a row; in a file
whose name ends in ``.csv`` it is the comma, and then cells may be quoted as in RFC 4180.
``separator`` sets another one: some files called ``.csv`` hold tabs.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npft.errors import ConfigError, DataError
from npft.text.examples import Examples
from npft.text.readers import PathLike, read_lines, read_utf8

Columns = Sequence[int] | Sequence[str] | None
Rows = Iterator[tuple[int, list[str]]]  # line number, cells


def _rows(path: PathLike, separator: str) -> Rows:
    """Each row that is not blank, with the number of its first line."""
    if separator == "\t":
        lines = enumerate(read_lines(path), start=1)
        return ((n, line.split("\t")) for n, line in lines if line.strip() or "\t" in line)
    return _quoted_rows(path, separator)


def _quoted_rows(path: PathLike, separator: str) -> Rows:
    # The lines keep their ends, since a quoted cell may hold some.
    lines = (line + "\n" for line in read_utf8(path).removesuffix("\n").split("\n"))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    number = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) or len(cells) > 1:
                yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        what = str(error).split(" - ")[0]
        if "field limit" in what:
            raise DataError(f"a cell has more than {csv.field_size_limit():,} characters; split "
                            "it, or write the file with tabs", path=path, line=number) from None
        raise DataError(f'a quoted cell is broken: {what}; put a cell that holds a quote or a line '
                        f'break in quotes, and write a quote inside it twice: ""',
                        path=path, line=number) from None


def _separator(path: PathLike, separator: str | None) -> str:
    if separator is None:
        return "," if Path(path).suffix.lower() == ".csv" else "\t"
    if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
        raise ConfigError(f"separator is {separator!r}, expected one character, such as '\\t'")
    return separator


def _read_columns(
    path: PathLike,
    layout: tuple[str, ...],
    columns: Columns,
    header: bool,
    separator: str | None,
) -> list[tuple[int, list[str]]]:
    """The chosen cells of each row with its line number, in the order of ``layout``."""
    separator = _separator(path, separator)
    if columns is not None and (isinstance(columns, str) or len(columns) != len(layout)):
        raise ConfigError(f"columns is {columns!r}, expected {len(layout)}: {', '.join(layout)}")
    wanted = ("<TAB>" if separator == "\t" else separator).join(layout)
    rows = _rows(path, separator)
    names: list[str] | None = None
    if header:
        number, cells = next(rows, (0, []))
        if not cells:
            raise DataError("the file has only blank lines", path=path)
        names = [cell.strip() for cell in cells]
        if columns is None and len(names) != len(layout):
            raise DataError(f"the header has {len(names)} columns, {', '.join(names)}, expected "
                            f"{wanted}; name the columns", path=path, line=number)
    places = _places(path, columns or range(1, len(layout) + 1), names)
    exact = names is not None or columns is None
    least = len(names) if names else max(places) + 1
    found = []
    for number, cells in rows:
        if len(cells) < least or (exact and len(cells) > least):
            width = f" in {least} columns" if names or columns else ""
            what, mend = _wrong_width(cells, least, separator)
            raise DataError(f"has {what}, expected {wanted}{width}; {mend}", path=path, line=number)
        chosen = [cells[place] for place in places]
        for name, cell in zip(layout, chosen):
            if not cell.strip():
                raise DataError(f"the {name} is empty, expected {wanted}; fill it in or delete the "
                                f"line", path=path, line=number)
        found.append((number, chosen))
    if not found:
        raise DataError(f"the file has only {'a header' if names else 'blank lines'}", path=path)
    return found


def _wrong_width(cells: list[str], least: int, separator: str) -> tuple[str, str]:
    """What a row with too few or too many cells has, and how to mend it."""
    few = len(cells) < least
    if separator == "\t":
        return f"{len(cells) - 1} tabs", (
            "put one tab between the columns (many editors write spaces for the tab key)" if few
            else "write a tab inside a text as a space, or name the columns")
    return f"{len(cells)} cells", (
        f"name the separator if it is not {separator!r}" if few
        else f"put a cell with {separator!r} in it in quotes, or name the columns")


def _places(path: PathLike, columns: Any, names: list[str] | None) -> list[int]:
    """Columns, numbers from 1 or names of the header, as places from 0."""
    places = []
    for column in columns:
        if isinstance(column, str) and names is not None:
            if names.count(column) != 1:
                raise DataError(f"the header has {names.count(column)} columns {column!r}, "
                                f"expected one; it has {', '.join(names)}", path=path)
            places.append(names.index(column))
        elif isinstance(column, int) and column >= 1:
            if names is not None and column > len(names):
                raise DataError(f"the header has {len(names)} columns, there is no column {column}",
                                path=path)
            places.append(column - 1)
        else:
            raise ConfigError(f"columns has {column!r}, expected numbers from 1 or, with "
                              f"header=True, names of the header")
    return places


def _examples(
    path: PathLike, rows: list[tuple[int, list[str]]], known: list[str] | None
) -> Examples:
    """Number the labels as in ``known``, or in the order of their sorted names: ham 0, spam 1."""
    labels = [cells[0].strip() for _, cells in rows]
    names = sorted(set(labels)) if known is None else known
    if known is None and len(names) > max(10, len(rows) / 2):
        raise DataError(f"the label column has {len(names)} different labels in {len(rows)} rows, "
                        f"the first {labels[0][:40]!r}; is it another column? name them: columns=",
                        path=path)
    for (number, _), label in zip(rows, labels):
        if label not in names:
            raise DataError(f"the label {label!r} is unknown to the model, expected one of "
                            f"{', '.join(names)}", path=path, line=number)
    place = {name: k for k, name in enumerate(names)}
    return _of_rows([cells for _, cells in rows], np.array([place[x] for x in labels]), names)


def _of_rows(rows: list[list[str]], labels: np.ndarray, names: list[str]) -> Examples:
    pairs = [cells[2] for cells in rows] if len(rows[0]) == 3 else None
    return Examples([cells[1] for cells in rows], labels, names, pairs)


def read_labelled(
    path: PathLike,
    label_names: list[str] | None = None,
    *,
    columns: Columns = None,
    header: bool = False,
    separator: str | None = None,
) -> Examples:
    r"""Read ``label<TAB>text`` lines: for each line a text and the class of its label.

    Classes are numbered in the order of the sorted label names, or as in ``label_names`` if they
    are given: then any other label is refused. Blank lines are skipped.

    columns: where label and text stand: numbers from 1 or, with a header, its names. A table
        without a header may have further columns if ``columns`` is given, and none if it is not.
    header: True if the first row names the columns. Then all rows have as many columns.
    separator: None for the comma in a file called ``.csv``, and the tab in others.

    Raises ``DataError``, naming file and line, for a file that is missing, empty, binary or not
    UTF-8, a row with another number of columns, broken quotes, an empty label or text;
    ``ConfigError`` for options that make no sense.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"spam\tWin a prize\nham\tSee you at 8\n"), file.flush()
    ...     e = read_labelled(file.name)
    >>> e.texts, e.labels, e.label_names
    (['Win a prize', 'See you at 8'], array([1, 0]), ['ham', 'spam'])
    """
    rows = _read_columns(path, ("label", "text"), columns, header, separator)
    return _examples(path, rows, label_names)


def read_pairs(
    path: PathLike,
    label_names: list[str] | None = None,
    *,
    columns: Columns = None,
    header: bool = False,
    separator: str | None = None,
) -> Examples:
    """Read ``label<TAB>text<TAB>text`` lines: pairs of texts, such as a premise and a hypothesis.

    The rules and the errors are those of ``read_labelled``; the second texts are ``pairs``.
    """
    rows = _read_columns(path, ("label", "text", "text"), columns, header, separator)
    return _examples(path, rows, label_names)


def read_scored(
    path: PathLike,
    *,
    columns: Columns = None,
    header: bool = False,
    separator: str | None = None,
) -> Examples:
    """Read ``score<TAB>text<TAB>text`` lines: pairs of texts with a grade, (n,) float64.

    The rules and the errors are those of ``read_labelled``; a score that is no finite number is
    refused. The STS benchmark is ``read_scored(path, columns=(5, 6, 7), separator="\\t")``.
    """
    rows = _read_columns(path, ("score", "text", "text"), columns, header, separator)
    scores = []
    for number, cells in rows:
        try:
            scores.append(float(cells[0].replace("_", "no number")))  # Python reads 1_0 as 10
        except ValueError:
            scores.append(math.nan)
        if not math.isfinite(scores[-1]):
            raise DataError(f"the score {cells[0]!r} is no finite number; if this line is a "
                            f"header, say header=True", path=path, line=number)
    return _of_rows([cells for _, cells in rows], np.array(scores), [])


def read_jsonl(
    path: PathLike,
    label_names: list[str] | None = None,
    *,
    keys: Sequence[str] = ("label", "text"),
) -> Examples:
    r"""Read JSON lines: one object on each line, ``{"label": "spam", "text": "Win a prize"}``.

    keys: where an object has its label and its text or, with three keys, its two texts. Other
        keys are ignored. Labels are strings, numbered as in ``read_labelled``; or whole numbers
        from 0, the classes themselves; or numbers of which at least one has a point: grades.

    Raises ``DataError``, naming file and line, for a line that is no such object, a key that is
    missing or occurs twice, labels of different kinds, an empty text; ``ConfigError`` for keys
    that make no sense.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b'{"a": "Hi", "b": "Hello", "grade": 4.5}\n'), file.flush()
    ...     e = read_jsonl(file.name, keys=("grade", "a", "b"))
    >>> e.texts, e.pairs, e.labels
    (['Hi'], ['Hello'], array([4.5]))
    """
    if isinstance(keys, str) or len(keys) not in (2, 3):
        raise ConfigError(f"read_jsonl: keys is {keys!r}, expected those of the label and of one "
                          f"or two texts")
    rows = [(number, _record(path, number, line, keys))
            for number, line in enumerate(read_lines(path), start=1) if line.strip()]
    if not rows:
        raise DataError("the file has only blank lines", path=path)
    kind = isinstance(rows[0][1][0], str)
    for number, (label, *_) in rows:
        if isinstance(label, str) != kind:
            raise DataError(f"the label is {label!r}, and the labels before are "
                            f"{'strings' if kind else 'numbers'}; write all the same way",
                            path=path, line=number)
    if kind:
        return _examples(path, rows, label_names)
    whole = all(isinstance(row[0], int) for _, row in rows)
    for number, (label, *_) in rows:
        # NaN and infinity fail it too; math.isfinite cannot take an integer of 400 digits
        if not (0 <= label < 2**31 if whole else abs(label) <= sys.float_info.max):
            raise DataError(f"the label is {label}, expected a class from 0 or a finite grade",
                            path=path, line=number)
        if whole and label_names is not None and label >= len(label_names):
            raise DataError(f"the label {label} has no name in {', '.join(label_names)}",
                            path=path, line=number)
    labels = np.array([row[0] for _, row in rows])
    return _of_rows([row for _, row in rows], labels, label_names or [])


def _record(path: PathLike, number: int, line: str, keys: Sequence[str]) -> list[Any]:
    """The values of the keys in one line of JSON."""

    def once(items: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in items]
        if len(set(names)) < len(names):
            raise ValueError(f"a key occurs twice in {', '.join(names)}")
        return dict(items)

    try:
        record = json.loads(line, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is no JSON: {error}; write one object on each line",
                        path=path, line=number) from None
    if not isinstance(record, dict) or not set(keys) <= set(record):
        what = f"an object with the keys {', '.join(record)}" if isinstance(record, dict) else (
            type(record).__name__)
        raise DataError(f"is {what}, expected an object with {', '.join(keys)}; name the keys with "
                        f"keys=(label, text)", path=path, line=number)
    label, *texts = values = [record[key] for key in keys]
    if isinstance(label, bool) or not isinstance(label, (str, int, float)):
        raise DataError(f"{keys[0]} is {label!r}, expected a string or a number",
                        path=path, line=number)
    strings = zip(keys, values) if isinstance(label, str) else zip(keys[1:], texts)
    for key, text in strings:
        if not isinstance(text, str) or not text.strip():
            raise DataError(f"{key} is {text!r}, expected a string that is not empty",
                            path=path, line=number)
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise DataError(f"{key} has half of a surrogate pair, which is no character",
                            path=path, line=number)
    return values
