"""Natural-language inference by the grammar's own logic: entailed, contradicted, or neither.

A fact says that a person does something with a thing, perhaps of some kind and at some place, or
that they never do. One fact covers another if it says no more than the other: what stands in it is
the same, in synonyms, or left open, or a class for one of its things:

    someone pays the paper           covers    nils pays the overdue bill at the counter

    premise       hypothesis         relation
    affirmed      affirmed           entailment if the hypothesis covers the premise
    affirmed      denied             contradiction if what is denied covers the premise
    denied        denied             entailment if what the premise denies covers the hypothesis
    denied        affirmed           contradiction if what the premise denies covers the hypothesis

Places exclude each other, for a person is at one place: who does something at the counter does
nothing at the vault. All else is neutral. A premise of two facts, "... but ...", says both; only
the order of its words tells which of them is denied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from npft.errors import check_count
from npft.text.examples import Examples
from npft.worlds.domains import misspelt
from npft.worlds.draws import Draw, choose, shuffled, stream
from npft.worlds.grammar import TinyWorld, sided
from npft.worlds.lexicon import CLASSES, GIVEN_NAMES, Topic, preferences

CLASS_WORDS = frozenset(name for topic in CLASSES.values() for (name,) in preferences(topic)[0])
RELATIONS = ["contradiction", "entailment", "neutral"]
TWO_FACTS = 0.7  # share of premises that say two facts, one of them denied
DENIED = 0.1  # share of denials among the premises of one fact, ...
HYPOTHESIS_DENIED = 0.25  # ... and among hypotheses
FAR = 0.7  # share of neutral hypotheses that are about something else altogether
ELSEWHERE = 0.04  # share of near hypotheses that only name another place, ...
OTHERS = 0.1  # ... of the others the share about someone else or anyone, ...
AS_CLASS = 0.4  # ... and the share that calls a thing by its class

# Whether the place is said first, in the premise and in the hypothesis, on the training side; on
# the test side it is first in the premise alone.
PLACE_FIRST = ((False, False), (False, True), (True, True))


class Fact(NamedTuple):
    """Numbers of a topic, its verb and its noun; None for what is left open.

    ``thing_class`` is the class of the thing, if it has one; with ``noun`` None no more is said.
    """

    topic: int
    verb: int
    noun: int | None
    thing_class: str | None = None
    person: str | None = None
    kind: str | None = None  # an adjective
    place: str | None = None
    denied: bool = False


def class_of(topic: Topic, noun: int) -> str | None:
    """The class of a thing, or None.

    >>> topic = TinyWorld().topics[0]
    >>> topic.nouns[2][0], class_of(topic, 2)
    ('invoice', 'paper')
    """
    words, members = preferences(CLASSES.get(topic.name, ":"))
    return next((w[0] for w, m in zip(words, members) if topic.nouns[noun][0] in m), None)


def covers(general: Fact, special: Fact) -> bool:
    """Whether ``general`` says no more than ``special``, denial aside.

    >>> covers(Fact(0, 1, 2), Fact(0, 1, 2, None, "nils", place="counter"))
    True
    >>> covers(Fact(0, 1, 2, None, "anna"), Fact(0, 1, 2))
    False
    """
    if general[:2] != special[:2]:
        return False
    if general.noun is None:
        if general.thing_class is None or general.thing_class != special.thing_class:
            return False
    elif general.noun != special.noun:
        return False
    return all(g is None or g == s for g, s in zip(general[4:7], special[4:7]))


def relation(premises: Sequence[Fact], hypothesis: Fact) -> str:
    """What premises that are all true say of the hypothesis.

    >>> bill = Fact(0, 0, 2, "paper", "nils", "overdue", "counter")
    >>> relation([bill], Fact(0, 0, 2)), relation([bill], Fact(0, 0, 2, None, "nils", denied=True))
    ('entailment', 'contradiction')
    >>> relation([bill], Fact(1, 4, 7, None, "nils", place="jetty"))
    'contradiction'
    """
    found = {_relation(premise, hypothesis) for premise in premises}
    return next(name for name in RELATIONS if name in found)


def _relation(premise: Fact, hypothesis: Fact) -> str:
    if not premise.denied and premise.person and premise.person == hypothesis.person:
        if premise.place and hypothesis.place and premise.place != hypothesis.place:
            return "entailment" if hypothesis.denied else "contradiction"
    first, second = (premise, hypothesis) if premise.denied else (hypothesis, premise)
    if not covers(first, second):
        return "neutral"
    return "entailment" if premise.denied == hypothesis.denied else "contradiction"


def fact_text(
    fact: Fact, topics: Sequence[Topic], draw: Draw, place_first: bool = False
) -> str:
    """A fact in words, with synonyms drawn anew.

    >>> bill = Fact(0, 0, 2, "paper", "nils", "overdue", denied=True)
    >>> fact_text(bill, TinyWorld().topics, lambda: 0.0)
    'nils never pays the overdue invoice'
    """
    topic = topics[fact.topic]
    nobody = fact.denied and fact.person is None
    who = fact.person or ("nobody" if nobody else "someone")
    words = [who] + ["never"] * (fact.denied and not nobody)
    words += [choose(draw, topic.verbs[fact.verb]), "the"]
    words += [] if fact.kind is None else [fact.kind]
    words += [str(fact.thing_class) if fact.noun is None else choose(draw, topic.nouns[fact.noun])]
    where = [] if fact.place is None else ["at", "the", fact.place]
    return " ".join(where + words if place_first else words + where)


def _told(number: int, topic: Topic, person: str, denied: bool, draw: Draw) -> Fact:
    verb = int(draw() * len(topic.verbs))
    noun = choose(draw, topic.prefers[verb])
    # what is denied is said openly, so that there is something more special to conclude
    openly = 0.1 if denied else 0.5
    kind = choose(draw, topic.adjectives[noun]) if draw() < openly else None
    place = choose(draw, topic.places) if draw() < openly else None
    return Fact(number, verb, noun, class_of(topic, noun), person, kind, place, denied)


def _near(fact: Fact, topic: Topic, names: Sequence[str], draw: Draw) -> Fact:
    """A hypothesis near a fact: with less or more said, elsewhere, of another person, denied."""
    near = fact._replace(denied=draw() < HYPOTHESIS_DENIED)
    if draw() < ELSEWHERE:
        return near._replace(place=choose(draw, topic.places), kind=None)
    if draw() < OTHERS:
        near = near._replace(person=choose(draw, (None, choose(draw, names))))
    if fact.thing_class and draw() < AS_CLASS:
        near = near._replace(noun=None)
    kind = _less_or_more(fact.kind, topic.adjectives[fact.noun or 0], draw)
    return near._replace(kind=kind, place=_less_or_more(fact.place, topic.places, draw))


def _less_or_more(value: str | None, options: Sequence[str], draw: Draw) -> str | None:
    """Leave something out, or say something new where nothing was said, or keep it."""
    u = draw()
    if u < 0.4:
        return None
    return choose(draw, options) if u < 0.7 and value is None else value


def nli_task(world: TinyWorld, n: int, seed: int = 1, test: bool = False) -> Examples:
    """``n`` premises (``texts``) and hypotheses (``pairs``) with their relation, in equal shares.

    On the ``test`` side the people are others, and a place is said first in the premise and last in
    the hypothesis. A misspelling hits the last word of a premise.

    >>> e = nli_task(TinyWorld(noise=0), 1)
    >>> e.texts[0]
    'at the auditorium vera transcribes the tonality but quentin never penalises the opponent'
    >>> e.label_names[e.labels[0]], e.pairs[0]
    ('contradiction', 'quentin penalises the strong opponent')
    """
    world.only_in_first("nli")
    world.only_without_gap("nli")
    draw = stream(world.seed, 12, check_count("seed", seed, 0))
    wanted = shuffled(draw, [i % 3 for i in range(check_count("n", n))])
    names, topics = sided(GIVEN_NAMES, test), world.topics
    texts, pairs = [], []
    for label in wanted:
        while True:
            facts, about, people = _premise(topics, names, draw)
            if RELATIONS[label] == "neutral" and draw() < FAR:
                k = about[2]  # about something else altogether
                hypothesis = _told(k, topics[k], people[0], draw() < HYPOTHESIS_DENIED, draw)
            else:
                hypothesis = _near(facts[0], topics[about[0]], people, draw)
            if relation(facts, hypothesis) == RELATIONS[label]:
                break
        first = (True, False) if test else choose(draw, PLACE_FIRST)
        texts.append(_said(world, facts, first[0], draw))
        pairs.append(fact_text(hypothesis, topics, draw, first[1]))
    return Examples(texts, np.array(wanted, dtype=np.int64), list(RELATIONS), pairs)


def nli_triples(world: TinyWorld, n: int, seed: int = 1) -> tuple[list[str], list[str], list[str]]:
    """``n`` premises, for each a hypothesis it entails, and for each one it contradicts.

    The premises and hypotheses are drawn as those of ``nli_task``, on its training side. They are
    the triples of supervised SimCSE: a text, its positive, and a hard negative.

    >>> [texts[0] for texts in nli_triples(TinyWorld(noise=0), 1)]  # doctest: +NORMALIZE_WHITESPACE
    ['amir sings the rhythm but clara never forfeits the race',
     'clara never loses the marathon at the locker',
     'clara loses the race']
    """
    world.only_in_first("nli")
    world.only_without_gap("nli")
    draw = stream(world.seed, 17, check_count("seed", seed, 0))
    names, topics = sided(GIVEN_NAMES, False), world.topics
    rows: list[tuple[str, str, str]] = []
    check_count("n", n)
    while len(rows) < n:
        facts, about, people = _premise(topics, names, draw)
        near = [_near(facts[0], topics[about[0]], people, draw) for _ in range(20)]
        found = {relation(facts, hypothesis): hypothesis for hypothesis in near}
        if {"entailment", "contradiction"} <= set(found):
            first = choose(draw, PLACE_FIRST)
            premise = _said(world, facts, first[0], draw)
            entailed, contradicted = (
                fact_text(found[name], topics, draw, first[1])
                for name in ("entailment", "contradiction")
            )
            rows.append((premise, entailed, contradicted))
    premises, positives, negatives = zip(*rows)
    return list(premises), list(positives), list(negatives)


def _premise(
    topics: Sequence[Topic], names: Sequence[str], draw: Draw
) -> tuple[list[Fact], list[int], list[str]]:
    """One fact or two, and the topics and people in the order in which they were drawn."""
    people, about = shuffled(draw, names), shuffled(draw, range(len(topics)))
    two = draw() < TWO_FACTS
    denied = draw() < (0.5 if two else DENIED)
    facts = [
        _told(k, topics[k], person, said != denied, draw)
        for k, person, said in zip(about, people, (True, False)[: 1 + two])
    ]
    return facts, about, people


def _said(world: TinyWorld, facts: Sequence[Fact], place_first: bool, draw: Draw) -> str:
    """A premise in words, in any order of its facts; a misspelling hits the last word."""
    said = [fact_text(fact, world.topics, draw, place_first) for fact in shuffled(draw, facts)]
    words = " but ".join(said).split()
    if draw() < world.noise:
        words[-1] = misspelt(words[-1], draw, world.real_words | CLASS_WORDS)
    return " ".join(words)


TinyWorld.tasks["nli"] = nli_task
