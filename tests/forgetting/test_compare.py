"""Comparison at matched F1, worked by hand."""

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.forgetting.compare import (
    LEARNT,
    SHARE_OF_BEST,
    TRIVIAL_F1,
    compare_methods,
    rise_at_matched_f1,
)
from npft.forgetting.measure import ForgettingCurve


def curve(f1, rise):
    n = len(f1)
    return ForgettingCurve(np.arange(n), 2 + np.array(rise, float), np.zeros(n),
                           np.array(f1, float), 9.0)


def matched(**curves):
    found = rise_at_matched_f1({name: curve(*c) for name, c in curves.items()})
    return {name: None if r is None else round(r, 9) for name, r in found.items()}


def test_each_method_is_read_where_it_first_reaches_98_percent_of_the_weakest():
    assert matched(
        quick=([0.1, 0.79, 0.9, 1.0], [0, 1, 2, 3]),
        slow=([0.1, 0.2, 0.78, 0.80], [0, 0.25, 0.5, 0.75]),  # enough is 0.784
        falls=([0.1, 0.783, 0.85, 0.1], [0, 0.125, 0.25, 4]),
    ) == {"quick": 1.0, "slow": 0.75, "falls": 0.25}


def test_98_percent_itself_is_enough():
    just = SHARE_OF_BEST * 0.5
    assert matched(a=([0, just, 0.5], [0, 1, 2]), b=([0, 0.9], [0, 3])) == {"a": 1.0, "b": 3.0}


def test_a_method_that_never_learns_gets_none_and_lowers_the_bar_for_nobody():
    learns = [0.1, 0.5, 0.8], [0, 1, 2]
    assert matched(learns=learns) == {"learns": 2.0}
    for idle in ([0, 0, 0], [0.3, 0.3, 0.3], [0.6, 0.2, 0.5]):
        assert matched(learns=learns, idle=(idle, [0, 0, 0])) == {"learns": 2.0, "idle": None}
    assert matched(idle=([0, 0], [0, 0])) == {"idle": None}


def test_a_lucky_guess_before_the_first_step_is_not_learning():
    assert matched(lucky=([0.79, 0.4, 0.8], [0, 1, 2]), plain=([0.0, 0.8], [0, 5])) == {
        "lucky": 2.0, "plain": 5.0}


def test_a_rise_may_be_negative_and_the_order_of_methods_does_not_matter():
    curves = {"a": curve([0, 0.5], [0, -0.25]), "b": curve([0, 0.6], [0, 1])}
    backwards = dict(reversed(curves.items()))
    assert rise_at_matched_f1(curves) == rise_at_matched_f1(backwards) == {"a": -0.25, "b": 1.0}


def test_nothing_to_compare_is_refused():
    with pytest.raises(ConfigError, match="rise_at_matched_f1: no curves"):
        rise_at_matched_f1({})


def result(method, seed, f1, rise):
    return {"method": method, "seed": seed, "curve": curve(f1, rise).as_dict()}


def test_methods_are_compared_over_the_seeds_among_those_that_have_learnt():
    found = compare_methods([
        result("rate 1e-3", 0, [0, 0.5, 1.0], [0, 1, 2]),
        result("rate 1e-3", 1, [0, 0.9, 0.8], [0, 4, 3]),
        result("gentle", 0, [0, 0.5, 0.95], [0, 0.5, 0.25]),
        result("gentle", 1, [0, 0.5, 0.85], [0, 0.125, 0.75]),
        result("idle", 0, [0, 0.1, 0.2], [0, 0, 0]),
        result("idle", 1, [0, 0.1, 0.9], [0, 0, 0.5]),
    ], "rate 1e-3")
    # the plain run's mean best F1 is 0.95: a method has learnt from 0.855 on
    assert {m: row["learnt"] for m, row in found.items()} == {
        "rate 1e-3": True, "gentle": True, "idle": False}
    assert found["rate 1e-3"]["f1"] == [1.0, 0.9] and found["rate 1e-3"]["end"] == [2.0, 3.0]
    # enough is 0.98 times 0.95 for the first seed, and times 0.85 for the second
    assert {m: row["rise"] for m, row in found.items()} == {
        "rate 1e-3": [2.0, 4.0], "gentle": [0.25, 0.75], "idle": [None, None]}


def test_any_method_may_be_the_plain_one_and_it_must_be_there():
    cells = [result("slow", 0, [0, 0.4, 0.8], [0, 1, 2]), result("fast", 0, [0, 0.9], [0, 3])]
    # 0.9 of the plain run's best F1: 0.72 of the slow one's, 0.81 of the fast one's
    assert compare_methods(cells, "slow")["fast"]["learnt"]
    found = compare_methods(cells, "fast")
    assert found["fast"]["learnt"] and not found["slow"]["learnt"]
    assert found["slow"]["rise"] == [None] and found["fast"]["rise"] == [3.0]
    with pytest.raises(ConfigError, match="the plain run 'quick' is missing; got .*slow.*fast"):
        compare_methods(cells, "quick")
    with pytest.raises(ConfigError, match="the plain run 'slow' is missing"):
        compare_methods([], "slow")


def test_the_f1_of_the_trivial_answer_is_not_learning_even_if_the_plain_run_is_no_better():
    """Of calling everything spam where half of it is: precision 1/2, recall 1."""
    assert (LEARNT, TRIVIAL_F1) == (0.9, 2 / 3)
    just, below = TRIVIAL_F1, TRIVIAL_F1 - 0.01
    found = compare_methods([
        result("plain", 0, [0, below], [0, 1]), result("other", 0, [0, just], [0, 2])], "plain")
    assert not found["plain"]["learnt"] and found["other"]["learnt"]
    assert (found["plain"]["rise"], found["other"]["rise"]) == ([None], [2.0])


def test_a_run_that_one_seed_lacks_has_no_rise_there():
    found = compare_methods([
        result("plain", 0, [0, 0.8], [0, 1]), result("plain", 1, [0, 0.8], [0, 2]),
        result("late", 0, [0, 0.8], [0, 3]), result("late", 1, [0.8, 0.8], [0, 4]),
    ], "plain")
    assert found["late"]["rise"] == [3.0, None]  # its F1 never rises above that of step 0
