"""Questions about a passage, whose answers are words of it: who, where, and what.

A passage has a fact that is asked about, and facts about other people and things that distract. A
question names all of its fact, half of the time in synonyms, but for what it asks for. Each fact
has a person, a place and a thing. A place or a thing may be found by its topic, which is that of
the question; which person is meant, only the words beside the name tell.
"""

from __future__ import annotations

import numpy as np

from npft.errors import ConfigError, check_count, check_share
from npft.text.examples import Examples
from npft.worlds.domains import misspelt
from npft.worlds.draws import Draw, choose, shuffled, stream
from npft.worlds.grammar import TinyWorld, sided
from npft.worlds.lexicon import GIVEN_NAMES, Topic

# What is asked for, and the ways to ask.
QUESTIONS: dict[str, tuple[str, str]] = {
    "person": ("who {verb} the {noun} at the {place}", "at the {place} who {verb} the {noun}"),
    "place": ("where is it that {person} {verb} the {noun}", "{person} {verb} the {noun} where"),
    "noun": ("what is it that {person} {verb} at the {place}",
             "at the {place} {person} {verb} what"),
}  # fmt: skip
# A fact as the passage has it; full stops stand alone.
FACTS = ("{person} {verb} the {noun} at the {place} .",
         "at the {place} {person} {verb} the {noun} .")  # fmt: skip
SYNONYMS = 0.5  # share of the facts that a question says in words drawn anew


def of_test_side(way: int, form: int) -> bool:
    """Whether a way to ask (0 or 1) about a form of fact (0 or 1) is for tests: one of four is."""
    return way == form == 1


def _facts(topics: list[Topic], people: list[str], draw: Draw) -> list[dict[str, str]]:
    """A fact on each topic; "verb again" and "noun again" say the same in a question."""
    facts = []
    for topic, person in zip(topics, people):
        verb = int(draw() * len(topic.verbs))
        noun = choose(draw, topic.prefers[verb])
        said = choose(draw, topic.verbs[verb]), choose(draw, topic.nouns[noun])
        place, again = choose(draw, topic.places), said
        if draw() < SYNONYMS:
            again = choose(draw, topic.verbs[verb]), choose(draw, topic.nouns[noun])
        facts.append({
            "person": person, "place": place, "verb": said[0], "noun": said[1],
            "verb again": again[0], "noun again": again[1],
        })  # fmt: skip
    return facts


def _another(fact: dict[str, str], topic: Topic, people: list[str], draw: Draw) -> dict[str, str]:
    """A fact on the same topic that answers no question about this one."""
    verbs = [i for i, words in enumerate(topic.verbs) if fact["verb"] not in words]
    verb = choose(draw, verbs)
    return {
        "person": choose(draw, people),
        "place": choose(draw, [place for place in topic.places if place != fact["place"]]),
        "verb": choose(draw, topic.verbs[verb]),
        "noun": choose(draw, topic.nouns[choose(draw, topic.prefers[verb])]),
    }


def questions_task(
    world: TinyWorld,
    n: int,
    seed: int = 1,
    test: bool = False,
    distractors: int = 1,
    unanswerable: float = 0.0,
) -> Examples:
    """``n`` questions (``texts``) and passages (``pairs``); ``spans`` are the answers' characters.

    ``distractors`` is the number of facts on other topics that nobody asks about, from 1. The sides
    differ in their people and in which question meets which form of fact, the ``groups``. A
    misspelling hits the thing in a question.

    ``unanswerable`` is the share of questions without an answer, (-1, -1): in the place of their
    fact the passage has one on the same topic of another person, who does another thing elsewhere.
    All other questions and passages are those without it.

    Raises ``ConfigError`` for more distractors than there are other topics.

    >>> e = questions_task(TinyWorld(noise=0), 1)
    >>> print(e.texts[0])
    at the counter who borrows the deposit
    >>> start, end = e.spans[0]
    >>> e.pairs[0][:start], e.pairs[0][start:end]
    ('', 'anna')
    """
    world.only_in_first("questions")
    world.only_without_gap("questions")
    if check_count("distractors", distractors) >= len(world.topics):
        raise ConfigError(
            f"distractors is {distractors}, expected at most {len(world.topics) - 1}, a topic each"
        )
    check_share("unanswerable", unanswerable, zero=True, one=True)
    draw = stream(world.seed, 13, check_count("seed", seed, 0))
    apart = stream(world.seed, 16, seed)  # so that the other questions stay as they are
    without = shuffled(apart, [i < round(unanswerable * n) for i in range(check_count("n", n))])
    kinds = shuffled(draw, [i % len(QUESTIONS) for i in range(n)])
    texts, pairs, spans, groups = [], [], [], []
    for kind, nowhere in zip(kinds, without):
        people = shuffled(draw, sided(GIVEN_NAMES, test))
        about = shuffled(draw, world.topics)[: distractors + 1]
        facts = _facts(about, people, draw)
        sought, ways = list(QUESTIONS.items())[kind]
        fact = facts[0]
        way, form = choose(draw, [
            (w, f) for w in range(len(ways)) for f in range(len(FACTS))
            if of_test_side(w, f) == test
        ])  # fmt: skip
        # One form for all facts of a passage: else the form would tell which one is asked about.
        said = [FACTS[form].format(**f) for f in facts]
        own, within = said[0], len(FACTS[form].partition("{" + sought + "}")[0].format(**fact))
        said = shuffled(draw, said)
        before = sum(len(sentence) + 1 for sentence in said[: said.index(own)])
        start = before + within
        thing = fact["noun again"]
        thing = misspelt(thing, draw, world.real_words) if draw() < world.noise else thing
        texts.append(ways[way].format(
            person=fact["person"], place=fact["place"], verb=fact["verb again"], noun=thing,
        ))  # fmt: skip
        if nowhere:
            like = _another(fact, about[0], people[len(facts) :], apart)
            said[said.index(own)] = FACTS[form].format(**like)
        pairs.append(" ".join(said))
        spans.append((-1, -1) if nowhere else (start, start + len(fact[sought])))
        groups.append((kind * len(ways) + way) * len(FACTS) + form)
    return Examples(texts, pairs=pairs, groups=np.array(groups), spans=np.array(spans))


TinyWorld.tasks["questions"] = questions_task
