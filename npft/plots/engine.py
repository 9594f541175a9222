"""Figures of the engine: the graph behind a loss, and how good numerical derivatives are."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.show import CONSTANT, Trace
from npft.plots.style import BLUE, GREEN, GREY, ORANGE, label_end, spread_out


def draw_graph(ax: Any, trace: Trace) -> None:
    """The graph as boxes, leaves on the left and the loss on the right; for a dozen ops or fewer.

    A value stands one column left of the first op that uses it.
    """
    lines = {line.name: line for line in trace.lines}
    users: dict[str, list[str]] = {name: [] for name in lines}
    column: dict[str, int] = {}  # counted from the loss to the left
    for line in reversed(trace.lines):  # users come first
        column[line.name] = 1 + max((column[user] for user in users[line.name]), default=-1)
        for name in line.inputs:
            if name != CONSTANT:
                users[name].append(line.name)
    row: dict[str, float] = {}
    for k in range(max(column.values()) + 1):
        members = [name for name in lines if column[name] == k]
        # in the order of their users, so that few arrows cross
        members.sort(key=lambda name: -np.mean([row[user] for user in users[name]] or 0.0))
        row.update({name: (len(members) - 1) / 2 - i for i, name in enumerate(members)})
    column = {name: max(column.values()) - k for name, k in column.items()}
    boxes: dict[str, Any] = {}
    for name, line in lines.items():
        leaf = line.op == "leaf"
        title = name if leaf else line.op.replace("_", "_\n", len(line.op) > 12)
        color = BLUE if leaf else ORANGE
        box = ax.text(
            column[name], row[name], f"{title}\n{line.shape}", ha="center", va="center",
            fontsize="small", color=color,
            bbox={"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": color},
        )
        boxes[name] = box.get_bbox_patch()
        for k, source in enumerate(s for s in line.inputs if s != CONSTANT):
            # bowed around a box on the way, and a second arrow beside the first
            bow = 0.25 * (column[name] - column[source] > 1) + 0.2 * line.inputs[:k].count(source)
            ax.annotate(
                "", (column[name], row[name]), (column[source], row[source]), zorder=4,
                arrowprops={"arrowstyle": "->", "color": GREY, "patchA": boxes[source],
                            "patchB": boxes[name], "connectionstyle": f"arc3,rad={-bow}"},
            )  # fmt: skip
    ax.set_xlim(-0.5, max(column.values()) + 0.5)
    ax.set_ylim(min(row.values()) - 0.6, max(row.values()) + 0.6)
    ax.axis("off")
    ops = sum(line.op != "leaf" for line in trace.lines)
    leaves = ", ".join(line.name for line in trace.lines if line.op == "leaf")
    ax.set_title(
        f"{ops} ops from left to right; backward walks from right to left,\n"
        f"to {leaves}: what needs no gradient, such as the data, is not in the graph"
    )


def draw_step_sizes(ax: Any, steps: np.ndarray, errors: dict[str, np.ndarray]) -> None:
    """Relative error of numerical derivatives against the step: median and range over functions.

    ``errors`` has arrays (functions, steps) by the names "central, float32", "central, float64"
    and "complex step"; an error of 0 is drawn at 1e-17.
    """
    names = ("central, float32", "central, float64", "complex step")
    colors = (ORANGE, BLUE, GREEN)
    ends = []
    for name, color in zip(names, colors):
        values = np.maximum(np.asarray(errors[name]), 1e-17)  # (functions, steps)
        middle = np.median(values, axis=0)
        ax.fill_between(steps, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, lw=0)
        ax.plot(steps, middle, color=color)
        ends.append(np.log10(middle[-1]))
        best = int(middle.argmin())
        if name != "complex step":
            text = f"best: {middle[best]:.0e}"
            ax.text(steps[best] / 3, middle[best] / 2, text, color=color, va="top")
    for name, color, end in zip(names, colors, spread_out(ends, 0.9)):
        label_end(ax, steps[-1], 10.0**end, name, color)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.invert_xaxis()
    ax.set_xlabel("step h (smaller to the right)")
    ax.set_ylabel("relative error (none is drawn as 1e-17)")
    ax.set_title("Differences lose digits at small steps; the complex step does not")
