"""The classic: list 1 is gone before list 2 is known, and the order of learning is to blame."""

import functools
import json

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.experiments import interference
from npft.experiments.interference import (
    PAIRS, RESPONSE_UNITS, Lists, Network, interference_cell, learn, patterns,
)

SEEDS = range(8)


@functools.cache
def sequential(seed):
    return interference_cell({"seed": seed, "epochs": 70})


def test_the_first_list_is_known_before_the_second_begins_and_the_second_is_not():
    for cell in map(sequential, SEEDS):
        assert cell["ab"][0] == 1 and cell["ac"][0] <= 1 / PAIRS
        assert 10 < cell["first"] < 200


def test_the_first_list_is_gone_before_the_second_is_known():
    at_half = []
    for cell in map(sequential, SEEDS):
        assert cell["ac"][-1] == 1 and cell["ab"][-1] == 0
        assert cell["ab"][cell["known"]] <= 1 / PAIRS
        at_half.append(cell["ab"][next(n for n, r in enumerate(cell["ac"]) if r >= 0.5)])
    assert np.mean(at_half) < 0.5  # people keep as much when all of list 2 is known


@pytest.mark.parametrize("seed", [0, 1])
def test_interleaved_with_the_first_list_the_second_is_learnt_and_both_are_kept(seed):
    cell = interference_cell({"seed": seed, "epochs": 80, "interleaved": True})
    assert cell["ab"][-1] == cell["ac"][-1] == 1
    assert np.mean(cell["ab"]) > 0.85
    assert cell["first"] == sequential(seed)["first"]  # only the second list differs


def test_a_cell_is_plain_json_has_a_recall_for_each_epoch_and_hangs_on_its_seed_alone():
    cell = interference_cell({"seed": 0, "epochs": 70})
    assert cell == sequential(0) == json.loads(json.dumps(cell)) != sequential(1)
    assert len(cell["ab"]) == len(cell["ac"]) == 71
    assert {8 * recall % 1 for recall in cell["ab"] + cell["ac"]} == {0}


def test_the_lists_share_their_cues_and_no_response():
    lists = Lists(rng=np.random.default_rng(0))
    assert lists.x.shape == (2, 8, 16) and lists.responses.shape == (16, 10)
    np.testing.assert_array_equal(lists.x[0, :, :10], lists.x[1, :, :10])
    for which in (0, 1):  # the units of the list are the same for all of its pairs
        assert (lists.x[which, :, 10:] == lists.x[which, 0, 10:]).all()
    assert (lists.x[0, 0, 10:] != lists.x[1, 0, 10:]).any()
    assert len({r.tobytes() for r in lists.responses}) == 16
    assert lists.y.ravel().tolist() == list(range(16))


def test_patterns_are_different_even_where_all_of_them_are_needed():
    found = patterns(8, 3, np.random.default_rng(0))
    assert sorted(map(tuple, found.astype(int))) == [
        tuple(map(int, f"{k:03b}")) for k in range(8)]


def test_recall_is_the_nearest_of_all_responses_and_knowing_is_nearer_than_that():
    lists = Lists(rng=np.random.default_rng(0))
    network = Network(rng=np.random.default_rng(0))
    network.output.weight.assign(np.zeros((RESPONSE_UNITS, 24)))
    sure = 8 * lists.responses[3] - 4  # says response 3 to every cue
    for strength in (1, 0.2):
        network.output.bias.assign(strength * sure)
        assert network.recall(lists, 0) == 1 / PAIRS and network.recall(lists, 1) == 0
        assert not network.knows(lists, 0)
    lists.y[0] = 3  # as if it were right
    assert network.recall(lists, 0) == 1 and not network.knows(lists, 0)  # 0.69, and 0.31
    network.output.bias.assign(sure)
    assert network.knows(lists, 0) and not network.knows(lists, 1)


def test_learning_reads_only_the_lists_it_is_given(monkeypatch):
    seen = []

    def loss(logits, targets):
        seen.append(targets)
        return (logits * logits).mean()

    monkeypatch.setattr(interference, "bce_with_logits", loss)
    lists, network = Lists(rng=np.random.default_rng(0)), Network(rng=np.random.default_rng(0))
    for which in ([0], [1], [0, 1]):
        assert list(learn(network, lists, which, 2)) == [1, 2]
        wanted = lists.responses[lists.y[which].ravel()]
        np.testing.assert_array_equal(seen[-1], wanted)
        assert len(wanted) == 8 * len(which)


def test_what_cannot_be_learnt_or_has_no_epochs_is_refused(monkeypatch):
    with pytest.raises(ConfigError, match="interference: epochs is 0"):
        interference_cell({"seed": 0, "epochs": 0})
    monkeypatch.setattr(interference, "LIMIT", 3)
    with pytest.raises(ConfigError, match="with seed 0 A-B is not learnt; take another"):
        interference_cell({"seed": 0, "epochs": 1})
