"""Texts from files: tables of labelled texts or pairs, and plain text for pretraining.

    read_labelled   label<TAB>text             spam<TAB>Win a prize now
    read_pairs      label<TAB>text<TAB>text    entailment<TAB>A man sleeps<TAB>Someone sleeps
    read_text       plain text, a blank line between documents

Files are UTF-8; a byte order mark is dropped. Only a line feed ends a line (a carriage return
before it goes too), so a text may hold any other character except the tab. There is no quoting
and no header: ``"`` is a character like others. A file that breaks these rules is refused with
its name and line, never half read.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from npft.errors import DataError
from npft.text.examples import Examples

PathLike = str | os.PathLike[str]
# . ! or ? with closing quotes or brackets, white space, and something more to come.
SENTENCE_END = re.compile(r"""(?<=[.!?])(["'\u2019\u201d)\]]*)\s+(?=\S)""")


def _lines(path: PathLike) -> list[str]:
    """The lines of a UTF-8 text file, or ``DataError`` that says why it is none."""
    try:
        data = Path(path).read_bytes()
    except IsADirectoryError:
        raise DataError("is a directory, expected a text file", path=path) from None
    except FileNotFoundError:
        raise DataError("there is no such file; check the name", path=path) from None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", path=path) from None
    if not data:
        raise DataError("the file is empty; give at least one line", path=path)
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise DataError("holds a NUL byte, so this is a binary file (or UTF-16); expected text "
                        "in UTF-8", path=path, line=line)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"is not UTF-8 (byte 0x{data[error.start]:02x}); save the file as UTF-8",
                        path=path, line=line) from None
    return [line.removesuffix("\r") for line in text.split("\n")]


def _read_table(
    path: PathLike, columns: tuple[str, ...], known: list[str] | None
) -> list[list[str]]:
    """The rows of a tab-separated table, one list for each column: the first is the label.

    A label that is not ``known`` is refused; None knows all.
    """
    layout = "<TAB>".join(columns)
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip() and "\t" not in line:
            continue
        cells = line.split("\t")
        if len(cells) < len(columns):
            raise DataError(f"has {len(cells) - 1} tabs, expected {layout}; put one tab between "
                            f"the columns (many editors write spaces for the tab key)",
                            path=path, line=number)
        if len(cells) > len(columns):
            raise DataError(f"has {len(cells) - 1} tabs, expected {layout}; write a tab inside a "
                            f"text as a space", path=path, line=number)
        for name, cell in zip(columns, cells):
            if not cell.strip():
                raise DataError(f"the {name} is empty, expected {layout}; fill it in or delete "
                                f"the line", path=path, line=number)
        if known is not None and cells[0].strip() not in known:
            raise DataError(f"the label {cells[0].strip()!r} is unknown to the model, expected one "
                            f"of {', '.join(known)}", path=path, line=number)
        rows.append(cells)
    if not rows:
        raise DataError("the file has only blank lines", path=path)
    return [list(column) for column in zip(*rows)]


def _examples(
    labels: list[str], texts: list[str], pairs: list[str] | None, known: list[str] | None
) -> Examples:
    """Number the labels as in ``known``, or in the order of their sorted names: ham 0, spam 1."""
    labels = [label.strip() for label in labels]
    names = sorted(set(labels)) if known is None else known
    number = {name: k for k, name in enumerate(names)}
    return Examples(texts, np.array([number[label] for label in labels]), names, pairs)


def read_labelled(path: PathLike, label_names: list[str] | None = None) -> Examples:
    r"""Read ``label<TAB>text`` lines: for each line a text and the class of its label.

    Classes are numbered in the order of the sorted label names, or as in ``label_names``, and
    then another label is refused. Blank lines are skipped.

    Raises ``DataError``, naming file and line, for a file that is missing, empty, binary or not
    UTF-8, for a line without just one tab, for an empty label or text.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"spam\tWin a prize\nham\tSee you at 8\n"), file.flush()
    ...     e = read_labelled(file.name)
    >>> e.texts, e.labels, e.label_names
    (['Win a prize', 'See you at 8'], array([1, 0]), ['ham', 'spam'])
    """
    labels, texts = _read_table(path, ("label", "text"), label_names)
    return _examples(labels, texts, None, label_names)


def read_pairs(path: PathLike, label_names: list[str] | None = None) -> Examples:
    """Read ``label<TAB>text<TAB>text`` lines: pairs of texts, such as a premise and a hypothesis.

    The rules and the errors are those of ``read_labelled``; the second texts are ``pairs``.
    """
    labels, texts, pairs = _read_table(path, ("label", "text", "text"), label_names)
    return _examples(labels, texts, pairs, label_names)


def read_text(path: PathLike) -> list[list[str]]:
    """Read plain text as documents, each a list of sentences.

    Blank lines divide documents; a file without blank lines is one document. A line is one
    sentence, unless the lines are paragraphs: if in more than half of the lines a sentence ends
    before the line does, every line is cut after . ! or ? where white space follows.

    Raises ``DataError`` for a file that is missing, empty, binary or not UTF-8.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"It rained. We stayed.\\n\\nThe sun rose! We left."), file.flush()
    ...     read_text(file.name)
    [['It rained.', 'We stayed.'], ['The sun rose!', 'We left.']]
    """
    lines = [line.strip() for line in _lines(path)]
    full = [line for line in lines if line]
    if not full:
        raise DataError("the file has only blank lines", path=path)
    paragraphs = sum(SENTENCE_END.search(line) is not None for line in full) > len(full) / 2
    documents: list[list[str]] = [[]]
    for line in lines:
        if line:
            documents[-1] += SENTENCE_END.sub(r"\1\n", line).split("\n") if paragraphs else [line]
        elif documents[-1]:
            documents.append([])
    return [document for document in documents if document]
