"""A grid goes on where it was stopped, in whatever way, and does no finished cell twice."""

import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial

import pytest

try:
    import resource
except ImportError:  # Windows
    resource = None

from npft.errors import CheckpointError, ConfigError, DataError, WorkerError
from npft.experiments.grid import grid
from npft.nn import progress
from npft.nn.progress import Progress


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "results.jsonl"


def here(function, cells, path, workers=1, **options):
    """A grid in threads of this process."""
    with ThreadPoolExecutor(workers) as executor:
        return grid(function, cells, path, executor, **options)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Counted:
    """A function that remembers its cells."""

    def __init__(self):
        self.cells = []

    def __call__(self, cell):
        self.cells.append(cell)
        return {"twice": 2 * cell["x"]}


def xs(*numbers):
    return [{"x": n} for n in numbers]


# ---- what is kept ----


def test_a_finished_cell_is_not_done_again_and_results_keep_the_order_of_the_cells(path):
    f = Counted()
    assert here(f, xs(3, 1), path) == [{"twice": 6}, {"twice": 2}]
    assert here(f, xs(1, 2, 3), path) == [{"twice": 2}, {"twice": 4}, {"twice": 6}]
    assert f.cells == xs(3, 1, 2)
    assert here(f, [], path) == [] and len(lines(path)) == 3  # what is not asked for stays


def test_a_line_holds_the_function_the_cell_and_the_result(path):
    here(math.sqrt, [4.0], path)
    assert path.read_text() == '{"function": "sqrt", "cell": 4.0, "result": 2.0}\n'


def test_equal_cells_are_done_once_and_the_order_of_keys_does_not_matter(path):
    f = Counted()
    assert here(f, [{"x": 1, "y": 2}, {"y": 2, "x": 1}], path) == [{"twice": 2}] * 2
    assert f.cells == [{"x": 1, "y": 2}]
    here(f, [{"x": 1.0, "y": 2}, {"x": True, "y": 2}], path)  # 1, 1.0 and true are three
    assert len(f.cells) == 3


def test_results_are_the_same_when_they_are_made_and_when_they_are_read(path):
    def f(cell):
        return {"pair": (1, 2), 7: 0.1 + 0.2, "ä": None, "a": "\ud800"}

    made = here(f, [0], path)
    assert made == [{"pair": [1, 2], "7": 0.1 + 0.2, "ä": None, "a": "\ud800"}]
    assert made == here(f, [0], path)
    assert list(made[0]) == ["pair", "7", "ä", "a"]


def test_results_are_kept_as_they_come_and_not_in_order(path):
    def f(cell):
        while cell == 0 and not path.read_bytes().count(b"\n") == 2:
            time.sleep(0.01)
        return cell

    assert here(f, [0, 1, 2], path, workers=2) == [0, 1, 2]
    assert [line["cell"] for line in lines(path)] == [1, 2, 0]


def test_the_default_is_new_processes(path):
    pid = "__import__('os').getpid()"
    assert grid(eval, [pid, "2 + 2"], path) != [os.getpid(), 4]
    assert here(eval, ["2 + 2"], path) == [4] and len(lines(path)) == 2


# ---- files that are not whole ----


WHOLE = b'{"function": "abs", "cell": -1, "result": 1}\n'


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_half_a_line_at_the_end_is_dropped_wherever_it_is_cut(tmp_path, cut):
    path = tmp_path / "r.jsonl"
    second = WHOLE.replace(b"1", b"2")
    path.write_bytes(second + WHOLE[:cut])
    assert here(abs, [-1, -2], path) == [1, 2]
    assert path.read_bytes() == second + WHOLE


