"""Pipes as data: what is read more than once must be a file; what streams may be a pipe."""

import os
import threading

import numpy as np
import pytest

from npft.__main__ import main
from npft.errors import DataError
from npft.text import guess_task, looks_like_tags, read_answers
from npft.text.answer_files import is_object
from npft.text.layout import FileFormat
from npft.text.readers import check_no_pipe


@pytest.fixture
def pipe(tmp_path):
    """A pipe without a writer: whoever opened it would wait for ever."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text("1.5\ta man\ta dog\n2.5\ttwo\tthree\n", encoding="utf-8")
    return path


def refused(capsys, *argv):
    capsys.readouterr()
    assert main([str(a) for a in argv]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


def test_a_verb_that_reads_its_file_again_refuses_a_pipe_before_it_is_opened(
    pipe, rows, trained, tmp_path, capsys
):
    line = f"{pipe}: is a pipe, which can be read once only;"
    out, folder = tmp_path / "out", trained["score"][1]
    task = ["--task", "score", "--out", out]
    for argv in (
        ["finetune", pipe, *task], ["finetune", rows, "--test", pipe, *task],
        ["finetune", rows, "--validation", pipe, *task],
        ["forgetting", pipe, "--model", "tinyworld", "--text", rows, *task],
        ["forgetting", rows, "--test", pipe, "--model", "tinyworld", "--text", rows, *task],
        ["finetune", pipe, "--task", "answer", "--format", "json", "--out", out],
        ["evaluate", pipe, "--model", folder],
        ["evaluate", pipe, "--model", trained["answer"][1], "--format", "json"],
        ["similarity", pipe, "--model", "tinyworld"],
    ):
        assert refused(capsys, *argv) == f"npft {argv[0]}: {line} give a file\n", argv
    for argv in (["finetune", pipe], ["forgetting", pipe, "--model", "tinyworld", "--text", rows]):
        mend = "name the --task of its rows, or give a file\n"
        assert refused(capsys, *argv, "--out", out) == f"npft {argv[0]}: {line} {mend}", argv
    assert not out.exists()


def test_the_readers_of_a_beginning_refuse_a_pipe(pipe):
    for read in (guess_task, looks_like_tags, lambda path: is_object(path, "utf-8"),
                 lambda path: read_answers(path, format="json")):
        with pytest.raises(DataError, match="is a pipe, which can be read once only; give a file"):
            read(pipe)
    with pytest.raises(DataError, match="/dev/null: is a device, which can be read once only"):
        guess_task("/dev/null", FileFormat())


def test_files_folders_and_what_is_not_there_are_left_to_the_reader(rows, tmp_path):
    for path in (rows, str(rows), tmp_path, tmp_path / "none", "a\0b", None):
        check_no_pipe(path)


def written(pipe, content):
    threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()


@pytest.mark.parametrize("task", ["classify", "pair", "tag", "answer"])
def test_rows_of_a_named_task_are_learnt_from_a_pipe_as_from_a_file(
    task, pipe, trained, tmp_path, capsys
):
    data, _ = trained[task]
    options = ["--task", task, "--epochs", "1", "--json"]
    found = []
    for source in (data, pipe):
        if source is pipe:
            written(pipe, data.read_bytes())
        argv = ["finetune", str(source), *options, "--out", str(tmp_path / f"of {source.name}")]
        capsys.readouterr()
        assert main(argv) == 0
        found.append(capsys.readouterr().out)
    assert found[0] == found[1]


def test_rows_to_test_and_to_validate_on_may_come_from_a_pipe(pipe, trained, tmp_path):
    data, _ = trained["classify"]
    for option in ("--test", "--validation"):
        written(pipe, b"ham\tsee you there\nspam\twin more\n")
        argv = ["finetune", data, option, pipe, "--format", "tsv", "--epochs", "1", "--force"]
        assert main([str(a) for a in (*argv, "--out", tmp_path / "out")]) == 0


def test_squads_json_in_a_pipe_is_asked_for_as_a_file(pipe, trained, capsys):
    asked = b'{"data": [{"paragraphs": [{"context": "a man", "qas": []}]}]}'
    for content, mend in ((asked, "give SQuAD's JSON as a file, for the task answer"),
                          (b'{"question": "who"}', "for one object on each line say format jsonl")):
        written(pipe, content)
        argv = ["predict", pipe, "--model", trained["answer"][1], "--format", "json"]
        assert refused(capsys, *argv).endswith(f"[{{...}}, {{...}}]; {mend}\n")


def test_a_pipe_that_is_read_once_gives_every_row(pipe, trained, tmp_path, capsys):
    data, folder = trained["classify"]
    written(pipe, data.read_bytes())
    assert main(["evaluate", str(pipe), "--model", str(folder)]) == 0
    of_pipe = capsys.readouterr().out
    assert main(["evaluate", str(data), "--model", str(folder)]) == 0
    assert capsys.readouterr().out == of_pipe
    written(pipe, b"win cash\nsee you\n")
    assert main(["predict", str(pipe), "--model", str(folder)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    written(pipe, b"Ann Lee\n\nin Oslo\n")  # two words a line: of a file it would be asked
    assert main(["predict", str(pipe), "--model", str(trained["tag"][1])]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 7
    written(pipe, b'[{"question": "who", "passage": "a man"}]')
    argv = ["predict", str(pipe), "--model", str(trained["answer"][1]), "--format", "json"]
    assert main(argv) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    written(pipe, b"one\ntwo\n")
    out = tmp_path / "v.npy"
    assert main(["embed", str(pipe), "--model", "tinyworld", "--out", str(out)]) == 0
    assert len(np.load(out)) == 2
