"""The figures of the cone and of similarity: what is drawn and said is what was measured."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image

from npft import plots
from npft.experiments.similarity import BINS, COMPARED
from npft.plots.cone import TOPIC_COLORS
from npft.plots.globe import TILT, chance_band, projected
from npft.plots.similarity import WAYS

DEGREE = "\N{DEGREE SIGN}"


def texts(where):
    return " | ".join(t.get_text() for t in where.texts)


def cone(mean_cosine, half_within, angle=(20.0, 90.0), around=(0.0, -90.0)):
    return {
        "mean_cosine": mean_cosine, "half_within": half_within, "apart": 12.0,
        "angle": list(angle), "around": list(around), "topics": ["music", "farm"],
        "named": [0, 1], "said": ["the band plays", "the cow eats"],
    }


# ---- the globe ----


def test_the_pole_and_the_equator_stand_where_geometry_puts_them():
    x, y, near = projected(np.array([0.0, 90.0, 90.0, 180.0]), np.array([50.0, 0.0, -90.0, 0.0]))
    assert x == pytest.approx([0, 1, 0, 0], abs=1e-12)
    assert y == pytest.approx([np.cos(TILT), 0, -np.sin(TILT), -np.cos(TILT)], abs=1e-12)
    assert near == pytest.approx([np.sin(TILT), 0, np.cos(TILT), -np.sin(TILT)], abs=1e-12)


def test_every_point_of_the_sphere_is_one_unit_from_the_centre():
    rng = np.random.default_rng(0)
    x, y, near = projected(rng.uniform(0, 180, 50), rng.uniform(0, 360, 50))
    assert x**2 + y**2 + near**2 == pytest.approx(np.ones(50))


def test_95_percent_of_random_directions_lie_in_the_band():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 64))
    angle = np.degrees(np.arccos(x[:, 0] / np.linalg.norm(x, axis=1)))
    low, high = chance_band(64)
    assert ((low < angle) & (angle < high)).mean() == pytest.approx(0.95, abs=0.007)
    assert low + high == 180


# ---- the cone ----


def drawn(cones):
    figure = Figure(figsize=(5.87 * len(cones), 9.9))
    axes = figure.subplots(1, len(cones))
    plots.draw_cone(axes, cones)
    return figure, np.atleast_1d(axes)


def test_each_sentence_is_a_dot_at_its_angle_in_the_colour_of_its_topic():
    _, (ax, _) = drawn({"random": [cone(0.9, 14.0)], "simcse": [cone(0.0, 80.0)]})
    dots = ax.collections[-1]
    x, y, near = projected([20.0, 90.0], [0.0, -90.0])
    order = np.argsort(near)  # what is near covers what is far
    np.testing.assert_allclose(dots.get_offsets(), np.stack([x, y], axis=1)[order])
    colors = [TOPIC_COLORS[1], TOPIC_COLORS[0]]  # music, farm
    assert [tuple(c[:3]) for c in dots.get_facecolors()] == [to_rgba(colors[i])[:3] for i in order]


def test_the_cone_has_the_angle_that_holds_half_of_the_sentences():
    _, (ax, _) = drawn({"random": [cone(0.9, 30.0)], "simcse": [cone(0.0, 80.0)]})
    rims = [line for line in ax.lines if line.get_linewidth() == 2.2]
    assert len(rims) == 1 and max(rims[0].get_xdata()) == pytest.approx(0.5)  # sin 30
    assert f"half within 30{DEGREE}" in texts(ax)


def test_the_figure_of_the_cone_says_means_and_ranges_of_the_seeds():
    figure, axes = drawn({
        "random": [cone(0.9, 14.0), cone(0.96, 18.0)], "simcse": [cone(0.0, 80.0), cone(0.1, 82.0)],
    })
    said = texts(figure)
    assert f"opens: 16{DEGREE}, 81{DEGREE}" in said and "2 seeds" in said
    assert "mean cosine 0.93 (0.90 to 0.96)" in said and "mean cosine 0.05 (0.00 to 0.10)" in said
    assert "the band plays" in said and "the cow eats" in said and f"A and B: 12{DEGREE}" in said
    assert "music" in said and "farm" in said and "random directions" in texts(axes[0])
    assert "76" in said and "104" in said and "63 dimensions" in said


def test_a_cone_that_does_not_open_is_not_said_to():
    figure, _ = drawn({"simcse": [cone(0.0, 80.0)], "control": [cone(0.0, 81.0)]})
    assert "opens" not in texts(figure) and "one seed" in texts(figure)


def test_no_text_of_the_cone_figure_lies_on_another():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure, axes = drawn({n: [cone(0.5, 40.0)] * 5 for n in ("random", "mlm", "simcse")})
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [t.get_window_extent(canvas.get_renderer()) for w in (figure, *axes) for t in w.texts
             if t.get_text().strip() and t.get_text() not in "AB"]
    assert len(boxes) > 20
    for i, a in enumerate(boxes):
        assert figure.bbox.x0 <= a.x0 and a.x1 <= figure.bbox.x1 and a.y0 >= 0
        assert not any(a.overlaps(b) for b in boxes[i + 1 :])


def frames():
    return [
        cone(0.9, 14.0) | {"phase": "random", "step": 0},
        cone(0.6, 40.0) | {"phase": "mlm", "step": 100},
        cone(0.1, 80.0) | {"phase": "simcse", "step": 20},
    ]


def test_a_frame_of_the_film_shows_the_way_up_to_it():
    figure = Figure(figsize=(9.6, 5.4))
    globe, curve = figure.subplots(1, 2)
    plots.draw_film((globe, curve), frames(), 1)
    assert curve.lines[0].get_ydata().tolist() == [14.0, 40.0]
    assert curve.lines[1].get_ydata().tolist() == [40.0]
    assert "step 100" in texts(figure) and f"half within 40{DEGREE}" in texts(globe)
    assert [t.get_text() for t in curve.get_xticklabels()] == ["MLM", "SimCSE"]


def test_a_film_has_a_picture_for_each_frame_and_is_the_same_bytes_each_time(tmp_path):
    def draw(axes, values, i):
        axes[0].plot([0, values[i]], color="#D55E00")

    for name in ("a.gif", "b.gif"):
        plots.save_film(tmp_path / name, draw, [1, 2, 3], width=3, height=2, hold=1.0)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 3 and film.size == (300, 200) and film.info["loop"] == 0
        film.seek(2)
        colors = np.array([c for _, c in film.convert("RGB").getcolors(1 << 16)])
        for color in ((255, 255, 255), (213, 94, 0)):  # neither grey nor faded
            assert np.abs(colors - color).max(axis=1).min() <= 4
        assert film.info["duration"] == 1000


def test_an_svg_is_the_same_bytes_each_time(tmp_path):
    for name in ("a.svg", "b.svg"):
        plots.save_figure(tmp_path / name, lambda ax: ax.fill([0, 1, 1], [0, 0, 1]), height=2)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


# ---- alignment and uniformity ----


def test_alignment_figure_draws_each_seed_and_their_mean_in_the_colour_of_the_correlation():
    def path(shift):
        return [{"uniformity": -1.0 + shift, "alignment": 0.2, "g": 0.3},
                {"uniformity": -3.0 + shift, "alignment": 1.0, "g": 0.1}]

    ax = Figure().subplots()
    plots.draw_alignment_uniformity(ax, {"0": [path(0.0), path(0.5)], "0.1": [path(1.0)] * 2}, "g")
    drawn = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2]
    assert [list(x) for x in drawn[:3]] == [[-1.0, -3.0], [-0.5, -2.5], [-0.75, -2.75]]
    assert ax.collections[0].get_array().tolist() == pytest.approx([0.3, 0.1])
    assert "dropout 0: Spearman 0.30 to 0.10" in texts(ax)
    assert "uniformity" in ax.get_xlabel() and "alignment" in ax.get_ylabel()


# ---- similarity ----


def cells():
    names = [way for ways in WAYS.values() for way in ways]
    return [
        {"ways": {n: {"similarity_words": 0.1 + 0.01 * i + seed / 100, "similarity_synonyms": 0.5}
                  for i, n in enumerate(names)},
         "cosines": {n: {"alike": [0] * 39 + [10], "random": [0] * 20 + [20] + [0] * 19,
                         "nearer": 0.8 + seed / 100} for n in COMPARED}}
        for seed in (0, 1, 2)
    ]


def test_similarity_figure_has_a_mean_and_its_interval_for_each_way_and_both_golds():
    ax = Figure().subplots()
    plots.draw_similarity(ax, cells())
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels == [label for ways in WAYS.values() for label in ways.values()]
    means = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata()) == 1]
    assert means[0].get_xdata()[0] == pytest.approx(0.11)
    half = 4.302652729 * 0.01 / np.sqrt(3)  # t of 2 degrees of freedom
    assert ax.lines[0].get_xdata() == pytest.approx([0.11 - half, 0.11 + half])
    assert "3 seeds" in ax.get_xlabel()


def test_cosine_figure_draws_densities_and_says_how_often_the_pair_of_one_meaning_is_nearer():
    axes = Figure().subplots(1, 3)
    plots.draw_cosines(axes, cells(), BINS)
    heights = [max(line.get_ydata()) for line in axes[0].lines]
    assert heights == pytest.approx([20.0] * 8)  # all in one bin of 0.05
    assert "81% after MLM" in axes[0].figure.get_suptitle()
    assert "80% to 82%" in axes[0].get_title()
    assert all(ax.get_xlabel() == "cosine" for ax in axes)
