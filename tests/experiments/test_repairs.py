"""One cell of the comparison of repairs: what it returns, and what it may not touch."""

import json

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.experiments import regimes, repairs
from npft.experiments.repairs import CONTROLS, METHODS, PLAIN, forgetting_cell
from npft.forgetting.measure import ForgettingCurve
from npft.worlds import TinyWorld


@pytest.fixture
def cell(body, monkeypatch):
    """A cell of a few messages and a tiny body."""
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    monkeypatch.setattr(repairs, "PROBE_SIZE", 20)
    monkeypatch.setattr(repairs, "make_task", lambda name, n, seed: regimes.make_task(
        name, n // 16, seed))
    return {"seed": 3, "body": body, "world": 7, "documents": 10, "epochs": 2, "every": 1,
            "lr": 1e-2}


def rises(found):
    return ForgettingCurve.from_dict(found["curve"]).rise


@pytest.mark.parametrize("options, steps", [
    ({}, 2), ({"last": 1}, 2), ({"anchor": 0.1}, 2), ({"proximal": 0.1}, 2),
    ({"replay": 0.2, "weight": 0.5}, 2), ({"replay": 0.5, "weight": 1.0}, 3),
    ({"shuffled": True}, 2),
])
def test_a_cell_returns_its_curve_and_repeats_it(cell, options, steps):
    found = forgetting_cell(cell | options)
    assert {k: v for k, v in found.items() if k != "curve"} == cell | options
    assert found["curve"]["step"] == list(range(2 * steps + 1))
    assert rises(found)[0] == 0 and np.abs(rises(found)).max() > 0
    assert json.loads(json.dumps(found)) == found == forgetting_cell(cell | options)


def test_a_cell_with_a_frozen_body_forgets_nothing(cell):
    assert set(rises(forgetting_cell(cell | {"last": 0}))) == {0.0}


def test_the_control_without_a_task_goes_on_pretraining(cell):
    found = forgetting_cell(cell | {"continued": True, "every": 20})
    assert found["curve"]["step"] == [0, 20, 40] and set(found["curve"]["f1"]) == {0.0}
    assert rises(found)[-1] < 0  # from random weights


def test_a_strong_proximal_anchor_holds_the_curve_at_0(cell):
    plain = np.abs(rises(forgetting_cell(cell))).max()
    held = np.abs(rises(forgetting_cell(cell | {"proximal": 1e9}))).max()
    assert held < 1e-6 < plain


def test_the_methods_of_one_seed_start_from_the_same_place(cell):
    starts = [forgetting_cell(cell | options)["curve"] for options in (
        {}, {"anchor": 1.0}, {"replay": 0.2, "weight": 1.0}, {"last": 0}, {"shuffled": True})]
    assert len({(c["mlm_loss"][0], c["f1"][0], c["unigram"]) for c in starts}) == 1


def test_the_pool_and_the_probe_are_different_documents_of_the_body_s_world(cell, monkeypatch):
    seen = {}
    build, corpus = repairs.make_probe, repairs.Corpus
    monkeypatch.setattr(repairs, "make_probe", lambda documents, *args, **options: (
        seen.update(held_out=documents), build(documents, *args, **options))[1])
    monkeypatch.setattr(repairs, "Corpus", lambda documents, tok: (
        seen.update(pool=documents), corpus(documents, tok))[1])
    forgetting_cell(cell)
    world = TinyWorld(7)
    assert seen["pool"] == [d.sentences for d in world.documents(10)]
    assert seen["held_out"] == [d.sentences for d in world.documents(200, start=10)]


@pytest.mark.parametrize("options", [
    {}, {"replay": 0.2, "weight": 1.0}, {"continued": True, "epochs": 1},
])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_cell_leaves_the_callers_threads_and_memory_as_they_were(
        cell, same_process, threads, options):
    with same_process(threads):
        forgetting_cell(cell | options)


def test_a_cell_that_fails_leaves_them_as_well(cell, same_process):
    with same_process(3), pytest.raises(ConfigError):
        forgetting_cell(cell | {"lr": -1.0})


def test_every_method_and_control_is_a_cell_that_runs(cell):
    assert PLAIN in METHODS and not set(METHODS) & set(CONTROLS)
    for name, adds in (METHODS | CONTROLS).items():
        found = forgetting_cell(cell | {"epochs": 1, "every": 20} | adds)
        assert np.isfinite(rises(found)).all(), name
        assert set(adds) <= {"lr", "last", "anchor", "proximal", "replay", "weight", "shuffled",
                             "continued"}
    assert METHODS[PLAIN] == {"lr": 1e-3}


def test_the_head_learns_at_least_at_its_own_rate_whatever_the_body_does(cell, monkeypatch):
    seen, curve = [], repairs.forgetting_curve

    def watched(*args, **options):
        seen.append((options["lr"], options["body_lr"]))
        return curve(*args, **options)

    monkeypatch.setattr(repairs, "forgetting_curve", watched)
    for lr in (1e-4, 1e-3, 3e-3):
        forgetting_cell(cell | {"lr": lr})
    assert seen == [(1e-3, 1e-4), (1e-3, 1e-3), (3e-3, 3e-3)]
