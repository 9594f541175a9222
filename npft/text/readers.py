"""Text files: their lines, as they are read, and plain text as documents of sentences.

A file, or a stream such as standard input, is decoded piece by piece, so that its first line is
there before its last one is read. A byte order mark is dropped, at the beginning of any line, for
files that were joined have some inside. Only a line feed ends a line (a carriage return before it
goes too), so a line may hold any other character; a file without any line feed has carriage returns
in its place, as old Mac files do. What breaks these rules is refused with its name and line, never
half read.

Tables are read in ``records``, texts with a tag for each word in ``conll``.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, BinaryIO

from npft.atomic import is_path
from npft.errors import ConfigError, DataError, quoted

PathLike = str | os.PathLike[str]
Source = PathLike | BinaryIO
CHUNK = 1 << 16  # bytes that are read at once
# . ! or ? with closing quotes or brackets, white space, and something more to come.
SENTENCE_END = re.compile(r"""(?<=[.!?])(["'\u2019\u201d)\]]*)\s+(?=\S)""")
NO_TEXT = re.compile("[\0\ud800-\udfff]")  # NUL, and halves of a surrogate pair


def source_name(source: Any) -> str:
    """What messages call a file or a stream: its path, or "standard input" without one."""
    if not hasattr(source, "read"):
        return str(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) and name != "<stdin>" else "standard input"


def check_no_pipe(path: Any, mend: str = "give a file") -> None:
    """Refuse a pipe where a file is read more than once, since what it gave at first is then lost.

    So are all others that are there and neither a file nor a folder, such as a terminal. What is
    not there at all is left to the reader. Raises ``DataError``, which ends in the ``mend``.

    >>> check_no_pipe("none.tsv")
    """
    try:
        mode = os.stat(path).st_mode if is_path(path) else stat.S_IFREG
    except (OSError, ValueError):  # a reader says what is wrong with it
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        what = "a pipe" if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else "a device"
        raise DataError(f"is {what}, which can be read once only; {mend}", path=path)


@contextmanager
def _opened(source: Any) -> Iterator[Any]:
    """A stream as it is, and left open; or an opened file."""
    if hasattr(source, "read"):
        yield source
        return
    if not is_path(source):
        raise ConfigError(f"the file is {quoted(source)}, expected its name or a binary stream")
    try:
        file = open(source, "rb")
    except IsADirectoryError:
        raise DataError("is a directory, expected a text file", path=source) from None
    except FileNotFoundError:
        raise DataError("there is no such file; check the name", path=source) from None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", path=source) from None
    with file:
        yield file


def _chunks(source: Source) -> Iterator[bytes]:
    with _opened(source) as stream:
        # read1 takes what a pipe holds now; read would wait until there are CHUNK bytes.
        read = getattr(stream, "read1", stream.read)
        while True:
            try:
                chunk = read(CHUNK)
            except (OSError, ValueError) as error:
                raise DataError(f"cannot be read: {error}", path=source_name(source)) from None
            if not isinstance(chunk, bytes):
                raise ConfigError("the stream does not give bytes, expected a binary stream, such "
                                  "as sys.stdin.buffer or open(path, 'rb')")
            if not chunk:
                return
            yield chunk


def _decoded(source: Source, encoding: str) -> Iterator[str]:
    """The text piece by piece."""
    name = source_name(source)
    decoder = codecs.getincrementaldecoder(encoding)()
    size, line = 0, 1  # bytes read, the line reached
    for chunk in chain(_chunks(source), [b""]):
        size += len(chunk)
        if not size:
            raise DataError("the file is empty; give at least one line", path=name)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeError as error:
            first = chunk if size == len(chunk) else b""
            raise _not_decoded(error, first, encoding, name, line) from None
        if bad := NO_TEXT.search(text):
            raise _no_text(bad.group(), name, line + _breaks(text[: bad.start()]))
        line += text.count("\n")
        yield text


def _breaks(text: str) -> int:
    """The number of line ends: line feeds or, in the text of an old Mac, carriage returns."""
    return text.count("\n") or text.count("\r")


def _no_text(character: str, name: str, line: int) -> DataError:
    if character == "\0":
        return DataError("holds a NUL byte, so this is a binary file, or UTF-16; for that say "
                         "encoding utf-16", path=name, line=line)
    return DataError("holds half of a surrogate pair, which is no character", path=name, line=line)


def _not_decoded(
    error: UnicodeError, first: bytes, encoding: str, name: str, line: int
) -> DataError:
    """What is wrong with bytes that are no text in the encoding, and which encoding would do.

    first: the bytes at the beginning of the file, if the error is among them.
    """
    reason = getattr(error, "reason", str(error))
    if not isinstance(error, UnicodeDecodeError) or "BOM" in reason:  # by the version of Python
        return DataError(f"is no text in {encoding}: {reason}; say the encoding it was written in, "
                         f"such as utf-16-le", path=name, line=line)
    data = error.object
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return DataError("is UTF-16, by its first two bytes; say encoding utf-16", path=name,
                         line=line)
    utf_8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
    if utf_8 and b"\0" in data:
        return _no_text("\0", name, line + data[: data.index(b"\0")].count(b"\n"))
    line += _breaks(data[: error.start].decode(encoding, "ignore"))
    byte = f"(byte 0x{data[error.start]:02x})"
    if not utf_8:
        return DataError(f"is not {encoding} {byte}; say the encoding it was written in, such as "
                         f"utf-8 or latin-1", path=name, line=line)
    return DataError(f"is not UTF-8 {byte}; if it is Western European text say encoding "
                     f"{_western(data[error.start :])}, else the encoding it was written in",
                     path=name, line=line)


def _western(data: bytes) -> str:
    """The encoding in which Western European bytes were probably written.

    Latin-1 has control characters where the encoding of Windows, cp1252, has quotes and dashes.
    """
    if not re.search(rb"[\x80-\x9f]", data):
        return "latin-1"
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252 or latin-1"


def raw_lines(source: Source, encoding: str = "utf-8") -> Iterator[str]:
    """The lines without their line feeds, but with the carriage returns before them."""
    parts: list[str] = []  # of the line that has begun
    first = True
    for text in _decoded(source, encoding):
        head, *more = text.split("\n")
        parts.append(head)
        for start in more:
            yield _unmarked("".join(parts))
            parts, first = [start], False
    last = _unmarked("".join(parts))
    if first:  # there was no line feed in the whole file
        yield from map(_unmarked, last.removesuffix("\r").split("\r")) if last else []
    elif last:
        yield last


def _unmarked(line: str) -> str:
    """A line without the byte order marks at its beginning."""
    return line.lstrip("\ufeff")


def numbered_lines(source: Source, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """Each line, blank ones included, with its number from 1, as the file is read.

    source: a path, or a binary stream. encoding: the name of one that Python knows.

    Raises ``DataError`` with file and line for a file that is missing, a directory, empty, binary
    or written in another encoding; ``ConfigError`` for a stream of text.

    >>> import io
    >>> list(numbered_lines(io.BytesIO(b"caf\\xc3\\xa9\\r\\n\\nb")))
    [(1, 'café'), (2, ''), (3, 'b')]
    """
    for number, line in enumerate(raw_lines(source, encoding), start=1):
        yield number, line.removesuffix("\r")


def read_text(
    path: PathLike, *, titles: bool = True, wrapped: bool = False, encoding: str = "utf-8"
) -> list[list[str]]:
    """Read plain text as documents, each a list of sentences.

    Blank lines divide documents; a file without blank lines is one document. A line is one
    sentence, unless the lines are paragraphs: if in more than half of the lines a sentence ends
    before the line does, every line is cut after . ! or ? where white space follows.

    titles: False leaves out lines in square brackets, as ``[ Emma by Jane Austen 1816 ]``.
    wrapped: True for prose with a line break after every 70 characters or so: the lines between
        two blank lines are joined with spaces, and then cut into sentences.
    encoding: the name of one that Python knows.

    Raises ``DataError`` for a file that is missing, empty, binary or not in this encoding.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"It rained. We stayed.\\n\\nThe sun rose! We left."), file.flush()
    ...     read_text(file.name)
    [['It rained.', 'We stayed.'], ['The sun rose!', 'We left.']]
    """
    check_encoding(encoding)
    lines = [line.strip() for _, line in numbered_lines(path, encoding)]
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


def check_encoding(encoding: Any) -> None:
    """Raise ``ConfigError`` unless Python knows a text encoding of this name.

    >>> check_encoding("latin1")
    >>> check_encoding("utf-9")
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: encoding is 'utf-9', expected one such as utf-8, latin-1 or utf-16
    """
    try:
        "a".encode(encoding)  # unlike codecs.lookup, this refuses "base64" and its like
    except (LookupError, TypeError, ValueError):
        raise ConfigError(f"encoding is {quoted(encoding)}, expected one such as utf-8, latin-1 or "
                          f"utf-16") from None
