"""Pools on long texts: what the texts hold, a body with more places, and what a query is worth."""

import numpy as np
import pytest

from npft import TinyWorld, load
from npft.errors import ConfigError
from npft.experiments import pools
from npft.experiments.pools import DECIDE, POOLS, long_texts, pool_cell, roomy


def test_one_sentence_of_a_text_is_about_its_class_and_the_others_are_about_no_class():
    world = TinyWorld(2)
    texts = long_texts(world, 40, 5, seed=1, test=False)
    assert np.bincount(texts.labels).tolist() == [10] * DECIDE
    assert len(set(texts.groups)) == 5  # the sentence stands anywhere
    topics_of = {}
    for number, topic in enumerate(world.topics):
        for words in (*topic.agents, *topic.nouns, *topic.verbs):
            for word in words:
                topics_of.setdefault(word, set()).add(number)
    told = 0
    for text, label, place in zip(texts.texts, texts.labels, texts.groups):
        sentences = text.split(" . ")
        assert len(sentences) == 5
        for i, sentence in enumerate(sentences):
            one = [topics_of[w] for w in sentence.split() if len(topics_of.get(w, ())) == 1]
            found = set().union(*one)  # by words that belong to one topic
            assert found <= ({label} if i == place else set(range(DECIDE, len(world.topics))))
            told += len(found)
    assert told > 0.9 * 40 * 5
    again = long_texts(world, 40, 5, seed=1, test=False)
    assert again.texts == texts.texts
    assert not set(texts.texts) & set(long_texts(world, 40, 5, seed=2, test=True).texts)


def test_a_body_with_more_places_says_the_same_of_texts_that_fitted_before():
    body = load("tinyworld").body
    short = body.tokenizer(["the otter follows the heron"])
    assert (roomy(body, 192)(short).data == body(short).data).all()
    long = body.tokenizer(["the otter follows the heron . " * 20], max_length=192)
    assert len(roomy(body, 192)(long).data) == len(long.ids) > 64


def test_a_query_finds_the_sentence_that_decides_where_the_mean_of_a_frozen_body_drowns_it(
    monkeypatch
):
    """Five seeds give 0.9 against 0.55; here 200 texts of a test, one seed."""
    monkeypatch.setattr(pools, "TEST", 200)
    found = pool_cell({"regime": "head", "sentences": 6, "n": 200, "seed": 0})
    assert list(found["accuracy"]) == list(POOLS) and 50 < found["tokens"] < 80
    assert found["accuracy"]["attention"] > found["accuracy"]["mean"] + 0.15
    assert found["accuracy"]["attention"] > 0.75


def test_a_full_cell_trains_the_body_from_the_same_start_for_each_pool(monkeypatch):
    monkeypatch.setattr(pools, "TEST", 20)
    monkeypatch.setitem(pools.TRAINING, "full", {"epochs": 2, "lr": 2e-3})
    cell = {"regime": "full", "sentences": 1, "n": 40, "seed": 0}
    found = pool_cell(cell)
    assert found == pool_cell(cell)
    monkeypatch.setattr(pools, "POOLS", ("max",))
    assert pool_cell(cell)["accuracy"] == {"max": found["accuracy"]["max"]}
    with pytest.raises(ConfigError, match="regime is 'last', expected one of head, full"):
        pool_cell(cell | {"regime": "last"})
