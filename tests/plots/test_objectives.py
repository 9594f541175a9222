"""The figure of the objectives at equal compute."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import plots

NAMES = ["mlm", "span", "clm"]


def cells(seeds=3):
    """Three objectives and two controls; F1 rises with the seed by 0.1."""
    found = []
    for seed in range(seeds):
        up = 0.1 * seed
        found += [
            {"objective": "mlm", "seed": seed, "budget": 1e12, "topic": 0.5 + up,
             "word_loss": 3 + up, "unigram": 5.0},
            {"objective": "span", "seed": seed, "topic": 0.1 + up, "word_loss": 4 + up,
             "unigram": 5.0},
            {"objective": "clm", "seed": seed, "unigram": 5.0, "topic": 0.6 + up},
            {"objective": "random", "seed": seed, "topic": 0.3 + up},
            {"objective": "words", "seed": seed, "topic": 0.2},
        ]
    return found


def test_each_objective_has_its_seeds_and_their_mean_and_the_best_is_named():
    axes = Figure().subplots(1, 2)
    plots.draw_objectives(axes, cells(), NAMES, ["topic"])
    words, topic = axes
    assert [t.get_text() for t in words.get_yticklabels()] == [
        "next word", "masked spans", "masked words"]
    points = [line for line in topic.lines if line.get_marker() == "o"]
    assert points[0].get_xdata() == pytest.approx([0.6, 0.7, 0.8])  # clm, the lowest row
    means = [float(np.ravel(p.get_xdata())[0]) for p in points[1::2]]
    assert means == pytest.approx([0.7, 0.2, 0.6])
    assert "next word 0.70,\n1 below a random" in topic.get_title() and "F1" in topic.get_xlabel()
    assert "masked words 3.10" in words.get_title() and "frequency 5.00" in words.get_title()
    assert "nats" in words.get_xlabel()
    assert words.figure.get_suptitle() == (
        "3 ways, 1,000 billion operations each: none is best everywhere (3 seeds)"
    )


def test_an_objective_that_is_best_by_every_measure_is_named_above_all():
    axes = Figure().subplots(1, 2)
    plots.draw_objectives(axes, cells(seeds=1), NAMES[:2], ["topic"])
    assert '"masked words" is best everywhere (1 seed)' in axes[0].figure.get_suptitle()


def test_an_objective_without_a_head_for_words_says_so_and_controls_are_lines():
    axes = Figure().subplots(1, 2)
    plots.draw_objectives(axes, cells(), NAMES, ["topic"])
    words, topic = axes
    assert [t.get_text() for t in words.texts] == ["no head for words"]
    assert words.texts[0].get_position()[1] == 0  # the row of clm
    assert sorted(t.get_text() for t in topic.texts) == ["random body", "words alone"]
    lines = [line.get_xdata()[0] for line in topic.lines if line.get_linestyle() == ":"]
    assert lines == pytest.approx([0.4, 0.2])  # a random body, words alone
    dashed = [line.get_xdata()[0] for line in words.lines if line.get_linestyle() == "--"]
    assert dashed == [5.0]
