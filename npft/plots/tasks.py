"""Figure: how hard the tasks of TinyWorld are for four kinds of answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE

KINDS = (
    ("majority", "most frequent answer", GREY, "|"),
    ("words", "words alone", ORANGE, "s"),
    ("blind", "encoder, order lost", GREEN, "D"),
    ("tuned", "encoder", BLUE, "o"),
)
LOW, HIGH = 0.80, 0.98  # a task is neither too hard nor saturated between them
MARGIN = 0.05  # how much lower a bag of words must be where order counts


def draw_tasks(ax: Any, cells: list[dict[str, Any]], tasks: Sequence[str]) -> None:
    """The mean score of each kind of answer on each task, with its range over the seeds.

    cells: dicts with "task", "seed" and a score or None for each kind. The grey band is where a
    task is neither too hard nor saturated: 0.80 to 0.98.
    """
    ax.axvspan(LOW, HIGH, color="0.93", lw=0)
    seeds, within = {c["seed"] for c in cells}, 0
    labels = {}
    for name, label, _, _ in KINDS:
        found = {c["seed"] for c in cells if c[name] is not None}
        labels[name] = label if found == seeds else f"{label} (seeds: {len(found)})"
    for row, task in enumerate(reversed(list(tasks))):
        own = [c for c in cells if c["task"] == task]
        for name, _, color, marker in KINDS:
            values = [c[name] for c in own if c[name] is not None]
            if not values:
                continue
            ax.plot([min(values), max(values)], [row, row], color=color, lw=2)
            # a label is said once: where this kind of answer is first drawn
            ax.plot(np.mean(values), row, marker=marker, color=color, ms=10, ls="none",
                    label=labels.pop(name, None))
        within += LOW <= np.mean([c["tuned"] for c in own]) <= HIGH
    ax.set_yticks(range(len(tasks)), [t.replace("_", " ") for t in reversed(list(tasks))])
    ax.set_xlim(-0.03, 1.02)
    ax.set_xlabel("F1 (similarity: rank correlation)")
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.16), ncols=2, frameon=False,
              fontsize="small", columnspacing=1, handletextpad=0.2)
    ax.set_title(f"Tuned encoder: {LOW:.2f} to {HIGH:.2f} on {within} of {len(tasks)} tasks "
                 f"({len(seeds)} seeds)", fontsize="medium")
