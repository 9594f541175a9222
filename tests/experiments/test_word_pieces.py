"""Words in pieces: one tagger asked in three ways."""

import pytest

from npft.experiments import word_pieces
from npft.experiments.word_pieces import piece_cell, piece_scores


def test_a_cell_asks_one_tagger_in_three_ways_and_comes_out_the_same_again(monkeypatch):
    for name, small in (("LABELS", 20), ("EPOCHS", 2), ("TEST", 10)):
        monkeypatch.setattr(word_pieces, name, small)
    cell = {"vocabulary": 260, "steps": 3, "seed": 0}
    found = piece_cell(cell)
    assert found == piece_cell(cell)
    assert 2 < found["tokens"] < 3.5
    assert set(found["pos"]) == set(found["entities"]) == {"first", "mean", "max"}
    assert len(set(found["pos"].values())) > 1  # the ways differ where words are in pieces
    assert piece_scores([found], 260, "pos")[:, 0].tolist() == list(found["pos"].values())


def test_where_every_word_is_one_token_it_does_not_matter_who_decides(monkeypatch):
    for name, small in (("LABELS", 20), ("EPOCHS", 2), ("TEST", 10)):
        monkeypatch.setattr(word_pieces, name, small)
    found = piece_cell({"vocabulary": 3000, "steps": 3, "seed": 0})
    assert found["tokens"] == pytest.approx(1, abs=0.1)
    first, mean, largest = found["pos"].values()
    assert first == pytest.approx(mean, abs=0.05) and first == pytest.approx(largest, abs=0.05)
