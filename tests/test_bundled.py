"""The model that comes with npft: small, whole, and what its recorded command makes.

    npft pretrain --batch-size 128 --lr 6e-3 --steps 2000 --out npft/data/tinyworld
"""

import json

import numpy as np
import pytest

from npft import MaskedLM, load, pretrain
from npft.encoder.checkpoint import read_training
from npft.experiments.bodies import world_text
from npft.loading import DATA
from npft.pretraining.probe import make_probe
from npft.pretraining.start import new_masked_lm
from npft.text import WordPiece

FOLDER = DATA / "tinyworld"
RECIPE = {"steps": 2000, "batch_size": 128, "lr": 6e-3, "every": 100}


@pytest.fixture(scope="module")
def text():
    return world_text(0)


def test_it_is_found_by_its_name_and_smaller_than_two_megabytes():
    assert isinstance(load("tinyworld"), MaskedLM)
    assert sum(f.stat().st_size for f in FOLDER.iterdir()) < 2e6


def test_a_folder_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tinyworld").mkdir()
    with pytest.raises(ValueError, match="no model.npz"):
        load("tinyworld")


def test_its_recorded_figures_are_what_it_measures(text):
    recorded = json.loads((FOLDER / "results.json").read_text())
    mlm = load("tinyworld")
    rng = np.random.default_rng(5)  # other masks than those of the run
    probe = make_probe(text.held_out, mlm.encoder.tokenizer, layout="pairs", max_length=64, rng=rng)
    found = mlm.measure(probe)
    assert found["mlm_loss"] == pytest.approx(recorded["mlm_loss"], abs=0.15)
    assert found["mlm_acc"] == pytest.approx(recorded["mlm_acc"], abs=0.03)
    assert found["nsp_acc"] > 0.9


@pytest.mark.slow
def test_the_first_steps_of_its_recipe_give_its_recorded_history(text, tmp_path):
    """A hundred steps, on any processor: the plateau, before differences of rounding grow."""

    def stop(step, total, message):
        if step == 100:
            raise KeyboardInterrupt

    tok = WordPiece.train(text.vocabulary, vocab_size=text.vocab_size)
    bundled = load("tinyworld").encoder
    assert tok.vocab == bundled.tokenizer.vocab
    rng = np.random.default_rng(0)
    mlm = new_masked_lm(tok, text.max_positions, True, rng)
    assert mlm.encoder.config == bundled.config
    with pytest.raises(KeyboardInterrupt):
        pretrain(mlm, text.train, **RECIPE, held_out=text.held_out, folder=tmp_path,
                 progress=stop, rng=rng)
    rows = read_training(tmp_path)[1][0]["history"]
    recorded = json.loads((FOLDER / "history.json").read_text())
    for row, other in zip(rows, recorded):
        assert row["step"] == other["step"] and row["mlm_loss"] == pytest.approx(
            other["mlm_loss"], abs=5e-3
        )
    assert len(rows) == 2
