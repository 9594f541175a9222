"""What is written beside a model, and what is refused before any work."""

import json
import os
import subprocess
import sys

import pytest

from npft.encoder.checkpoint import FILE, save
from npft.errors import CheckpointError
from npft.files.output import (
    check_out, claimed, drop_results, timed, write_json, write_model, write_run,
)
from npft.files.pretrain import pretrain_text
from npft.pretraining.start import Vocabulary
from npft.loading import load
from npft.nn.history import History
from npft.pretraining.start import Text

HISTORY = History([{"step": 0, "loss": 1.0}])
RUN_FILES = ["history.json", "results.json", "timings.json"]
DOCUMENTS = [[f"rain falls {i}", "then it stops"] for i in range(12)]


@pytest.fixture
def text():
    return Text(DOCUMENTS[:9], DOCUMENTS[9:], [s for d in DOCUMENTS for s in d], 60, 32, 3)


def silent(label):
    return None


def stopped(out, text):
    """A pretraining that is stopped after its second step; each step writes a checkpoint."""

    def stop(label):
        def say(step, total, message):
            if step == 2:
                raise KeyboardInterrupt

        return say

    with pytest.raises(KeyboardInterrupt):
        pretrain_text(text, out, progress=stop)


def contents(out):
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_a_folder_that_can_be_made_is_taken_and_one_below_a_file_is_refused(tmp_path):
    check_out(tmp_path)
    check_out(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("", encoding="utf-8")
    for out in (tmp_path / "file", tmp_path / "file" / "b"):
        with pytest.raises(CheckpointError, match="file is a file; give the name of a folder"):
            check_out(out)


@pytest.mark.parametrize("out", ["/proc/x", "/sys/x", "x" * 300, "x" * 5000, "a\0b"])
def test_a_folder_that_cannot_be_written_is_refused(tmp_path, out):
    for check in (check_out, lambda out: claimed(out).__enter__()):
        with pytest.raises(CheckpointError, match="cannot be written"):
            check(tmp_path / out)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="mode bits do not stop root")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(CheckpointError, match="cannot be written: Permission denied"):
        check_out(tmp_path)


def test_a_folder_where_a_file_belongs_is_refused_even_by_force(tmp_path):
    (tmp_path / "results.json").mkdir()
    with pytest.raises(CheckpointError, match="results.json: cannot be written"):
        check_out(tmp_path, force=True)


@pytest.mark.parametrize("name", [FILE, *RUN_FILES, "mlm.png"])
def test_what_an_earlier_run_left_is_kept_unless_forced(tmp_path, name):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")  # an unrelated file is no bar
    check_out(tmp_path, also=["mlm.png"])
    (tmp_path / name).write_bytes(b"results, or a model, or what was one")
    with pytest.raises(CheckpointError, match=f"{name}.*--force writes over it"):
        check_out(tmp_path, also=["mlm.png"])
    check_out(tmp_path, force=True, also=["mlm.png"])
    assert set(os.listdir(tmp_path)) == {"notes.txt", name}


def test_the_model_to_start_from_is_never_written_over(tmp_path):
    body, link, inside = tmp_path / "body", tmp_path / "link", tmp_path / "inside"
    save(body, load("tinyworld").body)
    link.symlink_to(body)
    inside.mkdir()
    (inside / FILE).symlink_to(body / FILE)
    for out in (body, link, body / ".." / "body", inside):
        for force in (False, True):
            with pytest.raises(CheckpointError, match="holds the model to start from"):
                check_out(out, start=body, force=force)
    with pytest.raises(CheckpointError, match="holds the model to start from"):
        check_out(load.__globals__["DATA"] / "tinyworld", start="tinyworld", force=True)
    check_out(tmp_path / "new", start=body)
    check_out(body / "new", start=body)


def test_a_stopped_run_is_kept_by_every_verb_unless_forced(tmp_path, text):
    stopped(tmp_path, text)
    before = contents(tmp_path)
    words = "pretraining run that was stopped at step 2; go on with --resume"
    for again in (
        lambda: check_out(tmp_path),  # as any verb
        lambda: pretrain_text(text, tmp_path, progress=silent),
    ):
        with pytest.raises(CheckpointError, match=words):
            again()
        assert contents(tmp_path) == before
    pretrain_text(text, tmp_path, progress=silent, force=True)
    assert sorted(os.listdir(tmp_path)) == sorted([FILE, *RUN_FILES])


