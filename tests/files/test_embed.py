"""Vectors of lines: row i is line i, written as they come."""

import json
import os
import threading

import numpy as np
import pytest

from npft.__main__ import main
from npft.embed.geometry import mean_cosine
from npft.embed.sentences import SentenceEncoder
from npft.errors import ConfigError, DataError
from npft.files.embed import embed_file, report_embed
from npft.loading import load
from npft.text import FileFormat

def silent(label):
    return None


LINES = ["One. Two! Three?", "", "the teller counts the money", "  ", "a\x85b"]


def test_row_i_is_line_i_blank_lines_and_several_sentences_included(tmp_path):
    path, out = tmp_path / "lines.txt", tmp_path / "new" / "v.npy"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    results = embed_file(path, "tinyworld", out, progress=silent)
    vectors = np.load(out)
    assert vectors.shape == (5, 64) and vectors.dtype == np.float32 and results["texts"] == 5
    encoder = SentenceEncoder(load("tinyworld").body)
    for line, vector in zip(LINES, vectors):
        assert np.allclose(encoder.encode([line])[0], vector, rtol=0, atol=1e-5)
    # equal lines have equal vectors but for the rounding of products, which may go by the row
    assert np.allclose(vectors[1], vectors[3], rtol=0, atol=1e-6)
    assert not np.allclose(vectors[0], vectors[2], rtol=0, atol=1e-2)


@pytest.mark.parametrize("n", [1, 2, 40])
def test_the_mean_cosine_is_that_of_all_pairs_of_lines(n, tmp_path):
    path, out = tmp_path / "lines.txt", tmp_path / "v.npy"
    path.write_text("".join(f"the teller counts {i}\n" for i in range(n)), encoding="utf-8")
    found = embed_file(path, "tinyworld", out, progress=silent)["mean_cosine"]
    assert found is None if n == 1 else found == pytest.approx(mean_cosine(np.load(out)), abs=1e-6)


def test_a_column_of_a_table_can_be_embedded(tmp_path, capsys):
    path, out = tmp_path / "a.csv", tmp_path / "v.npy"
    path.write_text('id,body\n1,"a, b"\n2,c\n', encoding="utf-8")
    fmt = FileFormat(columns=("body",), header=True)
    embed_file(path, "tinyworld", out, fmt=fmt, progress=silent)
    encoder = SentenceEncoder(load("tinyworld").body)
    assert np.allclose(np.load(out), encoder.encode(["a, b", "c"]), rtol=0, atol=1e-5)
    argv = ["embed", str(path), "--model", "tinyworld", "--out", str(out), "--json"]
    assert main([*argv, "--columns", "body", "--header", "--pool", "max"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["texts"], found["pool"]) == (2, "max")
    assert report_embed(found).startswith("2 vectors of 64 numbers in ")


def test_row_i_is_row_i_of_a_table_without_its_blank_lines(tmp_path):
    path, out = tmp_path / "a.tsv", tmp_path / "v.npy"
    path.write_text("one\n\ntwo\n\n", encoding="utf-8")
    assert embed_file(path, "tinyworld", out, progress=silent)["texts"] == 2
    encoder = SentenceEncoder(load("tinyworld").body)
    assert np.allclose(np.load(out), encoder.encode(["one", "two"]), rtol=0, atol=1e-5)


def test_the_text_is_never_written_over(tmp_path, capsys):
    path, link = tmp_path / "text.npy", tmp_path / "link.npy"
    path.write_text("one\ntwo\n", encoding="utf-8")
    link.symlink_to(path)
    for out in (path, link):
        argv = ["embed", str(path), "--format", "txt", "--model", "tinyworld", "--out", str(out)]
        assert main(argv) == 2
        assert f"{out}: holds the text that is read; name another file" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "one\ntwo\n"


def test_what_cannot_be_read_or_written_leaves_no_file_and_no_folder(tmp_path):
    empty = tmp_path / "empty.txt"
    empty.write_bytes(b"")
    for path, out, error in ((empty, tmp_path / "new" / "v.npy", DataError),
                             (empty, tmp_path / "v.txt", ConfigError)):
        with pytest.raises(error):
            embed_file(path, "tinyworld", out, progress=silent)
        assert [p.name for p in tmp_path.iterdir()] == ["empty.txt"]


def test_a_line_that_is_no_text_leaves_older_vectors_as_they_were(tmp_path):
    path, out = tmp_path / "lines.txt", tmp_path / "v.npy"
    path.write_bytes(b"one\ntwo\n")
    embed_file(path, "tinyworld", out, progress=silent)
    before = out.read_bytes()
    path.write_bytes(b"one\ntwo\n" * 9 + b"\xff\n")
    with pytest.raises(DataError, match=r"lines\.txt:19: is not UTF-8"):
        embed_file(path, "tinyworld", out, progress=silent)
    assert out.read_bytes() == before and len(list(tmp_path.iterdir())) == 2


def told_of(text, tmp_path):
    said = []
    results = embed_file(
        text, "tinyworld", tmp_path / "v.npy",
        progress=lambda label: lambda *step: said.append((label, *step)),
    )  # fmt: skip
    return results["texts"], said


def test_progress_counts_the_lines_of_the_file_up_to_the_last(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("the teller counts\n\n" * 150, encoding="utf-8")
    n, said = told_of(path, tmp_path)
    steps = [step for _, step, _, _ in said]
    assert n == 300 and {(label, total, what) for label, _, total, what in said} == {
        ("embed", 300, "lines")}
    assert steps == sorted(steps) and (steps[0], steps[-1]) == (0, 300)
    assert max(b - a for a, b in zip(steps, steps[1:])) <= 100  # also within a slice


def test_a_pipe_is_read_once_and_tells_nothing(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"one\ntwo\nthree\n",), daemon=True)
    writer.start()
    assert told_of(pipe, tmp_path) == (3, [])


def test_a_command_that_takes_a_moment_says_nothing_of_its_progress(tmp_path, capsys):
    path = tmp_path / "lines.txt"
    path.write_text("one\ntwo\n", encoding="utf-8")
    assert main(["embed", str(path), "--model", "tinyworld", "--out", str(tmp_path / "v.npy")]) == 0
    assert main(["search", str(path), "--model", "tinyworld", "--query", "one"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("argv, said", [
    (["embed", "--out", "v.npy"], "embed 2/2  lines  "), (["search", "--query", "x"], "search 2/2  t"),
])
def test_one_that_takes_longer_says_so_on_standard_error(argv, said, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("npft.nn.progress.EVERY", 0.0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines.txt").write_text("one\ntwo\n", encoding="utf-8")
    assert main([argv[0], "lines.txt", "--model", "tinyworld", *argv[1:]]) == 0
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1].startswith(said) and said not in printed.out
