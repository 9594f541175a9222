"""Labelled tasks made by TinyWorld's own grammar: the labels are right by construction."""

from __future__ import annotations

import numpy as np

from npft.text.examples import Examples
from npft.worlds.draws import shuffled, stream, whole_number
from npft.worlds.grammar import TinyWorld


def topic_task(world: TinyWorld, n: int, seed: int = 1) -> Examples:
    """``n`` single sentences, each labelled with its topic; topics as equal as ``n`` allows.

    A topic has about 100 words, most of them synonyms, and a sentence shows three to five. With
    32 or 160 labels many test words were therefore never seen in training: a bag of words is weak,
    and an encoder that learnt in pretraining which words keep company is not. The sentences do not
    occur in the world's documents except by chance.

    Raises ``ConfigError`` for an ``n`` that is not a whole number of at least 1.

    >>> examples = topic_task(TinyWorld(), 16)
    >>> np.bincount(examples.labels)
    array([2, 2, 2, 2, 2, 2, 2, 2])
    """
    draw = stream(world.seed, 1, seed)
    names = TinyWorld.topic_names
    labels = shuffled(draw, [i % len(names) for i in range(whole_number("n", n, 1))])
    sentences = [world.sentence(label, draw) for label in labels]
    texts = [" ".join(token.word for token in tokens) for tokens in sentences]
    return Examples(texts, labels=np.array(labels, dtype=np.int64), label_names=list(names))


TinyWorld.tasks["topic"] = topic_task
