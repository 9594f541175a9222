"""One look for all figures, and one way to write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from npft.atomic import check_path, made_folder, new_file
from npft.errors import ConfigError, quoted

STYLE = Path(__file__).parents[1] / "data" / "npft.mplstyle"

# The Okabe-Ito colours: they stay apart for colour-blind readers and in grey.
BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"
SKY = "#56B4E9"
DPI_OF_FILM = 100
# What leaves the date out of the kinds of files that would hold one.
DATELESS: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}

# One colour for one thing in all figures, by the beginning of its name: what trains and in which
# state a body is, and what is done against forgetting. What is in no line, such as a control, is
# grey.
METHODS = {
    ORANGE: ("full", "plain", "finetuned"),  # all weights learn the task
    BLUE: ("head", "frozen", "mlm"),  # the pretrained body as it is
    GREEN: ("simcse", "replay", "own-text", "agem", "joint"),
    PINK: ("scratch", "anchor", "proximal", "ewc", "EWC", "recadam"),
    SKY: ("lwf", "interpolate", "remind"),
    "#222222": ("lr", "rate", "gradual"),  # slower, or later
    "#332288": ("last", "freeze"),  # the lower layers stay as they are
    "#E69F00": ("lora",),  # small parts beside a body that stays
    "#7A4B00": ("adapter",),
    "#882200": ("3 x rate",),
}


def color_of(name: str) -> str:
    """The colour of a method, a regime or a state in all figures; grey for a control.

    >>> color_of("full") == color_of("plain"), color_of("bag of words") == GREY
    (True, True)
    """
    return next((c for c, starts in METHODS.items() if name.startswith(starts)), GREY)


def save_figure(
    path: str | Path, draw: Callable[..., None], *data: Any, columns: int = 1, rows: int = 1,
    width: float | None = None, height: float | None = None,
) -> None:
    """Call ``draw(ax, *data)`` on a new figure in npft's style and write it to ``path``.

    The name ends in a kind of file that Matplotlib writes; one without an ending is a PNG. As .png,
    .svg or .pdf the same figure is the same bytes each time. With more than one of ``columns`` or
    ``rows``, ``draw`` receives an array of axes. ``width``: of a column, ``height``: of a row, in
    inches.

    Raises ``ConfigError`` for another ending, before anything is drawn.
    """
    path = check_path("save_figure: path", path)
    kind_of_file = path.suffix.removeprefix(".").lower() or "png"
    from matplotlib import style  # here, so that ``import npft`` stays quick
    from matplotlib.backend_bases import FigureCanvasBase

    if kind_of_file not in (kinds := FigureCanvasBase.get_supported_filetypes()):
        raise ConfigError(f"save_figure: path is {quoted(str(path), 100)}, expected a name that "
                          f"ends in .{', .'.join(sorted(kinds))}")
    with style.context([STYLE, {"svg.hashsalt": "npft"}]):
        figure = new_figure(draw, *data, columns=columns, rows=rows, width=width, height=height)
        with made_folder(path.parent), new_file(path) as file:
            if kind_of_file == "png":
                _save_png(figure, file)
            else:
                metadata = DATELESS.get(kind_of_file)
                figure.savefig(file, format=kind_of_file, metadata=metadata)


def new_figure(
    draw: Callable[..., None], *data: Any, columns: int = 1, rows: int = 1,
    width: float | None = None, height: float | None = None,
) -> Any:
    """The figure of ``save_figure``, in the style that is in use."""
    from matplotlib.figure import Figure

    if width is None:
        width = 9 if columns == 1 else 5 if rows == 1 else 4
    if height is None:
        height = 5.5 if rows == 1 else 3.4
    figure = Figure(figsize=(width * columns, height * rows))
    draw(figure.subplots(rows, columns), *data)
    return figure


def _save_png(figure: Any, file: Any) -> None:
    """A PNG of at most 256 colours, a third as long as one of all; it names no program."""
    from matplotlib import rcParams
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image  # matplotlib needs it as well

    figure.set_dpi(rcParams["savefig.dpi"])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    dots = (figure.dpi, figure.dpi)
    picture.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True, dpi=dots)


def save_film(
    path: str | Path, draw: Callable[..., None], frames: list[Any], *, width: float, height: float,
    seconds: float = 0.12, hold: float = 2.5,
) -> None:
    """``draw(axes, frames, i)`` on two new axes for each i, as an animated GIF that begins anew.

    ``width`` and ``height`` in inches; a frame stands for ``seconds``, the last one for ``hold``.
    """
    path = check_path("save_film: path", path)
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image  # matplotlib needs it as well

    pictures = []
    with style.context(STYLE):
        for i in range(len(frames)):
            figure = Figure(figsize=(width, height), dpi=DPI_OF_FILM)
            canvas = FigureCanvasAgg(figure)
            draw(figure.subplots(1, 2), frames, i)
            canvas.draw()
            pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
    # the colours of the last frame serve all, so that what stands still does not flicker: those of
    # the large areas, and those farthest apart, which are of the small marks
    last = pictures[-1]
    chosen = [255, 255, 255]
    for n, way in ((159, Image.Quantize.MEDIANCUT), (96, Image.Quantize.MAXCOVERAGE)):
        chosen += (last.quantize(n, way).getpalette() or [])[: 3 * n]
    palette = np.array(chosen, dtype=np.uint8).reshape(-1, 3)
    first, *others = [_in_colors(np.asarray(picture), palette) for picture in pictures]
    times = [int(1000 * seconds)] * len(others) + [int(1000 * hold)]
    with made_folder(path.parent), new_file(path) as file:
        first.save(file, "GIF", save_all=True, append_images=others, duration=times, loop=0)


def _in_colors(picture: np.ndarray, palette: np.ndarray) -> Any:
    """An image whose pixels (H, W, 3) have the nearest colours of a palette (n, 3)."""
    from PIL import Image

    whole = picture.astype(int) @ [65536, 256, 1]  # a colour as one number, which sorts faster
    numbers, place = np.unique(whole, return_inverse=True)
    colors = np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], axis=1)
    away = np.square(colors[:, None] - palette.astype(int)).sum(axis=2)
    index = away.argmin(axis=1).astype(np.uint8)[place.ravel()].reshape(picture.shape[:2])
    image = Image.fromarray(index, "P")
    image.putpalette(palette.tobytes())
    return image


def label_end(ax: Any, x: float, y: float, text: str, color: str) -> None:
    """Write the name of a line behind its last point."""
    ax.annotate(
        text, (x, y), xytext=(8, 0), textcoords="offset points", va="center", color=color,
        annotation_clip=False,
    )


def label_column(
    ax: Any, points: Mapping[str, tuple[float, float]], colors: Mapping[str, str], x: float,
    gap: float,
) -> list[float]:
    """Names one above the other at ``x``, a thin line from each to its point; their heights.

    ``gap``: the least distance of two names.
    """
    order = sorted(points, key=lambda name: points[name][1])
    heights = spread_out([points[name][1] for name in order], gap)
    for name, height in zip(order, heights):
        line = {"arrowstyle": "-", "color": colors[name], "lw": 0.7, "alpha": 0.6,
                "relpos": (0, 0.5)}  # from the left end of the name
        ax.annotate(name, points[name], xytext=(x, height), color=colors[name], va="center",
                    fontsize=13, arrowprops=line)  # fmt: skip
    return heights


def spread_out(values: list[float], gap: float) -> list[float]:
    """Move values apart until neighbours differ by at least ``gap``, so that labels do not collide.

    >>> spread_out([0.5, 0.5, 0.9], 0.1)
    [0.45, 0.55, 0.9]
    """
    order = sorted(range(len(values)), key=lambda i: (values[i], i))
    moved = list(values)
    for _ in range(1000):  # a crowd of labels comes apart slowly
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
