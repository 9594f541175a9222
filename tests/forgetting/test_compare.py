"""Comparison at matched F1, worked by hand."""

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.forgetting.compare import (
    LEARNT,
    SHARE_OF_BEST,
    TRIVIAL_F1,
    compare_methods,
    least_forgetting,
    rise_at_matched_f1,
)
from npft.forgetting.measure import ForgettingCurve
from npft.metrics.intervals import interval


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
    with pytest.raises(ConfigError, match="there are no cells to compare"):
        compare_methods([], "slow")


def test_the_f1_of_the_trivial_answer_is_not_learning_even_if_the_plain_run_is_no_better():
    """Of calling everything spam where half of it is: precision 1/2, recall 1."""
    assert (LEARNT, TRIVIAL_F1) == (0.9, 2 / 3)
    just, below = TRIVIAL_F1, TRIVIAL_F1 - 0.01
    found = compare_methods([
        result("plain", 0, [0, below], [0, 1]), result("other", 0, [0, just], [0, 2])], "plain")
    assert not found["plain"]["learnt"] and found["other"]["learnt"]
    assert (found["plain"]["rise"], found["other"]["rise"]) == ([None], [2.0])


def test_where_no_method_has_learnt_none_has_a_rise():
    found = compare_methods([result("a", 0, [0, 0.5], [0, 1]), result("b", 0, [0, 0.4], [0, 1])], "a")
    assert [row["learnt"] for row in found.values()] == [False, False]
    assert [row["rise"] for row in found.values()] == [[None], [None]]


def test_a_run_that_one_seed_lacks_has_no_rise_there():
    found = compare_methods([
        result("plain", 0, [0, 0.8], [0, 1]), result("plain", 1, [0, 0.8], [0, 2]),
        result("late", 0, [0, 0.8], [0, 3]), result("late", 1, [0.8, 0.8], [0, 4]),
    ], "plain")
    assert found["late"]["rise"] == [3.0, None]  # its F1 never rises above that of step 0


# ---- which forgets least at F1 >= x ----


def cells_of(rises, f1=0.9):
    """Cells of methods whose rise, where F1 is reached, is given for each seed; None: never."""
    return [
        result(method, seed, [0, 0.5, 0.5 if rise is None else f1], [0, 0, rise or 0])
        for method, runs in rises.items() for seed, rise in enumerate(runs)
    ]


def test_each_run_is_read_at_its_first_measurement_with_enough_f1():
    cells = [result("a", 0, [0.95, 0.7, 0.8, 0.9], [0, 1, 2, 3]),  # step 0 is a lucky guess
             result("a", 1, [0, 0.8, 0.1, 0.9], [0, 4, 5, 6])]
    for f1, rises in [(0.8, {0: 2.0, 1: 4.0}), (0.9, {0: 3.0, 1: 6.0}), (0.91, {0: None, 1: None})]:
        assert least_forgetting(cells, f1).methods["a"].rise == rises


def test_the_best_has_the_lowest_mean_and_each_other_its_paired_difference():
    rises = {"plain": [1.0, 2.0, 3.0], "good": [0.1, 1.2, 2.3], "near": [0.2, 1.1, 2.5]}
    found = least_forgetting(cells_of(rises), 0.9)
    assert found.best == "good" and found.tied == ["near"]
    for method, runs in rises.items():
        row = found.methods[method]
        assert row.mean == pytest.approx(interval(runs))
        apart = interval(np.array(runs) - rises["good"])
        assert row.behind == pytest.approx(apart, abs=1e-12)
    assert found.methods["good"].behind == (0, 0, 0)


def test_what_a_seed_does_to_both_methods_is_no_noise():
    """Each interval by itself is wide and they overlap; paired, the difference is sure."""
    rises = {"plain": [1.1, 5.0, 9.05], "good": [1.0, 4.9, 9.0]}
    found = least_forgetting(cells_of(rises), 0.9)
    plain, good = found.methods["plain"], found.methods["good"]
    assert plain.mean.low < good.mean.high
    assert found.best == "good" and found.tied == [] and plain.behind.low > 0


def test_a_higher_level_tells_fewer_apart():
    cells = cells_of({"plain": [1.0, 1.1, 1.5], "good": [0.9, 0.9, 0.9]})
    assert least_forgetting(cells, 0.9, level=0.6).tied == []
    assert least_forgetting(cells, 0.9, level=0.99).tied == ["plain"]


def test_a_method_that_never_has_the_f1_with_some_seed_is_not_ranked():
    found = least_forgetting(cells_of({"plain": [1.0, 1.2], "lucky": [0.25, None]}), 0.9)
    assert found.best == "plain" and found.tied == []
    assert found.methods["lucky"] == ({0: 0.25, 1: None}, None, None)
    nobody = least_forgetting(cells_of({"a": [None, None]}), 0.9)
    assert nobody.best is None and nobody.tied == [] and nobody.methods["a"].behind is None


def test_with_one_seed_there_is_no_interval_and_nobody_is_told_apart():
    found = least_forgetting(cells_of({"plain": [1.0], "good": [0.5]}), 0.9)
    assert found.best == "good" and found.tied == ["plain"]
    assert found.methods["plain"] == ({0: 1.0}, None, None)


def test_methods_of_other_seeds_are_refused_for_some_seeds_are_easy():
    cells = cells_of({"plain": [1.0, 2.0, 3.0], "good": [0.5, 1.0, 1.5]})
    assert least_forgetting(cells, 0.9).methods["plain"].behind.mean == pytest.approx(1.0)
    cells = [c for c in cells if (c["method"], c["seed"]) != ("plain", 2)]
    for compare in (lambda: least_forgetting(cells, 0.9), lambda: compare_methods(cells, "plain")):
        with pytest.raises(ConfigError, match=r"'plain' has the seeds \[0, 1\] and 'good' \[0, 1,"):
            compare()


def test_strengths_of_a_method_are_compared_as_methods():
    cells = [c | {"strength": s} for s, x in ((0.1, [1.0, 2.0]), (1.0, [0.5, 1.0]))
             for c in cells_of({"anchor": x})]
    found = least_forgetting(cells, 0.9)
    assert found.best == "anchor 1.0" and list(found.methods) == ["anchor 0.1", "anchor 1.0"]


def test_what_cannot_be_ranked_is_refused():
    cells = cells_of({"a": [1.0, 2.0]})
    with pytest.raises(ConfigError, match="no cells to compare"):
        least_forgetting([], 0.9)
    with pytest.raises(ConfigError, match="two cells are of 'a', seed 1"):
        least_forgetting([*cells, cells[1]], 0.9)
    for f1 in (0, 1.1, float("nan"), "high"):
        with pytest.raises(ConfigError, match="least_forgetting: f1 is"):
            least_forgetting(cells, f1)
    with pytest.raises(ConfigError, match="least_forgetting: level is 95"):
        least_forgetting(cells, 0.9, level=95)
