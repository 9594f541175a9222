"""JSON objects of a file, one on each line or in one array, and their cells as strings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from npft.errors import DataError, listed, quoted
from npft.strict_json import DECODER
from npft.text.readers import NO_TEXT, Source, numbered_lines, source_name

Objects = Iterator[tuple[int, Any]]  # number of the first line, any JSON value
SPACE = re.compile(r"[ \t\r\n]*")
# What stands in a cell besides strings, and how a message calls it; a text is only a string.
NUMBERS: dict[str, tuple[tuple[type, ...], str]] = {
    "label": ((int,), " or a whole number"),
    "start": ((int,), " or a whole number"),
    "score": ((int, float), " or a number"),
}


def json_lines(source: Source, encoding: str = "utf-8") -> Objects:
    """The value on each line that is not blank, with the number of the line.

    Raises ``DataError`` with file and line for a line that is no JSON.

    >>> import io
    >>> list(json_lines(io.BytesIO(b'{"text": "a"}\\n\\n[1]')))
    [(1, {'text': 'a'}), (3, [1])]
    """
    for number, line in numbered_lines(source, encoding):
        if line.strip():
            try:
                yield number, DECODER.decode(line)
            except (ValueError, RecursionError) as error:
                array = number == 1 and line.strip() in ("[", "[{")
                mend = "if the file is one array say format json" if array else (
                    "write one object on each line")
                raise DataError(f"is no JSON: {error}; {mend}", path=source_name(source),
                                line=number) from None


def json_array(source: Source, encoding: str = "utf-8") -> Objects:
    """Each item of one JSON array, with the number of the line on which it begins.

    Raises ``DataError`` with file and line for anything but one array.

    >>> import io
    >>> list(json_array(io.BytesIO(b'[{"text": "a"},\\n {"text": "b"}]')))
    [(1, {'text': 'a'}), (2, {'text': 'b'})]
    """
    text = "\n".join(line for _, line in numbered_lines(source, encoding))
    path, line, seen = source_name(source), 1, 0

    def next_place(place: int) -> int:
        """The next place without white space; ``line`` becomes its line."""
        nonlocal line, seen
        place = SPACE.match(text, place).end()  # type: ignore[union-attr]
        line, seen = line + text.count("\n", seen, place), place
        return place

    place = next_place(0)
    if place == len(text):
        raise DataError("the file has only blank lines", path=path)
    if text[place] != "[":
        mend = ""
        if text[place] == "{":  # SQuAD's JSON comes here from a pipe, or for another task
            mend = ("; give SQuAD's JSON as a file, for the task answer" if '"qas"' in text else
                    "; for one object on each line say format jsonl")
        raise DataError(f"begins with {quoted(text[place])}, expected an array of objects, "
                        f"[{{...}}, {{...}}]{mend}", path=path, line=line)
    place = next_place(place + 1)
    more = text[place : place + 1] != "]"
    while more:
        try:
            value, end = DECODER.raw_decode(text, place)
        except json.JSONDecodeError as error:
            next_place(error.pos)
            raise DataError(f"is no JSON: {error.msg}", path=path, line=line) from None
        except (ValueError, RecursionError) as error:
            raise DataError(f"is no JSON: {error}", path=path, line=line) from None
        yield line, value
        place = next_place(end)
        mark = text[place : place + 1]
        if mark not in (",", "]"):
            raise DataError(f"is no JSON: {quoted(mark)} after an object, expected a comma or ]",
                            path=path, line=line)
        more = mark == ","
        if more:
            place = next_place(place + 1)
    if next_place(place + 1) < len(text):
        raise DataError("something stands after the end of the array; the file must be one array",
                        path=path, line=line)


def json_cells(
    value: Any, layout: Sequence[str], keys: Sequence[str], optional: Sequence[str], path: str,
    line: int,
) -> list[str]:
    """The cells of an object as strings, in the order of ``layout``.

    keys: where the object has them. optional: the cells that may be null, empty or missing.

    Raises ``DataError`` for anything but an object with these keys and such values.

    >>> json_cells({"a": "Hi", "b": 3}, ("label", "text"), ("b", "a"), (), "x.jsonl", 1)
    ['3', 'Hi']
    """
    place = dict(zip(layout, keys))
    needed = [place[cell] for cell in layout if cell not in optional]
    if not isinstance(value, dict) or not set(needed) <= set(value):
        what = f"an object with the keys {listed(value)}" if isinstance(value, dict) else (
            type(value).__name__)
        raise DataError(f"is {what}, expected an object with {listed(needed)}; name the keys with "
                        f"columns, in the order {', '.join(layout)}", path=path, line=line)
    return [_cell(value.get(place.get(cell)), cell, place.get(cell, cell), cell in optional, path,
                  line) for cell in layout]


def _cell(value: Any, cell: str, key: str, optional: bool, path: str, line: int) -> str:
    """The value of a key as a string."""
    if optional and value is None:
        return ""
    kinds, words = NUMBERS.get(cell, ((), ""))
    if isinstance(value, kinds) and not isinstance(value, bool):
        return repr(value)
    if not isinstance(value, str) or not (value.strip() or optional):
        mend = "; if it is a score, read scores" * (
            cell == "label" and isinstance(value, float))
        raise DataError(f"{key} is {quoted(value)}, expected a string{words} that is not empty"
                        f"{mend}", path=path, line=line)
    if bad := NO_TEXT.search(value):
        what = "a NUL" if bad.group() == "\0" else "half of a surrogate pair"
        raise DataError(f"{key} has {what}, which is no character of a text", path=path, line=line)
    return value
