"""Natural-language inference by the grammar's own logic: entailed, contradicted, or neither.

A fact says that a person does something with a thing, perhaps of some kind and at some place, or
that they never do. One fact covers another if it says no more than the other:

    someone pays the bill            covers    nils pays the overdue bill at the counter

    premise       hypothesis         relation
    affirmed      affirmed           entailment if the hypothesis covers the premise
    affirmed      denied             contradiction if what is denied covers the premise
    denied        denied             entailment if what the premise denies covers the hypothesis
    denied        affirmed           contradiction if what the premise denies covers the hypothesis

and neutral in all other cases. Synonyms stand freely for one another, so that the same fact seldom
comes in the same words, and "never" occurs with every label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from npft.text.examples import Examples
from npft.worlds.draws import Draw, choose, shuffled, stream, whole_number
from npft.worlds.grammar import TinyWorld
from npft.worlds.lexicon import Topic
from npft.worlds.sentiment import names_of

RELATIONS = ["contradiction", "entailment", "neutral"]


class Fact(NamedTuple):
    """Numbers of a verb and a noun of a topic; None for a person, kind or place left open."""

    verb: int
    noun: int
    person: str | None = None
    kind: str | None = None  # an adjective
    place: str | None = None
    denied: bool = False


def covers(general: Fact, special: Fact) -> bool:
    """Whether ``general`` says no more than ``special``, denial aside.

    >>> covers(Fact(1, 2), Fact(1, 2, "nils", place="counter"))
    True
    >>> covers(Fact(1, 2, "anna"), Fact(1, 2))
    False
    """
    same = (general.verb, general.noun) == (special.verb, special.noun)
    open_or_same = (g is None or g == s for g, s in zip(general[2:5], special[2:5]))
    return same and all(open_or_same)


def relation(premise: Fact, hypothesis: Fact) -> str:
    """What the premise says of the hypothesis.

    >>> bill = Fact(0, 2, "nils", "overdue")
    >>> relation(bill, Fact(0, 2)), relation(bill, Fact(0, 2, "nils", denied=True))
    ('entailment', 'contradiction')
    """
    first, second = (premise, hypothesis) if premise.denied else (hypothesis, premise)
    if not covers(first, second):
        return "neutral"
    return "entailment" if premise.denied == hypothesis.denied else "contradiction"


def fact_text(fact: Fact, topic: Topic, draw: Draw, place_first: bool = False) -> str:
    """A fact in words, with synonyms drawn anew.

    >>> topic = TinyWorld().topics[0]
    >>> fact_text(Fact(0, 2, "nils", "overdue", denied=True), topic, lambda: 0.0)
    'nils never pays the overdue invoice'
    """
    nobody = fact.denied and fact.person is None
    who = fact.person or ("nobody" if nobody else "someone")
    words = [who] + ["never"] * (fact.denied and not nobody)
    words += [choose(draw, topic.verbs[fact.verb]), "the"]
    words += [] if fact.kind is None else [fact.kind]
    words.append(choose(draw, topic.nouns[fact.noun]))
    where = [] if fact.place is None else ["at", "the", fact.place]
    return " ".join(where + words if place_first else words + where)


def _premise(topic: Topic, names: list[str], draw: Draw) -> Fact:
    verb = int(draw() * len(topic.verbs))
    noun = choose(draw, topic.prefers[verb])
    denied = draw() < 0.4
    # what is denied is said openly, so that there is something more special to conclude
    kind = choose(draw, topic.adjectives[noun]) if draw() < (0.2 if denied else 0.7) else None
    place = choose(draw, topic.places) if draw() < (0.2 if denied else 0.7) else None
    return Fact(verb, noun, choose(draw, names), kind, place, denied)


def _hypothesis(premise: Fact, topic: Topic, names: list[str], draw: Draw) -> Fact:
    """A fact near the premise: with less or more said, another word, or its denial."""
    fact = premise._replace(denied=premise.denied if draw() < 0.5 else not premise.denied)
    if draw() < 0.35:  # other matters
        if draw() < 0.5:
            return fact._replace(noun=int(draw() * len(topic.nouns)), kind=None)
        return fact._replace(person=choose(draw, names))
    kind = _less_or_more(fact.kind, topic.adjectives[fact.noun], draw)
    fact = fact._replace(kind=kind, place=_less_or_more(fact.place, topic.places, draw))
    if not fact.denied and draw() < 0.25:
        fact = fact._replace(person=None)
    return fact


def _less_or_more(value: str | None, options: Sequence[str], draw: Draw) -> str | None:
    """Leave something out, or say something new where nothing was said, or keep it."""
    u = draw()
    if u < 0.4:
        return None
    return choose(draw, options) if u < 0.7 and value is None else value


def nli_task(world: TinyWorld, n: int, seed: int = 1, test: bool = False) -> Examples:
    """``n`` premises (``texts``) and hypotheses (``pairs``) with their relation, in equal shares.

    On the ``test`` side the people are others, and a place is said first instead of last.

    >>> e = nli_task(TinyWorld(), 3)
    >>> sorted(e.label_names[k] for k in e.labels)
    ['contradiction', 'entailment', 'neutral']
    """
    draw = stream(world.seed, 12, whole_number("seed", seed, 0))
    wanted = shuffled(draw, [i % 3 for i in range(whole_number("n", n, 1))])
    names = names_of(test)
    texts, pairs = [], []
    for label in wanted:
        topic = choose(draw, world.topics)
        while True:
            premise = _premise(topic, names, draw)
            hypothesis = _hypothesis(premise, topic, names, draw)
            if relation(premise, hypothesis) == RELATIONS[label]:
                break
        texts.append(fact_text(premise, topic, draw, test))
        pairs.append(fact_text(hypothesis, topic, draw, test))
    return Examples(texts, np.array(wanted, dtype=np.int64), list(RELATIONS), pairs)


TinyWorld.tasks["nli"] = nli_task
