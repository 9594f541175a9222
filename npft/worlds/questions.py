"""Questions about a passage, whose answers are words of it: who, where, and what.

A passage has three facts about three people of one topic, so that two of them distract. A question
names two things of one fact and asks for the third, in synonyms where there are some.
"""

from __future__ import annotations

import numpy as np

from npft.text.examples import Examples
from npft.worlds.draws import Draw, choose, shuffled, stream, whole_number
from npft.worlds.grammar import TinyWorld
from npft.worlds.lexicon import Topic
from npft.worlds.sentiment import names_of

# What is asked for, and the question. The first list is for training, the second for tests.
QUESTIONS = (
    [("person", "who {verb} the {noun}"), ("place", "where is {person}"),
     ("noun", "what is it that {person} {verb}")],
    [("person", "the {noun} : who {verb} it"), ("place", "{person} is where"),
     ("noun", "{person} {verb} what")],
)  # fmt: skip
FACT = "{person} {verb} the {noun} at the {place} ."


def _facts(topic: Topic, names: list[str], draw: Draw) -> list[dict[str, str]]:
    """Three facts that differ in everything."""
    people = shuffled(draw, names)[:3]
    places = shuffled(draw, topic.places)[:3]
    verbs = shuffled(draw, range(len(topic.verbs)))[:3]
    nouns: list[int] = []
    for verb in verbs:
        left = [noun for noun in topic.prefers[verb] if noun not in nouns]
        nouns.append(choose(draw, left or [k for k in range(len(topic.nouns)) if k not in nouns]))
    return [
        {"person": person, "place": place, "verb": choose(draw, topic.verbs[verb]),
         "noun": choose(draw, topic.nouns[noun]), "verb again": choose(draw, topic.verbs[verb]),
         "noun again": choose(draw, topic.nouns[noun])}
        for person, place, verb, noun in zip(people, places, verbs, nouns)
    ]  # fmt: skip


def questions_task(world: TinyWorld, n: int, seed: int = 1, test: bool = False) -> Examples:
    """``n`` questions (``texts``) and passages (``pairs``); ``spans`` are the answers' characters.

    On the ``test`` side the people and the form of the questions are others.

    >>> e = questions_task(TinyWorld(), 1)
    >>> start, end = e.spans[0]
    >>> e.texts, e.pairs[0][start:end]
    (['who reaps the plum'], 'anna')
    """
    draw = stream(world.seed, 13, whole_number("seed", seed, 0))
    kinds = shuffled(draw, [i % 3 for i in range(whole_number("n", n, 1))])
    texts, pairs, spans = [], [], []
    for kind in kinds:
        facts = _facts(choose(draw, world.topics), names_of(test), draw)
        asked = int(draw() * 3)
        sought, question = QUESTIONS[test][kind]
        fact = facts[asked]
        before = "".join(FACT.format(**f) + " " for f in facts[:asked])
        own = FACT.format(**fact)
        start = len(before) + len(FACT[: FACT.index("{" + sought + "}")].format(**fact))
        spans.append((start, start + len(fact[sought])))
        texts.append(
            question.format(
                person=fact["person"], verb=fact["verb again"], noun=fact["noun again"]
            )
        )
        pairs.append(before + " ".join([own, *(FACT.format(**f) for f in facts[asked + 1 :])]))
    return Examples(texts, pairs=pairs, spans=np.array(spans))


TinyWorld.tasks["questions"] = questions_task
