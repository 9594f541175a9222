"""Files of labelled texts, pairs of texts, and pairs with a score.

    read_labelled   label, text          spam<TAB>Win a prize now
    read_pairs      label, text, pair    entailment<TAB>A man sleeps<TAB>Someone sleeps
    read_scored     score, text, pair    3.8<TAB>A man plays a flute<TAB>A man is playing
    read_jsonl      the first two from   {"label": "spam", "text": "Win a prize now"}

A file may be a table or JSON (see ``records``). How it is read is said by ``columns``, ``header``,
``separator``, ``encoding`` and ``format``, or by a ``FileFormat`` that has all five.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from npft.errors import ConfigError, DataError, check_choice, check_names, listed, quoted
from npft.text.advice import header_hint, is_column_name, looks_like_header
from npft.text.examples import Examples
from npft.text.layout import Columns, FileFormat, format_of
from npft.text.readers import PathLike
from npft.text.records import Record, read_records, table_format

LABELLED = ("label", "text")
PAIRED = ("label", "text", "pair")
SCORED = ("score", "text", "pair")


def _examples(
    path: PathLike, layout: tuple[str, ...], fmt: FileFormat, known: list[str] | None
) -> Examples:
    """Number the labels as in ``known``, or in the order of their sorted names: ham 0, spam 1."""
    known = None if known is None else check_names("label_names", known)
    rows = list(read_records(path, layout, fmt))
    labels = [row.cells[0].strip() for row in rows]
    names = sorted(set(labels)) if known is None else known
    hint = _header(rows[0], labels, fmt, table_format(path, layout, fmt))
    if known is None and len(names) > max(10, len(rows) / 2):
        raise DataError(f"the label column has {len(names)} different labels in {len(rows)} rows, "
                        f"the first {quoted(labels[0])}; is it another column? name the columns"
                        f"{hint and f'; {hint}'}", path=path)
    if hint and (known is None or labels[0] not in known):
        raise DataError(hint, path=path, line=rows[0].line)
    place = {name: k for k, name in enumerate(names)}
    for row, label in zip(rows, labels):
        if label not in place:
            raise DataError(f"the label {quoted(label)} is unknown to the model, expected one of "
                            f"{listed(names)}", path=path, line=row.line)
    return _of_rows(rows, np.array([place[label] for label in labels]), names)


def _header(first: Record, labels: list[str], fmt: FileFormat, name: str) -> str:
    """What to say if the first row of a table looks like a header that was read as an example."""
    if fmt.header or name not in ("tsv", "csv") or labels.count(labels[0]) > 1:
        return ""
    named = is_column_name(labels[0]) and looks_like_header(first.cells)
    return header_hint(first.cells) if named else ""


def _of_rows(rows: Sequence[Record], labels: np.ndarray, names: list[str]) -> Examples:
    pairs = [row.cells[2] for row in rows] if len(rows[0].cells) == 3 else None
    return Examples([row.cells[1] for row in rows], labels, names, pairs)


def read_labelled(
    path: PathLike,
    label_names: list[str] | None = None,
    *,
    columns: Columns = None,
    header: bool = False,
    separator: str | None = None,
    encoding: str = "utf-8",
    format: str | None = None,
    fmt: FileFormat | None = None,
) -> Examples:
    r"""Read labels and texts: for each row a text and the class of its label.

    Classes are numbered in the order of the sorted label names, or as in ``label_names`` if they
    are given: then any other label is refused. Whole numbers in JSON are labels like strings.
    Blank lines are skipped; white space round a label is dropped, and round a text kept.

    columns: where label and text stand: numbers from 1, names of the header, or keys of JSON
        objects. A table without a header may have further columns if ``columns`` is given, and
        none if it is not.
    header: True if the first row names the columns. Then all rows have as many columns; if these
        names are "label" and "text", ``columns`` can be left out.
    separator: None for the comma in a csv, and the tab in others.
    encoding: utf-8, or another that Python knows: latin-1, cp1252, utf-16, ...
    format: tsv, csv, jsonl or json; None for that of the ending of the file's name, or else tsv.
    fmt: all five in one; then the others are left out.

    Raises ``DataError``, naming file and line, for a file that is missing, empty, binary or in
    another encoding, a row with another number of columns, broken quotes or JSON, an empty label
    or text, a first row that is a header; ``ConfigError`` for options that make no sense.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"spam\tWin a prize\nham\tSee you at 8\n"), file.flush()
    ...     e = read_labelled(file.name)
    >>> e.texts, e.labels, e.label_names
    (['Win a prize', 'See you at 8'], array([1, 0]), ['ham', 'spam'])
    """
    fmt = format_of(fmt, columns, header, separator, encoding, format)
    return _examples(path, LABELLED, fmt, label_names)


def read_pairs(
    path: PathLike,
    label_names: list[str] | None = None,
    *,
    columns: Columns = None,
    header: bool = False,
    separator: str | None = None,
    encoding: str = "utf-8",
    format: str | None = None,
    fmt: FileFormat | None = None,
) -> Examples:
    r"""Read labels and pairs of texts, such as a premise and a hypothesis.

    The cells are label, text and pair. The rules and the errors are those of ``read_labelled``;
    the second texts are ``pairs``.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"yes\tit rains\train falls\nno\tit rains\tsun\n"), file.flush()
    ...     e = read_pairs(file.name)
    >>> e.pairs, e.labels, e.label_names
    (['rain falls', 'sun'], array([1, 0]), ['no', 'yes'])
    """
    fmt = format_of(fmt, columns, header, separator, encoding, format)
    return _examples(path, PAIRED, fmt, label_names)


def read_jsonl(
    path: PathLike,
    label_names: list[str] | None = None,
    *,
    keys: Sequence[str] = LABELLED,
) -> Examples:
    r"""Read JSON lines, whatever the file is called: ``{"label": "spam", "text": "Win a prize"}``.

    keys: where an object has its label and its text or, with three keys, its two texts. Other
        keys are ignored. The rest is as in ``read_labelled`` and ``read_pairs``.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b'{"a": "Hi", "b": "Hello", "same": 1}\n'), file.flush()
    ...     e = read_jsonl(file.name, keys=("same", "a", "b"))
    >>> e.texts, e.pairs, e.label_names
    (['Hi'], ['Hello'], ['1'])
    """
    if isinstance(keys, str) or not isinstance(keys, Sequence) or len(keys) not in (2, 3):
        raise ConfigError(f"read_jsonl: keys is {quoted(keys)}, expected those of the label and of "
                          f"one or two texts")
    read = read_labelled if len(keys) == 2 else read_pairs
    return read(path, label_names, columns=keys, format="jsonl")


def read_scored(
    path: PathLike,
    *,
    unscored: str = "refuse",
    columns: Columns = None,
    header: bool = False,
    separator: str | None = None,
    encoding: str = "utf-8",
    format: str | None = None,
    fmt: FileFormat | None = None,
) -> Examples:
    r"""Read scores and pairs of texts: pairs with a grade, (n,) float64.

    The cells are score, text and pair; the rules, the other options and the errors are those of
    ``read_labelled``. A score that is no finite number is refused. The STS benchmark is
    ``read_scored(path, columns=(5, 6, 7), separator="\t")``.

    unscored: what becomes of rows whose score is empty, or null, as in STS 2015 and 2016:
        "refuse", or "skip". ``count_unscored`` says how many there are.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"4.5\tit rains\train falls\n0\tit rains\tsun\n"), file.flush()
    ...     e = read_scored(file.name)
    >>> e.texts, e.labels
    (['it rains', 'it rains'], array([4.5, 0. ]))
    """
    check_choice("unscored", unscored, ("refuse", "skip"))
    fmt = format_of(fmt, columns, header, separator, encoding, format)
    rows, scores = [], []
    for row in read_records(path, SCORED, fmt, optional=("score",)):
        if row.cells[0].strip():
            scores.append(_score(path, row))
            rows.append(row)
        elif unscored == "refuse":
            raise DataError("the score is empty; fill it in, delete the line, or skip such rows "
                            "(unscored)", path=path, line=row.line)
    if not rows:
        raise DataError("no row has a score", path=path)
    return _of_rows(rows, np.array(scores), [])


def count_unscored(
    path: PathLike,
    *,
    columns: Columns = None,
    header: bool = False,
    separator: str | None = None,
    encoding: str = "utf-8",
    format: str | None = None,
    fmt: FileFormat | None = None,
) -> int:
    """The number of rows that ``read_scored`` skips with ``unscored="skip"``.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"3.8\\ta\\tb\\n\\tc\\td\\n"), file.flush()
    ...     count_unscored(file.name), len(read_scored(file.name, unscored="skip"))
    (1, 1)
    """
    fmt = format_of(fmt, columns, header, separator, encoding, format)
    rows: Iterator[Record] = read_records(path, SCORED, fmt, optional=("score",))
    return sum(not row.cells[0].strip() for row in rows)


def _score(path: PathLike, row: Record) -> float:
    """The score of a row as a number."""
    try:
        score = float(row.cells[0].replace("_", "no number"))  # Python reads 1_0 as 10
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        hint = "if this line is a header, say header"
        if "," in row.cells[0] and "." not in row.cells[0]:
            hint = "write decimals with a point"
        raise DataError(f"the score {quoted(row.cells[0])} is no finite number; {hint}", path=path,
                        line=row.line)
    return score
