"""The readers of text files: a line of the table is a good file, a reader, and a plain reader.

To add a reader or an option, add a line.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import plain
from damaged_bytes import BYTES
from damaged_json import JSON_LINES
from damaged_text import LONG_TEXT
from inputs import Target

from npft.text import (
    Examples, TaggedTexts, read_answers, read_conll, read_conllu, read_jsonl, read_labelled, read_pairs,
    read_scored, read_text,
)

PROSE = """[ The Kite ]

It rained all day. We stayed inside! "Why?" asked Ada.
Nobody knew. The kite (a red one.) hung there.

At noon the sun came out. We left."""
WRAPPED = "It rained all day. We\nstayed inside.\n\nThe sun rose! We\nleft.\n"
LINES = "it rained\nwe stayed\n\nthe sun rose\n"
LABELLED = """spam\tWin a prize now
ham\tSee you at 8

ham\tna\u00efve caf\u00e9 \u4f60
spam\tfree, now
"""
COMMAS = 'ham,"See you, at 8"\nspam,Win 5\nham,"She said ""no""\ntwice"\n'
NAMED = "id,message,category\n1,Hello there,ham\n2,\"Win, now\",spam\n3,Bye,ham\n"
SEMICOLONS = "spam;Win a prize\nham;See you\n"
PAIRS = "neutral\tA man sleeps\tHe dreams\nentailment\tA man sleeps\tSomeone sleeps\n"
SCORED = "3.8\tA man plays\tA man is playing\n0\tA dog\tThe sky\n-1.5e0\tOne\tTwo\n"
STS = "main\tMSR\t2012\t1\t4.750\tA girl\tA young girl\nmain\tMSR\t2012\t3\t.5\tA cat\tA dog\n"
JSONL = '{"label": "spam", "text": "Win"}\n{"text": "caf\u00e9", "label": "ham", "id": 3}\n'
CLASSES = '{"label": 0, "text": "Win"}\n{"label": 1, "text": "Hi"}\n'
GRADES = '{"a": "Hi", "b": "Hello", "grade": 4.5}\n{"a": "One", "b": "Two", "grade": 0}\n'
CONLL = "Alex\tI-PER\nis\tO\nin\tO\nLos\tB-LOC\nAngeles\tI-LOC\n\nYes\tO\n"
CONLL_2003 = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC

-DOCSTART- -X- -X- O

Peter NNP B-NP B-PER
"""
TAGS = "the\tDT\ncat\tNN\n\nsleeps\tVBZ\n"
CONLLU = """# newdoc id = a
# text = Don't go.
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVBP\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
3.1\tx\t_\t_\t_\t_\t_\t_\t_\t_

# newdoc id = b
1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_
"""

LATIN = "spam\tWin a prize\nham\tna\u00efve caf\u00e9\n"
ARRAY = '[{"label": "spam", "text": "Win"},\n {"text": "caf\u00e9", "label": 3, "id": 3}]\n'
ANSWERS = "who naps?\tthe tall man naps\ttall man\nwho runs?\tnobody runs\t\n"


def answers_of(path: Any) -> list[tuple[str, str, str]]:
    """Question, passage and the answer that ``read_answers`` cuts out of it."""
    e = read_answers(path)
    spans = [(a, b) if a >= 0 else (0, 0) for a, b in e.spans.tolist()]
    return [(q, p, p[a:b]) for q, p, (a, b) in zip(e.texts, e.pairs or (), spans)]


