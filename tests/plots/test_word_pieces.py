"""The figure of words in pieces: a line for each tagger, and the mean of the seeds."""

import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.experiments.word_pieces import VOCABULARIES


def test_word_pieces_figure_draws_each_seed_and_the_mean_and_says_what_all_tokens_gain():
    def scores(level, gain):
        return {"first": level, "mean": level + gain, "max": level}

    cells = [
        {"vocabulary": size, "seed": seed, "tokens": tokens,
         "pos": scores(0.5 + 0.2 * seed, gain), "entities": scores(0.3, -gain)}
        for size, tokens, gain in zip(VOCABULARIES, (2.5, 1.75), (0.1, 0.02)) for seed in (0, 1)
    ]  # fmt: skip
    axes = Figure().subplots(1, 2)
    plots.draw_word_pieces(axes, cells)
    one, two, mean = axes[0].lines[:3]
    assert one.get_ydata() == pytest.approx([0.5, 0.6, 0.5])
    assert two.get_ydata() == pytest.approx([0.7, 0.8, 0.7])
    assert mean.get_ydata() == pytest.approx([0.6, 0.7, 0.6])
    names = [text.get_text() for text in axes[1].texts]
    assert names == ["2.5 tokens\na word", "1.8 tokens\na word"]
    assert axes[0].get_title() == (
        "parts of speech: the mean gains\n+0.10 at 2.5, +0.02 at 1.8 tokens"
    )
    assert axes[0].figure.get_suptitle() == (
        "In words of many pieces the mean of all is no clear gain over the first (2 seeds)"
    )
