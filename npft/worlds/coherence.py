"""Coherence: do the sentences of a small document stand in their order, or were they shuffled?

A document of four sentences says two on one topic and then two on another. Its first half and its
second half are the two texts of a pair:

    in order    anna pays the bill . nils counts the coins     /  emil rows the boat . ...
    shuffled    anna pays the bill . emil rows the boat        /  nils counts the coins . ...

What tells is whether the sentences of a half belong together. No content word stands twice in a
document, and over all documents each word is as frequent in the one order as in the other: the
words alone, weighed one by one, tell nothing.
"""

from __future__ import annotations

import numpy as np

from npft.errors import check_count
from npft.text.examples import Examples
from npft.worlds.draws import Draw, choose, shuffled, stream
from npft.worlds.grammar import TinyWorld
from npft.worlds.tokens import Token

CONTENT = ("NOUN", "VERB", "ADJ", "PROPN")
SHUFFLES = ((0, 2, 1, 3), (0, 2, 3, 1), (2, 0, 1, 3), (2, 0, 3, 1))  # each half of both topics


def coherence_task(
    world: TinyWorld, n: int, seed: int = 1, test: bool | None = None
) -> Examples:
    """``n`` documents in two halves, half of them in order and half shuffled.

    ``test`` True or False keeps to one side, its forms of sentences and its names; by default a
    sentence may be of both.

    >>> e = coherence_task(TinyWorld(noise=0), 12)
    >>> e.label_names[e.labels[3]], e.texts[3].split(" . ")[0]
    ('shuffled', 'zeno tells lukas that the secretary misplaces the binder')
    >>> e.texts[3].split(" . ")[1]
    'happily greta drills the fist and kicks the ball'
    """
    world.only_without_gap("coherence")
    draw = stream(world.seed, 15, 2 * check_count("seed", seed, 0) + 1)  # even ones: paraphrase.py
    labels = shuffled(draw, [i % 2 for i in range(check_count("n", n))])
    texts, pairs = [], []
    for label in labels:
        document = _document(world, draw, test)
        order = (0, 1, 2, 3) if label else choose(draw, SHUFFLES)
        said = [" ".join(token.word for token in document[i]) for i in order]
        texts.append(" . ".join(said[:2]))
        pairs.append(" . ".join(said[2:]))
    return Examples(texts, np.array(labels, dtype=np.int64), ["shuffled", "in order"], pairs)


def _document(world: TinyWorld, draw: Draw, test: bool | None) -> list[tuple[Token, ...]]:
    """Two sentences on one topic and two on another, drawn again until no content word repeats."""
    one, other = shuffled(draw, range(len(world.topics)))[:2]
    while True:
        document = [world.sentence(topic, draw, test) for topic in (one, one, other, other)]
        content = [token.word for said in document for token in said if token.pos in CONTENT]
        if len(content) == len(set(content)):
            return document


TinyWorld.tasks["coherence"] = coherence_task
