"""How many labels pretraining is worth: F1 against the number of labels, with it and without.

ULMFiT's claim (Howard & Ruder 2018, section 4.4): with 100 labels, pretraining does as well as
training from scratch on 100 times as many. Here it is read off: where the curve from random weights
reaches the F1 that a pretrained body has with n labels, it needs m labels, and m / n is the gap.

Every run takes at least 400 steps, however few its labels are: 20 epochs of few labels would be a
handful of steps, and would compare training that has not begun. Many labels are read ten times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.errors import ConfigError

FEW = (8, 32, 100, 320, 640)  # labels of every regime
MANY = (1280,)  # where the others may catch up with pretraining
TASKS = ("topic", "sms")
REGIMES = ("head", "full", "scratch", "words")
STEPS, BATCH, EPOCHS = 400, 32, 10


def epochs_of(n: int) -> int:
    """So many epochs of ``n`` labels in batches of 32 that there are 400 steps, at least 10.

    >>> [epochs_of(n) for n in (8, 32, 100, 640, 2560)]
    [400, 400, 100, 20, 10]
    """
    return max(EPOCHS, -(-STEPS // -(-n // BATCH)))


def label_cells(body: str, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """The cells for ``run_cell`` of ``regimes.py`` on the body in a folder.

    Beyond 640 labels only the rivals of pretraining are run: random weights and bag of words.
    """
    return [
        {
            "task": task, "n": n, "regime": regime, "seed": seed, "body": body,
            "epochs": epochs_of(n), "watch": False,
        }
        for n in reversed(FEW + MANY)  # the longest first
        for task in TASKS
        for regime in REGIMES
        if n in FEW or regime in ("scratch", "words")
        for seed in seeds
    ]  # fmt: skip


def mean_curve(cells: Sequence[Mapping[str, Any]], task: str, regime: str) -> dict[int, float]:
    """{labels: mean F1 over the seeds}, by rising number of labels."""
    runs: dict[int, list[float]] = {}
    for cell in cells:
        if (cell["task"], cell["regime"]) == (task, regime):
            runs.setdefault(cell["n"], []).append(cell["f1"])
    return {n: float(np.mean(runs[n])) for n in sorted(runs)}


def labels_needed(curve: Mapping[int, float], f1: float) -> float | None:
    """The number of labels at which a curve first reaches an F1, read between points on a log axis.

    None where it never does. Raises ``ConfigError`` for a curve without points.

    >>> labels_needed({10: 0.2, 1000: 0.6}, 0.4), labels_needed({10: 0.2, 1000: 0.6}, 0.7)
    (100.0, None)
    """
    if not curve:
        raise ConfigError("labels_needed: the curve has no points; give {labels: F1}")
    points = sorted(curve.items())
    if points[0][1] >= f1:
        return float(points[0][0])
    for (few, low), (many, high) in zip(points, points[1:]):
        if high >= f1:
            share = (f1 - low) / (high - low)
            return round(float(np.exp((1 - share) * np.log(few) + share * np.log(many))), 6)
    return None


def label_gap(cells: Sequence[Mapping[str, Any]], task: str, n: int) -> tuple[float, float | None]:
    """The better F1 of the pretrained regimes with ``n`` labels, and what random weights need.

    The second is the number of labels from scratch, None where even the most were too few.
    """
    f1 = max(mean_curve(cells, task, regime)[n] for regime in ("head", "full"))
    return f1, labels_needed(mean_curve(cells, task, "scratch"), f1)
