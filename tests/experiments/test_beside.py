"""LoRA and adapters beside the regimes: what trains, and what is forgotten on and off."""

import json

import numpy as np
import pytest

from npft.experiments import regimes, repairs
from npft.experiments.beside import beside_cell, beside_cells, beside_table, points_of
from npft.experiments.methods import options_of
from npft.experiments.repairs import TASKS


@pytest.fixture
def cell(body, monkeypatch):
    """A cell of a few messages and a tiny body."""
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    monkeypatch.setattr(repairs, "PROBE_SIZE", 20)
    monkeypatch.setattr(repairs, "make_task", lambda name, n, seed: regimes.make_task(
        name, n // 16, seed))
    return {"task": "hard sms", "seed": 3, "body": body, "world": 7, "documents": 10, "epochs": 2,
            "every": 10**9}


@pytest.mark.parametrize("kind, size, weights", [
    ("lora", 1, 2 * 4 * 4), ("lora", 3, 2 * 4 * 4 * 3), ("adapter", 2, 4 * (2 * 4 * 2 + 2 + 4)),
])
def test_additions_change_what_is_said_and_switched_off_nothing_is_forgotten(
    cell, kind, size, weights
):
    cell |= {"regime": kind, "method": kind, "strength": size, "head_lr": 2e-2, "lr": 2e-2}
    found = beside_cell(cell)
    assert found["trained"] == weights + 2 * 4 + 2
    assert found["off"] == 0.0 != found["rise"]
    assert json.loads(json.dumps(found)) == found == beside_cell(cell)


def test_without_additions_switched_off_is_the_same(cell):
    found = beside_cell(cell | {"regime": "full", "method": "plain"})
    assert found["off"] == found["rise"] != 0
    assert beside_cell(cell | {"regime": "head", "method": "frozen body"})["rise"] == 0.0


def test_every_way_is_a_known_method_on_both_tasks():
    cells = beside_cells()
    assert {c["task"] for c in cells} == set(TASKS)

    class Asked(Exception):
        pass

    class Run:
        def __getattr__(self, name):
            raise Asked

    for c in cells:  # an unknown method would be a ConfigError
        with pytest.raises(Asked):
            options_of(c["method"], c.get("strength"), Run())


def test_points_and_table_are_those_of_the_cells():
    cells = [c | {"seed": s, "f1": 0.1 * s, "rise": float(k), "off": 0.0, "trained": 10 + k}
             for k, c in enumerate(beside_cells()) for s in (1, 3)]
    points = points_of(cells, "hard sms")
    assert points["last", None].tolist() == [[1.0, 1.0], pytest.approx([0.1, 0.3])]
    assert list(points)[3:6] == [("lora", 1), ("lora", 4), ("lora", 16)]
    rows = beside_table(cells).splitlines()
    assert len(rows) == 2 + 9
    assert rows[5].startswith("| lora 1 | 13 | 0.20 ± 0.14 | 3.00 ± 0.00 | 0.20 ± 0.14 | 12.00")
    assert np.isfinite(points["adapter", 16]).all()
