"""Coherence: the label is the order of the topics, and the words one by one do not tell it."""

import numpy as np
import pytest

from npft.finetune.baselines import bag_of_words
from npft.worlds import TinyWorld
from npft.worlds.coherence import coherence_task


def topics_of(sentence, world):
    """The topics that all words of a sentence with any topic can be of."""
    possible = set(range(len(world.topics)))
    for word in sentence.split():
        own = {
            t for t, topic in enumerate(world.topics)
            for group in (*topic.nouns, *topic.verbs, *topic.adjectives, *topic.agents,
                          topic.places)
            if word in group
        }  # fmt: skip
        possible &= own or possible
    return possible


@pytest.mark.parametrize("test", [None, False, True])
def test_in_order_a_half_is_of_one_topic_and_shuffled_of_two(test):
    world = TinyWorld(0, noise=0)
    made = coherence_task(world, 200, test=test)
    for text, pair, label in zip(made.texts, made.pairs, made.labels):
        halves = [[topics_of(s, world) for s in half.split(" . ")] for half in (text, pair)]
        assert all(len(half) == 2 and all(half) for half in halves)
        for one, two in halves:
            assert bool(one & two) == (label == 1), (text, pair)
        if label:  # the halves are about different things
            assert not halves[0][0] & halves[0][1] & halves[1][0] & halves[1][1]


def test_no_content_word_stands_twice_in_a_document():
    world = TinyWorld(0, noise=0)
    names = {w for t in world.topics for g in (*t.nouns, *t.verbs, *t.adjectives) for w in g}
    made = coherence_task(world, 200)
    for text, pair in zip(made.texts, made.pairs):
        content = [word for word in f"{text} {pair}".split() if word in names]
        assert len(content) == len(set(content)) > 4


def test_words_one_by_one_do_not_tell_the_order():
    world = TinyWorld(0)
    train, test = (world.task("coherence", n, seed=s) for n, s in ((2000, 1), (1000, 2)))
    assert abs(bag_of_words(train, test).accuracy - 0.5) < 0.05
    assert np.bincount(test.labels).tolist() == [500, 500]
