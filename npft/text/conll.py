"""Texts with a tag for each word, as the CoNLL shared tasks and Universal Dependencies write them.

    read_conll      word<TAB>tag, a blank line between sentences
    read_conllu     the ten columns of CoNLL-U (universaldependencies.org/format.html)

Entity tags come in two schemes: in IOB1 an entity begins with I-type, and with B-type only right
after another entity of its type; in IOB2, or BIO, it always begins with B-type.

    words   Alex   is  in  Los    Angeles
    IOB1    I-PER  O   O   I-LOC  I-LOC
    IOB2    B-PER  O   O   B-LOC  I-LOC
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npft.errors import ConfigError, DataError
from npft.text.readers import PathLike, read_lines
from npft.text.tagged import TaggedTexts

CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")


def iob2(tags: Sequence[str]) -> list[str]:
    """Turn the tags of one text from IOB1 into IOB2; tags that are IOB2 stay as they are.

    An I-type that does not go on an entity of its type begins one, and so becomes B-type.

    Raises ``DataError`` for a tag that is not O, B-type or I-type.

    >>> iob2(["I-PER", "O", "I-LOC", "I-LOC", "B-LOC", "I-PER"])
    ['B-PER', 'O', 'B-LOC', 'I-LOC', 'B-LOC', 'B-PER']
    """
    out: list[str] = []
    before = "O"
    for tag in tags:
        if tag != "O" and (tag[:2] not in ("B-", "I-") or len(tag) < 3):
            raise DataError(f"the tag {tag!r} is neither O nor B-type nor I-type")
        begins = tag.startswith("I-") and before[2:] != tag[2:]
        out.append(f"B-{tag[2:]}" if begins else tag)
        before = tag
    return out


def read_conll(
    path: PathLike,
    *,
    columns: tuple[int, int] | None = None,
    separator: str | None = "\t",
    iob: bool = True,
) -> TaggedTexts:
    r"""Read ``word<TAB>tag`` lines as sentences; a blank line, or one of white space, ends one.

    columns: where the word and the tag stand, numbers from 1; then there may be further columns.
        Without it a line has just these two.
    separator: what stands between columns; None for any white space.
    iob: the tags are entities in IOB1 or IOB2, and become IOB2. False takes tags of any kind.

    Lines of the word ``-DOCSTART-`` begin a document: ``groups`` number the documents from 0.
    CoNLL-2003 is ``read_conll(path, columns=(1, 4), separator=None)``.

    Raises ``DataError``, naming file and line, for a file that is missing, empty, binary or not
    UTF-8, another number of columns, an empty word or tag, a tag that is no IOB tag;
    ``ConfigError`` for columns that are not two numbers.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"In\tO\nOslo\tI-LOC\n\nYes\tO\n"), file.flush()
    ...     t = read_conll(file.name)
    >>> t.words, t.tags
    ([['In', 'Oslo'], ['Yes']], [['O', 'B-LOC'], ['O']])
    """
    places = columns or (1, 2)
    if len(places) != 2 or not all(isinstance(p, int) and p >= 1 for p in places):
        raise ConfigError(f"read_conll: columns is {columns!r}, expected two numbers from 1: where "
                          f"the word and the tag stand")
    word_at, tag_at = places
    sentences = _Sentences()
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            sentences.end()
            continue
        cells = line.split(separator)
        if len(cells) < max(places) or (columns is None and len(cells) != 2):
            want = "2, word<TAB>tag" if columns is None else f"{max(places)} or more"
            raise DataError(f"has {len(cells)} columns, expected {want}; name the columns, or say "
                            f"separator=None if white space divides them", path=path, line=number)
        word, tag = cells[word_at - 1].strip(), cells[tag_at - 1].strip()
        if word == "-DOCSTART-":
            sentences.begin_document()
            continue
        if not word or not tag:
            raise DataError(f"the {'tag' if word else 'word'} is empty, expected a word and its "
                            f"tag; fill it in or delete the line", path=path, line=number)
        if iob:
            try:
                iob2([tag])
            except DataError as error:
                raise DataError(f"{error}; say iob=False for tags of another kind",
                                path=path, line=number) from None
        sentences.add(word, tag)
    return sentences.tagged(path, iob)


def read_conllu(path: PathLike, column: str = "upos") -> TaggedTexts:
    r"""Read a CoNLL-U file: its words and one column as tags, parts of speech by default.

    column: ``upos`` (universal), ``xpos`` (of the language), ``deprel``, or another of the ten.

    Words are the syntactic words: ranges ``3-4`` (don't, divided into do and n't) and empty nodes
    ``3.1`` are left out. ``# newdoc`` lines begin a document: ``groups`` number them from 0.

    Raises ``DataError``, naming file and line, for a file that is missing, empty, binary or not
    UTF-8, a line without ten columns, ids that do not run 1, 2, 3, ..., an empty cell;
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
    if column not in CONLLU:
        raise ConfigError(f"read_conllu: column is {column!r}, expected one of {', '.join(CONLLU)}")
    place = CONLLU.index(column)
    sentences = _Sentences()
    last = 0  # the id of the word before
    for number, line in enumerate(read_lines(path), start=1):
        if line.startswith("#"):
            if line[1:].split()[:1] == ["newdoc"]:
                sentences.begin_document()
            continue
        if not line.strip():
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
            raise DataError(f"the id is {cells[0]!r}, expected {last + 1}; ids of a sentence run "
                            f"1, 2, 3, ..., and a blank line ends it", path=path, line=number)
        last += 1
        word, tag = cells[1].strip(), cells[place].strip()
        if not word or not tag:
            raise DataError(f"the {column if word else 'form'} is empty; write _ for nothing",
                            path=path, line=number)
        sentences.add(word, tag)
    return sentences.tagged(path, iob=False)


class _Sentences:
    """Words and tags as they are read, and the document each sentence stands in."""

    def __init__(self) -> None:
        self.words: list[list[str]] = []
        self.tags: list[list[str]] = []
        self.documents: list[int] = []
        self.document = -1  # none has begun
        self.open = False

    def add(self, word: str, tag: str) -> None:
        if not self.open:
            self.words.append([])
            self.tags.append([])
            self.documents.append(max(self.document, 0))
            self.open = True
        self.words[-1].append(word)
        self.tags[-1].append(tag)

    def end(self) -> None:
        self.open = False

    def begin_document(self) -> None:
        self.end()
        # Sentences before the first mark are a document of their own.
        self.document = max(self.document, 0) + 1 if self.words else 0

    def tagged(self, path: PathLike, iob: bool) -> TaggedTexts:
        if not self.words:
            raise DataError("the file has no word", path=path)
        groups = None if self.document < 0 else np.array(self.documents)
        tags = [iob2(row) for row in self.tags] if iob else self.tags
        return TaggedTexts(self.words, tags, groups=groups)
