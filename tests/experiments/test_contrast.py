"""What contrastive learning depends on: a small cell, and what is read from many."""

import json

import numpy as np
import pytest

from npft.contrast.in_batch import hardest_share
from npft.contrast.simcse import train_contrastive
from npft.embed.sentences import SentenceEncoder
from npft.experiments.cone import GOLDS, EmbeddingTest
from npft.experiments.contrast import (
    BATCH_SIZES, DROPOUTS, TAUS, USUAL, contrast_cell, figures_of, runs,
)
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.worlds import TinyWorld


def cell(body, *options):
    return {"seed": 3, "body": body, "world": 7, "documents": 10, "steps": 2,
            "sentences": 20, "graded": 20,
            "runs": [USUAL | {"batch_size": 8} | o for o in options]}


def test_the_runs_differ_from_the_usual_one_in_one_option_each():
    found = runs()
    assert found[0] == USUAL and len({json.dumps(r) for r in found}) == len(found)
    assert {sum(r[k] != USUAL[k] for k in USUAL) for r in found} == {0, 1}
    for option, values in zip(USUAL, (TAUS, DROPOUTS, BATCH_SIZES)):
        assert {r[option] for r in found} == set(values)


def test_a_cell_returns_every_run_and_repeats_itself(body, same_process):
    asked = cell(body, {"tau": 0.5}, {"dropout": 0.0}, {"batch_size": 4})
    with same_process(2):
        found = contrast_cell(asked)
    assert json.loads(json.dumps(found)) == found
    assert contrast_cell(asked | {"runs": asked["runs"][:1]})["runs"] == found["runs"][:1]
    assert {k: found[k] for k in asked if k != "runs"} == {
        k: asked[k] for k in asked if k != "runs"}
    assert [{k: r[k] for k in USUAL} for r in found["runs"]] == asked["runs"]
    after = [json.dumps(r["after"]) for r in found["runs"]]
    assert len(set(after)) == len(after)  # no two ways lead to the same weights


def test_a_run_is_simcse_from_the_body_of_the_file(body):
    found = contrast_cell(cell(body, {"tau": 0.2}, {"tau": 0.2}))
    world = TinyWorld(7)
    test = EmbeddingTest(world, 10, 20, 20)
    encoder = MaskedLM.load(body).body
    assert found["before"] == {
        "hardest_share": found["before"]["hardest_share"], **test.measure(encoder)}
    set_dropout(encoder, USUAL["dropout"])
    texts = [s for d in world.documents(10) for s in d.sentences]
    train_contrastive(encoder, texts, steps=2, batch_size=8, tau=0.2, every=2,
                      rng=np.random.default_rng(3))
    after = found["runs"][0]["after"]
    assert after == {"hardest_share": after["hardest_share"], **test.measure(encoder)}
    assert found["runs"][1]["after"] == after  # what was trained between has not moved it
    u = SentenceEncoder(encoder).encode(test.sentences).astype(float)
    assert after["hardest_share"] == pytest.approx(hardest_share(u @ u.T, 0.2), rel=1e-5)


def test_figures_are_read_from_the_runs_that_differ_in_nothing_else():
    def run(k, **options):
        return USUAL | options | {"after": {"similarity_words": k}}

    cells = [
        {"seed": s, "runs": [run(s), run(2 + s, tau=0.5), run(4 + s, tau=0.01),
                             run(9, dropout=0.0), run(9, dropout=0.0, tau=0.5)]}
        for s in (0, 1)
    ]
    found = figures_of(cells, "tau", GOLDS[0])
    assert {k: v.tolist() for k, v in found.items()} == {0.01: [4, 5], 0.05: [0, 1], 0.5: [2, 3]}
    assert list(found) == [0.01, 0.05, 0.5]
    assert list(figures_of(cells, "dropout", GOLDS[0])) == [0.0, 0.1]
