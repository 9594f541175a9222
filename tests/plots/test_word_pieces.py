"""The figure of words in pieces: a line for each tagger, and the mean of the seeds."""

import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.experiments.word_pieces import VOCABULARIES


@pytest.mark.parametrize("gain, said", [(0.1, "says more than"), (-0.1, "says no more than")])
def test_word_pieces_figure_draws_each_seed_and_the_mean_and_says_which_is_better(gain, said):
    def scores(level):
        return {"first": level, "mean": level + gain, "max": level}

    cells = [
        {"vocabulary": size, "seed": seed, "tokens": 2.5, "pos": scores(0.5 + 0.2 * seed),
         "entities": scores(0.3)}
        for size in VOCABULARIES for seed in (0, 1)
    ]  # fmt: skip
    axes = Figure().subplots(1, 2)
    plots.draw_word_pieces(axes, cells)
    one, two, mean = axes[0].lines[:3]
    assert one.get_ydata() == pytest.approx([0.5, 0.5 + gain, 0.5])
    assert two.get_ydata() == pytest.approx([0.7, 0.7 + gain, 0.7])
    assert mean.get_ydata() == pytest.approx([0.6, 0.6 + gain, 0.6])
    assert [text.get_text() for text in axes[1].texts] == ["2.5 tokens\na word"] * 2
    assert axes[0].figure.get_suptitle() == (
        f"The mean of the tokens of a word {said} the first (2 seeds)"
    )
