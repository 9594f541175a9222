"""Text files: their lines, and plain text as documents of sentences for pretraining.

Files are UTF-8; a byte order mark is dropped. Only a line feed ends a line (a carriage return
before it goes too), so a line may hold any other character. A file that breaks the rules of its
reader is refused with its name and line, never half read.

Tables of labelled texts are read in ``tables``, texts with a tag for each word in ``conll``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from npft.errors import DataError

PathLike = str | os.PathLike[str]
# . ! or ? with closing quotes or brackets, white space, and something more to come.
SENTENCE_END = re.compile(r"""(?<=[.!?])(["'\u2019\u201d)\]]*)\s+(?=\S)""")


def read_utf8(path: PathLike) -> str:
    """The text of a UTF-8 file, without the byte order mark.

    Raises ``DataError`` for a file that is missing, a directory, empty, binary or not UTF-8.
    """
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
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"is not UTF-8 (byte 0x{data[error.start]:02x}); save the file as UTF-8",
                        path=path, line=line) from None


def read_lines(path: PathLike) -> list[str]:
    """The lines of a UTF-8 text file, blank ones included; raises what ``read_utf8`` raises."""
    return [line.removesuffix("\r") for line in read_utf8(path).split("\n")]


def read_text(path: PathLike, *, titles: bool = True, wrapped: bool = False) -> list[list[str]]:
    """Read plain text as documents, each a list of sentences.

    Blank lines divide documents; a file without blank lines is one document. A line is one
    sentence, unless the lines are paragraphs: if in more than half of the lines a sentence ends
    before the line does, every line is cut after . ! or ? where white space follows.

    titles: False leaves out lines in square brackets, as ``[ Emma by Jane Austen 1816 ]``.
    wrapped: True for prose with a line break after every 70 characters or so: the lines between
        two blank lines are joined with spaces, and then cut into sentences.

    Raises ``DataError`` for a file that is missing, empty, binary or not UTF-8.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"It rained. We stayed.\\n\\nThe sun rose! We left."), file.flush()
    ...     read_text(file.name)
    [['It rained.', 'We stayed.'], ['The sun rose!', 'We left.']]
    """
    lines = [line.strip() for line in read_lines(path)]
    if not titles:
        lines = [line for line in lines if not (line.startswith("[") and line.endswith("]"))]
    full = [line for line in lines if line]
    if not full:
        what = "blank lines" if titles else "blank lines and titles"
        raise DataError(f"the file has only {what}", path=path)
    paragraphs = sum(SENTENCE_END.search(line) is not None for line in full) > len(full) / 2
    documents: list[list[str]] = [[]]
    for line in lines:
        if line:
            documents[-1].append(line)
        elif documents[-1]:
            documents.append([])
    documents = [document for document in documents if document]
    if wrapped:
        documents = [[" ".join(document)] for document in documents]
    if not (paragraphs or wrapped):
        return documents
    return [[part for line in document for part in SENTENCE_END.sub(r"\1\n", line).split("\n")]
            for document in documents]
