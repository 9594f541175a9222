"""The time to start: a new process that imports npft, prints its help, or answers one line.

What counts is the time of the processor, of Python and of the system, which other programs disturb
less than the clock on the wall. ``import numpy`` stands beside it: what a command that computes
cannot do without. Models and compiled files are there before the first start that is counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from clock import spread

LINE = b"win a prize now\n"
STARTS = {  # what is started, the arguments of Python, and the seconds that we want to stay below
    "import numpy": (["-c", "import numpy"], None),
    "import npft": (["-c", "import npft"], 0.2),
    "npft --help": (["-m", "npft", "--help"], 0.2),
    "npft predict, one line": (["-m", "npft", "predict", "--model", "spam"], 0.5),
}


def seconds(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Of the processor and of the wall, from the start of Python to its end."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    process.stdin.write(LINE)
    process.stdin.close()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"python {' '.join(arguments)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, wall


def classifier(folder: Path) -> None:
    """Fine-tune a new body on 80 messages for an epoch: the model in ``folder``/spam."""
    rows = [f"ham\tsee you at {i}\nspam\twin prize {i}\n" for i in range(40)]
    (folder / "rows.tsv").write_text("".join(rows), encoding="utf-8")
    command = ["-m", "npft", "finetune", "rows.tsv", "--epochs", "1", "--out", "spam"]
    subprocess.run([sys.executable, *command], cwd=folder, check=True, capture_output=True)


def measure(rounds: int) -> list[dict]:
    """The seconds of each start, in turns; the first turn is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        classifier(Path(folder))
        found = np.array([
            [seconds(arguments, Path(folder)) for arguments, _ in STARTS.values()]
            for _ in range(rounds + 1)
        ])[1:]  # (rounds, starts, 2)
    return [
        {"work": f"start: {name}", "cpu_s": spread(cpu), "wall_s": spread(wall)}
        | ({} if aim is None else {"aim_s": aim})
        for (name, (_, aim)), (cpu, wall) in zip(STARTS.items(), found.transpose(1, 2, 0))
    ]  # fmt: skip
