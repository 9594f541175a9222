"""Every figure as a slide: no text lies on another or leaves the page, and none is too small."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure

from npft import plots
from npft.plots.style import STYLE, new_figure

FIGURES = Path(__file__).parents[2] / "figures"
SCRIPTS = [
    path.stem for path in sorted(FIGURES.glob("[a-z]*.py"))
    if re.search(r"picture\(|save_figure\(", path.read_text(encoding="utf-8"))
    and path.name != "common.py"
]  # fmt: skip
SLIDE = (13.33, 7.5)  # inches
LEAST = 10.0  # points on such a slide: a letter of a fiftieth of its height
TOUCH = 1.5  # pixels that two boxes may share


class Texts(RendererAgg):
    """Notes each line of text that is drawn, with the corners of its box in pixels."""

    def __init__(self, figure):
        width, height = figure.get_size_inches() * figure.dpi
        super().__init__(int(width), int(height), figure.dpi)
        self.found = []

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        w, h, d = self.get_text_width_height_descent(s, prop, ismath)
        turn = np.deg2rad(angle)
        across = np.array([np.cos(turn), -np.sin(turn)])  # y points down
        up = np.array([-np.sin(turn), -np.cos(turn)])
        corners = [(x, y) + i * across + j * up for i in (0, w) for j in (-d, h - d)]
        self.found.append((s, np.array(corners), np.array([across, up]),
                           prop.get_size_in_points()))


def overlap(one, two):
    """By how many pixels two turned boxes overlap: the least over the directions of their sides."""
    depths = []
    for axis in (*one[2], *two[2]):
        a, b = one[1] @ axis, two[1] @ axis
        depths.append(min(a.max(), b.max()) - max(a.min(), b.min()))
    return min(depths)


def faults(figure):
    """What is wrong with the texts of a figure, a line each."""
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    renderer = Texts(figure)
    figure.draw(renderer)
    texts = [t for t in renderer.found if t[0].strip()]
    inches = figure.get_size_inches()
    page, scale = inches * figure.dpi, (SLIDE / inches).min()
    for i, (said, corners, _, points) in enumerate(texts):
        if corners.min() < -TOUCH or (corners > page + TOUCH).any():
            yield f"{said!r} leaves the page"
        if points * scale < LEAST:
            yield f"{said!r} has {points * scale:.1f} points on a slide, expected {LEAST}"
        for other in texts[:i]:
            if overlap(texts[i], other) > TOUCH:
                yield f"{said!r} lies on {other[0]!r}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_text_of_a_figure_lies_on_another_or_leaves_it_or_is_too_small(script, monkeypatch):
    found = {}

    def look(path, draw, *data, **size):
        if Path(path).suffix == ".png":
            with style.context(STYLE):
                found[Path(path).stem] = list(faults(new_figure(draw, *data, **size)))

    monkeypatch.setattr(plots, "save_figure", look)
    monkeypatch.setattr(plots, "save_film", lambda *args, **options: None)
    monkeypatch.syspath_prepend(str(FIGURES))
    monkeypatch.setattr("sys.argv", [script])
    runpy.run_path(str(FIGURES / f"{script}.py"), run_name="__main__")
    assert found and not any(found.values()), found


def test_texts_that_collide_leave_the_page_or_are_small_are_seen():
    figure = Figure(figsize=SLIDE)
    for x, y, said, size in ((0.5, 0.5, "one", 20), (0.51, 0.5, "two", 20), (0.99, 0.2, "out", 20),
                             (0.2, 0.2, "small", 9), (0.2, 0.8, "fine", 20)):
        figure.text(x, y, said, fontsize=size)
    said = "\n".join(faults(figure))
    assert "'two' lies on 'one'" in said and "'out' leaves the page" in said
    assert "'small' has 9.0 points" in said and "fine" not in said


def test_turned_texts_side_by_side_do_not_collide():
    figure = Figure(figsize=SLIDE)
    for x in (0.3, 0.33, 0.36):  # their upright boxes would overlap
        figure.text(x, 0.5, "a long name", fontsize=16, rotation=45)
    assert list(faults(figure)) == []
    figure.text(0.31, 0.5, "a long name", fontsize=16, rotation=45)
    assert list(faults(figure))
