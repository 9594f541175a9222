"""One cell of the comparison of repairs: what it returns, and what it may not touch."""

import json
from pathlib import Path

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.experiments import regimes, repairs
from npft.experiments.methods import ARMS, CONTROLS, STRENGTHS, method_cells
from npft.experiments.repairs import forgetting_cell
from npft.forgetting import methods
from npft.forgetting.measure import ForgettingCurve
from npft.worlds import TinyWorld

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cell(body, monkeypatch):
    """A cell of a few messages and a tiny body."""
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    monkeypatch.setattr(repairs, "PROBE_SIZE", 20)
    monkeypatch.setattr(repairs, "make_task", lambda name, n, seed: regimes.make_task(
        name, n // 16, seed))
    for name, few in (("FISHER_SEQUENCES", 4), ("WRITTEN", 2)):
        monkeypatch.setattr(methods, name, few)
    return {"seed": 3, "body": body, "world": 7, "documents": 10, "epochs": 2, "every": 1,
            "lr": 1e-2}


def rises(found):
    return ForgettingCurve.from_dict(found["curve"]).rise


@pytest.mark.parametrize("options, steps", [
    ({}, 2), ({"last": 1}, 2), ({"method": "anchor", "strength": 0.1}, 2),
    ({"method": "ewc", "strength": 0.1}, 2), ({"method": "replay", "strength": 0.2}, 2),
    ({"method": "own-text", "strength": 0.5}, 3), ({"method": "replay among", "strength": 16}, 3),
    ({"method": "shuffled labels"}, 2), ({"method": "lwf", "strength": 1, "task": "clinic"}, 2),
])
def test_a_cell_returns_its_curve_and_repeats_it(cell, options, steps):
    found, again = forgetting_cell(cell | options), forgetting_cell(cell | options)
    assert {k: v for k, v in found.items() if k != "curve"} == cell | options
    assert found["curve"]["step"] == list(range(2 * steps + 1))
    assert rises(found)[0] == 0 and np.abs(rises(found)).max() > 0
    assert json.loads(json.dumps(found)) == found == again


def test_a_cell_with_a_frozen_body_forgets_nothing(cell):
    for options in ({"last": 0}, {"method": "frozen body"}, {"method": "freeze", "strength": 1.0}):
        found = forgetting_cell(cell | options | {"drift": True})
        moved = {k: x for k, x in found["drift"]["weights"].items() if k != "final norm"}
        assert set(moved.values()) == {0.0}, options
        if "strength" not in options:  # the last norm trains when all blocks are frozen
            assert set(rises(found)) == {0.0} and found["drift"]["kl"] == 0.0


def test_the_control_without_a_task_goes_on_pretraining(cell):
    found = forgetting_cell(cell | {"method": "continued pretraining", "every": 2})
    assert found["curve"]["step"] == [0, 2, 4] and set(found["curve"]["f1"]) == {0.0}
    assert rises(found)[-1] < 0  # from random weights


def test_a_strong_proximal_anchor_holds_the_curve_at_0(cell):
    plain = np.abs(rises(forgetting_cell(cell))).max()
    strong = {"method": "proximal", "strength": 1e9}
    held = np.abs(rises(forgetting_cell(cell | strong))).max()
    assert held < 1e-6 < plain


def test_the_methods_of_one_seed_start_from_the_same_place(cell):
    starts = [forgetting_cell(cell | options)["curve"] for options in (
        {}, {"method": "anchor", "strength": 1.0}, {"method": "replay", "strength": 0.2},
        {"last": 0}, {"method": "shuffled labels"}, {"method": "ewc", "strength": 1.0})]
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
    {}, {"method": "replay", "strength": 0.2}, {"method": "continued pretraining", "epochs": 1},
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
    assert not set(STRENGTHS) & set(CONTROLS) and set(STRENGTHS) < set(methods.METHODS)
    assert all(len(three) == 3 == len(set(three)) for three in STRENGTHS.values())
    assert {c["method"] for c in method_cells()} == set(STRENGTHS) | set(CONTROLS)
    for adds in method_cells() + [{"method": arm, "strength": 4} for arm in ARMS]:
        found = forgetting_cell(cell | {"epochs": 1, "every": 20, **adds})
        assert np.isfinite(rises(found)).all(), adds


def test_a_method_that_does_not_exist_is_refused(cell):
    for name in ("dropout", "interpolate", "remind"):  # the last two act afterwards
        with pytest.raises(ConfigError, match=f"method is '{name}', expected one of plain, lr"):
            forgetting_cell(cell | {"method": name, "strength": 1})


def test_methods_of_no_strength_are_plain_training(cell):
    plain = forgetting_cell(cell)["curve"]
    for method, none in (("lr", 1.0), ("anchor", 0), ("proximal", 0), ("ewc", 0), ("recadam", 0),
                         ("lwf", 0), ("agem", 0), ("replay", 0), ("own-text", 0),
                         ("replay among", 0), ("replay on top", 0)):
        found = forgetting_cell(cell | {"method": method, "strength": none})
        assert found["curve"] == plain, method


def test_a_store_is_all_that_may_be_replayed(cell):
    options = {"method": "replay on top", "strength": 4}
    whole, same, few = (
        forgetting_cell(cell | options | store)["curve"]
        for store in ({}, {"store": 10}, {"store": 2})
    )
    assert whole == same and whole != few


@pytest.mark.parametrize("method, makes", [("own-text", "generate"), ("ewc", "diagonal_fisher")])
def test_what_a_method_makes_of_a_body_is_made_once_for_the_cells_of_a_seed(
        cell, monkeypatch, method, makes):
    made, make = [], getattr(methods, makes)
    monkeypatch.setattr(methods, makes, lambda *args, **options: (
        made.append(args), make(*args, **options))[1])
    cells = [cell | {"method": method, "strength": x, "task": task, "seed": seed}
             for seed in (3, 4) for task in ("hard sms", "clinic") for x in (0.2, 0.5)]
    together = [forgetting_cell(c)["curve"] for c in cells]
    assert len(made) == 2  # seeds
    for c, curve in zip(cells, together):
        repairs.past_of.cache_clear()
        assert forgetting_cell(c)["curve"] == curve
    assert len(made) == 2 + len(cells)


def test_the_fisher_of_a_store_is_not_that_of_the_whole_text(cell):
    options = {"method": "ewc", "strength": 0.1}
    whole, few = (forgetting_cell(cell | options | store)["curve"] for store in ({}, {"store": 2}))
    repairs.past_of.cache_clear()
    assert forgetting_cell(cell | options | {"store": 2})["curve"] == few != whole


def test_the_head_learns_at_least_at_its_own_rate_whatever_the_body_does(cell, monkeypatch):
    seen, curve = [], repairs.forgetting_curve

    def watched(*args, **options):
        seen.append((options["lr"], options["body_lr"]))
        return curve(*args, **options)

    monkeypatch.setattr(repairs, "forgetting_curve", watched)
    for lr in (1e-4, 1e-3, 3e-3):
        forgetting_cell(cell | {"lr": lr})
    assert seen == [(2e-3, 1e-4), (2e-3, 1e-3), (3e-3, 3e-3)]


def test_the_table_shows_of_each_method_the_strength_that_forgets_least_at_the_asked_f1():
    def run(method, seed, rise, f1, **options):
        read = {"step": [0, 1], "f1": [0.0, f1], "mlm_loss": [2.0, 2.0 + rise],
                "mlm_acc": [0, 0], "unigram": 9.0}
        return {"task": task, "method": method, "seed": seed, "curve": read, **options}

    cells = []
    for task in repairs.MATCHED_F1:
        for seed in (0, 1):
            cells += [
                run("plain", seed, 1.0 + seed, 0.9), run("anchor", seed, 0.5, 0.8, strength=0.1),
                run("anchor", seed, 0.2, 0.1, strength=1), run("lwf", seed, 0.1, 0.2, strength=5),
                run("frozen body", seed, 0.0, 0.9),
            ]
    rows = repairs.repair_table(cells).splitlines()[2:]
    assert rows[0].startswith("| plain | 1.50 (-4.85 to 7.85) |")
    assert rows[2] == "| anchor | 0.1: 0.50 (0.50 to 0.50) * | 0.1: 0.50 (0.50 to 0.50) * |"
    assert "| lwf | not with every seed | not with every seed |" in rows
    assert len(rows) == 1 + len(STRENGTHS)


def test_the_readme_holds_the_table_of_the_cached_results():
    found = json.loads((ROOT / "figures" / "forgetting.json").read_text(encoding="utf-8"))
    assert repairs.repair_table(found) in (ROOT / "figures" / "README.md").read_text(encoding="utf-8")
    assert {c["method"] for c in found} == set(STRENGTHS) | set(CONTROLS)
    per_task = {t: sum(c["task"] == t for c in found) for t in repairs.TASKS}
    assert set(per_task.values()) == {5 * len(method_cells())}
