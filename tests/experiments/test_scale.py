"""A real encoder measured as the tiny ones: each number is what its name says."""

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from npft.embed.geometry import mean_cosine
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import similarity_score
from npft.embed.transforms import Whiten
from npft.errors import DataError
from npft.experiments import scale
from npft.experiments.layers import sentence_layers
from npft.experiments.real_data import sms, sts, sts_sentences
from npft.experiments.scale import (
    pooled, read_uses, resampled, scale_cell, split_uses, sts_ways,
)
from npft.plots.scale import WAYS


@pytest.fixture
def uses(tmp_path):
    path = tmp_path / "uses.tsv"
    texts = {"bank.money": "the bank holds money", "bank.river": "a river sees the old bank",
             "bat.ball": "a child holds the bat", "bat.cave": "the bat sees a small cave"}
    path.write_text("".join(f"{s}\t{t} {w}\n" for s, t in texts.items()
                            for w in ("soon", "home", "free", "red")))
    return str(path)


@pytest.fixture
def cell(real_model, real_data, uses, monkeypatch):
    monkeypatch.setattr(scale, "RESAMPLES", 20)
    return {"seed": 2, "body": real_model, "data": real_data, "uses": uses, "sentences": 50}


def test_a_cell_measures_both_states_at_every_layer_and_repeats_itself(cell):
    found = scale_cell(cell)
    for part in ("rogue", "contexts", "senses"):
        assert {s: len(rows) for s, rows in found[part].items()} == {"trained": 4, "random": 4}
    assert found["layers"]["trained"] != found["layers"]["random"]
    assert 0 <= found["mfs"] <= 1
    assert json.loads(json.dumps(found)) == found == scale_cell(cell)


def test_the_geometry_is_that_of_the_sentences_of_the_seed(cell):
    found = scale_cell(cell)
    texts = sts_sentences(cell["data"], "train", 50, np.random.default_rng(2))
    assert len(set(texts)) == 50
    x = SentenceEncoder(SentenceEncoder.from_pretrained(cell["body"]).encoder, normalize=False)
    last = mean_cosine(x.encode(texts))
    assert found["layers"]["trained"]["mean_cosine"][-1] == pytest.approx(last, rel=1e-4)


def test_pools_of_slices_are_those_of_one_batch(cell, monkeypatch):
    encoder = SentenceEncoder.from_pretrained(cell["body"]).encoder
    texts = sts_sentences(cell["data"], "train", 30, np.random.default_rng(0))
    monkeypatch.setattr(scale, "SLICE", 7)
    for x, y in zip(pooled(encoder, texts)["mean"], sentence_layers(encoder, texts)):
        assert x == pytest.approx(y, abs=1e-5)


def test_every_way_of_the_figure_is_measured_and_the_raw_ones_are_those_of_the_encoder(cell):
    found = sts_ways(cell)
    assert set(found["ways"]) == set(WAYS)
    encoder = SentenceEncoder.from_pretrained(cell["body"]).encoder
    test = sts(cell["data"], "test")
    for kind in ("mean", "cls", "max"):
        rho = similarity_score(SentenceEncoder(encoder, kind).encode, test)
        assert found["ways"][kind][0] == pytest.approx(rho, abs=1e-6)
    assert found["layers"][-1] == found["ways"]["mean"][0]
    learnt = sts_sentences(cell["data"], "train", 50, np.random.default_rng(0))
    raw = SentenceEncoder(encoder, normalize=False).encode
    white = Whiten().fit(raw(learnt))
    rho = similarity_score(lambda texts: white.transform(raw(texts)), test)
    assert found["ways"]["whitened"][0] == pytest.approx(rho, abs=1e-3)


def test_the_interval_is_of_resampled_pairs_and_holds_the_correlation():
    rng = np.random.default_rng(0)
    grades = rng.random(300)
    cosines = grades + rng.standard_normal(300)
    mean, low, high = resampled(cosines, grades, rng)
    assert mean == pytest.approx(spearmanr(cosines, grades).statistic)
    width = 2 * 1.96 * (1 - mean**2) / np.sqrt(300)  # of a correlation, for large n
    assert low < mean < high and high - low == pytest.approx(width, rel=0.3)


def test_half_of_the_uses_of_each_sense_are_known_and_no_use_is_both(uses):
    read = read_uses(uses)
    known, asked = split_uses(read, np.random.default_rng(0))
    for half in (known, asked):
        assert sorted(half.senses) == sorted(read.senses[::2])
    both = {" ".join(t) for t in known.texts} & {" ".join(t) for t in asked.texts}
    assert not both


@pytest.mark.parametrize("line", ["bank.money the bank", "bank.money\tno word",
                                  "bank.money\tbank and bank"])
def test_a_line_without_its_word_once_is_named(tmp_path, line):
    path = tmp_path / "uses.tsv"
    path.write_text(f"bat.ball\ta bat\n{line}\n")
    with pytest.raises(DataError, match=r"uses.tsv.*2.*once"):
        read_uses(str(path))


def test_messages_are_half_spam_and_no_text_is_learnt_from_and_tested(real_data):
    train, test = sms(real_data, 20, 10, seed=1)
    assert (len(train), len(test)) == (20, 10)
    assert [np.mean(part.labels) for part in (train, test)] == [0.5, 0.5]
    assert not {*train.texts} & {*test.texts}
    assert sms(real_data, 20, 10, seed=2)[0].texts != train.texts
