"""The figures: what is drawn is what was measured, and everything is labelled."""

import json
from pathlib import Path

import numpy as np
import pytest

from npft import History, plots

FIGURES = Path(__file__).parents[2] / "figures"


@pytest.fixture
def ax():
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def history(losses, unigram=5.0):
    h = History()
    for i, loss in enumerate(losses):
        h.add(10 * i, mlm_loss=loss, **({"train_mlm": loss - 0.1} if i else {"unigram": unigram}))
    return h


def texts(ax):
    return " | ".join(t.get_text() for t in ax.texts)


def test_mlm_figure_shows_the_mean_the_range_and_both_guesses(ax):
    plots.draw_mlm(ax, [history([7, 4, 2]), history([7, 5, 3])], 1000)
    curve, training, even, unigram = ax.lines
    assert curve.get_ydata().tolist() == [7, 4.5, 2.5]
    assert training.get_ydata().round(9).tolist() == [4.4, 2.4]
    assert even.get_ydata()[0] == np.log(1000) and unigram.get_ydata()[0] == 5.0
    assert "2.5 nats" in ax.get_title() and "2 seeds" in ax.get_title()
    assert "nats" in ax.get_ylabel() and "step" in ax.get_xlabel()
    assert "unigram" in texts(ax)


def test_regimes_figure_draws_one_curve_for_each_regime_and_labels_it(ax):
    cells = [
        {"regime": r, "seed": s, "n": 640, "f1": 0.7, "curve": [0.1, 0.2 + 0.1 * i + 0.02 * s]}
        for i, r in enumerate(("head", "last", "scratch", "full"))
        for s in range(3)
    ]
    cells += [{"regime": "words", "seed": s, "n": 640, "f1": 0.6, "curve": []} for s in range(3)]
    plots.draw_regimes(ax, cells)
    *curves, words = ax.lines
    assert sorted(c.get_ydata()[-1].round(9) for c in curves) == [0.22, 0.32, 0.42, 0.52]
    assert words.get_ydata()[0] == pytest.approx(0.6)
    for name in ("full", "full, random body", "last block", "head only", "bag of words"):
        assert name in texts(ax)
    assert "F1" in ax.get_ylabel() and "epoch" in ax.get_xlabel()


@pytest.mark.parametrize("name", ["mlm_training", "regimes"])
def test_every_committed_figure_has_results_of_five_seeds_beside_it(name):
    results = json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8"))
    seeds = len(results) if name == "mlm_training" else len({c["seed"] for c in results})
    assert seeds == 5
    assert (FIGURES / f"{name}.png").stat().st_size > 10_000


def test_a_figure_is_the_same_bytes_each_time(tmp_path):
    for name in ("a.png", "b.png"):
        plots.save_figure(tmp_path / name, plots.draw_mlm, history([7, 4, 2]), 1000)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
