"""What is written beside a model, and what is refused before any work."""

import json

import pytest

from npft.errors import CheckpointError
from npft.files.output import check_out, timed, write_json, write_run
from npft.nn.history import History


def test_a_folder_that_can_be_made_is_taken_and_one_below_a_file_is_refused(tmp_path):
    check_out(tmp_path)
    check_out(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("", encoding="utf-8")
    for out in (tmp_path / "file", tmp_path / "file" / "b"):
        with pytest.raises(CheckpointError, match="file is a file; give the name of a folder"):
            check_out(out)


def test_the_same_value_gives_the_same_bytes_in_utf_8(tmp_path):
    for name in ("a", "b"):
        write_json(tmp_path / "deep" / name, {"f1": 0.5, "name": "späm"})
    first = (tmp_path / "deep" / "a").read_bytes()
    assert first == (tmp_path / "deep" / "b").read_bytes() and "späm".encode() in first


def test_times_stand_apart_from_results(tmp_path):
    timings = {}
    with timed(timings, "work"):
        pass
    assert timings["work"] >= 0
    write_run(tmp_path, {"f1": 0.5}, History([{"step": 0, "loss": 1.0}]), timings)
    read = {p.name: json.loads(p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()}
    assert read == {
        "results.json": {"f1": 0.5}, "history.json": [{"step": 0, "loss": 1.0}],
        "timings.json": timings,
    }  # fmt: skip