def test_a_forced_run_that_is_refused_has_cost_nothing(tmp_path, text):
    pretrain_text(text, tmp_path, progress=silent)
    before = contents(tmp_path)
    for options in ({"steps": 0}, {"lr": -1.0}, {"vocabulary": Vocabulary(size=1)}, {"objective": "none"}):
        with pytest.raises(ValueError):
            pretrain_text(text, tmp_path, progress=silent, force=True, **options)
        assert contents(tmp_path) == before


def test_old_results_never_stand_beside_another_model(tmp_path, text):
    pretrain_text(text, tmp_path, progress=silent)

    def stop(label):
        def say(step, total, message):
            assert os.listdir(tmp_path).count("results.json") == 0
            if step == 2:
                raise KeyboardInterrupt

        return say

    with pytest.raises(KeyboardInterrupt):
        pretrain_text(text, tmp_path, progress=stop, force=True, seed=1)
    assert os.listdir(tmp_path) == [FILE]


KILLED = """
import os, sys
from pathlib import Path
from test_output import *
import npft.files.output as output
text = Text(DOCUMENTS[:9], DOCUMENTS[9:], [s for d in DOCUMENTS for s in d], 60, 32, 3)
name, moment = sys.argv[2:]
def killed(*args):
    if moment == "after":
        step(*args)
    os._exit(9)
step = getattr(output, name)
setattr(output, name, killed)
pretrain_text(text, Path(sys.argv[1]), progress=silent)
"""


@pytest.mark.parametrize("step, moment", [
    ("write_run", "before"), ("write_run", "after"), ("save", "before"),
])
def test_a_run_killed_at_its_end_has_the_same_results_with_resume(tmp_path, text, step, moment):
    whole, out = tmp_path / "whole", tmp_path / "out"
    results = pretrain_text(text, whole, progress=silent)
    env = os.environ | {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}
    done = subprocess.run([sys.executable, "-c", KILLED, str(out), step, moment], env=env)
    assert done.returncode == 9
    assert pretrain_text(text, out, progress=silent, resume=True) == results
    found, expected = contents(out), contents(whole)
    assert found.pop("timings.json") and expected.pop("timings.json")
    assert found == expected


def test_resume_needs_a_stopped_run_and_says_so_before_any_work(tmp_path, text):
    with pytest.raises(CheckpointError, match="no model.npz"):
        check_out(tmp_path, resume=True)
    pretrain_text(text, tmp_path / "done", progress=silent)
    with pytest.raises(CheckpointError, match="holds a finished model"):
        check_out(tmp_path / "done", resume=True)


def test_the_same_value_gives_the_same_bytes_in_utf_8(tmp_path):
    for name in ("a", "b"):
        write_json(tmp_path / "deep" / name, {"f1": 0.5, "name": "späm"})
    first = (tmp_path / "deep" / "a").read_bytes()
    assert first == (tmp_path / "deep" / "b").read_bytes() and "späm".encode() in first


def test_a_file_name_that_is_no_utf_8_can_be_written_down(tmp_path):
    name = os.fsdecode(b"caf\xe9.txt")
    write_json(tmp_path / "a", {"languages": [name]})
    assert json.loads((tmp_path / "a").read_bytes()) == {"languages": [name]}


def test_times_stand_apart_from_results(tmp_path):
    timings = {}
    with timed(timings, "work"):
        pass
    assert timings["work"] >= 0
    write_run(tmp_path, {"f1": 0.5}, HISTORY, timings)
    read = {p.name: json.loads(p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()}
    assert read == {
        "results.json": {"f1": 0.5}, "history.json": [{"step": 0, "loss": 1.0}],
        "timings.json": timings,
    }  # fmt: skip


def test_a_model_and_its_results_take_the_place_of_older_ones_and_of_nothing_else(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    for f1 in (0.5, 0.6):
        write_model(tmp_path, load("tinyworld"), {"f1": f1}, HISTORY, {})
    assert sorted(os.listdir(tmp_path)) == sorted([FILE, *RUN_FILES, "notes.txt"])
    assert json.loads((tmp_path / "results.json").read_bytes()) == {"f1": 0.6}
    drop_results(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [FILE, "notes.txt"]
