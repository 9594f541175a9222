"""Every way out of a command is one line at most and the right exit status, and nothing is lost.

Each test runs the command in a process of its own, as a shell would.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.files.lock import LOCK
from npft.heads.classes import Classifier
from npft.text import ByteTokenizer

NPFT = [sys.executable, "-m", "npft"]
ENV = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON") or k == "PYTHONPATH"}
TEXT = "win a prize é \N{GRINNING FACE}"


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("classifier")
    config = EncoderConfig(vocab_size=260, hidden_size=4, num_heads=2, num_layers=1,
                           intermediate_size=4, max_positions=64)
    encoder = Encoder(config, tokenizer=ByteTokenizer(), rng=rng)
    save(folder, Classifier(encoder, 2, label_names=["ham", "spam"], rng=rng))
    return str(folder)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(f"see you at noon {i}" for i in range(40)), encoding="utf-8")
    return str(path)


def run(*argv, input=TEXT + "\n", env=None, shell="", **options):
    """Run a command, through a shell that closes or turns away streams if so asked."""
    command = [*NPFT, *map(str, argv)]
    if shell:
        command = ["sh", "-c", f'exec "$@" {shell}', "sh", *command]
    done = subprocess.run(command, input=input.encode(), capture_output=True,
                          env=ENV | (env or {}), timeout=120, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def one_line(err):
    assert err.startswith("npft") and err.count("\n") == 1 and err.endswith("\n"), err
    return err


def test_a_reader_that_has_gone_ends_a_filter_in_silence(classifier):
    with subprocess.Popen([*NPFT, "predict", "--model", classifier], env=ENV,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        process.stdout.close()
        _, err = process.communicate(b"see you at noon then\n" * 5000)
    assert (process.returncode, err) == (141, b"")


@pytest.mark.parametrize("argv", [["predict"], ["predict", "--json"], ["--help"]])
def test_a_full_output_is_one_line(classifier, argv):
    argv = [*argv, "--model", classifier] if "predict" in argv else argv
    status, _, err = run(*argv, shell=">/dev/full")
    assert status == 2 and "standard output: No space left on device" in one_line(err)


def test_closed_streams(classifier):
    argv = ["predict", "--model", classifier, "--json"]
    status, _, err = run(*argv, shell="<&-")
    assert status == 2 and "is empty" in one_line(err)
    status, _, err = run(*argv, shell=">&-")
    assert status == 2 and "standard output is closed" in one_line(err)
    status, out, _ = run(*argv, shell="2>&-")
    assert status == 0 and json.loads(out)["predictions"][0]["text"] == TEXT
    assert run("predict", "--model", "none", shell="<&- >&- 2>&-") == (2, "", "")


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_progress_that_nobody_can_read_goes_nowhere(text, tmp_path, stderr):
    argv = ["pretrain", text, "--json", "--steps", "2", "--vocab-size", "60", "--out", tmp_path]
    status, out, _ = run(*argv, shell=stderr)
    assert status == 0 and json.loads(out) == json.loads((tmp_path / "results.json").read_bytes())
    assert sorted(os.listdir(tmp_path)) == sorted(
        ["model.npz", "results.json", "history.json", "timings.json"]
    )


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-16"])
def test_text_is_printed_as_utf_8_whatever_the_terminal_says(classifier, encoding):
    for more in ([], ["--json"]):
        status, out, err = run("predict", "--model", classifier, *more,
                               env={"PYTHONIOENCODING": encoding})
        assert status == 0 and TEXT in out and err == ""


def test_no_memory_is_one_line(classifier):
    limit = 1 << 30  # bytes: enough for Python and NumPy, not for these tokens
    status, _, err = run(
        "predict", "--model", classifier, input="see you at noon " * (1 << 22),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert status == 2 and "not enough memory" in one_line(err)


def test_a_full_disk_is_one_line_and_leaves_nothing_half(text, tmp_path):
    argv = ["pretrain", text, "--steps", "2", "--vocab-size", "60", "--out", str(tmp_path / "out")]
    status, out, err = run(
        *argv, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9999, 9999))
    )
    said = [line for line in err.splitlines() if line.startswith("npft")]
    assert status == 2 and out == "" and not os.listdir(tmp_path)
    assert said == [f"npft pretrain: {tmp_path}/out/model.npz: cannot be written: File too large"]


@pytest.mark.parametrize("out", ["/proc/x", "/sys/x", "x" * 300, "text.txt", "text.txt/x"])
def test_a_folder_that_cannot_be_written_is_refused_before_any_work(text, out):
    status, printed, err = run("pretrain", text, "--out", out, cwd=os.path.dirname(text))
    assert status == 2 and printed == "" and "cannot be written" in one_line(err)


class Running:
    """A pretraining that would last for long, past its first checkpoint."""

    def __init__(self, text, out):
        argv = ["pretrain", text, "--steps", "600", "--batch-size", "2", "--vocab-size", "60"]
        self.process = subprocess.Popen(
            [*NPFT, *argv, "--out", str(out)], env=ENV, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            # a shell lets what it runs in the background ignore Ctrl-C, these tests included
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        while not (out / "model.npz").exists():
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.02)

    def end(self, number):
        self.process.send_signal(number)
        out, err = self.process.communicate()
        return self.process.returncode, out, err


@pytest.mark.parametrize("number, status, words", [
    (signal.SIGTERM, 143, "stopped by SIGTERM"), (signal.SIGHUP, 129, "stopped by SIGHUP"),
    (signal.SIGINT, 130, "interrupted"),
])
def test_a_signal_is_one_line_and_leaves_no_lock(text, tmp_path, number, status, words):
    found, out, err = Running(text, tmp_path).end(number)
    assert found == status and out == ""
    assert [x for x in err.splitlines() if not x.startswith("pretrain ")] == [
        f"npft pretrain: {words}"
    ]
    assert os.listdir(tmp_path) == ["model.npz"]  # the last checkpoint, whole


def test_two_writers_and_a_killed_one(text, tmp_path):
    first = Running(text, tmp_path)
    try:
        argv = ["pretrain", text, "--steps", "2", "--out", str(tmp_path), "--force"]
        status, _, err = run(*argv)
        assert status == 2 and f"process {first.process.pid} on " in one_line(err)
    finally:
        assert first.end(signal.SIGKILL)[0] == -9
    assert LOCK in os.listdir(tmp_path)
    status, _, err = run("pretrain", text, "--steps", "2", "--out", str(tmp_path))
    assert status == 2 and "was stopped at step" in one_line(err)
    assert sorted(os.listdir(tmp_path)) == ["model.npz"]
