"""Figure F8: what is learnt against what is forgotten, a panel for each method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREY, ORANGE

Point = tuple[np.ndarray, np.ndarray]  # rise and F1 at the end, over the seeds
Setting = tuple[str, "float | None"]  # a method and its strength
TASK_COLORS = (ORANGE, BLUE)


def ends(cells: Sequence[dict[str, Any]]) -> dict[str, dict[Setting, Point]]:
    """{task: {(method, strength): (rises, F1s) at the end of the runs}}."""
    found: dict[str, dict[Setting, list[tuple[float, float]]]] = {}
    for cell in cells:
        curve = cell["curve"]
        rise = curve["mlm_loss"][-1] - curve["mlm_loss"][0]
        of_task = found.setdefault(cell["task"], {})
        key = (cell["method"], cell.get("strength"))
        of_task.setdefault(key, []).append((rise, curve["f1"][-1]))
    return {
        task: {key: (np.array(v)[:, 0], np.array(v)[:, 1]) for key, v in rows.items()}
        for task, rows in found.items()
    }


def draw_tradeoff(
    axes: Any,
    cells: Sequence[dict[str, Any]],
    methods: Mapping[str, Sequence[float]],
    tasks: dict[str, str],
) -> None:
    """F1 at the end against the rise of the pretraining loss: up and to the left is better.

    Each of the ``methods`` has a panel: a line through its strengths, from the weakest, a small
    dot, to the strongest; bars are one standard deviation over the seeds, grey dots the others. The
    corners are controls: a frozen body, both tasks at once, plain fine-tuning. ``tasks`` maps the
    tasks in the cells to what they are called.
    """
    points = ends(cells)
    for ax, method in zip(axes.flat, methods):
        for task, color in zip(tasks, TASK_COLORS):
            rows = points[task]
            rest = [p for (name, _), p in rows.items() if name in methods and name != method]
            ax.plot(
                [rise.mean() for rise, _ in rest], [f1.mean() for _, f1 in rest], "o",
                color="#CCCCCC", markersize=3, zorder=1,
            )
            _line(ax, [rows[method, strength] for strength in methods[method]], color)
            for name, mark in (("plain", "D"), ("frozen body", "s"), ("joint", "^")):
                rise, f1 = rows[name, None]
                ax.plot(rise.mean(), f1.mean(), mark, color=color, mfc="white", markersize=8)
        ax.set_title(method)
        ax.set_ylim(0, 1)
    for ax in axes.flat[len(methods) :]:
        ax.axis("off")
    for ax in axes[-1]:
        ax.set_xlabel("rise (nats)")
    for ax in axes[:, 0]:
        ax.set_ylabel("F1")
    _key(axes.flat[len(methods)] if axes.size > len(methods) else axes.flat[0], tasks)
    said = [f"{_best(points[task], methods)} ({name})" for task, name in tasks.items()]
    axes.flat[0].figure.suptitle(
        f"As good as plain fine-tuning and least forgotten: {', '.join(said)}",
        x=0.01, ha="left", fontsize=18,
    )  # fmt: skip


def _best(rows: dict[Setting, Point], methods: Iterable[str], slack: float = 0.02) -> str:
    """The method that forgets least among those whose F1 is at most 0.02 below the plain run's."""
    enough = rows["plain", None][1].mean() - slack
    rises = {
        key: p[0].mean() for key, p in rows.items()
        if p[1].mean() >= enough and key[0] in (*methods, "plain")
    }
    name, strength = min(rises, key=rises.__getitem__)
    said = name if strength is None else f"{name} {strength:g}"
    return f"{said}, {rises[name, strength]:.2f} nats"


def _line(ax: Any, chosen: list[Point], color: str) -> None:
    """A method's strengths from weak to strong."""
    rises, scores = ([p[i].mean() for p in chosen] for i in (0, 1))
    ax.plot(rises, scores, color=color, lw=1.5)
    for size, (rise, f1) in zip((5, 8, 11), chosen):
        spread = [v.std(ddof=1) if len(v) > 1 else 0.0 for v in (rise, f1)]
        ax.errorbar(
            rise.mean(), f1.mean(), xerr=spread[0], yerr=spread[1], fmt="o", color=color,
            markersize=size, lw=1,
        )


def _key(ax: Any, tasks: dict[str, str]) -> None:
    """What colours and marks mean, in the panel that is left over."""
    lines = list(zip(tasks.values(), TASK_COLORS))
    lines += [
        ("◇ plain fine-tuning", GREY), ("□ frozen body", GREY), ("△ both tasks at once", GREY),
        ("• small, large: weak, strong", GREY), ("• pale: the other methods", "#AAAAAA"),
    ]  # fmt: skip
    for i, (text, color) in enumerate(lines):
        ax.text(0.02, 0.92 - 0.135 * i, text, color=color, transform=ax.transAxes)
