"""The figure of polysemy: a mark for each use, lines of means by layer, and titles that hold."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from npft import plots

FIGURES = Path(__file__).parents[2] / "figures"


def cells(*last):
    return [
        {"mfs": {"slips": 0.6, "two senses": 0.5}, "accuracy": {
            text: {"16": {"mlm": [0.4, 0.6, best, 0.7], "random": [0.5] * 4, "ppmi": [0.65, 0.95],
                          "glove": [0.5, 0.6]}}
            for text in ("slips", "two senses")
        }, "map": {"points": [[0.0, 0.0], [1.0, 0.5], [4.0, 1.0]], "shares": [0.7, 0.1],
                   "senses": ["jam.road", "jam.road", "jam.food"], "shown": [0, 2],
                   "texts": ["a jam on the road", "one more jam", "jam on bread"]}}
        for best in last
    ]


def drawn(*last):
    axes = Figure().subplots(1, 3)
    plots.draw_polysemy(axes, cells(*last), 16)
    return axes


def test_each_use_is_a_mark_of_its_sense_and_the_chosen_ones_have_their_sentence():
    axes = drawn(0.8, 0.9)
    points = [c.get_offsets().tolist() for c in axes[0].collections]
    assert points == [[[4.0, 1.0]], [[0.0, 0.0], [1.0, 0.5]]]  # food, road
    assert [t.get_text() for t in axes[0].texts] == ["jam on bread", "a jam on the road"]
    assert "jam" in axes[0].get_title() and "food ●, road ▲" in axes[0].get_title()
    assert "70%" in axes[0].get_xlabel() and "10%" in axes[0].get_ylabel()


def test_lines_are_means_over_the_seeds_with_their_range_and_the_sum_stands_apart():
    ax = drawn(0.8, 0.8, 0.95)[1]
    trained, summed = ax.containers[0], ax.containers[1]
    assert trained[0].get_ydata() == pytest.approx([0.4, 0.6, 0.85])
    ends = trained[2][0].get_segments()[-1]
    assert ends[:, 1] == pytest.approx([0.8, 0.95])
    assert summed[0].get_xdata() > 3 and summed[0].get_ydata() == pytest.approx([0.7])
    flat = [line.get_ydata()[0] for line in ax.lines if len(set(line.get_xdata())) == 2
            and line.get_linestyle() in ("--", ":", "-.")]
    assert sorted(flat) == pytest.approx([0.6, 0.65, 0.95])
    assert "0.40 to 0.85, most frequent 0.60" in ax.get_title()
    assert "accuracy" in ax.get_ylabel()


def test_the_title_says_the_finding_only_where_it_holds():
    assert "The blocks tell senses apart" in drawn(0.8, 0.9)[0].figure.get_suptitle()
    falls = drawn(0.55, 0.55)[0].figure.get_suptitle()  # the second block is worse than the first
    assert "tell" not in falls and "2 seeds" in falls and "16 labelled uses" in falls


def test_in_the_committed_results_the_last_block_beats_the_most_frequent_sense_in_every_seed():
    found = json.loads((FIGURES / "polysemy.json").read_text(encoding="utf-8"))
    assert sorted(c["seed"] for c in found) == [0, 1, 2, 3, 4] and "map" in found[0]
    for cell in found:
        for text, rows in cell["accuracy"].items():
            assert all(row["mlm"][-2] > cell["mfs"][text] for row in rows.values())
