"""One cell of the comparison of few labels: its figures, that it repeats them, its controls."""

import pytest

from npft.errors import ConfigError
from npft.experiments import few_shot
from npft.experiments.few_shot import run_cell, words_of
from npft.finetune.baselines import bag_of_words
from npft.worlds import TinyWorld
from npft.worlds.lexicon import topics


@pytest.fixture
def cell(monkeypatch):
    monkeypatch.setattr(few_shot, "TEST_SIZE", 40)
    monkeypatch.setattr(few_shot, "EPOCHS", 1)
    return {"task": "topic", "n": 4, "seed": 1}


def test_every_class_has_words_and_no_word_is_of_two_classes():
    for task, number in (("topic", len(topics())), ("sentiment", 2)):
        words = words_of(task)
        every = [word for own in words.values() for word in own]
        assert len(words) == number and len(set(every)) == len(every) and all(words.values())
        assert list(words) == TinyWorld().task(task, 8).label_names


def test_a_cell_returns_its_figures_and_repeats_them(cell):
    for how in few_shot.HOWS:
        asked = cell | {"how": how}
        found = run_cell(asked)
        assert asked.items() <= found.items() and 0 <= found["accuracy"] <= 1
        assert ("shown" in found) == (how in ("prompt", "calibrated", "cloze"))
        assert run_cell(asked) == found


def test_without_examples_both_clozes_are_the_pretrained_model_which_knows_the_topics(cell):
    found = [run_cell(cell | {"how": how, "n": 0})["accuracy"] for how in ("prompt", "cloze")]
    assert found[0] == found[1] > 0.9
    with pytest.raises(ConfigError, match="how is 'head' with n = 0: it needs an example"):
        run_cell(cell | {"how": "head", "n": 0})


def test_two_examples_fit_before_a_text_and_eight_do_not(cell):
    assert run_cell(cell | {"how": "prompt", "n": 2})["shown"] == 2
    assert 2 < run_cell(cell | {"how": "prompt", "n": 8})["shown"] < 5
    assert run_cell(cell | {"how": "cloze", "n": 8})["shown"] == 0


def test_a_cell_of_words_is_the_bag_of_words(cell):
    world = TinyWorld()
    train, test = world.task("topic", 4, seed=11, test=False), world.task(
        "topic", 40, seed=2, test=True)
    assert not set(train.texts) & set(test.texts)
    assert run_cell(cell | {"how": "words"})["accuracy"] == bag_of_words(train, test).accuracy


def test_unknown_tasks_and_ways_are_refused_with_the_known_ones(cell):
    with pytest.raises(ConfigError, match="task is 'mnist', expected 'topic' or 'sentiment'"):
        run_cell(cell | {"how": "head", "task": "mnist"})
    with pytest.raises(ConfigError, match="how is 'luck', expected one of prompt, calibrated"):
        run_cell(cell | {"how": "luck"})