def test_zeros_after_a_power_cut_are_dropped_too(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_bytes(WHOLE + WHOLE[:9] + bytes(100))
    assert here(abs, [-1], path) == [1] and path.read_bytes() == WHOLE


@pytest.mark.parametrize("bad", [
    b"\n", b"[]\n", b"{}\n", b"\xff\n", WHOLE[:-2] + b"\n", WHOLE[1:], b"null\n",
    WHOLE.replace(b"result", b"cell"), WHOLE.replace(b"-1", b"NaN"), b"[" * 100_000 + b"\n",
])  # fmt: skip
def test_a_damaged_line_is_refused_with_its_number_and_nothing_is_changed(tmp_path, bad):
    path = tmp_path / "r.jsonl"
    path.write_bytes(WHOLE + bad + WHOLE)
    with pytest.raises(DataError, match=r"r\.jsonl:2: is no line of a grid, or is damaged"):
        here(abs, [-1], path)
    assert path.read_bytes() == WHOLE + bad + WHOLE


@pytest.mark.parametrize("text", [b"my notes", b"my notes\nof May", b'{"a": 1}', WHOLE + b"my"])
def test_a_file_of_somebody_else_is_left_alone(tmp_path, text):
    path = tmp_path / "notes.txt"
    path.write_bytes(text)
    with pytest.raises(DataError, match=f":{1 + text.count(WHOLE)}: is no line of a grid"):
        here(abs, [-1], path)
    assert path.read_bytes() == text


def test_results_of_another_function_are_refused(path):
    here(math.sqrt, [4.0], path)
    with pytest.raises(DataError, match=r"jsonl:1: holds results of 'sqrt', not of exp; name"):
        here(math.exp, [4.0], path)


@pytest.mark.parametrize("place", ["", "file/r.jsonl", "nul\0.jsonl", "/dev/null"])
def test_a_place_that_cannot_be_written_is_one_line_of_ours(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot be written"):
        here(abs, [-1], tmp_path / place)


@pytest.mark.skipif(resource is None, reason="needs a limit on the size of files")
def test_a_full_disk_is_one_line_of_ours_and_the_grid_goes_on_when_there_is_room(path):
    here(abs, [-1], path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(WHOLE) + 10, limits[1]))
    try:
        with pytest.raises(CheckpointError, match="jsonl: cannot be written: File too large"):
            here(abs, [-2], path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == WHOLE + WHOLE[:10]
    assert here(abs, [-2], path) == [2] and len(lines(path)) == 2


# ---- what cannot be kept ----


@pytest.mark.parametrize("cell", [math.nan, {"x": math.inf}, {1}, {"a": 0, 1: 0}, {1: 0, "1": 0}])
def test_a_cell_that_json_cannot_hold_is_refused_before_any_work(path, cell):
    with pytest.raises(ConfigError, match="grid: the cell .* cannot be kept as JSON"):
        here(abs, [-1, cell], path)
    assert not path.parent.exists()


@pytest.mark.parametrize("result", [math.nan, [-math.inf], {1}, {1: 0, "1": 0}])
def test_a_result_that_json_cannot_hold_is_refused_and_names_the_cell(path, result):
    with pytest.raises(WorkerError, match=r'returned for the cell "b" cannot be kept as JSON'):
        here({"a": 1, "b": result}.get, ["a", "b"], path)
    assert [line["cell"] for line in lines(path)] == ["a"]


# ---- cells that fail ----


def test_an_error_names_the_cell_and_what_is_done_is_in_the_file(path):
    with pytest.raises(WorkerError) as caught:
        here(math.factorial, [3, -1, 4], path, workers=3)
    words = 'grid: factorial failed for the cell -1: ValueError: factorial() not defined for neg'
    assert str(caught.value).startswith(words)
    assert isinstance(caught.value.__cause__, ValueError)
    assert 3 in [line["cell"] for line in lines(path)]
    assert here(math.factorial, [3, 4], path) == [6, 24]


class AtOnce(Executor):
    """Has done a cell as soon as it is given one."""

    def submit(self, function, cell):
        done = Future()
        try:
            done.set_result(function(cell))
        except ValueError as error:
            done.set_exception(error)
        return done


def test_of_cells_that_end_together_those_that_failed_come_last(path):
    with pytest.raises(WorkerError, match="for the cell -1"):
        grid(math.factorial, [-1, *range(30)], path, AtOnce())
    assert sorted(line["cell"] for line in lines(path)) == list(range(30))


def test_a_worker_that_is_killed_names_the_cell_it_had(path):
    killed = "__import__('os').kill(__import__('os').getpid(), 9)"
    with pytest.raises(WorkerError, match="failed for the cell .*getpid.*killed by SIGKILL"):
        grid(eval, ["1 + 1", killed], path)
    with pytest.raises(WorkerError, match="for the cell \"1 / 0\": ZeroDivisionError") as caught:
        grid(eval, ["1 / 0"], path)
    assert "in a worker process" in str(caught.value.__cause__.__cause__)


def test_what_concerns_no_cell_is_raised_as_sweep_raises_it(path):
    def local(cell):
        return cell

    with pytest.raises(ConfigError, match="sweep: .*local.* cannot be sent to other processes"):
        grid(local, [1], path)


def test_a_function_without_a_name_of_its_own_is_refused(path):
    for function in (lambda cell: cell, partial(pow, 2), partial(partial(pow, 2))):
        with pytest.raises(ConfigError, match="no name of its own.* put what varies into the cell"):
            here(function, [1], path)
    assert not path.parent.exists()


UNGUARDED = """
import sys
from npft.experiments.grid import grid
grid(abs, [-1, -2], sys.argv[1])
"""


def test_a_script_without_its_guard_is_told_so_and_not_that_the_file_is_taken(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED, encoding="utf-8")
    command = [sys.executable, str(script), str(tmp_path / "r.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.stderr.strip().endswith('under: if __name__ == "__main__":')
    assert done.stderr.count("Traceback") == 1


# ---- two at once, and progress ----


def test_a_second_grid_on_the_same_file_is_refused(path):
    def again(cell):
        with pytest.raises(CheckpointError, match=r"results\.jsonl: another grid writes here"):
            here(abs, [-1], path)
        return cell

    assert here(again, [1], path) == [1]
    assert here(again, [1], path) == [1]  # it has let go


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_worker_that_is_left_over_does_not_keep_the_file(path):
    """Those of a ProcessPoolExecutor wait for ever when its process is killed."""
    left = []

    def fork(cell):
        (end, begin), (told, tell) = os.pipe(), os.pipe()
        left.append((os.fork(), begin))
        if left[0][0] == 0:  # the worker: it says that it runs, and waits until it is told to end
            os.write(tell, b"1")
            os.close(begin)
            os.read(end, 1)
            os._exit(0)
        os.read(told, 1)
        for line in (end, told, tell):
            os.close(line)
        return cell

    assert grid(fork, [1], path, AtOnce()) == [1]
    try:
        assert here(fork, [1], path) == [1]
    finally:
        pid, begin = left[0]
        os.close(begin)
        os.waitpid(pid, 0)


def test_the_time_left_is_reckoned_from_the_cells_done_now(path, monkeypatch):
    now, stream = [0.0], io.StringIO()
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    shown = Progress("grid", stream)

    def after_half_an_hour(*said):
        now[0] += 1800
        shown(*said)

    here(abs, list(range(10)), path)
    here(abs, list(range(20)), path, progress=after_half_an_hour)
    first, *_, last = stream.getvalue().splitlines()
    assert first == "grid 11/20  cells  1800 s, 4:30 h left"
    assert last == "grid 20/20  cells  5:00 h"


# ---- a real kill ----


SLOW = """
import sys, time
from pathlib import Path
from npft.experiments.grid import grid

def slow(cell):
    time.sleep(0.1)
    with open(Path(cell["marks"]) / str(cell["x"]), "a") as marks:
        marks.write("done ")
    return cell["x"] ** 2

if __name__ == "__main__":
    print(grid(slow, [{"x": x, "marks": sys.argv[2]} for x in range(12)], sys.argv[1]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_after_kill_9_no_finished_cell_is_done_again(tmp_path):
    script, path, marks = (tmp_path / name for name in ("script.py", "r.jsonl", "marks"))
    script.write_text(SLOW, encoding="utf-8")
    marks.mkdir()
    command = [sys.executable, str(script), str(path), str(marks)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as first:
        while not path.exists() or path.read_bytes().count(b"\n") < 3:
            assert first.poll() is None
            time.sleep(0.02)
        first.kill()
    assert first.returncode == -signal.SIGKILL
    kept = path.read_bytes()
    finished = [json.loads(line)["cell"]["x"] for line in kept.split(b"\n")[:-1]]
    assert 3 <= len(finished) < 12
    again = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert again.stdout == f"{[x**2 for x in range(12)]}\n", again.stderr
    assert all((marks / str(x)).read_text() == "done " for x in finished)
    assert path.read_bytes().startswith(kept[: kept.rindex(b"\n") + 1])
    assert sorted(line["cell"]["x"] for line in lines(path)) == list(range(12))


# ---- a cluster ----


def test_dask_gives_the_same_results_and_the_same_file(tmp_path):
    reason = "needs dask.distributed: pip install 'npft[cluster]'"
    distributed = pytest.importorskip("distributed", reason=reason)
    cells, by_default, by_dask = [4, 0, 3], tmp_path / "default.jsonl", tmp_path / "dask.jsonl"
    assert grid(math.factorial, cells, by_default) == [24, 1, 6]
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
    ):
        assert grid(math.factorial, cells, by_dask, executor) == [24, 1, 6]
        written = sorted(by_dask.read_bytes().splitlines())
        with pytest.raises(WorkerError, match="for the cell -1: ValueError"):
            grid(math.factorial, [-1, *cells], by_dask, executor)
    assert written == sorted(by_default.read_bytes().splitlines())
