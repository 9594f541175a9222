"""Which task a file is for, by its name and its first rows, and where that stays in doubt.

Only a caller that then says what it took the file for should guess, as a command line does. Where
two tasks are possible the answer is None: a table of whole numbers and two texts may hold classes
of pairs or scores, and a wrong guess would train and tell numbers without a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from npft.errors import DataError, check_names, listed
from npft.text.answer_files import is_object
from npft.text.conll import BLANK, split_columns
from npft.text.json_records import json_array, json_lines
from npft.text.layout import FileFormat, check_format
from npft.text.readers import PathLike, check_no_pipe, numbered_lines
from npft.text.records import column_places, separator_of, table_format, table_rows

SAMPLE = 1000  # rows
# The keys or names of a header that make a task; the first set that is there decides.
KEYS: dict[str, tuple[str, ...]] = {
    "answer": ("question", "passage", "answer"),
    "score": ("score", "text", "pair"),
    "pair": ("label", "text", "pair"),
    "classify": ("label", "text"),
}


class Guess(NamedTuple):
    """A task, or None where there is a doubt; and the sign it was told by, or the doubt."""

    task: str | None
    reason: str


def guess_task(path: PathLike, fmt: FileFormat = FileFormat()) -> Guess:
    r"""Whether a file is to classify, pair, score, tag or answer, by its first thousand rows.

    The file is read several times. Raises ``DataError`` for a pipe, and ``DataError`` and
    ``ConfigError`` as a reader of the file would.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"3.8\tA man sleeps\tHe dreams\n0\tA dog\tThe sky\n"), file.flush()
    ...     guess_task(file.name)
    Guess(task='score', reason='three columns, the first of decimal numbers')
    """
    check_format(fmt)
    check_no_pipe(path)
    name = fmt.named(path)
    if name in ("conll", "conllu"):
        return Guess("tag", f"the format is {name}")
    if rows := _single_words(path, fmt):
        return _by_words(rows, fmt.columns)
    # Asked for two cells, a txt is a table: a text alone has no label.
    name = table_format(path, ("label", "text"), fmt)
    if name == "json" and is_object(path, fmt.encoding):
        return Guess("answer", "one JSON object, as SQuAD's")
    names, rows = _sample(path, name, fmt)
    if fmt.columns is None and names is not None:
        for task, wanted in KEYS.items():
            if set(wanted) <= set(names):
                return Guess(task, f"the columns or keys {', '.join(wanted)}")
        if name in ("json", "jsonl"):
            return Guess(None, f"the keys {listed(names) or '(none)'} are of no known task; name "
                               f"the columns")
    return _by_cells(rows)


def _sample(
    path: PathLike, name: str, fmt: FileFormat
) -> tuple[list[str] | None, list[list[str]]]:
    """The names of a header or the keys of the first object, if any; and the first rows."""
    if name in ("json", "jsonl"):
        read = json_array if name == "json" else json_lines
        objects = [x for _, x in islice(read(path, fmt.encoding), SAMPLE) if isinstance(x, dict)]
        keys = list(objects[0]) if objects else []
        return keys, [[str(x.get(key)) for key in fmt.columns or keys] for x in objects]
    table = islice(table_rows(path, name, separator_of(fmt, name), fmt.encoding), SAMPLE)
    rows = [cells for _, cells in table]
    if len(rows) <= fmt.header:
        raise DataError("the file has only blank lines, or only a header", path=path)
    names = [cell.strip() for cell in rows.pop(0)] if fmt.header else None
    if fmt.columns is not None:
        places = column_places(fmt.columns, names, path)
        rows = [[row[k] for k in places] for row in rows if len(row) > max(places)]
    return names and [name.lower() for name in names], rows


def looks_like_tags(
    path: PathLike, fmt: FileFormat = FileFormat(), tag_names: Sequence[str] | None = None
) -> bool:
    r"""Whether a text file, of any name, seems to hold words and tags, in either order.

    The signs, in the first thousand lines: blank lines stand inside, and all other lines have
    the same two to ten columns, each a single word. With ``tag_names``, those of a model, more than
    half of a column must be of these, else they may be sentences of so many words. Raises
    ``DataError`` for a pipe, whose rows would then be missing where it is read.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"O\tIn\nB-LOC\tOslo\n\nO\tYes\n"), file.flush()
    ...     looks_like_tags(file.name), looks_like_tags(file.name, tag_names=["NOUN", "VERB"])
    (True, False)
    """
    check_format(fmt)
    check_no_pipe(path)
    rows = _single_words(path, fmt)
    if tag_names is None:
        return bool(rows)
    names = set(check_names("looks_like_tags: tag_names", tag_names))
    return any(2 * sum(cell in names for cell in column) > len(rows) for column in zip(*rows))


def _single_words(path: PathLike, fmt: FileFormat) -> list[list[str]]:
    """The first rows of a file that seems to hold words and tags, or nothing."""
    if fmt.named(path) in ("json", "jsonl", "csv"):
        return []
    lines = [line.strip(BLANK) for _, line in islice(numbered_lines(path, fmt.encoding), SAMPLE)]
    while lines and not lines[-1]:
        lines.pop()
    first = next((k for k, line in enumerate(lines) if line), 0)
    full = [line for line in lines if line and not line.startswith("-DOCSTART-")]
    # Columns are what tabs divide or, without any tab, spaces; a word has no space in it.
    separator = "\t" if any("\t" in line for line in full) else None
    rows = [split_columns(line, separator) for line in full]
    widths = {len(row) for row in rows}
    single = all(cell and " " not in cell for row in rows for cell in row)
    inside = "" in lines[first:]
    return rows if inside and single and len(widths) == 1 and 2 <= widths.pop() <= 10 else []


def _by_words(rows: list[list[str]], columns: Sequence[int | str] | None) -> Guess:
    """By rows of single words, with blank lines between some of them."""
    reason = "blank lines divide rows that have only single words"
    width = len(rows[0])
    places = [c - 1 for c in columns or () if isinstance(c, int) and c <= width]
    word, tag = places if len(places) == 2 else (0, width - 1)
    if len({row[word] for row in rows}) < len({row[tag] for row in rows}):
        return Guess(None, f"{reason}, as words and their tags are, but the tags seem to stand "
                           f"before the words; name the columns of word and tag, in this order")
    return Guess("tag", reason)


def _by_cells(rows: list[list[str]]) -> Guess:
    """By the cells of a table without a header; a reader will name rows of another width."""
    if not rows:
        return Guess(None, "no row has the columns that are named")
    widths = Counter(len(row) for row in rows)
    width = max(widths, key=lambda k: (widths[k], k))
    rows = [row for row in rows if len(row) == width]
    if width == 2:
        return Guess("classify", "two columns, a label and a text")
    # The start of an answer may be missing.
    cut_out = width in (3, 4) and all(row[2].strip() and row[2] in row[1] for row in rows)
    if width == 4 and cut_out:
        return Guess("answer", "four columns, of which the third stands in the second")
    if width != 3:
        return Guess(None, f"{width} columns can be of several tasks")
    first = [row[0].strip() for row in rows if row[0].strip()]
    if first and all(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", cell, re.ASCII) for cell in first):
        if any("." in cell for cell in first):
            return Guess("score", "three columns, the first of decimal numbers")
        return Guess(None, "three columns, the first of whole numbers, can be scores or classes "
                           "of pairs")
    if len(set(first)) <= max(2, min(20, len(rows) / 2)) and len(set(first)) < len(rows):
        return Guess("pair", f"three columns, the first with {len(set(first))} different labels")
    if cut_out:
        return Guess("answer", "three columns, of which the third stands in the second")
    return Guess(None, f"three columns, the first with {len(set(first))} different cells in "
                       f"{len(rows)} rows")
