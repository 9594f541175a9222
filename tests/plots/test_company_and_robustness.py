"""The figures of tasks in company and of robustness: what is drawn is what was measured."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.plots.multi_task import gains
from npft.plots.robustness import NAMES


@pytest.fixture
def axes():
    return Figure().subplots(1, 2)


def texts(ax):
    return " | ".join(t.get_text() for t in ax.texts)


def company():
    """Two seeds; "pos" adds .1 or .2 to "topic", and nothing with weight 0.5."""
    cells = []
    for seed in (0, 1):
        for helper, weights, score in (
            ("alone", {}, 0.5), ("pos", {}, 0.6 + 0.1 * seed), ("pos", {"pos": 0.5}, 0.5),
        ):  # fmt: skip
            scores = {"topic": score} | ({} if helper == "alone" else {"pos": 0.9})
            cells.append({"target": "topic", "helper": helper, "weights": weights, "seed": seed,
                          "labels": {"topic": 8}, "scores": scores})  # fmt: skip
    return cells


def test_a_gain_is_joint_minus_alone_of_the_same_seed():
    cells = company()[::-1]
    np.testing.assert_allclose(gains(cells, "topic", "pos"), [0.1, 0.2])
    np.testing.assert_allclose(gains(cells, "topic", "pos", 0.5), [0.0, 0.0])


def test_company_figure_draws_each_seed_and_the_mean_and_names_the_tasks(axes):
    left, right = axes
    plots.draw_multi_task(axes, company())
    seeds, mean, zero = left.lines
    np.testing.assert_allclose(seeds.get_xdata(), [0.1, 0.2])
    np.testing.assert_allclose(mean.get_xdata(), [0.15])
    assert "topic (8 labels)" in texts(left)
    assert [t.get_text() for t in left.get_yticklabels()] == ["parts of speech"]
    line = next(line for line in right.lines if len(line.get_xdata()) == 3)
    np.testing.assert_allclose(line.get_ydata(), [0.0, 0.0, 0.15])
    assert [t.get_text() for t in right.get_xticklabels()] == ["alone", "0.5", "1"]
    assert "topic\n+ parts of speech" in texts(right)
    assert all(ax.get_title() and ax.get_xlabel() for ax in axes)


def test_robustness_figure_draws_every_slice_and_curve_and_labels_them(axes):
    left, right = axes
    regimes = ("full", "head", "scratch", "words")
    cells = [
        {"regime": r, "seed": s, "slices": dict.fromkeys(NAMES, 0.2 * i + 0.1 * s),
         "typos": [0.2 * i + 0.1 * s, 0.1]}
        for i, r in enumerate(regimes) for s in (0, 1)
    ]  # fmt: skip
    plots.draw_robustness(axes, cells, (0.0, 0.5))
    means = [line.get_xdata()[0] for line in left.lines if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(np.unique(np.round(means, 9)), [0.05, 0.25, 0.45, 0.65])
    curves = [line.get_ydata() for line in right.lines[: len(regimes)]]
    np.testing.assert_allclose(curves, [[0.2 * i + 0.05, 0.1] for i in range(4)])
    for name in ("full", "head only", "random body", "bag of words"):
        assert name in [t.get_text() for t in right.get_legend().get_texts()]
    assert left.get_xlabel() == right.get_ylabel() == "accuracy"
    assert all(ax.get_title() for ax in axes)