Reading = tuple[str, str, str, Callable[[Any], Any], Callable[[bytes], Any]]
# name, name of the file, its content, reader, plain reader
READERS: tuple[Reading, ...] = (
    ("prose", "a.txt", PROSE, read_text, plain.documents),
    ("lines", "a.txt", LINES, read_text, plain.documents),
    ("prose without titles", "a.txt", PROSE, partial(read_text, titles=False),
     partial(plain.documents, titles=False)),
    ("wrapped prose", "a.txt", WRAPPED, partial(read_text, wrapped=True),
     partial(plain.documents, wrapped=True)),
    ("labelled", "a.tsv", LABELLED, read_labelled, plain.table(1, 2, exact=True)),
    ("labelled, known names", "a.txt", LABELLED,
     partial(read_labelled, label_names=["ham", "spam"]), plain.table(1, 2, exact=True)),
    ("labelled, commas", "a.csv", COMMAS, read_labelled,
     plain.table(1, 2, separator=",", exact=True)),
    ("labelled, header", "a.csv", NAMED,
     partial(read_labelled, columns=("category", "message"), header=True),
     plain.table("category", "message", separator=",", header=True)),
    ("labelled, semicolons", "a.csv", SEMICOLONS, partial(read_labelled, separator=";"),
     plain.table(1, 2, separator=";", exact=True)),
    ("labelled, columns", "a.tsv", STS, partial(read_labelled, columns=(3, 6)), plain.table(3, 6)),
    ("pairs", "a.tsv", PAIRS, read_pairs, plain.table(1, 2, 3, exact=True)),
    ("scored", "a.tsv", SCORED, read_scored, plain.table(1, 2, 3, exact=True, scored=True)),
    ("scored, columns", "a.csv", STS, partial(read_scored, columns=(5, 6, 7), separator="\t"),
     plain.table(5, 6, 7, scored=True)),
    ("json lines", "a.jsonl", JSONL, read_jsonl, plain.json_lines("label", "text")),
    ("latin-1", "a.tsv", LATIN, partial(read_labelled, encoding="latin-1"),
     plain.in_latin_1(plain.table(1, 2, exact=True))),
    ("json array", "a.json", ARRAY, read_labelled, plain.json_array("label", "text")),
    ("answers", "a.tsv", ANSWERS, answers_of, plain.answers),
    ("json lines, classes", "a.jsonl", CLASSES, read_jsonl, plain.json_lines("label", "text")),
    ("json lines, grades", "a.jsonl", GRADES, partial(read_scored, columns=("grade", "a", "b")),
     plain.json_lines("grade", "a", "b", scored=True)),
    ("conll", "a.conll", CONLL, read_conll, plain.conll(exact=True)),
    ("conll 2003", "a.conll", CONLL_2003, partial(read_conll, columns=(1, 4), separator=None),
     plain.conll(1, 4, separator=None)),
    ("conll, tags", "a.conll", TAGS, partial(read_conll, iob=False),
     plain.conll(exact=True, iob=False)),
    ("conll, entities", "a.conll", CONLL, partial(read_conll, iob=True),
     plain.conll(exact=True, iob=True)),
    ("conllu", "a.conllu", CONLLU, read_conllu, plain.conllu(3)),
    ("conllu, relations", "a.conllu", CONLLU, partial(read_conllu, column="deprel"),
     plain.conllu(7)),
)  # fmt: skip


def rows_of(read: Any) -> list[Any]:
    """What a reader found, as the plain readers give it."""
    if isinstance(read, TaggedTexts):
        groups = [0] * len(read) if read.groups is None else read.groups.tolist()
        return list(zip(read.words, read.tags, groups))
    if not isinstance(read, Examples):
        return read
    labels = read.labels.tolist()
    if read.label_names:
        labels = [read.label_names[k] for k in labels]
    labels = [str(label) if isinstance(label, int) else label for label in labels]
    return list(zip(labels, read.texts, *([] if read.pairs is None else [read.pairs])))


def confirmed_by(reader: Callable[[bytes], Any]) -> Callable[[bytes, Any], str | None]:
    """Whether a plain reader finds the same rows."""

    def confirm(data: bytes, read: Any) -> str | None:
        try:
            expected = reader(data)
        except plain.Refused as error:
            return f"reads what the plain reader refuses, {error}"
        found = rows_of(read)
        if len(found) != len(expected):
            numbers = f"{len(found)}, {len(expected)}"
            return f"has another number of rows than the plain reader: {numbers}"
        wrong = [pair for pair in zip(found, expected) if pair[0] != pair[1]]
        return f"reads another row than the plain reader: {wrong[0]}"[:300] if wrong else None

    return confirm


def targets() -> list[Target]:
    found = []
    for name, file, content, reader, plain_reader in READERS:
        damages = (BYTES, *[LONG_TEXT] * 3, *[JSON_LINES] * (4 * (file == "a.jsonl")))
        found.append(Target(name, file, content.encode("utf-8"), reader,
                            confirmed_by(plain_reader), damages))  # fmt: skip
    return found
