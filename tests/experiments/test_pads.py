"""Pads behind messages: what is added, and that a mask takes it away again."""

import numpy as np

from npft.experiments import pads
from npft.experiments.pads import PADS, pad_cell, with_pads
from npft.loading import folder_of
from npft.text.batch import Batch


def test_so_many_pads_stand_behind_each_sequence_and_nothing_else_changes():
    batch = Batch([5, 8, 9, 7], [0, 1, 4])
    for n in (0, 1, 5):
        padded = with_pads(batch, n, pad_id=3)
        assert padded.lengths.tolist() == [1 + n, 3 + n]
        for i in range(2):
            assert padded[[i]].ids.tolist() == [*batch[[i]].ids, *[3] * n]


def test_a_cell_changes_no_answer_without_pads_and_none_with_the_mask(monkeypatch):
    monkeypatch.setattr(pads, "MESSAGES", 40)
    cell = {"pool": "last", "seed": 1, "body": str(folder_of("tinyworld")), "epochs": 1}
    found = pad_cell(cell)
    assert found["changed"][0] == 0 and found["masked"] == 0
    assert len(found["ham"]) == len(found["changed"]) == len(PADS)
    assert np.ptp(found["ham"]) > 0  # pads taken for tokens move the probability
