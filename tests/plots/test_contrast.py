"""Figures of temperature and dropout: what is drawn is what was measured."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.experiments.contrast import DROPOUTS, TAUS, USUAL, runs


def cells(zero_rank=38.0):
    """Two seeds, the second larger by 0.02; words are best at 0.1, synonyms at 0.05."""
    found = []
    for k in (0, 1):
        done = []
        for run in runs():
            far = {name: abs(np.log(run["tau"] / best)) / 100 for name, best in (
                ("words", 0.1), ("synonyms", 0.05))}
            done.append(run | {"after": {
                "similarity_words": 0.3 - far["words"] - run["dropout"] / 10 + 0.02 * k,
                "similarity_synonyms": 0.4 - far["synonyms"] + run["dropout"] / 10 + 0.02 * k,
                "hardest_share": 0.9 - run["tau"] + 0.02 * k,
                "effective_rank": zero_rank - 40 * run["dropout"] + 2 * k,
            }})
        before = {"similarity_words": 0.2, "similarity_synonyms": 0.25, "effective_rank": 23.0,
                  "hardest_share": [0.5 - r["tau"] / 2 for r in runs()]}
        found.append({"seed": k, "before": before, "runs": done})
    return found


def texts(ax):
    return " | ".join(t.get_text() for t in ax.texts)


def test_temperature_figure_draws_the_share_before_and_after_and_both_correlations():
    left, right = Figure().subplots(1, 2)
    plots.draw_temperature((left, right), cells())
    after, before, even = left.lines
    assert after.get_xdata().tolist() == list(TAUS) and left.get_xscale() == "log"
    assert after.get_ydata().tolist() == pytest.approx([0.91 - tau for tau in TAUS])
    assert before.get_ydata().tolist() == pytest.approx([0.5 - tau / 2 for tau in TAUS])
    assert even.get_ydata()[0] == 1 / (USUAL["batch_size"] - 1)
    words, words_before, synonyms, _ = right.lines
    assert words.get_ydata().max() == pytest.approx(0.3) and TAUS[words.get_ydata().argmax()] == 0.1
    assert words_before.get_ydata()[0] == 0.2
    assert TAUS[synonyms.get_ydata().argmax()] == 0.05
    assert right.get_title() == "worst at τ = 0.01 for words, 0.5 for synonyms"
    assert "90%" in left.get_title() and "41%" in left.get_title()
    assert "share" in left.get_ylabel() and "Spearman" in right.get_ylabel()
    for name in ("after training", "before", "alike"):
        assert name in texts(left)
    for name in ("shared words", "synonyms only", "dotted"):
        assert name in texts(right)


def test_dropout_figure_draws_both_correlations_and_the_rank():
    left, right = Figure().subplots(1, 2)
    plots.draw_dropout((left, right), cells())
    assert left.lines[0].get_xdata().tolist() == list(DROPOUTS)
    rank, before = right.lines
    assert rank.get_ydata().tolist() == pytest.approx([39 - 40 * p for p in DROPOUTS])
    assert before.get_ydata()[0] == 23.0
    assert "39" in right.get_title()
    assert "0 for words, 0.3 for synonyms" in left.get_title()
    assert "dropout" in left.get_xlabel() and "rank" in right.get_ylabel()
