"""The rate of fine-tuning: the cells, what is read from them, and the rates that are named."""

import numpy as np
import pytest

from npft.experiments.rates import (
    RATES, STEPS, TASKS, best_rate, destroying_rate, rate_cells, rate_table,
)
from npft.experiments.repairs import forgetting_cell


def cell(lr, seed, f1, end, task="sms"):
    return {"task": task, "lr": lr, "seed": seed,
            "curve": {"f1": [0.0, f1], "mlm_loss": [2.0, end]}}


CELLS = [cell(1e-4, 0, 0.5, 2.0), cell(1e-4, 1, 0.7, 2.2), cell(1e-3, 0, 0.8, 4.0),
         cell(1e-3, 1, 0.8, 5.0), cell(1e-2, 0, 0.6, 6.0), cell(1e-2, 1, 0.7, 6.0),
         cell(1e-4, 0, 0.0, 9.0, "hard sms")]


def test_the_table_holds_the_f1_at_the_end_and_the_rise_of_each_seed():
    table = rate_table(CELLS, "sms")
    assert list(table) == [1e-4, 1e-3, 1e-2]
    assert table[1e-4]["f1"].tolist() == [0.5, 0.7]
    assert table[1e-3]["rise"].tolist() == [2.0, 3.0]


def test_the_best_rate_and_the_lowest_that_destroys_go_by_means():
    assert best_rate(CELLS[:6], "sms") == 1e-3
    assert destroying_rate(CELLS[:6], "sms", unigram=2.4) == 1e-3
    assert destroying_rate(CELLS[:6], "sms", unigram=3.9) == 1e-2
    assert destroying_rate(CELLS[:6], "sms", unigram=9.0) is None


def test_there_is_a_cell_for_each_rate_task_and_seed():
    cells = rate_cells("a", 7, 40, [0, 1])
    assert len(cells) == len(RATES) * len(TASKS) * 2
    assert {(c["seed"], c["world"], c["body"]) for c in cells} == {(0, 7, "a"), (1, 7, "a")}


def test_a_cell_runs_on_its_own_task_and_is_read_at_both_ends(body):
    cell = [c for c in rate_cells(body, 0, 60, [0]) if c["lr"] == 1e-3][0]
    cell |= {"epochs": 1, "documents": 60}
    found = [forgetting_cell(cell | {"task": task}) for task in ("sms", "hard sms")]
    assert [len(c["curve"]["f1"]) for c in found] == [2, 2]
    assert found[0]["curve"]["f1"] != found[1]["curve"]["f1"]
    assert STEPS == 400
    assert np.isfinite(found[0]["curve"]["mlm_loss"]).all()
    assert found[0]["curve"]["mlm_loss"][0] == pytest.approx(found[1]["curve"]["mlm_loss"][0])
