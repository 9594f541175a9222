"""The task of a file: told by its signs, and left open where two tasks are possible."""

import json

import pytest

from npft.errors import ConfigError, DataError
from npft.text import FileFormat, guess_task, looks_like_tags, read_labelled

PAIRS = [("a man sleeps", "someone sleeps"), ("a dog runs", "a cat sits"), ("x y", "y z"),
         ("q", "r")]


def pairs(*labels):
    return "".join(f"{labels[i % len(labels)]}\t{a} {i}\t{b}\n"
                   for i, (a, b) in enumerate(PAIRS * 2))


def conllu(tag="NOUN"):
    return "\t".join(["1", "dogs", "_", tag] + ["_"] * 6) + "\n"


def lines(*objects):
    return "\n".join(map(json.dumps, objects))


ANSWER = {"question": "who", "passage": "Ann saw", "answer": "Ann"}
TAGGED = "Ann\tB-PER\nis\tO\n\nOslo\tB-LOC\n"


@pytest.mark.parametrize("name, content, options, task, reason", [
    ("a.conll", "x", {}, "tag", "the format is conll"),
    ("a.conllu", conllu(), {}, "tag", "the format is conllu"),
    ("a.tsv", TAGGED, {}, "tag", "blank lines divide"),
    ("train.txt", TAGGED.replace("\t", " NN NP "), {}, "tag", "blank lines divide"),
    ("a.tsv", "O\tis\nB-LOC\tOslo\n\nO\tin\n", {}, None, "the tags seem to stand before the words"),
    ("a.tsv", "O\tis\nB-LOC\tOslo\n\nO\tin\n", {"columns": (2, 1)}, "tag", "blank lines divide"),
    ("a.tsv", "ham\tsee you\nspam\twin\n", {}, "classify", "two columns"),
    ("a.tsv", "ham\tsee\nspam\twin\n", {}, "classify", "two columns"),
    ("a.tsv", "ham\tsee you\n\nspam\twin\n", {}, "classify", "two columns"),
    ("a.txt", "ham\tsee you\n", {}, "classify", "two columns"),
    ("a.csv", 'ham,"see, you"\n', {}, "classify", "two columns"),
    ("a.csv", "ham;see\n", {"separator": ";"}, "classify", "two columns"),
    ("a.csv", "v1,v2,,,\nham,see,,,\n", {"header": True, "columns": ("v1", "v2")}, "classify",
     "two"),
    ("a.csv", "id,label,text\n1,ham,see\n", {"header": True}, "classify", "label, text"),
    ("a.tsv", pairs("yes", "no"), {}, "pair", "the first with 2 different labels"),
    ("a.tsv", pairs("0.5", "3"), {}, "score", "the first of decimal numbers"),
    ("a.tsv", pairs("", "-3.25"), {}, "score", "the first of decimal numbers"),
    ("a.tsv", pairs("0", "1"), {}, None, "whole numbers, can be scores or classes"),
    ("a.tsv", pairs(*"01234567"), {}, None, "whole numbers"),
    ("a.tsv", pairs(*"abcdefgh"), {}, None, "the first with 8 different cells in 8 rows"),
    ("a.tsv", pairs("0.5").replace("0.5\t", "x\t1\t0.5\t"), {"columns": (3, 4, 5)}, "score",
     "decimal"),
    ("a.tsv", "who\tAnn saw\tAnn\t0\nwhen\tat 8\t8\t3\n", {}, "answer", "the third stands in the"),
    ("a.tsv", "who\tAnn saw\tAnn\nwhen\tat 8\t8\n", {}, "answer", "the third stands in the second"),
    ("a.tsv", "a\tb\tc\td\n", {}, None, "4 columns can be of several tasks"),
    ("a.tsv", "a\tb\n", {"columns": (3, 4)}, None, "no row has the columns that are named"),
    ("a.tsv", "a\tb\nc\n", {}, "classify", "two columns"),  # a reader names the other row
    ("a.jsonl", lines({"label": "a", "text": "b"}), {}, "classify", "label, text"),
    ("a.jsonl", lines({"label": 1, "text": "b"}), {}, "classify", "label, text"),
    ("a.jsonl", lines({"label": 1, "text": "b", "pair": "c"}), {}, "pair", "label, text, pair"),
    ("a.jsonl", lines({"score": 1, "text": "b", "pair": "c"}), {}, "score", "score, text, pair"),
    ("a.jsonl", lines(ANSWER), {}, "answer", "question, passage, answer"),
    ("a.json", json.dumps([ANSWER]), {}, "answer", "question, passage, answer"),
    ("a.json", json.dumps({"data": []}), {}, "answer", "SQuAD"),
    ("a.jsonl", lines({"class": "a", "body": "b"}), {}, None, "the keys class, body are of no"),
    ("a.jsonl", "[1]", {}, None, "the keys (none) are of no known task"),
    ("a.jsonl", lines({"c": "a", "b": "b"}), {"columns": ("c", "b")}, "classify", "two columns"),
])
def test_a_task_is_told_by_its_sign_or_left_open_with_the_doubt(
    name, content, options, task, reason, write
):
    found, why = guess_task(write(content, name), FileFormat(**options))
    assert found == task and reason in why


