"""The figure of serving: which ways are on the front, and that every way is drawn and named."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from npft.plots import draw_serving
from npft.plots.serving import (
    COLORS, NAMES, front, serving_real_title, serving_title, values_of,
)


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    return [
        {"seed": seed, "ways": {
            way: {"words": rng.random(), "f1": rng.random(), "spearman": rng.random(),
                  "bytes": 1_000_000 * (i + 1), "time": 1 + i / 10}
            for i, way in enumerate(COLORS)
        }}
        for seed in range(5)
    ]  # fmt: skip


@pytest.mark.parametrize("costs, found, want", [
    ([1, 2, 3], [0.1, 0.2, 0.3], "abc"),  # every step costs and gains
    ([1, 2, 3], [0.3, 0.2, 0.1], "a"),  # the cheapest is the best
    ([2, 2, 3], [0.1, 0.2, 0.2], "b"),  # of equal cost the better, of equal quality the cheaper
    ([3, 1, 2], [0.9, 0.1, 0.05], "ba"),
])  # fmt: skip
def test_on_the_front_is_what_no_other_beats_in_both(costs, found, want):
    assert "".join(front(dict(zip("abc", costs)), dict(zip("abc", found)))) == want


def test_bytes_are_millions_and_every_seed_counts(cells):
    assert values_of(cells, "bytes")["float16"].tolist() == [2.0] * 5
    assert values_of(cells, "words")["int8"].tolist() == [c["ways"]["int8"]["words"] for c in cells]


@pytest.mark.parametrize("names", [{"words": "w", "f1": "f"}, {"spearman": "s"}])
def test_every_way_is_a_point_and_a_name_inside_its_panel(cells, names):
    figure, axes = plt.subplots(len(names), 2)
    draw_serving(axes, cells, names, "a title")
    for ax in figure.axes:
        texts = {t.get_text(): t.xyann for t in ax.texts if t.get_text() in NAMES.values()}
        assert set(texts) == set(NAMES.values()) and set(NAMES) == set(COLORS)
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        assert all(left < x < right and y < high for x, y in texts.values())
        places = sorted(y for _, y in texts.values())
        assert min(np.diff(places)) > 0.1 * (high - low)  # names do not collide
        assert ax.get_xlabel()
    said = [t.get_text() for ax in figure.axes for t in ax.texts]
    assert said.count("line: beaten by none") == 1
    plt.close(figure)


@pytest.mark.parametrize("int8, half, want", [
    (0.5, 0.495, "A quarter of the bytes costs nothing; half the blocks, trained on, hardly"),
    (0.25, 0.45, "int8 loses up to 0.250; half the blocks, trained on, up to 0.050"),
])  # fmt: skip
def test_the_title_says_the_finding_only_where_it_holds(cells, int8, half, want):
    for way, value in (("full", 0.5), ("int8", int8), ("trained on", half)):
        for cell in cells:
            for figure in ("words", "f1", "spearman"):
                cell["ways"][way][figure] = value
    assert want in serving_title(cells) and "5 seeds" in serving_title(cells)
    assert f"int8 costs {0.5 - int8:.4f} of 0.500" in serving_real_title(cells)
