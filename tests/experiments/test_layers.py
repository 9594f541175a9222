"""Geometry by layer and dimension: one small cell, and each figure beside its plain formula."""

import json
from collections import Counter

import numpy as np
import pytest
from scipy.stats import spearmanr

from npft.embed.contexts import WordStates, context_by_layer, word_states
from npft.embed.geometry import mean_cosine
from npft.embed.sentences import SentenceEncoder
from npft.embed.spectrum import iso_score
from npft.embed.transforms import RemoveTop, standardize
from npft.experiments import cone, layers, regimes
from npft.experiments.cone import EmbeddingTest
from npft.experiments.layers import MEASURES, frequency, layers_cell, rogue
from npft.heads.words import MaskedLM
from npft.worlds import TinyWorld

STATES = ["random", "mlm", "finetuned", "simcse 0.1"]


@pytest.fixture
def cell(monkeypatch, body):
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    monkeypatch.setattr(layers, "OFTEN", 2)
    monkeypatch.setattr(layers, "REMOVED", 2)  # of width 4 the last layer norm leaves 3 directions
    monkeypatch.setattr(cone, "make_task", lambda name, n, seed: regimes.make_task(
        name, n // 16, seed))
    return {"seed": 3, "body": body, "world": 7, "documents": 10, "steps": 3, "epochs": 1,
            "sentences": 60}


def test_a_cell_measures_every_state_and_repeats_itself(cell):
    found = layers_cell(cell)
    assert {k: found[k] for k in cell} == cell
    assert set(found) - set(cell) == {"layers", "rogue", "contexts", "frequency"}
    for part in ("layers", "rogue", "contexts", "frequency"):
        assert list(found[part]) == STATES
        assert len({json.dumps(found[part][state]) for state in STATES}) == 4
    assert all(set(measured) == set(MEASURES) for measured in found["layers"].values())
    assert json.loads(json.dumps(found)) == found == layers_cell(cell)


def test_the_figures_are_those_of_the_sentences_the_cone_is_measured_on(cell):
    found = layers_cell(cell)
    test = EmbeddingTest(TinyWorld(7), 10, sentences=60, pairs=10)
    encoder = MaskedLM.load(cell["body"]).body
    assert found["layers"]["mlm"]["mean_cosine"] == test.by_layer(encoder)
    x = SentenceEncoder(encoder, normalize=False).encode(test.sentences)
    assert found["layers"]["mlm"]["iso_score"][-1] == pytest.approx(iso_score(x), rel=1e-5)
    contexts = context_by_layer(word_states(encoder, [s.split() for s in test.sentences]))
    assert found["contexts"]["mlm"] == contexts


def test_contributions_are_sorted_and_dimensions_are_dropped_in_their_order():
    x = np.random.default_rng(0).standard_normal((400, 6)) + [0, 9, 0, 2, 0, 0]
    found, measured = rogue(x), x[1::2]
    assert sorted(found["raw"], reverse=True) == found["raw"]
    assert sum(found["raw"]) == pytest.approx(mean_cosine(measured))
    left = [mean_cosine(np.delete(measured, drop, axis=1)) for drop in ([], [1], [1, 3])]
    assert found["dropped"][:3] == pytest.approx(left)
    assert found["dropped"][1] < 0.5 < 0.9 < found["dropped"][0]  # one dimension was rogue


def test_what_takes_the_cone_away_is_learnt_from_rows_it_is_not_measured_on():
    x = np.random.default_rng(0).standard_normal((40, 6)) + 3
    found = rogue(x)
    removed = RemoveTop(2).fit(x[::2]).transform(x[1::2])
    assert found["removed"][2] == mean_cosine(removed)
    assert sum(found["standardized"]) != pytest.approx(mean_cosine(standardize(x[1::2])))
    assert sum(found["standardized"]) < 0.2 < 0.8 < sum(found["raw"])


def test_frequency_is_counted_in_the_pretraining_text_and_ranked_beside_self_similarity(cell):
    found = layers_cell(cell)["frequency"]["mlm"]
    texts = [s for d in TinyWorld(7).documents(10) for s in d.sentences]
    counts = {n for n, _, _ in found["words"]}
    words = " ".join(texts).split()
    assert counts <= {words.count(word) for word in set(words)} and min(counts) > 0
    n, s, content = np.array(found["words"]).T
    assert found["all"] == pytest.approx(spearmanr(n, s).statistic)
    chosen = content == 1
    assert found["content"] == pytest.approx(spearmanr(n[chosen], s[chosen]).statistic)
    assert 0 < chosen.sum() < len(n)


def test_words_seldom_in_the_sample_or_never_read_are_left_out():
    words = list("aaaaabbbbbbcccccdd")
    x = np.random.default_rng(0).standard_normal((len(words), 3))
    states = WordStates(words, np.zeros(len(words), int), [x])
    found = frequency(states, Counter("aaaaa" + "bbb" + "ddd"), {"a", "b"})
    assert [(n, content) for n, _, content in found["words"]] == [(5, 1), (3, 1)]
