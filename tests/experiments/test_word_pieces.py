"""Words in pieces: one tagger asked in three ways."""

from functools import partial

import pytest

from npft.experiments import word_pieces
from npft.experiments.bodies import pretrain_tinyworld
from npft.experiments.word_pieces import piece_cell, piece_scores


@pytest.fixture(autouse=True)
def small(monkeypatch):
    few = partial(pretrain_tinyworld, documents=60, held_out=10)
    monkeypatch.setattr(word_pieces, "pretrain_tinyworld", few)
    for name, number in (("LABELS", 20), ("EPOCHS", 2), ("TEST", 10)):
        monkeypatch.setattr(word_pieces, name, number)


def test_a_cell_asks_one_tagger_in_three_ways_and_comes_out_the_same_again():
    cell = {"vocabulary": 260, "steps": 3, "seed": 0}
    found = piece_cell(cell)
    assert found == piece_cell(cell)
    assert 2 < found["tokens"] < 3.5
    assert set(found["pos"]) == set(found["entities"]) == {"first", "mean", "max"}
    assert len(set(found["pos"].values())) > 1  # the ways differ where words are in pieces
    assert piece_scores([found], 260, "pos")[:, 0].tolist() == list(found["pos"].values())


def test_with_more_pieces_a_word_is_fewer_tokens():
    found = [piece_cell({"vocabulary": n, "steps": 1, "seed": 0})["tokens"] for n in (260, 700)]
    assert found[0] > found[1] + 0.5 and found[1] > 1
