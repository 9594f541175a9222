"""Paraphrases: do two sentences say the same, in other words and in another order?

A sentence tells who does something with a thing, and for whom. Its partner tells it with synonyms
of the verb and of the thing, in a form of its own, and either the same or something else:

    anna pays the bill for nils
    for nils anna settles the invoice        the same
    for anna nils settles the invoice        other: the people have changed places
    for nils anna settles the deposit        other: another thing, or another deed
    for nils anna rows the boat              other: all of it

No verb and no thing stands in both sentences, and both people always do. So the words alone tell
next to nothing: one must know which words are synonyms, and read in their order who does it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npft.errors import check_count
from npft.text.examples import Examples
from npft.worlds.domains import misspelt
from npft.worlds.draws import Draw, choose, shuffled, stream
from npft.worlds.grammar import TinyWorld, sided
from npft.worlds.lexicon import GIVEN_NAMES

FORMS = (
    "{who} {verb} the {noun} for {whom}",
    "for {whom} {who} {verb} the {noun}",
    "the {noun} that {who} {verb} is for {whom}",
    "it is for {whom} that {who} {verb} the {noun}",
)
CHANGES = ("all", "all", "noun", "verb", "people")  # what differs in pairs that say something else


def of_test_side(first: int, second: int) -> bool:
    """Whether a pair of forms is for tests: a quarter of them, some with the people in one order.

    >>> [(i, j) for i in range(4) for j in range(4) if of_test_side(i, j)]
    [(0, 0), (1, 2), (2, 0), (3, 2)]
    """
    return (2 * first + second) % 4 == 0


def paraphrase_task(world: TinyWorld, n: int, seed: int = 1, test: bool = False) -> Examples:
    """``n`` pairs of sentences, half of which say the same; groups are the pairs of forms.

    On the ``test`` side people and pairs of forms are others. A misspelling hits the thing in the
    second sentence.

    >>> e = paraphrase_task(TinyWorld(noise=0), 2)
    >>> for text, pair, label in zip(e.texts, e.pairs, e.labels):
    ...     print(f"{e.label_names[label]}: {text} / {pair}")
    same: for quentin tomas unloads the queue / it is for quentin that tomas lifts the congestion
    other: for olga marta washes the cheddar / it is for olga that marta heats the brie
    """
    world.only_in_first("paraphrase")
    world.only_general("paraphrase")
    draw = stream(world.seed, 15, 2 * check_count("seed", seed, 0))  # odd ones: coherence.py
    labels = shuffled(draw, [i % 2 for i in range(check_count("n", n))])
    pairs_of_forms = [
        (i, j) for i in range(len(FORMS)) for j in range(len(FORMS)) if of_test_side(i, j) == test
    ]
    texts, pairs, groups = [], [], []
    for label in labels:
        first, second = choose(draw, pairs_of_forms)
        topic, other_topic = shuffled(draw, world.topics)[:2]
        verb, other_verb = _two_with_synonyms(topic.verbs, draw)
        noun, other_noun = _two_with_synonyms(topic.nouns, draw)
        who, whom = shuffled(draw, sided(GIVEN_NAMES, test))[:2]
        said = {"who": who, "whom": whom, "verb": choose(draw, verb), "noun": choose(draw, noun)}
        change = "" if label else choose(draw, CHANGES)
        if change == "all":
            verb, _ = _two_with_synonyms(other_topic.verbs, draw)
            noun, _ = _two_with_synonyms(other_topic.nouns, draw)
        elif change == "noun":
            noun = other_noun
        elif change == "verb":
            verb = other_verb
        elif change == "people":
            who, whom = whom, who
        texts.append(FORMS[first].format(**said))
        thing = choose(draw, [word for word in noun if word != said["noun"]])
        thing = misspelt(thing, draw, world.real_words) if draw() < world.noise else thing
        deed = choose(draw, [word for word in verb if word != said["verb"]])
        pairs.append(FORMS[second].format(who=who, whom=whom, verb=deed, noun=thing))
        groups.append(first * len(FORMS) + second)
    classes = np.array(labels, dtype=np.int64)
    return Examples(texts, classes, ["other", "same"], pairs, groups=np.array(groups))


def _two_with_synonyms(meanings: Sequence[tuple[str, ...]], draw: Draw) -> list[tuple[str, ...]]:
    """Two meanings that can each be said with more than one word."""
    return shuffled(draw, [words for words in meanings if len(words) > 1])[:2]


TinyWorld.tasks["paraphrase"] = paraphrase_task
