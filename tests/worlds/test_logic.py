"""Inference: the relations are those of all small worlds, and texts say what their facts hold."""

import itertools
from collections import Counter

import numpy as np
import pytest

from npft.worlds import TinyWorld
from npft.worlds.domains import vocabulary
from npft.worlds.lexicon import CLASSES, preferences, topics
from npft.worlds.logic import (
    RELATIONS, Fact, class_of, covers, fact_text, nli_task, nli_triples, relation,
)

# ---- by enumeration ----

PEOPLE, PLACES, KINDS, THINGS = ("a", "b", "c"), ("p", "q", "r"), ("x", "z"), (0, 1, 2)


def small_worlds():
    """A place for each person, and up to two events (person, thing, kind) at their places."""
    events = list(itertools.product(PEOPLE, THINGS, KINDS))
    happenings = [e for r in range(3) for e in itertools.combinations(events, r)]
    for places in itertools.product(PLACES, repeat=len(PEOPLE)):
        at = dict(zip(PEOPLE, places))
        for happening in happenings:
            yield [(person, thing, kind, at[person]) for person, thing, kind in happening]


def holds(fact, world):
    wanted = (fact.person, fact.noun, fact.kind, fact.place)
    return fact.denied != any(
        all(w is None or w == got for w, got in zip(wanted, event)) for event in world
    )


def truths(facts):
    """For each fact the set of the worlds in which it is true, as the bits of a number."""
    worlds = list(small_worlds())
    return [sum(1 << i for i, w in enumerate(worlds) if holds(f, w)) for f in facts]


def facts_of(people):
    # all things are of one class; thing 2, kind z and place r stand in no fact, but in worlds
    return [
        Fact(0, 0, thing, "animal", person, kind, place, denied)
        for person in people for thing in (0, 1, None) for kind in ("x", None)
        for place in ("p", "q", None) for denied in (False, True)
    ]  # fmt: skip


def by_worlds(premise, hypothesis):
    if premise & ~hypothesis == 0:
        return "entailment"
    return "contradiction" if premise & hypothesis == 0 else "neutral"


@pytest.fixture(scope="module")
def options():
    facts = facts_of(("a", "b", None))
    return list(zip(facts, truths(facts)))


def test_relations_of_one_premise_are_those_of_all_small_worlds(options):
    """Entailed: true in every world in which the premise is; contradicted: in none of them."""
    counts = Counter()
    for (premise, p), (hypothesis, h) in itertools.product(options, options):
        want = by_worlds(p, h)
        assert relation([premise], hypothesis) == want, (premise, hypothesis)
        counts[want] += 1
    assert min(counts[name] for name in RELATIONS) > 300


def test_relations_of_two_premises_one_of_them_denied_are_those_of_all_small_worlds(options):
    # two affirmed ones would use up both events of a small world
    affirmed = [(f, t) for f, t in options if f.person == "a" and not f.denied]
    denied = [(f, t) for f, t in options if f.person == "b" and f.denied]
    counts = Counter()
    for (one, p), (two, q) in itertools.product(affirmed[::2], denied[::2]):
        for hypothesis, h in options:
            want = by_worlds(p & q, h)
            assert relation([one, two], hypothesis) == want, (one, two, hypothesis)
            counts[want] += 1
    assert min(counts[name] for name in RELATIONS) > 100


def test_facts_on_different_topics_have_nothing_to_do_with_each_other():
    fact = Fact(0, 0, 0, None, "a")
    for other in (fact._replace(topic=1), fact._replace(verb=1), fact._replace(noun=1)):
        for denied in (False, True):
            assert relation([fact], other._replace(denied=denied)) == "neutral"
            assert not covers(fact, other) and not covers(other, fact)


# ---- in words ----


def test_a_fact_is_said_with_all_it_holds():
    everything, first = TinyWorld().topics, lambda: 0.0
    verb, noun = everything[0].verbs[3][0], everything[0].nouns[5][0]

    def said(*values, **more):
        return fact_text(Fact(0, 3, 5)._replace(**more), everything, first, *values)

    assert said() == f"someone {verb} the {noun}"
    assert said(denied=True) == f"nobody {verb} the {noun}"
    assert said(noun=None, thing_class="paper") == f"someone {verb} the paper"
    full = {"person": "anna", "kind": "overdue", "place": "vault"}
    assert said(**full) == f"anna {verb} the overdue {noun} at the vault"
    assert said(True, **full, denied=True) == f"at the vault anna never {verb} the overdue {noun}"


