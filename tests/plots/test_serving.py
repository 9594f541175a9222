"""The figure of serving: which ways are on the front, and that every way is drawn and named."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from npft.plots import draw_serving
from npft.plots.serving import COLORS, front, serving_real_title, serving_title, values_of


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
        texts = {t.get_text(): t.xyann for t in ax.texts}
        assert set(texts) == set(COLORS)
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        assert all(left < x < right and y < high for x, y in texts.values())
        places = sorted(y for _, y in texts.values())
        assert min(np.diff(places)) > 0.1 * (high - low)  # names do not collide
        assert ax.get_xlabel()
    plt.close(figure)


def test_titles_say_the_means(cells):
    for way, words in (("full", 0.5), ("int8", 0.25)):
        for cell in cells:
            cell["ways"][way]["words"] = words
            cell["ways"][way]["spearman"] = words
    assert "masked words 50.0% to 25.0%" in serving_title(cells)
    assert "int8 costs 0.2500 of 0.500" in serving_real_title(cells)
