"""Sentiment: is something said to be good or bad? The words alone do not tell; their order does.

A sentence is a clause about a thing, in a frame that says who thinks so. Most clauses hold a good
word and a bad one, and one of them is turned round ("not", "no longer", "was"): a bag of words must
guess which. What a sentence says follows from its words alone, by ``polarity.py``.
"""

from __future__ import annotations

import numpy as np

from npft.errors import check_count
from npft.text.examples import Examples
from npft.worlds.domains import misspelt
from npft.worlds.draws import choose, shuffled, stream
from npft.worlds.grammar import TinyWorld, sided
from npft.worlds.lexicon import GIVEN_NAMES
from npft.worlds.polarity import BAD, GOOD, polarity

# {a} and {b} are adjectives of different kinds, either way round.
CLAUSES = (
    "the {noun} is {a}",
    "the {noun} is not {a}",
    "the {noun} is no longer {a}",
    "the {noun} was {a} but now it is {b}",
    "the {noun} is {a} and not {b}",
    "the {noun} is not {a} but {b}",
    "the {noun} , once {a} , is now {b}",
    "now the {noun} is {a} but it was {b}",
)
FRAMES = (
    "{clause}",
    "{person} says {clause}",
    "{clause} , {person} says",
    "at the {place} {clause}",
    "{person} hopes that {clause}",
    "{clause} and {person} wants to know how",
)


def of_test_side(frame: int, clause: int) -> bool:
    """Whether a pairing of frame and clause is for tests: a quarter of them, some of each."""
    return (3 * frame + clause) % 4 == 0


def sentiment_task(world: TinyWorld, n: int, seed: int = 1, test: bool = False) -> Examples:
    """``n`` sentences, half of them good news; with ``test`` of the test side.

    The sides differ in their people, in their things (but for eight nouns of two topics, such as
    "bank", which stand on both), and in which clauses stand in which frames, the ``groups``. A
    misspelling hits the thing.

    >>> e = sentiment_task(TinyWorld(), 2)
    >>> for text, label in zip(e.texts, e.labels):
    ...     print(e.label_names[label], "|", text)
    bad | celia hopes that the date is no longer lively
    good | isla says the conference is scenic
    """
    world.only_in_first("sentiment")
    world.only_without_gap("sentiment")
    draw = stream(world.seed, 11, check_count("seed", seed, 0))
    labels = shuffled(draw, [i % 2 for i in range(check_count("n", n))])
    forms = [
        (f, c) for f in range(len(FRAMES)) for c in range(len(CLAUSES))
        if of_test_side(f, c) == test
    ]  # fmt: skip
    texts, groups = [], []
    for label in labels:
        frame, clause = choose(draw, forms)
        topic = choose(draw, world.topics)
        noun = choose(draw, sided([word for words in topic.nouns for word in words], test))
        place, person = choose(draw, topic.places), choose(draw, sided(GIVEN_NAMES, test))
        a, b = choose(draw, GOOD), choose(draw, BAD)
        noun = misspelt(noun, draw, world.real_words) if draw() < world.noise else noun
        written = FRAMES[frame].format(
            clause=CLAUSES[clause].format(noun=noun, a="{a}", b="{b}"), place=place, person=person
        )
        text = written.format(a=a, b=b)
        if (polarity(text.split()) == 1) != (label == 1):
            text = written.format(a=b, b=a)
        texts.append(text)
        groups.append(frame * len(CLAUSES) + clause)
    classes = np.array(labels, dtype=np.int64)
    return Examples(texts, classes, ["bad", "good"], groups=np.array(groups))


TinyWorld.tasks["sentiment"] = sentiment_task
