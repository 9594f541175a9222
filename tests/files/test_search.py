"""The verb search: best lines first, an index that is kept, and one line for what is refused."""

import io
import json
import sys

import pytest

from npft.__main__ import main
from npft.embed.sentences import SentenceEncoder
from npft.loading import load
from npft.search.bm25 import BM25
from npft.search.index import Index

LINES = ["the chef cooks the stew", "", "the teller counts the money", "the chef tastes the soup"]


@pytest.fixture
def said(tmp_path):
    path = tmp_path / "said.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return str(path)


def run(capsys, *argv):
    capsys.readouterr()
    assert main(["search", *map(str, argv)]) == 0
    return capsys.readouterr().out


def refused(capsys, *argv):
    capsys.readouterr()
    assert main(["search", *map(str, argv)]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and len(printed.err.splitlines()) == 1
    return printed.err


def test_the_lines_found_are_those_of_the_index_and_of_bm25_with_their_numbers(said, capsys):
    texts, lines = [LINES[i] for i in (0, 2, 3)], [1, 3, 4]
    encoder = SentenceEncoder(load("tinyworld").body, "max")
    for argv, search in ((["--model", "tinyworld", "--pool", "max"], Index(encoder, texts)),
                         (["--bm25"], BM25(texts))):
        printed = run(capsys, said, *argv, "--query", "soup of the chef", "--json", "-k", 2)
        results = json.loads(printed)
        found = search.search(["soup of the chef"], 2)
        hits = results["queries"][0]["found"]
        assert [hit["line"] for hit in hits] == [lines[i] for i in found.documents[0]]
        assert [hit["text"] for hit in hits] == [texts[i] for i in found.documents[0]]
        assert [hit["score"] for hit in hits] == pytest.approx(found.scores[0].tolist(), abs=1e-5)
        assert (results["texts"], results["k"]) == (3, 2)


def test_queries_come_from_options_a_file_or_standard_input(said, tmp_path, capsys, monkeypatch):
    asked = ["stew", "money now", "zebra"]
    (tmp_path / "q.txt").write_text("stew\n\nmoney now\nzebra\n", encoding="utf-8")
    by_option = run(capsys, said, "--bm25", *(a for q in asked for a in ("--query", q)))
    assert run(capsys, said, "--bm25", "--queries", tmp_path / "q.txt") == by_option
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"stew\nmoney now\nzebra\n")))
    assert run(capsys, said, "--bm25") == by_option
    lines = by_option.splitlines()
    assert lines[0] == "? stew" and lines[1].split("\t")[1:] == ["1", LINES[0]]
    assert lines[-2:] == ["? zebra", "(no line has a word of it)"]


def test_of_several_files_and_of_tables_the_place_is_said(said, tmp_path, capsys):
    other = tmp_path / "more.csv"
    other.write_text("id,body\n1,the miner digs\n2,see you\n", encoding="utf-8")
    found = run(capsys, other, "--columns", "body", "--header", "--bm25", "--query", "you")
    assert found.splitlines()[1].split("\t")[1:] == ["3", "see you"]
    second = tmp_path / "second.txt"
    second.write_text("see the chef\n", encoding="utf-8")
    found = run(capsys, said, second, "--bm25", "--query", "see")
    assert found.splitlines()[1].split("\t")[1:] == [f"{second}:1", "see the chef"]


def test_an_index_that_is_kept_is_used_and_one_of_others_is_refused(said, tmp_path, capsys,
                                                                     monkeypatch):
    argv = [said, "--model", "tinyworld", "--index", tmp_path / "kept", "--query", "the soup"]
    first = run(capsys, *argv)
    with monkeypatch.context() as patched:  # no text is encoded again
        patched.setattr("npft.files.search.Index.__init__", None)
        assert run(capsys, *argv) == first
    assert "another encoder made this index" in refused(capsys, *argv, "--pool", "cls")
    (tmp_path / "said.txt").write_text("\n".join(LINES[::-1]), encoding="utf-8")
    line = refused(capsys, *argv)
    assert "is of other texts" in line and "--force makes it again" in line
    again = run(capsys, *argv, "--force").splitlines()[1].split("\t")
    before = first.splitlines()[1].split("\t")
    assert again[::2] == before[::2] and int(again[1]) == 5 - int(before[1])  # other lines now
    (tmp_path / "kept" / "index.json").unlink()
    assert "index.json: cannot be read" in refused(capsys, *argv)


@pytest.mark.parametrize("argv, message", [
    (["--query", "x"], "how to search? give --model, or --bm25"),
    (["--bm25", "--model", "tinyworld", "--query", "x"], "--bm25 searches by words alone"),
    (["--bm25", "--pool", "max", "--query", "x"], "leave out --model, --index and --pool"),
    (["--bm25", "--query", "x", "--query", " "], "--query is empty; say what to look for"),
    (["--bm25", "--query", ""], "--query is empty; say what to look for"),
    (["--bm25", "--query", "x", "-k", "0"], "k is 0"),
    (["--bm25", "--queries", "none.txt"], "none.txt: there is no such file"),
    (["--model", "none", "--query", "x"], "none: no model.npz in this folder"),
])
def test_what_cannot_be_searched_is_said_in_one_line(said, capsys, argv, message):
    assert message in refused(capsys, said, *argv)


@pytest.mark.parametrize("place", ["said.txt", "said.txt/kept", "a/index.json/kept"])
def test_a_place_where_no_index_can_be_kept_is_refused_before_encoding(
    place, said, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("npft.files.search.Index.__init__", None)
    if place.startswith("a/"):  # a folder where the index should be
        place = "a"
        (tmp_path / "a" / "vectors.npy").mkdir(parents=True)
    argv = [said, "--model", "tinyworld", "--index", tmp_path / place, "--query", "x", "--force"]
    line = refused(capsys, *argv)
    assert str(tmp_path / place) in line and "cannot be written" in line


def test_files_without_text_are_refused(tmp_path, capsys):
    path = tmp_path / "blank.txt"
    path.write_text("\n \n", encoding="utf-8")
    assert "blank.txt: there is no text to search in" in refused(
        capsys, path, "--bm25", "--query", "x")
