"""The film of the cone: its frames are the cones of the encoder at those steps."""

import json

import numpy as np
import pytest

from npft.experiments.cone import EmbeddingTest
from npft.experiments.opening import opening_cell
from npft.heads.words import MaskedLM
from npft.pretraining.start import new_masked_lm
from npft.worlds import TinyWorld

SIZES = {"sentences": 40, "pairs": 20}


@pytest.fixture
def cell(body):
    return {"seed": 3, "body": body, "world": 7, "documents": 6, "pretrain": [], "contrast": [2],
            **SIZES}


def test_a_short_film_shows_the_new_weights_the_body_and_the_end(cell):
    found = opening_cell(cell)
    frames = found["frames"]
    assert [(f["phase"], f["step"]) for f in frames[::2]] == [("random", 0), ("simcse", 2)]
    assert frames[1]["phase"] == "mlm"
    test = EmbeddingTest(TinyWorld(7), 6, **SIZES)
    body = MaskedLM.load(cell["body"]).encoder
    new = new_masked_lm(body.tokenizer, body.config.max_positions, False, np.random.default_rng(3))
    for frame, encoder in zip(frames, (new.encoder, body)):
        assert frame["angle"] == test.cone(encoder)["angle"]
    assert len({f["mean_cosine"] for f in frames}) == 3
    assert json.loads(json.dumps(found)) == found == opening_cell(cell)


def test_a_long_film_pretrains_anew_and_has_the_frames_asked_for(cell):
    found = opening_cell(cell | {"pretrain": [1, 3], "contrast": [1, 2]})
    steps = [(f["phase"], f["step"]) for f in found["frames"]]
    assert steps == [("random", 0), ("mlm", 1), ("mlm", 3), ("simcse", 1), ("simcse", 2)]
    assert len({f["mean_cosine"] for f in found["frames"]}) == 5


def test_more_frames_do_not_change_what_is_seen(cell):
    few = opening_cell(cell | {"pretrain": [3], "contrast": [2]})["frames"]
    many = opening_cell(cell | {"pretrain": [1, 2, 3], "contrast": [1, 2]})["frames"]
    assert few[-1]["angle"] == many[-1]["angle"] and few[1]["angle"] == many[3]["angle"]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_cell_leaves_the_callers_threads_and_memory_as_they_were(cell, same_process, threads):
    with same_process(threads):
        opening_cell(cell)
