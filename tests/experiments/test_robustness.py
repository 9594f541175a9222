"""The slices of the test of robustness hold what they say, and a cell repeats its figures."""

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.experiments import robustness
from npft.experiments.robustness import (
    LONG, TYPO_RATES, in_clinic_style, robustness_cell, slices, topic_words,
    without_topic,
)
from npft.finetune.baselines import bag_of_words
from npft.worlds import TinyWorld
from npft.worlds.grammar import sided
from npft.worlds.lexicon import GIVEN_NAMES


@pytest.fixture
def made(monkeypatch):
    """Training texts, and the slices by name."""
    monkeypatch.setattr(robustness, "TEST_SIZE", 60)
    train = TinyWorld(0).task("topic", 40, seed=1, test=False)
    return train, slices(train, 0)


def test_every_slice_has_the_topics_of_the_clean_texts_or_as_many_of_each(made):
    train, tests = made
    clean = tests["clean"]
    assert list(tests) == ["clean", "domain", "long", "misspelt", "rare"]
    for name, test in tests.items():
        assert len(test) == 60 and test.label_names == train.label_names
        if name in ("long", "misspelt"):
            assert (test.labels == clean.labels).all()
            assert np.mean([a != b for a, b in zip(test.texts, clean.texts)]) > 0.9
    assert set(np.bincount(tests["domain"].labels)) == {7, 8}
    again = slices(train, 0)
    assert all(again[name].texts == tests[name].texts for name in tests)


def test_long_texts_hold_the_clean_one_among_sentences_that_say_nothing_of_a_topic(made):
    world, (_, tests) = TinyWorld(0), made
    words, fillers = topic_words(world), without_topic(world)
    assert len(fillers) > 20 and not words & {w for text in fillers for w in text.split()}
    for long, clean in zip(tests["long"].texts, tests["clean"].texts):
        assert clean in long and len(long.split()) >= LONG
        around = long.replace(clean, "", 1).split()
        assert not words & set(around)


def test_rare_texts_hold_no_word_of_a_topic_that_the_labelled_texts_hold(made):
    train, tests = made
    learnt = topic_words(TinyWorld(0)) & {w for text in train.texts for w in text.split()}
    assert not [text for text in tests["rare"].texts if learnt & set(text.split())]
    seen = np.mean([bool(learnt & set(text.split())) for text in tests["clean"].texts])
    assert seen > 0.4 and len(set(tests["rare"].labels)) == 8


def test_the_style_of_a_clinic_has_its_forms_and_the_words_of_the_world():
    world = TinyWorld(0)
    made = in_clinic_style(world, 80, seed=0)
    words = {w for text in made.texts for w in text.split()}
    assert {"pt", "admitted", ":"} <= words and words & topic_words(world)
    assert not words & topic_words(TinyWorld(0, domain="clinic")) - topic_words(world)
    assert not words & set(sided(GIVEN_NAMES, False))
    for text, label in zip(made.texts, made.labels):
        topic = world.topics[label]
        assert set(text.split()) & {w for group in topic.nouns for w in group}


@pytest.fixture
def cell(body, monkeypatch):
    """A cell of few texts and a tiny body."""
    monkeypatch.setattr(robustness, "TEST_SIZE", 24)
    return {"regime": "full", "n": 16, "seed": 3, "epochs": 1, "body": body}


def test_a_cell_returns_its_figures_and_repeats_them(cell):
    for regime in ("words", "full"):
        found = robustness_cell(cell | {"regime": regime})
        assert {k: v for k, v in found.items() if k in cell} == cell | {"regime": regime}
        assert len(found["typos"]) == len(TYPO_RATES)
        assert found["typos"][0] == found["slices"]["clean"]
        assert all(0 <= value <= 1 for value in [*found["typos"], *found["slices"].values()])
        assert robustness_cell(cell | {"regime": regime}) == found


def test_a_cell_of_words_is_the_bag_of_words(cell):
    train = TinyWorld(3).task("topic", 16, seed=1, test=False)
    found = robustness_cell(cell | {"regime": "words"})["slices"]
    for name, test in slices(train, 3).items():
        assert found[name] == bag_of_words(train, test).accuracy


def test_an_unknown_regime_is_refused_and_the_callers_threads_stay(cell, same_process):
    with same_process(3):
        robustness_cell(cell)
    with same_process(3), pytest.raises(ConfigError, match="regime is 'half'"):
        robustness_cell(cell | {"regime": "half"})