def parsed(text, worlds_topics):
    """The facts of a text, read back from its words."""
    facts = []
    for clause in text.split(" but "):
        words = clause.split()
        place = None
        if words[0] == "at":
            place, words = words[2], words[3:]
        elif len(words) > 3 and words[-3] == "at":
            place, words = words[-1], words[:-3]
        who, *words = words
        denied = who == "nobody" or words[0] == "never"
        words = words[1:] if words[0] == "never" else words
        said, _, *kind, thing = words
        number, verb = next(
            (k, v) for k, topic in enumerate(worlds_topics)
            for v, synonyms in enumerate(topic.verbs) if said in synonyms
        )  # fmt: skip
        topic = worlds_topics[number]
        noun = next((k for k, synonyms in enumerate(topic.nouns) if thing in synonyms), None)
        of = thing if noun is None else class_of(topic, noun)
        person = None if who in ("someone", "nobody") else who
        facts.append(Fact(number, verb, noun, of, person, kind[0] if kind else None, place, denied))
    return facts


@pytest.mark.parametrize("test", [False, True])
def test_labels_are_those_of_the_facts_read_back_from_the_words(test):
    world = TinyWorld(0, noise=0)
    made = nli_task(world, 600, test=test)
    seen = Counter()
    for text, pair, label in zip(made.texts, made.pairs, made.labels):
        premises, (hypothesis,) = parsed(text, world.topics), parsed(pair, world.topics)
        name = made.label_names[label]
        assert relation(premises, hypothesis) == name, (text, pair)
        seen[name, "class" if hypothesis.noun is None else "thing"] += 1
        seen[name, "two" if len(premises) == 2 else "one"] += 1
        seen[name, "denied" if hypothesis.denied else "affirmed"] += 1
        elsewhere = hypothesis.place and premises[0].place not in (None, hypothesis.place)
        seen[name, "elsewhere"] += bool(elsewhere)
    for name in RELATIONS:  # no mark of the hypothesis gives the label away
        for mark in ("two", "one", "denied", "affirmed"):
            assert seen[name, mark] > 20, (name, mark)
    assert seen["entailment", "class"] > 3 and seen["contradiction", "class"] > 3
    assert seen["contradiction", "elsewhere"] > 3


def test_in_two_premises_only_order_tells_which_is_denied():
    made = nli_task(TinyWorld(0, noise=0), 300)
    for text in made.texts:
        clauses = text.split(" but ")
        if len(clauses) == 2:
            assert sorted("never" in clause.split() for clause in clauses) == [False, True]


def test_the_test_side_pairs_premises_and_hypotheses_as_training_never_does():
    def forms(test):
        made = nli_task(TinyWorld(0, noise=0), 400, test=test)
        return {(text.startswith("at ") or " but at " in text, pair.startswith("at "))
                for text, pair in zip(made.texts, made.pairs)
                if " at " in f" {text}" and " at " in f" {pair}"}  # fmt: skip

    assert forms(True) == {(True, False)} and forms(False) == {
        (False, False), (False, True), (True, True)
    }  # fmt: skip


def test_classes_are_new_words_and_their_members_are_nouns_of_the_topic():
    for topic in topics():
        names, members = preferences(CLASSES[topic.name])
        first = [words[0] for words in topic.nouns]
        assert all(len(name) == 1 and name[0] not in vocabulary() for name in names)
        for row in members:
            assert len(row) >= 2 and set(row) <= set(first)
        everything = [word for row in members for word in row]
        assert len(everything) == len(set(everything))
        found = [class_of(topic, k) for k in range(len(first))]
        assert sum(c is not None for c in found) == len(everything)
    assert set(CLASSES) == {topic.name for topic in topics()}


def test_a_clinic_has_facts_without_classes():
    world = TinyWorld(0, noise=0, domain="clinic")
    assert {class_of(topic, 0) for topic in world.topics} == {None}
    assert np.bincount(world.task("nli", 30).labels).tolist() == [10, 10, 10]


# ---- triples ----


def test_the_hypotheses_of_triples_are_entailed_and_contradicted_by_their_premise(monkeypatch):
    told = []  # what the texts were made of

    def kept(fact, *options):
        told.append(fact)
        return fact_text(fact, *options)

    monkeypatch.setattr("npft.worlds.logic.fact_text", kept)
    premises, entailed, contradicted = nli_triples(TinyWorld(noise=0), 60)
    assert len(premises) == len(entailed) == len(contradicted) == 60
    place = 0
    for premise in premises:
        facts = told[place : place + 1 + (" but " in premise)]
        positive, negative = told[place + len(facts) : place + len(facts) + 2]
        assert relation(facts, positive) == "entailment"
        assert relation(facts, negative) == "contradiction"
        place += len(facts) + 2
    assert place == len(told)
    assert sum(" but " in premise for premise in premises) > 20
    hypotheses = entailed, contradicted
    denials = [sum("never" in t or "nobody" in t for t in texts) for texts in hypotheses]
    assert min(denials) > 5 and max(denials) < 55  # a denial does not tell which is which


def test_triples_repeat_themselves_and_are_others_with_another_seed():
    world = TinyWorld(3)
    assert nli_triples(world, 5) == nli_triples(world, 5) != nli_triples(world, 5, seed=2)
    assert [t[:2] for t in nli_triples(world, 5)] == [t for t in map(list, nli_triples(world, 2))]
