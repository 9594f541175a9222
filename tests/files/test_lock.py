"""One writer to a folder: the second is told who the first is, and the dead hold nothing."""

import os
import platform
import signal
import subprocess
import sys

import pytest

from npft.errors import CheckpointError
from npft.files.lock import LOCK, locked

HOLD = """
import sys, time
from pathlib import Path
from npft.files.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of a folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_writer_is_refused_in_words_that_name_the_first(holder, tmp_path):
    words = f"out: process {holder.pid} on {platform.node()} writes here; wait until"
    with pytest.raises(CheckpointError, match=words), locked(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path / "out") == [LOCK]  # still that of the first


def test_the_lock_of_a_killed_process_stops_nobody(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert os.listdir(tmp_path / "out") == [LOCK]
    with locked(tmp_path / "out"):
        assert (tmp_path / "out" / LOCK).read_text().startswith(f"process {os.getpid()} on ")
    assert os.listdir(tmp_path / "out") == []


def test_a_second_run_of_this_process_is_refused_too(tmp_path):
    with locked(tmp_path), pytest.raises(CheckpointError, match="writes here"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_a_folder_made_for_the_lock_goes_if_nothing_was_written(tmp_path):
    with locked(tmp_path / "a" / "b"):
        pass
    assert os.listdir(tmp_path) == []
    with locked(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "model").touch()
    assert os.listdir(tmp_path / "a" / "b") == ["model"]


def test_a_lock_of_another_computer_is_kept_and_the_message_says_what_to_remove(tmp_path):
    (tmp_path / LOCK).write_text("process 12 on elsewhere\n", encoding="utf-8")
    words = f"{LOCK}: process 12 on elsewhere writes here, or was killed.*remove this file"
    with pytest.raises(CheckpointError, match=words), locked(tmp_path):
        pass
    assert (tmp_path / LOCK).read_text() == "process 12 on elsewhere\n"


@pytest.mark.parametrize("make", [
    lambda path: path.write_text("my notes", encoding="utf-8"),
    lambda path: path.mkdir(),
    lambda path: path.symlink_to("/etc/hostname"),
])
def test_what_is_no_lock_of_npft_is_left_alone(tmp_path, make):
    make(tmp_path / LOCK)
    with pytest.raises(CheckpointError, match="is no lock file|cannot be written"):
        with locked(tmp_path):
            pass
    assert os.listdir(tmp_path) == [LOCK]


@pytest.mark.parametrize("out", ["/proc/x", "/sys/x/y", "x" * 300, "a\0b"])
def test_a_folder_that_cannot_be_written_is_refused(tmp_path, out):
    with pytest.raises(CheckpointError, match="cannot be written"), locked(tmp_path / out):
        pass
    assert os.listdir(tmp_path) == []
