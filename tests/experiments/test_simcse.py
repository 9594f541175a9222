"""What was tried with SimCSE, and the readings of the pairs it is measured on."""

import json

import pytest

from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import similarity_score
from npft.experiments.cone import GOLDS
from npft.experiments.simcse import READINGS, TRIALS, reader, simcse_cell, simcse_table
from npft.heads.words import MaskedLM
from npft.worlds import TinyWorld

SAID = "tomas from saffron agency practises the haunting tune for ursula larsen in oakham"


@pytest.fixture
def cell(body):
    return {"seed": 3, "body": body, "world": 7, "documents": 6, "steps": 6, "pairs": 40,
            "trials": list(TRIALS)}


def test_a_reading_keeps_what_it_says():
    world = TinyWorld(0)
    read = {name: reader(world, name)(SAID) for name in READINGS}
    assert read["whole"] == SAID
    assert read["no names"] == "from practises the haunting tune for in"
    assert read["content"] == "practises haunting tune"
    assert reader(world, "content")("we talked") == "we talked"  # nothing would be left


def test_trials_differ_and_a_cell_repeats_itself(cell):
    found = simcse_cell(cell)
    assert list(found["found"]) == ["bag of words", "before", *TRIALS]
    assert json.loads(json.dumps(found)) == found == simcse_cell(cell)
    rows = {json.dumps(row) for row in found["found"].values()}
    assert len(rows) >= 1 + len(TRIALS)  # in so few texts perhaps none is said twice


def test_before_is_the_body_on_the_pairs_as_they_are(cell):
    found = simcse_cell(cell | {"trials": []})["found"]["before"]
    encode = SentenceEncoder(MaskedLM.load(cell["body"]).encoder, normalize=False).encode
    golds = {g: similarity_score(encode, TinyWorld(7).task(g, cell["pairs"])) for g in GOLDS}
    assert found["whole"] == golds and found["content"] != golds


def test_the_table_has_means_over_the_seeds_that_have_a_trial():
    def row(x):
        return {reading: dict.fromkeys(GOLDS, x) for reading in READINGS}

    cells = [{"found": {"before": row(0.1), "usual": row(0.4)}}, {"found": {"before": row(0.3)}}]
    lines = simcse_table(cells).splitlines()
    assert lines[2] == "| before (2) | 0.20 / 0.20 | 0.20 / 0.20 | 0.20 / 0.20 |"
    assert lines[3].startswith("| usual (1) | 0.40 / 0.40 |")
