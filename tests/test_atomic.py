"""Files appear whole or not at all, and nobody's file is lost."""

import os
import resource
import subprocess
import sys

import numpy as np
import pytest

from npft.atomic import PREFIX, SUFFIX, check_place, new_file, write_bytes, write_rows
from npft.errors import CheckpointError, ShapeError
from npft.nn.history import History
from npft.text import ByteTokenizer

WRITERS = {
    "bytes": lambda path: write_bytes(path, b"new"),
    "rows": lambda path: write_rows(path, [np.ones((2, 3), np.float32)]),
    "history": lambda path: History([{"step": 0}]).to_json(path),
    "tokenizer": lambda path: ByteTokenizer().save(path),
    "check": check_place,
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "a\0b", "/proc/none/x", "/sys/x", "folder",
                                  "file/x"])
def test_a_place_that_cannot_be_written_is_one_line_of_ours(tmp_path, write, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot be written") as caught:
        write(f"{tmp_path}/{name}" if name[0] != "/" else name)
    assert "\n" not in str(caught.value) and "\0" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize("write", [w for n, w in WRITERS.items() if n != "check"])
def test_no_other_file_is_touched_and_a_link_stays_a_link(tmp_path, write):
    for name in ("x.tmp", "x.json.tmp", ".x.tmp"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    (tmp_path / "x.json").symlink_to("behind.json")
    (tmp_path / "behind.json").write_text("old", encoding="utf-8")
    write(tmp_path / "x.json")
    assert (tmp_path / "x.json").is_symlink() and (tmp_path / "behind.json").read_bytes() != b"old"
    names = {".x.tmp", "behind.json", "x.json", "x.json.tmp", "x.tmp"}
    assert set(os.listdir(tmp_path)) == names
    assert all((tmp_path / n).read_text() == "mine" for n in names if n.endswith(".tmp"))


def test_what_is_no_plain_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # as /dev/null, which root could replace
    with pytest.raises(CheckpointError, match="it is no plain file"):
        write_bytes(tmp_path / "pipe", b"x")
    assert (tmp_path / "pipe").is_fifo()


def test_an_error_while_writing_keeps_the_old_file_and_leaves_no_other(tmp_path):
    path = tmp_path / "x"
    write_bytes(path, b"old")
    for error in (OSError(28, "No space left on device"), KeyboardInterrupt(), ZeroDivisionError()):
        expected = CheckpointError if isinstance(error, OSError) else type(error)
        with pytest.raises(expected), new_file(path) as file:
            file.write(b"half")
            raise error
        assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x"]


def test_a_full_disk_keeps_the_old_file(tmp_path):
    path = tmp_path / "x.npy"
    write_bytes(path, b"old")
    code = ("import sys, numpy as np\nfrom npft.atomic import write_rows\n"
            "write_rows(sys.argv[1], [np.ones((100, 100), np.float32)] * 9)")
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert f"CheckpointError: {path}: cannot be written: File too large" in done.stderr
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x.npy"]


def test_two_writers_at_once_leave_each_others_temporary_file(tmp_path):
    with new_file(tmp_path / "a") as slow:
        slow.write(b"first ")
        write_bytes(tmp_path / "b", b"quick")  # sweeps the folder
        slow.write(b"second")
    assert (tmp_path / "a").read_bytes() == b"first second"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_what_a_killed_writer_leaves_is_removed_by_the_next(tmp_path):
    code = ("import os, sys\nfrom npft.atomic import new_file\n"
            "with new_file(sys.argv[1]) as file:\n    file.write(b'half')\n    os.abort()")
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x")], capture_output=True)
    (left,) = os.listdir(tmp_path)
    assert left.startswith(PREFIX) and left.endswith(SUFFIX)
    write_bytes(tmp_path / "y", b"")
    assert os.listdir(tmp_path) == ["y"]


@pytest.mark.parametrize("sizes", [[3], [0], [2, 0, 5], [1] * 12])
def test_rows_written_as_they_come_are_the_file_numpy_writes(tmp_path, sizes):
    blocks = [np.random.default_rng(i).random((n, 4), np.float32) for i, n in enumerate(sizes)]
    assert write_rows(tmp_path / "a.npy", iter(blocks)) == sum(sizes)
    np.save(tmp_path / "b.npy", np.concatenate(blocks))
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_blocks_that_do_not_fit_write_nothing(tmp_path):
    for blocks in ([], [np.ones((1, 2)), np.ones((1, 3))]):
        with pytest.raises(ShapeError, match="write_rows"):
            write_rows(tmp_path / "a.npy", blocks)
    assert not os.listdir(tmp_path)
