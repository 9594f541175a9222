"""What a file seems to be when it does not fit its layout: the mend that a message proposes.

Nothing is read by these signs. They only decide which words an error has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from npft.errors import listed, quoted

# Words that name a column: of the files of data-science sites, of GLUE, SQuAD and others.
COLUMN_NAMES = frozenset("""
    answer answers category class context headline hypothesis id intent label labels message
    passage premise question rating review score sentence sentiment tag tags target text title token
    tweet utterance v1 v2 word words
""".split())
CANDIDATES = {"\t": "format tsv", ",": "format csv", ";": "separator ';'", "|": "separator '|'"}


def is_column_name(cell: str) -> bool:
    """Whether a cell is or holds a word that names columns, and is as short as such names are.

    >>> [is_column_name(cell) for cell in ("v1", "gold_label", "Sentence 2", "I love this text")]
    [True, True, True, False]
    """
    parts = re.split(r"[\W_\d]+", cell.strip().lower())
    named = cell.strip().lower() in COLUMN_NAMES or not COLUMN_NAMES.isdisjoint(parts)
    return named and len(parts) <= 3 and len(cell) <= 30


def looks_like_header(cells: Sequence[str]) -> bool:
    """Whether the cells of a row, but for empty ones, look like names, one of a known column.

    >>> looks_like_header(["v1", "v2", "", ""]), looks_like_header(["ham", "see you at 8"])
    (True, False)
    """
    names = [cell.strip() for cell in cells if cell.strip()]
    short = all(len(name) <= 30 and len(name.split()) <= 2 for name in names)
    return short and any(map(is_column_name, names))


def header_hint(cells: Sequence[str]) -> str:
    """What to say of a row that looks like a header."""
    names = [cell.strip() for cell in cells if cell.strip()]
    return (f"row 1 looks like a header with the columns {listed(names)}: say header, and name the "
            f"columns if they are others or stand in another order")


def mend_width(cells: Sequence[str], few: bool, least: int, separator: str, first: bool) -> str:
    """How to mend a row with too few or too many cells, of which ``least`` were expected.

    first: whether it is the first row, so that the whole file may be of another kind.

    >>> mend_width(["ham;see you"], few=True, least=2, separator="\\t", first=True)
    "if ';' divides the columns, say separator ';'"
    """
    line = separator.join(cells).strip()
    if first and looks_like_header(cells) and (len(cells) > 1 or not few):
        return header_hint(cells)
    if few and first:
        if line.startswith("{") or line == "[" or line.startswith(("[{", "[ {")):
            return f"this looks like JSON: say format {'jsonl' if line.startswith('{') else 'json'}"
        for other, say in CANDIDATES.items():
            if other != separator and line.count(other) >= max(1, least - 1):
                what = "tabs divide" if other == "\t" else f"{other!r} divides"
                tab = r", or separator '\t'" if other == "\t" else ""
                return f"if {what} the columns, say {say}{tab}"
    if few and separator == "\t":
        space = f", after {quoted(line.split()[0])} if that is the label" if " " in line else ""
        return (f"put one tab between the columns of {quoted(line)}{space} (many editors write "
                f"spaces for the tab key)")
    if few:
        return f"name the separator if it is not {separator!r}; the row is {quoted(line)}"
    if not any(cell.strip() for cell in cells[least:]):
        return "the last cells are empty: name the columns, and then further ones are ignored"
    if separator == "\t":
        return "write a tab inside a text as a space, or name the columns"
    return f"put a cell with {separator!r} in it in quotes, or name the columns"
