"""What is lost and what is only read wrongly: what a cell returns, and the table."""

import json

import pytest

from npft.experiments import lost, regimes, repairs
from npft.experiments.lost import RUNS, lost_cell, lost_table


@pytest.fixture
def cell(body, monkeypatch):
    monkeypatch.setattr(regimes, "TEST_SIZE", 20)
    monkeypatch.setattr(repairs, "PROBE_SIZE", 10)
    monkeypatch.setattr(repairs, "LABELS", 40)
    for name, few in (("REFIT_STEPS", 2), ("RELEARN_STEPS", 4), ("EVERY", 2), ("TAGGED", 8),
                      ("WORDS", 8)):
        monkeypatch.setattr(lost, name, few)
    return {"task": "sms", "seed": 3, "body": body, "world": 7, "documents": 10, "epochs": 1}


def test_a_frozen_body_has_lost_nothing_by_any_measure(cell):
    found = lost_cell(cell | {"method": "frozen body"})
    assert found["rise"] == found["latent_rise"] == 0.0 and found["relearn"] == 0
    assert found["nsp_acc"][0] == found["nsp_acc"][1] and found["pos"][0] == found["pos"][1]


def test_a_cell_repeats_itself_and_goes_into_json(cell):
    found = lost_cell(cell)
    assert found["rise"] != 0
    assert json.loads(json.dumps(found)) == found == lost_cell(cell)


def test_the_table_has_a_row_for_each_run_with_mean_and_spread():
    cells = [
        {"run": run, "rise": 1.0 + s, "latent_rise": 0.5, "relearn": 20 if s else None, "new": None,
         "nsp_acc": [0.9, 0.8], "pos": [0.5, 0.4 + 0.2 * s]}
        for run in RUNS for s in (0, 1)
    ]
    rows = lost_table(cells).splitlines()[2:]
    assert len(rows) == len(RUNS)
    assert rows[0] == ("| plain | 1.50 ± 0.71 | 0.50 ± 0.00 | 20 to over 100 (over 100) "
                       "| 0.90 to 0.80 ± 0.00 | 0.50 to 0.50 ± 0.14 |")
