"""LoRA and adapters in the plane of repairs: F1 against what is forgotten, beside the regimes.

The runs are set up as in ``repairs.py``, with the same labels, epochs and rates of the head. The
bodies of the committed results are others than those of ``forgetting.json`` (pretrained on another
processor), so the regimes have other numbers there: compare the ways with the regimes measured
here. What is forgotten is measured twice: with the additions in place, as the model of the task has
them, and switched off, where the body of before must be back to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.additions import switched_off
from npft.experiments.repairs import EPOCHS, ONLY_THE_ENDS, TASKS, fine_tuned, make_scene
from npft.finetune.regimes import num_trainable

SIZES = {"lora": (1, 4, 16), "adapter": (1, 4, 16)}  # ranks, and widths of the bottleneck
REGIMES: dict[str, dict[str, Any]] = {  # by what they are called among the methods
    "full": {"method": "plain"},
    "last": {"method": "freeze", "strength": 0.5},  # of two blocks the upper one
    "head": {"method": "frozen body"},
}


def beside_cells() -> list[dict[str, Any]]:
    """What a cell says of its task and its regime, without seed and body.

    >>> len(beside_cells()), beside_cells()[3]["regime"], beside_cells()[3]["strength"]
    (18, 'lora', 1)
    """
    ways = [{"regime": name, **how} for name, how in REGIMES.items()]
    ways += [
        {"regime": name, "method": name, "strength": n} for name, own in SIZES.items() for n in own
    ]
    return [
        {"task": task, **way, "epochs": EPOCHS, "every": ONLY_THE_ENDS}
        for task in TASKS
        for way in ways
    ]


def beside_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Fine-tune one cell of ``beside_cells``, with a seed and its body as in ``repairs.py``.

    Returns the cell with "f1" at the end, "rise" of the held-out loss in nats, "off", the rise with
    the additions switched off, and "trained", the number of weights that trained.
    """
    with threads(1):
        scene = make_scene(cell)
        curve = fine_tuned(scene, cell)
        with switched_off(scene.mlm):
            off = scene.mlm.measure(scene.probe)["mlm_loss"] - curve.mlm_loss[0]
        return cell | {
            "f1": float(curve.f1[-1]), "rise": float(curve.rise[-1]), "off": float(off),
            "trained": num_trainable(scene.model),
        }  # fmt: skip


Way = tuple[str, "float | None"]


def points_of(cells: Sequence[Mapping[str, Any]], task: str) -> dict[Way, np.ndarray]:
    """{(regime, size): rises and F1s of the seeds, (2, S)} of a task; regimes have no size."""
    found: dict[Way, list[tuple[float, float]]] = {}
    for c in cells:
        if c["task"] == task:
            size = c["strength"] if c["regime"] in SIZES else None
            found.setdefault((c["regime"], size), []).append((c["rise"], c["f1"]))
    return {way: np.array(runs).T for way, runs in found.items()}


def beside_table(cells: Sequence[Mapping[str, Any]]) -> str:
    """The rows of the gallery: trained weights, and of each task F1 and rise, mean ± deviation."""
    names = [f"{name}: F1 | rise (nats)" for name in TASKS.values()]
    lines = [f"| regime | trained weights | {' | '.join(names)} |", "|---" * 6 + "|"]
    of_task = [points_of(cells, task) for task in TASKS]
    for way in of_task[0]:
        trained = [
            c["trained"] for c in cells
            if c["regime"] == way[0] and way[1] in (None, c.get("strength"))
        ]  # fmt: skip
        row = [" ".join(str(part) for part in way if part is not None), f"{min(trained):,}"]
        for points in of_task:
            rise, f1 = points[way]
            row += [f"{x.mean():.2f} ± {x.std(ddof=1):.2f}" for x in (f1, rise)]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)
