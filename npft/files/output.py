"""What every verb that writes a folder needs: a check beforehand, a clock, and the files."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from npft.atomic import check_place, made_folder, shown, write_bytes
from npft.encoder.checkpoint import FILE, read_training, save
from npft.encoder.hub_files import is_hub_folder
from npft.encoder.model import Model
from npft.errors import CheckpointError
from npft.files.lock import locked
from npft.loading import folder_of
from npft.nn.history import History
from npft.nn.progress import ProgressFn

RUN_FILES = ("results.json", "history.json", "timings.json")

ProgressMaker = Callable[[str], ProgressFn | None]


@contextmanager
def timed(timings: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds spent in the block to ``timings``."""
    start = time.perf_counter()
    yield
    timings[name] = round(time.perf_counter() - start, 3)


@contextmanager
def claimed(
    out: Path,
    *,
    start: str | Path | None = None,
    force: bool = False,
    resume: bool = False,
    also: Sequence[str] = (),
) -> Iterator[None]:
    """Keep the folder ``out`` for one run, from its first check to its end; see ``check_out``.

    Every verb that writes a folder does all its work in such a block, so of two runs into one
    folder the second is refused in one line, and a folder that cannot be written costs no work.

    Raises what ``check_out`` and ``locked`` raise.
    """
    _check_not_start(out, start)
    with locked(out):
        check_out(out, start=start, force=force, resume=resume, also=also)
        yield


def check_out(
    out: Path,
    *,
    start: str | Path | None = None,
    force: bool = False,
    resume: bool = False,
    also: Sequence[str] = (),
) -> None:
    """Refuse, before any work is done, a folder in which something would be lost.

    start: the model the run starts from. Its folder is never written to, not even with ``force``:
        a run that was killed there would leave neither the old model nor the new one.
    force: allow what an earlier run left in ``out`` to be replaced: its model, finished or
        stopped, its results.json, history.json and timings.json, and the files ``also``. The old
        model stays until a new one is whole; the old results go when the new run begins to train,
        so that they never stand beside another model. No other file is touched.
    resume: the run goes on with the one that was stopped in ``out``, which must be there.
    also: further files that the run will write, such as figures.

    An empty folder, one that is not there yet, and one with other files are fine. Raises
    ``CheckpointError`` that says what is there and what to do.
    """
    _check_not_start(out, start)
    if is_hub_folder(out):
        raise CheckpointError(f"{shown(out)}: holds a model of Hugging Face; name another folder")
    names = [FILE, *RUN_FILES, *also]
    with made_folder(out):
        for name in names:
            check_place(out / name)
    if resume:
        read_training(out)
        return
    found = [name for name in names if (out / name).exists()]
    if found and not force:
        raise CheckpointError(f"{shown(out)}: {_held(out, found)}, or name another folder; "
                              "--force writes over it")


def _held(out: Path, found: Sequence[str]) -> str:
    """What a folder holds, and how to go on with it."""
    if FILE not in found:
        return f"holds the results of a run ({', '.join(found)}); move them away"
    try:
        _, (state, _) = read_training(out)
    except CheckpointError:  # a finished model, or what cannot be read
        return f"holds a model ({FILE}); move it away"
    step = state.get("step")
    return f"holds a pretraining run that was stopped at step {step}; go on with --resume"


def _check_not_start(out: Path, start: str | Path | None) -> None:
    """Refuse the folder of the model that a run starts from, or one with a link to its file."""
    if start is None:
        return
    folder = folder_of(start)
    if same_file(out, folder) or same_file(out / FILE, folder / FILE):
        raise CheckpointError(f"{shown(out)}: holds the model to start from; name another folder "
                              "for the new one")


def same_file(one: Path, other: Path) -> bool:
    """Whether two names lead to one file or folder."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # one of them is not there, or cannot be
        return False


def drop_results(out: Path, also: Sequence[str] = ()) -> None:
    """Remove the results of an earlier run, before there is another model beside them."""
    for name in (*RUN_FILES, *also):
        try:
            (out / name).unlink(missing_ok=True)
        except OSError as error:
            raise CheckpointError(
                f"{shown(out / name)}: cannot be removed: {error.strerror}"
            ) from None


def dropping_results(out: Path, progress: ProgressFn | None) -> ProgressFn:
    """A progress function that also drops the results of an earlier run, once training goes on.

    So what is refused before the first step has cost nothing, even with ``force``.
    """

    def say(step: int, total: int, message: str) -> None:
        drop_results(out)
        if progress is not None:
            progress(step, total, message)

    return say


def write_json(path: Path, value: Any) -> None:
    """Write JSON: the same value gives the same bytes.

    Half of a surrogate pair, as in a file name that is no UTF-8, becomes the escape that JSON has
    for it.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    with made_folder(path.parent):
        write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_run(out: Path, results: dict, history: History, timings: dict[str, float]) -> None:
    """The three files of a run: results.json, history.json and timings.json."""
    write_json(out / "results.json", results)
    history.to_json(out / "history.json")
    write_json(out / "timings.json", timings)


def write_model(
    out: Path, model: Model, results: dict, history: History, timings: dict[str, float]
) -> None:
    """The model, and then beside it the three files of its run; those of an older run go first.

    At no moment are there results beside a model that is not theirs.
    """
    drop_results(out)
    save(out, model)
    write_run(out, results, history, timings)


def end_resumable(
    out: Path, model: Model, results: dict, history: History, timings: dict[str, float]
) -> None:
    """The three files of a run that wrote checkpoints, and then its finished model.

    The model is last, for with it the state of training goes: a run that is killed before still
    goes on with --resume, and ends with the same results.
    """
    write_run(out, results, history, timings)
    save(out, model)
