"""What a real encoder forgets: the reader is fitted to a frozen encoder, repairs are those named."""

import json

import numpy as np
import pytest

from npft import save
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import similarity_score
from npft.encoder.hub import read_encoder
from npft.experiments import real_forgetting
from npft.experiments.real_data import sts
from npft.experiments.real_forgetting import ARMS, fit_reader, probe_of, real_forgetting_cell
from npft.heads.words import MaskedLM


@pytest.fixture
def cell(real_model, real_data, tmp_path, monkeypatch):
    monkeypatch.setattr(real_forgetting, "LONGEST", 20)
    mlm, _ = fit_reader({"body": real_model, "data": real_data, "epochs": 1})
    save(tmp_path / "reader", mlm)
    return {"seed": 1, "reader": str(tmp_path / "reader"), "data": real_data, "method": "plain",
            "strength": None, "labels": 20, "tests": 10, "epochs": 2, "every": 2}


def test_the_reader_learns_while_the_encoder_stands_still(real_model, real_data):
    given = {"body": real_model, "data": real_data}
    before = read_encoder(real_model).state_dict()
    (short, early), (mlm, late) = (fit_reader(given | {"epochs": n}) for n in (1, 30))
    after = mlm.encoder.state_dict()
    for name, weight in before.items():
        assert (after[name] == weight[: len(after[name])]).all()
    assert late["mlm_loss"] < early["mlm_loss"]
    assert early["unigram"] == late["unigram"] > 0
    assert all(p.requires_grad for p in mlm.parameters())


def test_the_probe_is_of_sentences_the_reader_has_not_seen(cell):
    mlm = MaskedLM.load(cell["reader"])
    one, same, other = (probe_of(cell["data"], mlm, seed) for seed in (1, 1, 2))
    assert one.ids.tolist() == same.ids.tolist() != other.ids.tolist()
    assert one.n_targets > 0


@pytest.mark.parametrize(("method", "strength"), ARMS)
def test_every_arm_begins_where_the_encoder_stood_and_repeats_itself(cell, method, strength):
    given = cell | {"method": method, "strength": strength}
    curve = real_forgetting_cell(given)["curve"]
    mlm = MaskedLM.load(cell["reader"])
    assert curve["step"][0] == 0 and len(curve["step"]) > 1
    probe = probe_of(cell["data"], mlm, 1)
    assert curve["mlm_loss"][0] == pytest.approx(mlm.measure(probe)["mlm_loss"], rel=1e-5)
    rho = similarity_score(SentenceEncoder(mlm.encoder).encode, sts(cell["data"], "test"))
    assert curve["also"]["sts"][0] == pytest.approx(rho, abs=1e-6)  # all 40 pairs are taken
    assert json.loads(json.dumps(curve)) == curve == real_forgetting_cell(given)["curve"]


def test_a_lower_rate_moves_the_encoder_less(cell):
    cell = cell | {"epochs": 6}
    plain = real_forgetting_cell(cell)["curve"]
    slow = real_forgetting_cell(cell | {"method": "lr", "strength": 0.01})["curve"]
    assert plain["mlm_loss"][0] == slow["mlm_loss"][0]
    moved = [abs(np.subtract(c["mlm_loss"][-1], c["mlm_loss"][0])) for c in (plain, slow)]
    assert moved[1] < moved[0] / 5
