"""Paraphrases: the label is what the words say, and the words one by one do not tell it."""

from collections import Counter

import numpy as np
import pytest

from npft.finetune.baselines import bag_of_words
from npft.worlds import TinyWorld
from npft.worlds.paraphrase import FORMS, of_test_side, paraphrase_task


def meaning(text, world):
    """The form of a sentence, who, for whom, and the readings of its verb and its thing.

    A word can be of several topics, so a reading is (topic, verb, noun).
    """
    words = text.split()
    shape = [w if w[0] != "{" else None for w in " ".join(FORMS).split()]  # words of the forms
    functions = {w for w in shape if w}
    for number, form in enumerate(FORMS):
        slots = form.split()
        if len(slots) == len(words) and all(s == w for s, w in zip(slots, words) if s[0] != "{"):
            found = {s[1:-1]: w for s, w in zip(slots, words) if s[0] == "{"}
            if not functions & {found["who"], found["whom"]}:
                break
    readings = {
        (t, v, n)
        for t, topic in enumerate(world.topics)
        for v, verbs in enumerate(topic.verbs) if found["verb"] in verbs
        for n, nouns in enumerate(topic.nouns) if found["noun"] in nouns
    }
    return number, found["who"], found["whom"], readings


@pytest.mark.parametrize("test", [False, True])
def test_two_sentences_are_the_same_if_people_deed_and_thing_are(test):
    world = TinyWorld(0, noise=0)
    made = paraphrase_task(world, 400, test=test)
    changed = Counter()
    for text, pair, label in zip(made.texts, made.pairs, made.labels):
        first, who, whom, one = meaning(text, world)
        second, giver, getter, two = meaning(pair, world)
        assert of_test_side(first, second) == test
        assert one and two and {who, whom} == {giver, getter}
        same = who == giver and bool(one & two)
        assert same == (label == 1), (text, pair)
        changed[label, who != giver] += 1
    assert changed[1, True] == 0 and changed[0, True] > 20 and changed[0, False] > 100


def test_no_deed_and_no_thing_stands_in_both_sentences():
    made = paraphrase_task(TinyWorld(0, noise=0), 400)
    functions = {word for form in FORMS for word in form.split()}
    for text, pair in zip(made.texts, made.pairs):
        assert len(set(text.split()) & set(pair.split()) - functions) == 2  # the people


def test_words_one_by_one_do_not_tell_a_paraphrase():
    world = TinyWorld(0)
    train, test = (world.task("paraphrase", n, seed=s) for n, s in ((3000, 1), (1000, 2)))
    assert abs(bag_of_words(train, test).accuracy - 0.5) < 0.05
    assert np.bincount(test.labels).tolist() == [500, 500]
