"""A real encoder tuned: each way trains what its name says, and the table tells all of them."""

import json

import numpy as np
import pytest

from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import similarity_score
from npft.encoder.hub import read_encoder
from npft.errors import ConfigError
from npft.experiments import real_tuning
from npft.experiments.real_data import sms, sts
from npft.experiments.real_tuning import HOWS, PAIRED, real_tuning_cell, tuning_table
from npft.finetune.baselines import bag_of_words


@pytest.fixture
def cell(real_model, real_data, monkeypatch):
    monkeypatch.setattr(real_tuning, "LONGEST", 20)
    monkeypatch.setattr(real_tuning, "PAIR_LR", 1e-2)  # so small an encoder would hardly move
    return {"seed": 1, "body": real_model, "data": real_data, "labels": 12, "tests": 10, "steps": 3}


def test_tuning_on_pairs_begins_at_the_published_encoder_and_moves_it(cell):
    raw = SentenceEncoder(read_encoder(cell["body"], longest=20)).encode
    rho = similarity_score(raw, sts(cell["data"], "test"))
    found = {how: real_tuning_cell(cell | {"how": how})["sts"] for how in PAIRED}
    assert found["published"] == pytest.approx(rho, abs=1e-6)
    assert len(set(found.values())) == 3


def test_words_are_counted_without_an_encoder(cell):
    train, test = sms(cell["data"], 12, 10, 1)
    found = real_tuning_cell(cell | {"how": "words", "body": "there is none"})
    assert found["f1"] == bag_of_words(train, test, positive="spam").f1


@pytest.mark.parametrize("how", HOWS)
def test_every_way_repeats_itself(cell, how):
    found = real_tuning_cell(cell | {"how": how})
    assert json.loads(json.dumps(found)) == found == real_tuning_cell(cell | {"how": how})


def test_learning_the_training_messages_by_heart_tells_the_word_that_makes_spam(cell, monkeypatch):
    monkeypatch.setattr(real_tuning, "RATES", {"full": (3e-3, 3e-3)})
    found = real_tuning_cell(cell | {"how": "full", "labels": 40, "steps": 200})
    assert found["f1"] > 0.9  # "prize" ends every one


def test_an_unknown_way_is_refused(cell):
    with pytest.raises(ConfigError, match="expected one of published"):
        real_tuning_cell(cell | {"how": "hope"})


def test_the_table_has_a_row_for_each_way_with_its_mean():
    cells = [{"how": h, "seed": s, "sts": 0.9 + s / 100}
             for h in PAIRED[1:] for s in (0, 2)]
    cells.append({"how": "published", "seed": 0, "sts": 0.8})
    cells += [{"how": h, "seed": s, "labels": n, "f1": n / 100 + s / 10}
              for h in HOWS if h not in PAIRED for s in (0, 2) for n in (16, 64)]
    table = tuning_table(cells)
    assert "| published | 0.800 |" in table and "| graded | 0.910 ± 0.014 |" in table
    assert "| full | 0.26 ± 0.14 | 0.74 ± 0.14 |" in table
    assert np.all([f"| {how} |" in table for how in HOWS])
