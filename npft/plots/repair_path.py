"""Figure F11: repair after the fact, on the way back to the pretrained weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.plots.style import BLUE, ORANGE, label_end, spread_out

Paths = Sequence[Mapping[str, Any]]  # for each seed {"interpolate": {...}, "replay": {...}}


def draw_repair_path(axes: Any, paths: Mapping[str, Paths]) -> None:
    """Rise and F1 between the pretrained weights and the fine-tuned, and along replay steps.

    ``paths`` maps a task to the paths of its seeds, each with columns "alpha" or "step",
    "mlm_loss", "f1", and "before", the loss of the pretrained body. Lines are means, bands ranges.
    """
    for row, (kind, x) in zip(axes.T, (("interpolate", "alpha"), ("replay", "step"))):
        for (task, runs), color in zip(paths.items(), (ORANGE, BLUE)):
            places = runs[0][kind][x]
            rise = np.array([np.array(run[kind]["mlm_loss"]) - run["before"] for run in runs])
            f1 = np.array([run[kind]["f1"] for run in runs])
            for ax, values in zip(row, (rise, f1)):
                ax.fill_between(places, values.min(0), values.max(0), color=color, alpha=0.18, lw=0)
                ax.plot(places, values.mean(0), color=color, marker="o", markersize=4)
        row[1].set_ylim(0, 1)
        if kind == "replay":  # beside F1, where the lines end apart
            ends = [float(np.mean([r[kind]["f1"][-1] for r in runs])) for runs in paths.values()]
            for y, task, color in zip(spread_out(ends, 0.1), paths, (ORANGE, BLUE)):
                label_end(row[1], places[-1], y, task, color)
    (rise_a, rise_b), (f1_a, f1_b) = axes
    rise_a.set_ylabel("rise of the\npretraining loss (nats)")
    f1_a.set_ylabel("F1 of the task")
    f1_a.set_xlabel("α: 0 pretrained, 1 fine-tuned")
    f1_b.set_xlabel("steps of replay after fine-tuning")
    _titles(rise_a, rise_b, paths)


def _titles(left: Any, right: Any, paths: Mapping[str, Paths]) -> None:
    """How much comes back while F1 falls by at most 0.02, on the mean over the seeds."""
    for ax, kind, what in ((left, "interpolate", "interpolation"), (right, "replay", "replay")):
        said = []
        for task, runs in paths.items():
            rise = np.mean([np.array(r[kind]["mlm_loss"]) - r["before"] for r in runs], axis=0)
            f1 = np.mean([r[kind]["f1"] for r in runs], axis=0)
            end = -1 if kind == "interpolate" else 0
            kept = f1 >= f1[end] - 0.02
            said.append(f"{1 - rise[kept].min() / rise[end]:.0%}")
        ax.set_title(f"{what} takes back {' and '.join(said)}\nfor at most 0.02 of F1", fontsize=14)
