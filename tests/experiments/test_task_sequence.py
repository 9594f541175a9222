"""Four tasks in sequence: what a cell returns, and that its ways differ only in their repairs."""

import json

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.experiments import multi_task, regimes, repairs, task_sequence
from npft.experiments.task_sequence import TASKS, WAYS, make_task, sequence_cell
from npft.forgetting import methods
from npft.forgetting.ewc import EWC


@pytest.fixture
def cell(body, monkeypatch):
    monkeypatch.setattr(regimes, "TEST_SIZE", 10)
    monkeypatch.setattr(multi_task, "TEST_SIZE", 10)
    monkeypatch.setattr(methods, "FISHER_SEQUENCES", 4)
    monkeypatch.setattr(repairs, "PROBE_SIZE", 10)
    for name, few in (("TESTS", 6), ("LABELS", 32), ("EPOCHS", 2), ("EVERY", 1),
                      ("FISHER_EXAMPLES", 3)):
        monkeypatch.setattr(task_sequence, name, few)
    return {"seed": 0, "body": body, "world": 7, "documents": 10}


def test_a_cell_holds_the_table_and_the_path_between(cell):
    cell |= {"way": "plain", "joint": True}
    found = sequence_cell(cell)
    r, path = np.array(found["r"], float), np.array(found["path"], float)
    assert r.shape == (4, 4) and path.shape == (len(found["step"]), 4)
    assert np.isnan(r[np.triu_indices(4, 1)]).all() and np.isfinite(r[np.tril_indices(4)]).all()
    assert np.array_equal(path[-1], r[-1]) and len(found["mlm_loss"]) == 5
    assert found["average_accuracy"] == pytest.approx(r[-1].mean())
    assert len(found["intransigence"]) == 4 and found["intransigence"][0] == 0.0
    assert json.loads(json.dumps(found)) == found == sequence_cell(cell)


def test_the_ways_begin_alike_and_end_apart(cell):
    found = {way: sequence_cell(cell | {"way": way}) for way in WAYS}
    assert len({f["mlm_loss"][0] for f in found.values()}) == 1
    assert len({f["path"][0][0] for f in found.values()}) == 1
    assert len({tuple(f["mlm_loss"]) for f in found.values()}) == len(WAYS)
    assert all(f["intransigence"] == [] for f in found.values())


def test_the_fisher_grows_by_every_task(cell, monkeypatch):
    seen, consolidate = [], EWC.consolidate

    def watched(self, fisher, gamma=1.0):
        consolidate(self, fisher, gamma)
        seen.append(self.mean_fisher)

    monkeypatch.setattr(EWC, "consolidate", watched)
    sequence_cell(cell | {"way": "EWC"})
    assert len(seen) == len(TASKS) - 1 and seen == sorted(seen) and seen[0] > 0


def test_a_task_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match="task is 'chess', expected one of spam"):
        make_task("chess", 0)
