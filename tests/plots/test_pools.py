"""The figure of pools: means over the seeds in both panels, every line named."""

import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.experiments.pools import POOLS, SENTENCES


def test_pools_figure_draws_the_mean_of_each_pool_and_names_it_in_both_panels():
    cells = [
        {"regime": regime, "sentences": n, "seed": s, "tokens": 10.0 * n + s, "words": 0.3,
         "accuracy": {p: level + 0.1 * k - 0.02 * n + 0.1 * s for k, p in enumerate(POOLS)}}
        for regime, level in (("head", 0.5), ("full", 0.6)) for n in SENTENCES for s in (0, 1)
    ]  # fmt: skip
    axes = Figure().subplots(1, 2)
    plots.draw_pools(axes, cells)
    for ax, level in zip(axes, (0.5, 0.6)):
        attention, mean, cls, maximum, words, guess = ax.lines
        for line, k in ((cls, 0), (mean, 1), (maximum, 2), (attention, 3)):
            own = [level + 0.1 * k - 0.02 * n + 0.05 for n in SENTENCES]
            assert line.get_ydata() == pytest.approx(own)
        assert set(words.get_ydata()) == {0.3} and guess.get_ydata()[0] == 0.25
        names = {text.get_text() for text in ax.texts}
        assert names == {"attention", "mean", "first token", "maximum", "bag of words", "guessing"}
    assert [t.get_text() for t in axes[0].get_xticklabels()][-1] == "12\n120"
    assert axes[0].get_title() == (
        "body frozen: attention 0.73, mean 0.53 at\n60 tokens, 0.61 and 0.41 at 120"
    )
