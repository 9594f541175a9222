"""One look for all figures, and one way to write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from npft.atomic import made_folder, new_file

STYLE = Path(__file__).parents[1] / "data" / "npft.mplstyle"

# The Okabe-Ito colours: they stay apart for colour-blind readers and in grey.
BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"
SKY = "#56B4E9"


def save_figure(
    path: str | Path, draw: Callable[..., None], *data: Any, columns: int = 1, rows: int = 1,
    polar: bool = False, width: float | None = None,
) -> None:
    """Call ``draw(ax, *data)`` on a new figure in npft's style and write it to ``path``.

    With more than one of ``columns`` or ``rows``, ``draw`` receives an array of axes. ``width``: of
    a column, in inches.
    """
    from matplotlib import style  # here, so that ``import npft`` stays quick
    from matplotlib.figure import Figure

    with style.context(STYLE):
        # a polar plot is a square under its title
        if width is None:
            width = 9 if columns == 1 else 5 if rows == 1 else 4
        height = (6.4 if polar else 5.5) if rows == 1 else 3.4 * rows
        figure = Figure(figsize=(width * columns, height))
        kind = {"projection": "polar"} if polar else {}
        draw(figure.subplots(rows, columns, subplot_kw=kind), *data)
        kind_of_file = Path(path).suffix.removeprefix(".") or None
        with made_folder(Path(path).parent), new_file(path) as file:
            figure.savefig(file, format=kind_of_file, metadata={"Software": None})


def label_end(ax: Any, x: float, y: float, text: str, color: str) -> None:
    """Write the name of a line behind its last point."""
    ax.annotate(
        text, (x, y), xytext=(8, 0), textcoords="offset points", va="center", color=color,
        annotation_clip=False,
    )


def spread_out(values: list[float], gap: float) -> list[float]:
    """Move values apart until neighbours differ by at least ``gap``, so that labels do not collide.

    >>> spread_out([0.5, 0.5, 0.9], 0.1)
    [0.45, 0.55, 0.9]
    """
    order = sorted(range(len(values)), key=lambda i: (values[i], i))
    moved = list(values)
    for _ in range(100):
        close = [
            (a, b) for a, b in zip(order, order[1:]) if moved[b] - moved[a] < gap - 1e-12
        ]
        if not close:
            break
        for a, b in close:
            push = (gap - (moved[b] - moved[a])) / 2
            moved[a] -= push
            moved[b] += push
    return [round(v, 12) for v in moved]
