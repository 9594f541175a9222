"""The ways to read and train sentence vectors: each is what its name says."""

import json

import numpy as np
import pytest

from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import similarity_score
from npft.experiments import similarity
from npft.experiments.cone import GOLDS
from npft.experiments.similarity import (
    BINS, COMPARED, TRAINED, cosines, first_and_last, graded_pairs, similarity_cell,
)
from npft.heads.words import MaskedLM
from npft.plots.similarity import WAYS
from npft.text.examples import Examples
from npft.worlds import TinyWorld


@pytest.fixture
def cell(body, monkeypatch):
    monkeypatch.setattr(similarity, "PREMISES", 20)
    monkeypatch.setattr(similarity, "GRADED", 10)
    return {"seed": 3, "body": body, "world": 7, "documents": 10, "steps": 2, "sentences": 40,
            "pairs": 30}


def test_every_way_has_a_line_in_the_figure_and_repeats_itself(cell):
    found = similarity_cell(cell)
    assert set(found["ways"]) == {way for ways in WAYS.values() for way in ways}
    assert all(set(way) == set(GOLDS) for way in found["ways"].values())
    assert list(found["cosines"]) == list(COMPARED)
    assert json.loads(json.dumps(found)) == found == similarity_cell(cell)


def test_the_raw_ways_are_those_of_the_body_and_training_changes_it(cell):
    found = similarity_cell(cell | {"steps": 8})["ways"]
    body, world = MaskedLM.load(cell["body"]).encoder, TinyWorld(7)
    for pool in ("cls", "mean"):
        encode = SentenceEncoder(body, pool, normalize=False).encode
        assert found[pool] == {g: similarity_score(encode, world.task(g, 30)) for g in GOLDS}
    trained = [tuple(found[way].values()) for way in (*TRAINED, "mean")]
    assert len(set(trained)) == len(trained)


def test_first_and_last_is_the_mean_of_the_means_of_two_blocks(body):
    encoder = MaskedLM.load(body).encoder
    texts = ["the bank lends", "the cow"]
    batch = encoder.tokenizer(texts)
    states = encoder.hidden_states(batch)
    for i, vector in enumerate(first_and_last(encoder)(texts)):
        rows = slice(*batch.offsets[i : i + 2])
        expected = (states[1][rows] + states[2][rows]).mean(axis=0) / 2
        assert vector == pytest.approx(expected, rel=1e-4)


def test_no_graded_pair_of_training_is_one_of_the_test():
    world = TinyWorld(7)
    first, second, grades = graded_pairs(world, 500)
    seen = set(zip(first, second))
    assert len(first) == len(second) == len(grades) == 1000
    assert not any(pair in seen for g in GOLDS for pair in zip(
        world.task(g, 100).texts, world.task(g, 100).pairs))


def test_cosines_are_counted_and_compared_by_hand():
    places = {"a": [1.0, 0.0], "b": [1.0, 0.1], "c": [0.0, 1.0], "d": [-1.0, 1.0]}
    pairs = Examples(texts=["a", "c"], pairs=["b", "d"], labels=np.array([5.0, 0.0]))
    found = cosines(lambda texts: np.array([places[t] for t in texts]), [pairs])
    assert sum(found["alike"]) == 1 and found["alike"][-1] == 1  # a, b: 0.995
    # random: a with d, -0.707; c with b, 0.0995
    assert np.flatnonzero(found["random"]).tolist() == [5, 21]
    assert found["nearer"] == 1.0 and len(found["random"]) == len(BINS) - 1


@pytest.mark.parametrize("threads", [1, 3])
def test_a_cell_leaves_the_callers_threads_and_memory_as_they_were(cell, same_process, threads):
    with same_process(threads):
        similarity_cell(cell)
