"""The table of fine-tuning: its rows run, and what it shows is the mean and spread of its cells."""

import json
from pathlib import Path

import pytest

from npft.errors import ConfigError
from npft.experiments import regimes
from npft.experiments.ablation import (
    ROWS, TASKS, ablation_cells, ablation_rows, ablation_table,
)
from npft.experiments.regimes import run_cell

ROOT = Path(__file__).parents[2]


def cells():
    """Made up: F1 is .5 and .7 for the lesson, .1 and .2 for the other."""
    f1 = {("sms", 0): 0.5, ("sms", 1): 0.7, ("hard sms", 0): 0.1, ("hard sms", 1): 0.2}
    return [
        {"row": row, "task": task, "seed": seed, "f1": f1[task, seed], "precision": 0.25,
         "recall": 0.75, "trained": 1234, "seconds": 1.0 + seed}
        for row in ROWS for task in TASKS for seed in (0, 1)
    ]  # fmt: skip


def test_the_cells_are_each_row_on_each_task_with_each_seed():
    made = ablation_cells("folder", [0, 3])
    assert len(made) == len(ROWS) * len(TASKS) * 2
    assert {c["seed"] for c in made} == {0, 3} and {c["body"] for c in made} == {"folder"}
    json.dumps(made)


def test_a_row_shows_mean_and_spread_of_its_own_cells_and_the_median_cost():
    rows = ablation_rows(cells())
    assert [row["row"] for row in rows] == list(ROWS)
    assert rows[0]["sms"] == [0.5, 0.7] and rows[0]["hard sms"] == [0.1, 0.2]
    assert rows[0]["seconds"] == 1.5
    line = ablation_table(cells()).splitlines()[2]
    assert line == (
        "| bag of words | 0.25 ± 0.00 | 0.75 ± 0.00 | 0.60 ± 0.14 | 0.15 ± 0.07 | 1,234 | 1.5 |"
    )


def test_a_row_without_cells_is_refused_by_its_name():
    with pytest.raises(ConfigError, match="no cell of the row 'full'"):
        ablation_rows([c for c in cells() if c["row"] != "full"])


@pytest.mark.slow
@pytest.mark.parametrize("row", list(ROWS))
def test_every_row_runs(row, body, monkeypatch):
    monkeypatch.setattr(regimes, "TEST_SIZE", 20)
    cell = {"task": "sms", "n": 32, "seed": 0, "body": body, "epochs": 2, "watch": False}
    found = run_cell(cell | ROWS[row])
    assert 0 <= found["f1"] <= 1 and (found["trained"] > 0) == (row != "bag of words")


def test_the_table_of_the_readme_is_that_of_the_committed_results():
    found = json.loads((ROOT / "figures" / "ablation.json").read_text(encoding="utf-8"))
    assert ablation_table(found) in (ROOT / "figures" / "README.md").read_text(encoding="utf-8")
