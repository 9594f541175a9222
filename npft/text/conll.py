"""Texts with a tag for each word, as the CoNLL shared tasks and Universal Dependencies write them.

    read_conll      word<TAB>tag, a blank line between sentences
    read_conllu     the ten columns of CoNLL-U (universaldependencies.org/format.html)
    read_tagged     one of the two, as a ``FileFormat`` says

Columns are divided by tabs or spaces and by nothing else: a word may hold other white space, such
as U+00A0 or U+3000.

Entity tags come in several schemes. In IOB1 an entity begins with I-type, and with B-type only
right after another entity of its type; in IOB2, or BIO, it always begins with B-type. Of these two
the readers make IOB2. IOBES and BILOU, which also mark the last word, stay as they are.

    words   Alex   is  in  Los    Angeles
    IOB1    I-PER  O   O   I-LOC  I-LOC
    IOB2    B-PER  O   O   B-LOC  I-LOC
    IOBES   S-PER  O   O   B-LOC  E-LOC
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from npft.errors import (
    ConfigError, DataError, check_choice, check_names, check_strings, listed, quoted,
)
from npft.text.layout import FileFormat, check_format
from npft.text.readers import PathLike, check_encoding, numbered_lines
from npft.text.records import column_places
from npft.text.tagged import TaggedTexts

CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
BLANK = " \t\r"  # what divides columns, or is left of a line end
Iob = bool | str  # "auto", True or False


def is_iob(tag: str) -> bool:
    """Whether a tag is O, B-type or I-type.

    >>> [is_iob(tag) for tag in ("O", "B-LOC", "I-LOC", "S-LOC", "B-", "NOUN")]
    [True, True, True, False, False, False]
    """
    return tag == "O" or (tag[:2] in ("B-", "I-") and len(tag) > 2)


def iob2(tags: Sequence[str]) -> list[str]:
    """Turn the tags of one text from IOB1 into IOB2; tags that are IOB2 stay as they are.

    An I-type that does not go on an entity of its type begins one, and so becomes B-type.

    Raises ``DataError`` for a tag that is not O, B-type or I-type, ``DtypeError`` for what is no
    list of strings.

    >>> iob2(["I-PER", "O", "I-LOC", "I-LOC", "B-LOC", "I-PER"])
    ['B-PER', 'O', 'B-LOC', 'I-LOC', 'B-LOC', 'B-PER']
    """
    out: list[str] = []
    before = "O"
    for tag in check_strings("iob2: tags", tags):
        if not is_iob(tag):
            raise DataError(f"the tag {quoted(tag)} is neither O nor B-type nor I-type")
        begins = tag.startswith("I-") and before[2:] != tag[2:]
        out.append(f"B-{tag[2:]}" if begins else tag)
        before = tag
    return out


def split_columns(line: str, separator: str | None) -> list[str]:
    """The columns of a line; None or " " stands for any number of spaces and tabs.

    >>> split_columns("10\\u00a0000  CD\\tO", None)
    ['10\\xa0000', 'CD', 'O']
    """
    if separator in (None, " "):
        return re.split("[ \t]+", line.strip(BLANK))
    return [cell.strip(BLANK) for cell in line.split(separator)]


def read_conll(
    path: PathLike,
    *,
    columns: Sequence[int | str] | None = None,
    separator: str | None = "\t",
    iob: Iob = "auto",
    header: bool = False,
    encoding: str = "utf-8",
) -> TaggedTexts:
    r"""Read ``word<TAB>tag`` lines as sentences; a blank line ends one.

    columns: where the word and the tag stand, numbers from 1, or names of the header; then there
        may be further columns. Without it a line has just these two.
    separator: what stands between columns; None, or a space, for any number of spaces and tabs.
    iob: "auto": if all tags are O, B-type and I-type they are entities in IOB1 or IOB2 and become
        IOB2, else they stay as they are. True refuses other tags. False leaves all as they are.
    header: True if the first line names the columns.

    A line that begins with ``-DOCSTART-`` begins a document: ``groups`` number them from 0.
    CoNLL-2003 is ``read_conll(path, columns=(1, 4), separator=None)``.

    Raises ``DataError``, naming file and line, for a file that is missing, empty, binary or in
    another encoding, another number of columns, an empty word or tag, with ``iob=True`` another
    tag; ``ConfigError`` for options that make no sense.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"In\tO\nOslo\tI-LOC\n\nYes\tO\n"), file.flush()
    ...     t = read_conll(file.name)
    >>> t.words, t.tags
    ([['In', 'Oslo'], ['Yes']], [['O', 'B-LOC'], ['O']])
    """
    return _conll(path, columns, separator, iob, header, encoding).tagged(path, iob)


def _conll(
    path: PathLike, columns: Sequence[int | str] | None, separator: str | None, iob: Iob,
    header: bool, encoding: str, tag_names: Sequence[str] | None = None,
) -> _Sentences:
    """What ``read_conll`` reads."""
    _check_iob(iob)
    FileFormat("conll", columns, header, separator, encoding)  # type: ignore[arg-type]
    if columns is not None and len(columns) != 2:
        raise ConfigError(f"read_conll: columns is {quoted(columns)}, expected two: where the word "
                          f"and the tag stand")
    lines = numbered_lines(path, encoding)
    names = split_columns(_first_line(path, lines), separator) if header else None
    word_at, tag_at = places = column_places(columns or (1, 2), names, path)
    sentences = _Sentences(tag_names)
    for number, line in lines:
        if not line.strip(BLANK):
            sentences.end()
            continue
        cells = split_columns(line, separator)
        if split_columns(line, None)[0] == "-DOCSTART-":
            sentences.begin_document()
            continue
        if len(cells) <= max(places) or (columns is None and len(cells) != 2):
            raise _wrong_columns(path, number, cells, columns, max(places) + 1)
        word, tag = cells[word_at], cells[tag_at]
        if word == "-DOCSTART-":
            sentences.begin_document()
            continue
        if not word or not tag:
            raise DataError(f"the {'tag' if word else 'word'} is empty, expected a word and its "
                            f"tag; fill it in or delete the line", path=path, line=number)
        if iob is True and not is_iob(tag):
            raise DataError(f"the tag {quoted(tag)} is neither O nor B-type nor I-type; say "
                            f"iob=False for tags of another kind", path=path, line=number)
        sentences.add(word, tag, number)
    return sentences


def _check_iob(iob: Iob) -> None:
    if not isinstance(iob, bool) and not (isinstance(iob, str) and iob == "auto"):
        raise ConfigError(f"iob is {quoted(iob)}, expected 'auto', True or False")


def _first_line(path: PathLike, lines: Iterator[tuple[int, str]]) -> str:
    for _, line in lines:
        if line.strip(BLANK):
            return line
    raise DataError("the file has no word", path=path)


def _wrong_columns(
    path: PathLike, number: int, cells: list[str], columns: Sequence[int | str] | None, least: int
) -> DataError:
    want = f"{least} or more" if columns else "2, word<TAB>tag"
    if len(cells) > 2 and columns is None:
        mend = f"name the columns, or say which two, such as 1 and {len(cells)}"
    else:
        mend = "name the columns, or say separator ' ' if spaces divide them"
    return DataError(f"has {len(cells)} columns, expected {want}; {mend}; the first is "
                     f"{quoted(cells[0])}", path=path, line=number)


def read_tagged(
    path: PathLike, fmt: FileFormat = FileFormat(), *, iob: Iob = "auto",
    tag_names: Sequence[str] | None = None,
) -> TaggedTexts:
    r"""Read a file of words and tags: ``conllu``, or ``conll`` for all other names of files.

    fmt: its ``columns`` are those of the word and of the tag; of a ``conllu`` numbers from 1,
        or the names in ``CONLLU``; without them form and upos. Without a
        separator columns are divided by spaces and tabs, in a ``tsv`` by tabs. A txt is a conll.
    iob: as in ``read_conll``; a ``conllu`` is left as it is.
    tag_names: the tags that a model or a training file knows: any other is refused with its line.

    Raises what ``read_conll`` and ``read_conllu`` raise; ``ConfigError`` for other formats.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".conll") as file:
    ...     _ = file.write(b"Ann\tB-PER\nsleeps\tO\n\nOslo\tB-LOC\n"), file.flush()
    ...     tagged = read_tagged(file.name)
    >>> tagged.words, tagged.tags
    ([['Ann', 'sleeps'], ['Oslo']], [['B-PER', 'O'], ['B-LOC']])
    """
    check_format(fmt)
    name = fmt.named(path, "conll")
    if name == "conllu":
        fmt.refuse(name, "header", "separator")
        return _conllu(path, _conllu_column(fmt), fmt.encoding, tag_names).tagged(path, False)
    if name not in ("conll", "tsv", "txt"):
        raise ConfigError(f"{path}: the format {name} has no tags for words, expected a "
                          f"word and its tag on each line; if the file has them say format conll")
    separator = fmt.separator or ("\t" if name == "tsv" else None)
    sentences = _conll(path, fmt.columns, separator, iob, fmt.header, fmt.encoding, tag_names)
    return sentences.tagged(path, iob)


def _conllu_column(fmt: FileFormat) -> str:
    """The name of the column of the tags."""
    if fmt.columns is None:
        return "upos"
    names = [CONLLU[c - 1] if isinstance(c, int) and c <= 10 else c for c in fmt.columns]
    if len(names) != 2 or names[0] != "form" or names[1] not in CONLLU:
        raise ConfigError(f"columns is {quoted(fmt.columns)}, expected form, or 2, and one of "
                          f"{', '.join(CONLLU)}")
    return str(names[1])


def read_conllu(
    path: PathLike, column: str = "upos", *, encoding: str = "utf-8"
) -> TaggedTexts:
    r"""Read a CoNLL-U file: its words and one column as tags, parts of speech by default.

    column: ``upos`` (universal), ``xpos`` (of the language), ``deprel``, or another of the ten.

    Words are the syntactic words: ranges ``3-4`` (don't, divided into do and n't) and empty nodes
    ``3.1`` are left out. ``# newdoc`` lines begin a document: ``groups`` number them from 0.

    Raises ``DataError``, naming file and line, for a file that is missing, empty, binary or in
    another encoding, a line without ten columns, ids that do not run 1, 2, 3, ..., an empty cell;
    ``ConfigError`` for a column that does not exist.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     for cells in ("1-2 Don't _", "1 Do AUX", "2 n't PART", "3 go VERB"):
    ...         i, form, upos = cells.split()
    ...         line = "\t".join([i, form, "_", upos] + ["_"] * 6) + "\n"
    ...         _ = file.write(line.encode()), file.flush()
    ...     t = read_conllu(file.name)
    >>> t.words, t.tags
    ([['Do', "n't", 'go']], [['AUX', 'PART', 'VERB']])
    """
    return _conllu(path, column, encoding).tagged(path, iob=False)


def _conllu(
    path: PathLike, column: str, encoding: str, tag_names: Sequence[str] | None = None
) -> _Sentences:
    """What ``read_conllu`` reads."""
    check_choice("read_conllu: column", column, CONLLU)
    place = CONLLU.index(column)
    sentences = _Sentences(tag_names)
    last = 0  # the id of the word before
    check_encoding(encoding)
    for number, line in numbered_lines(path, encoding):
        if line.startswith("#"):
            if line[1:].split()[:1] == ["newdoc"]:
                sentences.begin_document()
            continue
        if not line.strip(BLANK):
            sentences.end()
            last = 0
            continue
        cells = line.split("\t")
        if len(cells) != len(CONLLU):
            raise DataError(f"has {len(cells)} columns, expected 10 of CoNLL-U with tabs between "
                            f"them", path=path, line=number)
        if "-" in cells[0] or "." in cells[0]:
            continue
        if cells[0] != str(last + 1):
            raise DataError(f"the id is {quoted(cells[0])}, expected {last + 1}; ids of a sentence "
                            f"run 1, 2, 3, ..., and a blank line ends it", path=path, line=number)
        last += 1
        word, tag = cells[1].strip(BLANK), cells[place].strip(BLANK)
        if not word or not tag:
            raise DataError(f"the {column if word else 'form'} is empty; write _ for nothing",
                            path=path, line=number)
        sentences.add(word, tag, number)
    return sentences


class _Sentences:
    """Words and tags as they are read, and the document each sentence stands in.

    doubtful: the sentence, place and line of each tag that may not be one of ``tag_names``: which
    tags are IOB1 and will change is known only when all are read.
    """

    def __init__(self, tag_names: Sequence[str] | None = None) -> None:
        self.known: dict[str, None] | None = None
        if tag_names is not None:
            self.known = dict.fromkeys(check_names("read_tagged: tag_names", tag_names))
        self.words: list[list[str]] = []
        self.tags: list[list[str]] = []
        self.doubtful: list[tuple[int, int, int]] = []
        self.documents: list[int] = []
        self.document = -1  # none has begun
        self.open = False

    def add(self, word: str, tag: str, line: int) -> None:
        if not self.open:
            self.words.append([])
            self.tags.append([])
            self.documents.append(max(self.document, 0))
            self.open = True
        if self.known is not None and not {tag, re.sub("^I-", "B-", tag)} <= self.known.keys():
            self.doubtful.append((len(self.tags) - 1, len(self.tags[-1]), line))
        self.words[-1].append(word)
        self.tags[-1].append(tag)

    def end(self) -> None:
        self.open = False

    def begin_document(self) -> None:
        self.end()
        # Sentences before the first mark are a document of their own.
        self.document = max(self.document, 0) + 1 if self.words else 0

    def tagged(self, path: PathLike, iob: Iob) -> TaggedTexts:
        if not self.words:
            raise DataError("the file has no word", path=path)
        groups = None if self.document < 0 else np.array(self.documents)
        known = iob is True or (iob == "auto" and all(is_iob(t) for row in self.tags for t in row))
        tags = [iob2(row) for row in self.tags] if known else self.tags
        names = self.known or {}
        for row, place, line in self.doubtful:
            if (tag := tags[row][place]) not in names:
                raise DataError(f"the tag {quoted(tag)} is unknown to the model or the training "
                                f"file, expected one of {listed(names)}", path=path, line=line)
        return TaggedTexts(self.words, tags, groups=groups)
