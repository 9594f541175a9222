"""Checkpoints of one run: each goes on where the one before it stood, and how they are ranked."""

import numpy as np
import pytest

from npft.errors import NonFiniteError
from npft.experiments import checkpoints
from npft.experiments.checkpoints import (
    STEPS, TASKS, checkpoint_cells, probe_and_full, rank_agreement, save_checkpoints,
)
from npft.heads.words import MaskedLM
from npft.pretrain.start import Text


def made_up(values, task="sms"):
    """Cells of one seed: {step: (probe, full)}."""
    return [
        {"task": task, "step": step, "regime": regime, "seed": 0, "f1": f1}
        for step, pair in values.items()
        for regime, f1 in zip(("head", "full"), pair)
    ]


def test_the_agreement_is_that_of_the_two_orders():
    same = made_up({0: (0.1, 0.5), 400: (0.2, 0.6), 800: (0.3, 0.9)})
    assert rank_agreement(same, "sms") == pytest.approx(1)
    turned = made_up({0: (0.3, 0.5), 400: (0.2, 0.6), 800: (0.1, 0.9)})
    assert rank_agreement(turned, "sms") == pytest.approx(-1)
    with pytest.raises(NonFiniteError, match="constant"):
        rank_agreement(made_up({0: (0.1, 0.5), 400: (0.1, 0.6)}), "sms")


def test_a_point_is_the_mean_over_the_seeds_of_its_own_task():
    cells = made_up({0: (0.2, 0.4)}) + made_up({0: (0.4, 0.8)}) + made_up({0: (1, 1)}, "hard sms")
    assert probe_and_full(cells, "sms") == {0: (pytest.approx(0.3), pytest.approx(0.6))}


def test_there_is_a_cell_for_each_checkpoint_regime_task_and_seed():
    cells = checkpoint_cells([f"b{s}" for s in STEPS], [0, 1], epochs=3)
    assert len(cells) == 2 * len(STEPS) * len(TASKS) * 2
    assert {(c["step"], c["body"]) for c in cells} == {(s, f"b{s}") for s in STEPS}


def test_each_checkpoint_goes_on_where_the_one_before_it_stood(tmp_path, monkeypatch):
    lines = [[f"the {a} sees the {b}", f"a {b} hears a {a}"]
             for a in ("cat", "dog", "cow") for b in ("bird", "fish", "frog")]
    texts = [sentence for document in lines for sentence in document]
    monkeypatch.setattr(
        checkpoints, "world_text", lambda seed: Text(lines, [], texts, 60, 40, 4)
    )
    folders = save_checkpoints(tmp_path, steps=(0, 1, 3))
    tables = [MaskedLM.load(f).state_dict() for f in folders]
    assert [f.rsplit("step", 1)[1] for f in folders] == ["0", "1", "3"]
    moved = [
        max(float(np.abs(a[name] - b[name]).max()) for name in a)
        for a, b in zip(tables, tables[1:])
    ]
    assert all(0 < m < 0.1 for m in moved)  # a body begun anew would differ by more
