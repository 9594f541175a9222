"""Sentiment: is something said to be good or bad? The words alone do not tell; their frame does.

An adjective is good or bad, and its frame keeps its sign or turns it: "not", "no longer", and what
was once the case. Most frames hold a good word and a bad one, so a bag of words must guess which of
them counts. Frames and people of the test side never occur in training; the turning words do.
"""

from __future__ import annotations

import numpy as np

from npft.text.examples import Examples
from npft.worlds.draws import choose, shuffled, stream, whole_number
from npft.worlds.grammar import TinyWorld
from npft.worlds.lexicon import GIVEN_NAMES

GOOD = """
    famous gentle valuable healthy juicy lively tidy sweet sturdy scenic crisp mellow ripe steady
    luxurious unbeaten""".split()
BAD = """
    broken faulty rusty soggy stale greasy muddy costly overdue risky bruised tangled delayed
    crowded slippery sticky""".split()

# A frame and its sign: +1 if the thing is like {a}, -1 if not. {b} is an adjective of the other
# kind. The first list is for training, the second for tests.
FRAMES = (
    [
        ("{person} finds the {noun} {a}", 1),
        ("{person} does not find the {noun} {a}", -1),
        ("the {noun} was {b} but now it is {a}", 1),
        ("the {noun} is no longer {a} , {person} says", -1),
        ("the {noun} of {person} is {a} and not {b}", 1),
        ("once {b} , the {noun} is now {a}", 1),
        ("{person} says it is not {a} but {b} , the {noun}", -1),
        ("now {a} , the {noun} of {person} was once {b}", 1),
    ],
    [
        ("{person} says the {noun} is {a}", 1),
        ("{person} says the {noun} is not {a}", -1),
        ("the {noun} of {person} was {b} but is now {a}", 1),
        ("{person} finds the {noun} no longer {a}", -1),
        ("it is {a} and not {b} , the {noun} of {person}", 1),
        ("the {noun} , once {b} , is now {a}", 1),
        ("the {noun} is not {a} but {b} , {person} finds", -1),
        ("the {noun} was once {b} , {person} says , now it is {a}", 1),
    ],
)


def names_of(test: bool) -> list[str]:
    """The given names of one side: every second one, so that no name stands on both.

    >>> names_of(False)[:2], names_of(True)[:2]
    (['anna', 'clara'], ['boris', 'daniel'])
    """
    return GIVEN_NAMES[int(test) :: 2]


def sentiment_task(world: TinyWorld, n: int, seed: int = 1, test: bool = False) -> Examples:
    """``n`` sentences, half of them good news; with ``test`` of the test side. Groups are frames.

    >>> e = sentiment_task(TinyWorld(), 2)
    >>> [(text, e.label_names[k]) for text, k in zip(e.texts, e.labels)][0]
    ('once healthy , the island is now sticky', 'bad')
    """
    draw = stream(world.seed, 11, whole_number("seed", seed, 0))
    labels = shuffled(draw, [i % 2 for i in range(whole_number("n", n, 1))])
    nouns = [word for topic in world.topics for noun in topic.nouns for word in noun]
    texts, groups = [], []
    for label in labels:
        number = int(draw() * len(FRAMES[test]))
        frame, sign = FRAMES[test][number]
        good = (label == 1) == (sign == 1)  # whether {a} is a good word
        a, b = (choose(draw, words) for words in ((GOOD, BAD) if good else (BAD, GOOD)))
        person, noun = choose(draw, names_of(test)), choose(draw, nouns)
        texts.append(frame.format(person=person, noun=noun, a=a, b=b))
        groups.append(number + len(FRAMES[0]) * test)
    classes = np.array(labels, dtype=np.int64)
    return Examples(texts, classes, ["bad", "good"], groups=np.array(groups))


TinyWorld.tasks["sentiment"] = sentiment_task
