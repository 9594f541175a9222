"""One row for each kind of file that people bring: what the command line makes of it.

Each row is a file, the options typed with it, the exit status, and words that must be in what is
printed: of a file that is used the task and what was read, of one that is refused the mend.
"""

import json

import numpy as np
import pytest

from npft.__main__ import main

HAM = ("see you at noon", "lunch at noon then", "call me at home", "at home then")
SPAM = ("win a free prize", "free cash inside", "claim your prize", "win cash now")
PAIRS = (("a man sleeps", "someone sleeps"), ("a dog runs", "a cat sits"))
WORDS = (("Ann", "B-PER"), ("Lee", "I-PER"), ("is", "O"), ("in", "O"), ("Oslo", "B-LOC"))


def rows(separator="\t", end="\n", header="", extra=""):
    """Eight labelled texts as a table."""
    lines = [f"ham{separator}{t}{extra}" for t in HAM] + [f"spam{separator}{t}{extra}" for t in SPAM]
    return (header + end if header else "") + end.join(lines) + end


def records(label="label", text="text", names=("ham", "spam")):
    """The same as JSON objects."""
    return [{label: names[0], text: t} for t in HAM] + [{label: names[1], text: t} for t in SPAM]


def json_lines(items):
    return "".join(json.dumps(item) + "\n" for item in items)


def pairs(labels, end="\n"):
    """Eight pairs of texts with labels or scores in front."""
    lines = [f"{labels[i % len(labels)]}\t{PAIRS[i % 2][0]} {i}\t{PAIRS[i % 2][1]}" for i in range(8)]
    return end.join(lines) + end


def sentences(separator="\t", words=WORDS, swap=False, before=""):
    """Six sentences, a word and its tag on each line."""
    lines = [separator.join(pair[::-1] if swap else pair) for pair in words]
    return before + "\n\n".join("\n".join(lines) for _ in range(6)).replace("Oslo", "Rome", 3) + "\n"


def answers(**changes):
    """Eight questions with their answers."""
    base = {"question": "who sleeps", "passage": "a tall man sleeps here", "answer": "man"}
    return [base | {"question": f"who sleeps {i}"} | changes for i in range(8)]


def squad():
    qas = [{"question": f"who {i}", "answers": [{"text": "man", "answer_start": 7}]} for i in range(8)]
    return {"data": [{"paragraphs": [{"context": "a tall man sleeps", "qas": qas}]}]}


def conllu():
    out = []
    for n in range(6):
        for i, (word, tag) in enumerate((("dogs", "NOUN"), ("run", "VERB"), (f"{n}", "NUM")), 1):
            out.append("\t".join([str(i), word, "_", tag] + ["_"] * 6))
        out.append("")
    return "\n".join(out) + "\n"


def used(name, content, *options, task, says=""):
    return pytest.param(name, content, options, 0, (f"task {task}", says), id=name + "-used")


def refused(name, content, *options, says):
    return pytest.param(name, content, options, 2, (says,), id=name + "-refused")


