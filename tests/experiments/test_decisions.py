"""The probabilities behind decisions: of every test message, from each way to train."""

import pytest

from npft.experiments import regimes
from npft.experiments.decisions import WAYS, decision_cell


@pytest.fixture
def cell(body, monkeypatch):
    monkeypatch.setattr(regimes, "TEST_SIZE", 30)
    return {"way": "head", "seed": 2, "body": body, "epochs": 1}


def test_each_way_gives_other_probabilities_and_the_same_labels(cell):
    found = [decision_cell(cell | {"way": way}) for way in WAYS]
    assert len({tuple(f["p_spam"]) for f in found}) == len(WAYS)
    assert len({tuple(f["labels"]) for f in found}) == 1
    assert sum(found[0]["labels"]) == 15
    assert all(0 <= p <= 1 for f in found for p in f["p_spam"])


def test_a_cell_repeats_itself_and_leaves_the_callers_threads(cell, same_process):
    with same_process(2):
        found = decision_cell(cell)
    assert decision_cell(cell) == found
