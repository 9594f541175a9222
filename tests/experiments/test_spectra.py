"""Spectra on the way through pretraining: what is looked at, when, and that nothing is changed."""

import json

import numpy as np
import pytest

from npft.embed.spectrum import effective_rank, iso_score
from npft.experiments import bodies, spectra
from npft.experiments.spectra import spectra_cell

CELL = {"seed": 0, "steps": 3, "documents": 12, "looks": [0, 2, 3], "sentences": 20}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A small vocabulary, which is quick to make."""
    monkeypatch.setattr(bodies, "VOCAB_SIZE", 300)


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "VOCAB_SIZE", 300)
        return spectra_cell(CELL)


def test_a_cell_has_a_look_at_each_step_asked_for(found):
    assert {k: found[k] for k in CELL} == CELL
    for part in ("words", "table"):
        assert [look["step"] for look in found[part]] == [0, 2, 3]
        for look in found[part]:
            assert sum(look["spectrum"]) == pytest.approx(1)
            assert look["spectrum"] == sorted(look["spectrum"], reverse=True)
    assert json.loads(json.dumps(found)) == found


def test_looking_changes_no_bit_of_training_and_the_looks_are_of_the_model_then():
    seen = []
    looked, _ = bodies.pretrain_tinyworld(
        0, steps=3, documents=12, held_out=4,
        look=lambda mlm, step: seen.append((step, spectra._vectors(mlm.body, [["the", "a"]]))),
    )
    plain, _ = bodies.pretrain_tinyworld(0, steps=3, documents=12, held_out=4)
    for name, weights in plain.state_dict().items():
        assert (looked.state_dict()[name] == weights).all()
    assert [step for step, _ in seen] == [0, 1, 2, 3]
    table = looked.body.embeddings.word_embeddings.weight.numpy()
    assert (seen[-1][1]["table"] == table).all() and (seen[0][1]["table"] != table).any()


def test_the_figures_of_a_look_are_those_of_its_vectors():
    x = np.random.default_rng(0).standard_normal((30, 5))
    measured = spectra._measured(x)
    p = np.array(measured["spectrum"])
    assert measured["effective_rank"] == effective_rank(x)
    assert np.exp(-(p * np.log(p)).sum()) == pytest.approx(effective_rank(x))
    assert measured["iso_score"] == iso_score(x)