LATIN = rows(",", header="v1,v2,,,", extra=" 5£,,,").encode("latin-1")
KINDS = [
    # labelled texts
    used("tabs.tsv", rows(), task="classify", says="two columns"),
    used("windows.tsv", rows(end="\r\n"), task="classify"),
    used("old_mac.tsv", rows(end="\r"), task="classify"),
    used("marked.tsv", b"\xef\xbb\xbf" + rows().encode(), task="classify"),
    used("named.tsv", rows(header="label\ttext"), "--header", task="classify"),
    refused("header.tsv", rows(header="label\ttext"), says="say header"),
    used("lines.txt", rows(), "--task", "classify", "--format", "tsv", task="classify"),
    refused("spaces.txt", rows(" "), "--task", "classify", says="tab"),
    used("quoted.csv", 'spam,"win, now\nfree"\n' + rows(","), task="classify"),
    refused("broken.csv", rows(",") + 'spam,"win\n', says="quote"),
    refused("semicolons.csv", rows(";"), "--task", "classify", says="separator"),
    used("semicolons.csv", rows(";"), "--separator", ";", task="classify"),
    refused("tabs.csv", rows("\t"), "--task", "classify", says="separator"),
    used("tabs.csv", rows("\t"), "--separator", "tab", task="classify"),
    used("turned.csv", "".join(f"{i},{t},ham\n{i},{u},spam\n" for i, (t, u) in
                               enumerate(zip(HAM, SPAM))), "--columns", "3,2", task="classify"),
    refused("spreadsheet.csv", LATIN, says="encoding"),
    used("spreadsheet.csv", LATIN, "--encoding", "latin-1", "--header", "--columns", "v1,v2",
         "--task", "classify", task="classify"),
    used("wide.utf16", rows().encode("utf-16"), "--encoding", "utf-16", task="classify"),
    refused("wide.utf16", rows().encode("utf-16"), says="utf-16"),
    used("records.jsonl", json_lines(records()), task="classify"),
    used("numbers.jsonl", json_lines(records(names=(1, 2))), task="classify"),
    used("array.json", json.dumps(records()), task="classify"),
    used("keys.jsonl", json_lines(records("class", "body")), "--columns", "class,body",
         "--task", "classify", task="classify"),
    refused("keys.jsonl", json_lines(records("class", "body")), "--task", "classify", says="body"),
    refused("half.jsonl", json_lines(records()) + '{"label": "ham"', says=":9:"),
    refused("fraction.jsonl", json_lines(records(names=(0.5, 2))), "--task", "classify", says=":1:"),
    # pairs and scores
    used("pairs.tsv", pairs(("yes", "no")), task="pair"),
    used("pairs.jsonl", json_lines({"label": "ab"[i % 2], "text": f"a {i}", "pair": "b"}
                                   for i in range(8)), task="pair"),
    used("scores.tsv", pairs(("0.5", "3.25")), task="score"),
    refused("whole.tsv", pairs(("0", "1")), says="--task"),
    used("whole.tsv", pairs(("0", "1")), "--task", "score", task="score"),
    used("whole.tsv", pairs(("0", "1")), "--task", "pair", task="pair"),
    used("unscored.tsv", pairs(("0.5", "", "1.5")), "--task", "score", task="score",
         says="skipped: 3 rows"),
    refused("words.tsv", pairs(("0.5", "high")), "--task", "score", says="no finite number"),
    refused("same.tsv", pairs(("2.0",)), says="every row has the score"),
    # tags
    used("bio.conll", sentences(), task="tag"),
    used("spaces.conll", sentences(" "), task="tag"),
    used("iob1.conll", sentences(words=[(w, t.replace("B-", "I-")) for w, t in WORDS]), task="tag"),
    used("iobes.conll", sentences(words=(("Oslo", "S-LOC"), ("is", "O"), ("a", "B-X"), ("b", "E-X"))),
         task="tag"),
    used("docstart.conll", sentences(before="-DOCSTART- (1)\tO\n\n"), task="tag"),
    used("trees.conllu", conllu(), task="tag"),
    refused("tags.tsv", sentences(swap=True), says="--task"),
    used("tags.tsv", sentences(swap=True), "--task", "tag", "--format", "conll", "--columns", "2,1",
         task="tag"),
    refused("ragged.conll", sentences() + "word\n", says="column"),
    # answers
    used("answers.jsonl", json_lines(answers()), task="answer"),
    used("squad.json", json.dumps(squad()), task="answer"),
    refused("elsewhere.jsonl", json_lines(answers(answer="dog")), says="passage"),
    # what is no data
    refused("empty.tsv", "", says="empty"),
    refused("blank.tsv", "\n\n", says="blank"),
    refused("binary.tsv", b"ham\t\x00\x01\n", says="NUL"),
    refused("one_label.tsv", "ham\ta b\nham\tc d\n", says="every line has the label 'ham'"),
    refused("one_row.tsv", "ham\ta\nham\tb\nspam\tc\n", says="'spam' has one example"),
    refused("ids.tsv", "".join(f"{i}\ttext {i}\n" for i in range(30)), says="another column"),
    refused("no_text.tsv", rows() + "ham\t\n", says=":9: the text is empty"),
    refused("bells.tsv", "".join(f"\x07{i}\ttext\n" for i in range(30)), says="'\\x070'"),
]


@pytest.mark.parametrize(("name", "content", "options", "status", "words"), KINDS)
def test_a_file_is_used_or_refused_with_the_mend(
    name, content, options, status, words, tmp_path, capsys
):
    data, out = tmp_path / name, tmp_path / "out"
    data.write_bytes(content if isinstance(content, bytes) else content.encode())
    argv = ["finetune", str(data), "--out", str(out), "--epochs", "1", *options]
    assert main(argv) == status
    printed = capsys.readouterr()
    text = printed.err if status else printed.out
    assert all(word in text for word in words), text
    if status:
        assert printed.out == "" and len(text.strip().splitlines()) == 1 and str(data) in text
        assert not out.exists()
