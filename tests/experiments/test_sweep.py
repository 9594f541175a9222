"""A sweep runs on any executor, and by default in processes of its own, which end with it."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from npft.errors import ConfigError, DataError, WorkerError
from npft.experiments.sweep import finished, sweep


def fail(cell):
    raise DataError("no text", path="a.txt", line=cell)


class Odd(Exception):
    """An error that cannot be built again from its words, as pickle would."""

    def __init__(self, one, two):
        super().__init__(one + two)


def fail_oddly(cell):
    raise Odd("no ", "text")


def return_oddly(cell):
    return Odd("no ", "text") if cell else "good"


def test_the_default_keeps_the_order_of_the_cells():
    assert sweep(math.factorial, [5, 3, 4]) == [120, 6, 24]
    assert sweep(math.factorial, []) == []


def test_the_default_runs_outside_of_this_process():
    assert sweep(eval, ["__import__('os').getpid()"]) != [os.getpid()]


@pytest.mark.parametrize("end, words", [
    ("os.kill(os.getpid(), 9)", "was killed by SIGKILL, perhaps for lack of memory"),
    ("os._exit(3)", "ended with exit status 3"),
])
def test_a_worker_that_ends_is_our_error(end, words):
    with pytest.raises(WorkerError, match=words):
        sweep(exec, [f"import os; {end}", "pass"])


def test_what_cannot_be_sent_to_a_process_is_refused():
    with pytest.raises(ConfigError, match="<lambda> and its cells cannot be sent"):
        sweep(lambda cell: cell, [1])
    with pytest.raises(ConfigError, match="abs and its cells cannot be sent"):
        sweep(abs, [lambda: 1])


def ended(*argv, input=None):
    done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, input=input,
                          timeout=100)
    return done.stdout, done.stderr.strip().splitlines()


SCRIPT = """
import os
from npft.experiments.sweep import sweep
print("begun", flush=True)
def double(x): return 2 * x
def show(cells): print(sweep(double, cells), flush=True)
"""


def test_a_script_that_sweeps_at_its_top_level_needs_its_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + "if __name__ == '__main__':\n    show([-2, 3])\n", encoding="utf-8")
    assert ended(str(script))[0].splitlines()[-1] == "[-4, 6]"
    script.write_text(SCRIPT + "show([-2, 3])\n", encoding="utf-8")
    out, err = ended(str(script))
    # Once here and at most once in each worker, not for ever; their lines may run together.
    assert "".join(out.split()) in {"begun" * n for n in range(1, 2 + min(2, os.cpu_count()))}
    assert err[-1].startswith("npft.errors.ConfigError: sweep: each new process reads the script")
    assert err[-1].endswith('under: if __name__ == "__main__":')
    assert sum(line.startswith("Traceback") for line in err) == 1  # the workers are silent


def test_one_process_runs_several_scripts_in_turn_that_each_sweep(tmp_path):
    """As ``python figures NAME NAME`` does: the second once ended the process without a word."""
    script, first = tmp_path / "script.py", tmp_path / "first.py"
    script.write_text(
        "from npft.experiments.sweep import sweep\n"
        "if __name__ == '__main__':\n"
        "    print(sweep(abs, [-1, 2]))\n", encoding="utf-8")
    first.write_text(
        "import runpy, sys\n"
        "if __name__ == '__main__':\n"
        "    for _ in range(2):\n"
        "        runpy.run_path(sys.argv[1], run_name='__main__')\n"
        "    print('done')\n", encoding="utf-8")
    assert ended(str(first), str(script)) == ("[1, 2]\n[1, 2]\ndone\n", [])


def test_a_function_made_at_a_prompt_or_in_a_notebook_is_refused_in_one_line():
    out, err = ended("-c", SCRIPT + "show([1])")
    assert out == "begun\n" and "double is made in a notebook or at a prompt" in err[-1]
    out, err = ended(input=SCRIPT + "show([1])")
    assert out == "begun\n" and "there is no file <stdin>; put the script into a file" in err[-1]
    assert ended("-c", SCRIPT + "print(sweep(abs, [-1]))")[0] == "begun\n[1]\n"


def test_an_error_in_a_worker_is_raised_here_with_its_place_there():
    sys.path.insert(0, str(Path(__file__).parent))  # where workers find the functions above
    try:
        import test_sweep as here
        with pytest.raises(DataError, match="a.txt:7: no text") as caught:
            sweep(here.fail, [7])
        assert "in fail" in str(caught.value.__cause__)
        with pytest.raises(WorkerError, match="Odd: no text"):
            sweep(here.fail_oddly, [7])
        words = r"what the function returned cannot be read by this process \(TypeError: .*plain va"
        with pytest.raises(WorkerError, match=words):
            sweep(here.return_oddly, [1])
        ends = dict(finished(here.return_oddly, [0, 1, 0]))  # of that cell alone
        assert [ends[k].result() for k in (0, 2)] == ["good", "good"]
        assert isinstance(ends[1].exception(), WorkerError)
    finally:
        sys.path.pop(0)


PARENT = """
import sys, time
from npft.experiments.sweep import sweep
from npft.files.ending import Ending
if __name__ == "__main__":
    with Ending("sweep") as ending:
        wait = "open({!r} + str(__import__('os').getpid()), 'w'); __import__('time').sleep(100)"
        sweep(exec, [wait.format(sys.argv[1])] * 2)
    sys.exit(ending.status)
"""


def running(pid):
    """Whether a process runs: not gone, and no zombie that nobody has waited for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("number, status", [
    (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGKILL, -9),
])
def test_no_worker_outlives_its_parent(tmp_path, number, status):
    script, marks = tmp_path / "script.py", tmp_path / "marks"
    script.write_text(PARENT, encoding="utf-8")
    marks.mkdir()
    command = [sys.executable, str(script), f"{marks}/"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # a shell lets what it runs in the background ignore Ctrl-C, these tests included
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as parent:
        while len(list(marks.iterdir())) < min(2, os.cpu_count()):
            assert parent.poll() is None, parent.stderr.read()
            time.sleep(0.05)
        workers = [int(mark.name) for mark in marks.iterdir()]
        assert all(map(running, workers))
        if number == signal.SIGINT:  # Ctrl-C goes to all processes of a terminal
            os.killpg(parent.pid, number)
        else:
            parent.send_signal(number)
        _, err = parent.communicate(timeout=20)
    assert parent.returncode == status
    lines = [line for line in err.splitlines() if "resource_tracker" not in line]
    assert len(lines) == (0 if number == signal.SIGKILL else 1), err
    until = time.monotonic() + 5
    while any(map(running, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(running, workers))
