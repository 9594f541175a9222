"""Comparison at matched F1, worked by hand, and one cell of the comparison from a file."""

import json

import numpy as np
import pytest

from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.finetune import regimes
from npft.forgetting import compare
from npft.forgetting.compare import forgetting_cell, rise_at_matched_f1
from npft.forgetting.measure import ForgettingCurve
from npft.pretrain.objectives import MaskedLM
from npft.text.bytes import ByteTokenizer

# ---- at matched F1 ----


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
    just = compare.SHARE_OF_BEST * 0.5
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
    found = compare.compare_methods([
        result("rate 1e-3", 0, [0, 0.5, 1.0], [0, 1, 2]),
        result("rate 1e-3", 1, [0, 0.9, 0.8], [0, 4, 3]),
        result("gentle", 0, [0, 0.5, 0.95], [0, 0.5, 0.25]),
        result("gentle", 1, [0, 0.5, 0.85], [0, 0.125, 0.75]),
        result("idle", 0, [0, 0.1, 0.2], [0, 0, 0]),
        result("idle", 1, [0, 0.1, 0.9], [0, 0, 0.5]),
    ])
    # the plain run's mean best F1 is 0.95: a method has learnt from 0.855 on
    assert {m: row["learnt"] for m, row in found.items()} == {
        "rate 1e-3": True, "gentle": True, "idle": False}
    assert found["rate 1e-3"]["f1"] == [1.0, 0.9] and found["rate 1e-3"]["end"] == [2.0, 3.0]
    # enough is 0.98 times 0.95 for the first seed, and times 0.85 for the second
    assert {m: row["rise"] for m, row in found.items()} == {
        "rate 1e-3": [2.0, 4.0], "gentle": [0.25, 0.75], "idle": [None, None]}


# ---- one cell ----


@pytest.fixture
def cell(tmp_path, monkeypatch):
    """A cell of a few messages and a tiny body."""
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    monkeypatch.setattr(compare, "PROBE_SIZE", 20)
    monkeypatch.setattr(compare, "make_task", lambda name, n, seed: regimes.make_task(
        name, n // 16, seed))
    rng = np.random.default_rng(0)
    config = EncoderConfig(vocab_size=260, hidden_size=4, num_layers=2, num_heads=2,
                           intermediate_size=4, max_positions=40, init_std=0.2)
    save(tmp_path, MaskedLM(Encoder(config, tokenizer=ByteTokenizer(), rng=rng), rng=rng))
    return {"seed": 3, "body": str(tmp_path), "world": 7, "documents": 10, "epochs": 2, "every": 1,
            "lr": 1e-2}


def rises(found):
    return ForgettingCurve.from_dict(found["curve"]).rise


@pytest.mark.parametrize("options, steps", [
    ({}, 2), ({"last": 1}, 2), ({"anchor": 0.1}, 2), ({"proximal": 0.1}, 2),
    ({"replay": 0.2, "weight": 0.5}, 2), ({"replay": 0.5, "weight": 1.0}, 3), ({"shuffled": True}, 2),
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
    build, corpus = compare.make_probe, compare.Corpus
    monkeypatch.setattr(compare, "make_probe", lambda documents, *args, **options: (
        seen.update(held_out=documents), build(documents, *args, **options))[1])
    monkeypatch.setattr(compare, "Corpus", lambda documents, tok: (
        seen.update(pool=documents), corpus(documents, tok))[1])
    forgetting_cell(cell)
    world = compare.TinyWorld(7)
    assert seen["pool"] == [d.sentences for d in world.documents(10)]
    assert seen["held_out"] == [d.sentences for d in world.documents(200, start=10)]
