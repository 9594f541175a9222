"""What every verb that writes a folder needs: a check beforehand, a clock, and the files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from npft.encoder.checkpoint import save
from npft.encoder.model import Model
from npft.errors import CheckpointError
from npft.nn.history import History
from npft.nn.progress import ProgressFn

ProgressMaker = Callable[[str], ProgressFn | None]


@contextmanager
def timed(timings: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds spent in the block to ``timings``."""
    start = time.perf_counter()
    yield
    timings[name] = round(time.perf_counter() - start, 3)


def check_out(out: Path) -> None:
    """Refuse, before any work is done, a folder that cannot be written."""
    existing = out
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise CheckpointError(f"{out}: {existing} is a file; give the name of a folder")


def write_json(path: Path, value: Any) -> None:
    """Write JSON: the same value gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_run(out: Path, results: dict, history: History, timings: dict[str, float]) -> None:
    """The three files of a run: results.json, history.json and timings.json."""
    write_json(out / "results.json", results)
    history.to_json(out / "history.json")
    write_json(out / "timings.json", timings)


def write_model(
    out: Path, model: Model, results: dict, history: History, timings: dict[str, float]
) -> None:
    """The model, and beside it the three files of its run."""
    save(out, model)
    write_run(out, results, history, timings)
