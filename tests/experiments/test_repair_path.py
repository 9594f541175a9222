"""Repair after the fact: both paths begin or end where fine-tuning has ended."""

import json

import numpy as np
import pytest

from npft.experiments import regimes, repair_path, repairs
from npft.experiments.repair_path import REFITTED, repair_path_cell
from npft.experiments.repairs import forgetting_cell


@pytest.fixture
def cell(body, monkeypatch):
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    monkeypatch.setattr(repairs, "PROBE_SIZE", 20)
    monkeypatch.setattr(repairs, "LABELS", 40)
    monkeypatch.setattr(repair_path, "REPLAY_STEPS", 4)
    monkeypatch.setattr(repair_path, "REPLAY_EVERY", 2)
    return {"task": "sms", "seed": 3, "body": body, "world": 7, "documents": 10, "epochs": 2}


def test_both_paths_meet_at_the_fine_tuned_model_and_one_ends_at_the_pretrained(cell):
    found = repair_path_cell(cell)
    curve = forgetting_cell(cell | {"every": 4})["curve"]
    line, replay = found["interpolate"], found["replay"]
    assert (line["alpha"][0], line["alpha"][-1]) == (0, 1)
    assert line["mlm_loss"][0] == found["before"] == curve["mlm_loss"][0]
    assert line["mlm_loss"][-1] == replay["mlm_loss"][0] == curve["mlm_loss"][-1]
    assert line["f1"][-1] == replay["f1"][0] == curve["f1"][-1]
    assert replay["step"] == [0, 2, 4] and len(found["refit"]["f1"]) == len(REFITTED)
    assert np.isfinite(found["refit"]["f1"]).all()
    assert json.loads(json.dumps(found)) == found == repair_path_cell(cell)
