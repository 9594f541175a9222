"""The figure of ``npft forgetting``: every method has its line or mark, and its name beside it."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.forgetting.methods import METHODS


def row(name, losses, scores, curve=True):
    found = {"method": name, "mlm_loss_before": 2.0, "rise": losses[-1] - 2, "score": scores[-1]}
    steps = list(range(0, 10 * len(losses), 10))
    measured = {"step": steps, "mlm_loss": losses, "f1": scores, "mlm_acc": scores}
    return found | {"curve": measured if curve else None}


def drawn(*rows, unigram=4.0):
    axes = Figure().subplots(1, 2)
    results = {"methods": rows, "unigram_loss": unigram, "main": "f1", "seed": 3}
    plots.draw_methods(np.array(axes), results)
    return axes


def test_lines_are_the_rise_and_the_score_and_a_repair_afterwards_is_a_mark():
    left, right = drawn(
        row("plain", [2.0, 2.5, 3.0], [0.1, 0.5, 0.9]), row("back", [2.25], [0.75], curve=False)
    )
    plain, back, floor = left.lines
    assert plain.get_xydata().tolist() == [[0, 0], [50, 0.5], [100, 1.0]]
    assert back.get_xydata().tolist() == [[100, 0.25]] and back.get_marker() == "D"
    assert floor.get_ydata()[0] == 2.0
    assert [list(line.get_ydata()) for line in right.lines] == [[0.1, 0.5, 0.9], [0.75]]
    for ax in (left, right):
        assert {"plain", "back"} <= {text.get_text() for text in ax.texts}
        assert "share" in ax.get_xlabel()
    assert "1.00 nats" in left.get_title() and "nats" in left.get_ylabel()
    assert "F1 0.90" in right.get_title() and "seed 3" in right.get_title()


@pytest.mark.parametrize("unigram", [1.5, 90.0])
def test_a_way_back_below_or_far_above_the_curves_is_not_drawn(unigram):
    left, _ = drawn(row("plain", [2.0, 3.0], [0.1, 0.9]), unigram=unigram)
    assert len(left.lines) == 1


def test_all_methods_look_different_and_their_names_stand_apart():
    rows = [row(name, [2.0, 2.5 + i / 100], [0.1, 0.9]) for i, name in enumerate(METHODS)]
    for ax in drawn(*rows):
        lines = ax.lines[: len(rows)]
        assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(rows)
        heights = sorted(t.xy[1] for t in ax.texts if t.get_text() in METHODS)
        low, high = ax.get_ylim()
        assert len(heights) == len(rows) and min(np.diff(heights)) > 0.04 * (high - low)