def test_the_tags_of_a_ner_corpus_are_seen_and_read_as_texts_only_when_asked(write):
    path = write("O\tis\nB-LOC\tOslo\n\nO\tin\n", "ner.tsv")
    assert looks_like_tags(path)
    assert read_labelled(path).texts == ["is", "Oslo", "in"]


@pytest.mark.parametrize("content, tags", [
    ("a\tO\n\nb\tO\n", True), ("a O\n\nb O\n", True), ("\n-DOCSTART- (1)\n\na\tO\n\nb\tO\n", True),
    ("a\tO\n \t\nb\tO\n", True), ("\u3000\tO\n\nb\tO\n", True),
    ("a\tO\nb\tO\n", False), ("\n\na\tO\nb\tO\n\n\n", False), ("a\tO\n\nb c\tO\n", False),
    ("a\tO\n\nb\tO\tx\n", False), ("word\n\nword\n", False), ("\n", False),
])
def test_tags_have_blank_lines_inside_and_single_words(content, tags, write):
    assert looks_like_tags(write(content)) is tags


@pytest.mark.parametrize("content, tags", [
    ("Ann sleeps\n\nBob runs\n", False), ("a NOUN\n\nb NOUN\nc x\n", True),
    ("NOUN a\n\nVERB b\n", True), ("a NOUN\n\nb x\n", False), ("a NOUN\nb VERB\n", False),
])
def test_of_the_tags_of_a_model_a_column_holds_more_than_of_other_words(content, tags, write):
    path = write(content)
    assert looks_like_tags(path, tag_names=["NOUN", "VERB"]) is tags


def test_a_guess_looks_at_the_beginning_and_raises_what_a_reader_would(write):
    later = "ham\tsee you\n" * 1000
    assert guess_task(write(later + "broken\n")).task == "classify"
    with pytest.raises(DataError, match=r"a\.csv:1: a quoted cell is broken"):
        guess_task(write('"a"b,c\n', "a.csv"))
    with pytest.raises(DataError, match="only blank lines"):
        guess_task(write("\n\n", "a.tsv"))
    with pytest.raises(DataError, match="or only a header"):
        guess_task(write("label\ttext\n", "a.tsv"), FileFormat(header=True))
    with pytest.raises(DataError, match="the file is empty"):
        guess_task(write("", "a.tsv"))


def test_what_is_no_format_is_refused(tmp_path):
    path = tmp_path / "x.conll"
    path.write_text("a\tO\n")
    for look in (guess_task, looks_like_tags):
        with pytest.raises(ConfigError, match="fmt is 'conll', expected a FileFormat"):
            look(path, "conll")
