"""The kinds of files that are damaged, and how many inputs each has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import checkpoints
import hub_folders
import readers
import safetensors_files
import tokenizer_files
import training
from inputs import Target
from workers import Job

# Each kind: what makes its targets, and its part of all inputs.
KINDS: dict[str, tuple[Callable[[], list[Target]], float]] = {
    "readers": (readers.targets, 0.45),
    "tokenizers": (tokenizer_files.targets, 0.2),
    "checkpoints": (checkpoints.targets, 0.15),
    "safetensors": (safetensors_files.targets, 0.05),
    "hub folders": (hub_folders.targets, 0.05),
    "training": (training.targets, 0.1),
}


def jobs_of(count: int, names: Sequence[str]) -> list[Job]:
    """Which inputs are tried: of each kind those from number 0 on.

    >>> jobs_of(4, ["checkpoints", "training"])
    [('checkpoints', 0), ('checkpoints', 1), ('training', 0), ('training', 1)]
    """
    shares = {name: KINDS[name][1] for name in names}
    total = sum(shares.values())
    return [(name, n) for name in names for n in range(round(count * shares[name] / total))]
