"""The benchmarks' looks into a step: they change nothing, miss no time, and the page shows them."""

import itertools
import json
import math
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"
NAMES = ("clock", "kernels", "models", "profiles", "steps", "stored", "watch")


@pytest.fixture
def bench(monkeypatch):
    """The modules of the benchmarks, which import one another by name; none of them needs PyTorch
    before it measures beside it."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield SimpleNamespace(**{name: __import__(name) for name in NAMES})
    for name in NAMES:
        del sys.modules[name]


def lesson_steps(bench):
    size = bench.models.SIZES["lesson"]
    return bench.models.our_steps(
        bench.models.our_model(size), itertools.repeat(bench.models.full_batch(size))
    )


def test_the_shares_of_a_step_add_up_to_all_of_it(bench):
    steps = lesson_steps(bench)
    row = bench.profiles.where("lesson step", lambda: next(steps), rounds=1)
    assert sum(row["shares"].values()) == pytest.approx(1, abs=1e-3)
    assert {"products", "GELU", "layer norm", "optimiser"} <= set(row["shares"])


def test_the_clock_misses_nothing_of_a_step_and_counts_nothing_twice(bench):
    steps = lesson_steps(bench)
    next(steps)
    before = time.perf_counter()
    with bench.watch.clock_at_doors() as clock:
        begin = time.perf_counter()
        next(steps)
        least = time.perf_counter() - begin
    most = time.perf_counter() - before
    assert least <= sum(clock.seconds.values()) <= most


def test_the_products_seen_are_those_that_the_formula_counts(bench):
    steps = lesson_steps(bench)
    next(steps)
    with bench.watch.arrays_watched() as seen:
        next(steps)
    found = sum(2 * a.shape[-1] * math.prod(out.shape) for a, _, out in seen.products)
    # tokens that are asked for are drawn, so that they are 15 % nearly
    expected = bench.models.operations(bench.models.SIZES["lesson"])
    assert found == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("look", ["clock_at_doors", "arrays_watched"])
def test_a_look_changes_no_bit_of_a_step(bench, look):
    plain, looked_at = lesson_steps(bench), lesson_steps(bench)
    expected = [next(plain) for _ in range(3)]
    found = [next(looked_at)]
    with getattr(bench.watch, look)():
        found.append(next(looked_at))
    found.append(next(looked_at))
    assert [step[1:] for step in found] == [step[1:] for step in expected]


def test_each_pass_over_an_array_is_counted(bench):
    import numpy as np

    from npft.autograd.kernels import gelu

    with bench.watch.arrays_watched() as seen:
        gelu.raw(bench.watch.watched(np.ones((512, 256), np.float32)))
    # square, times a number, Horner's five times two, plus, times x, exp, plus 1, divided, times x
    assert sum(seen.numbers.values()) == 18 * 512 * 256
    assert seen.numbers["exp"] == seen.numbers["divide"] == 512 * 256


def machine(name):
    return {"processor": name, "numpy": "2.4.6", "torch": "2.13.0"}


def test_a_run_of_one_part_elsewhere_replaces_its_rows_and_says_where(bench):
    old = {"machine": machine("A"), "rounds": 12, "rows": [
        {"work": "a", "peer": "p", "threads": 1, "ms": 1},
        {"work": "a", "peer": "p", "threads": 2, "ms": 2},
        {"work": "b", "peer": "p", "threads": 1, "ms": 3},
    ]}  # fmt: skip
    new = {"machine": machine("B"), "rounds": 12, "rows": [
        {"work": "a", "peer": "p", "threads": 2, "ms": 9},
        {"work": "b", "peer": "p", "threads": 1, "absent": "not installed"},
    ]}  # fmt: skip
    part = bench.stored.merged(old, new, whole=False)
    assert [row.get("ms") for row in part["rows"]] == [1, 9, 3]
    assert part["machine"] == machine("A") and part["rows"][1]["on"].startswith("B, NumPy")
    whole = bench.stored.merged(old, new, whole=True)
    assert whole["machine"] == machine("B")
    assert [row.get("earlier") for row in whole["rows"]] == [True, None, True]


def test_the_tables_say_which_aim_is_out_of_reach(bench):
    bound = {"work": "bound, tiny step", "peer": "PyTorch eager", "threads": 1,
             "bound": [0.64, 0.63, 0.66], "peer_products": [0.56, 0.53, 0.6]}  # fmt: skip
    text = bench.stored.tables([bound | {"aim": 0.55}, bound | {"aim": 0.7}, {"work": "other"}])
    assert "| 0.55 | out of reach by 0.09 |" in text
    assert "| 0.70 | 0.06 left for the rest |" in text
    assert "other" not in text


def test_the_page_of_figures_shows_the_profiles_that_are_stored(bench):
    page = bench.stored.PAGE.read_text(encoding="utf-8")
    result = json.loads(bench.stored.RESULTS.read_text(encoding="utf-8"))
    assert bench.stored.with_tables(page, result) == page
