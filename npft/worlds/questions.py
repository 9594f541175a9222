"""Questions about a passage, whose answers are words of it: who, where, and what.

A passage has a fact that is asked about, facts about other people and things that distract, and a
sentence beside the point. A question names all of its fact, in synonyms where there are some,
but for what it asks for.
"""

from __future__ import annotations

import numpy as np

from npft.errors import ConfigError
from npft.text.examples import Examples
from npft.worlds.domains import misspelt
from npft.worlds.draws import Draw, choose, shuffled, stream, whole_number
from npft.worlds.grammar import TinyWorld, sided
from npft.worlds.lexicon import GIVEN_NAMES, TOWNS, Topic

# What is asked for, and the ways to ask.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "person": ("who {verb} the {noun} at the {place}",
               "which person {verb} the {noun} at the {place}",
               "at the {place} who {verb} the {noun}",
               "the {noun} at the {place} is what who {verb}"),
    "place": ("where is it that {person} {verb} the {noun}",
              "{person} {verb} the {noun} where",
              "where is the {noun} {person} {verb}",
              "at which place {verb} {person} the {noun}"),
    "noun": ("what is it that {person} {verb} at the {place}",
             "at the {place} {person} {verb} what",
             "which thing {verb} {person} at the {place}",
             "{person} {verb} what at the {place}"),
}  # fmt: skip
# A fact as the passage has it, and sentences beside the point; full stops stand alone.
FACTS = ("{person} {verb} the {noun} at the {place} .",
         "at the {place} {person} {verb} the {noun} .")  # fmt: skip
BESIDE = ("it is evening in {town} .", "the news in {town} is good .")


def of_test_side(way: int, form: int) -> bool:
    """Whether a way to ask about a fact of this form is for tests: two of eight pairings."""
    return (way + 2 * form) % 4 == 0


def _facts(topics: list[Topic], people: list[str], draw: Draw) -> list[dict[str, str]]:
    """A fact on each topic; "verb again" and "noun again" say the same in a question."""
    facts = []
    for topic, person in zip(topics, people):
        verb = int(draw() * len(topic.verbs))
        noun = choose(draw, topic.prefers[verb])
        facts.append({
            "person": person, "place": choose(draw, topic.places),
            "verb": choose(draw, topic.verbs[verb]), "noun": choose(draw, topic.nouns[noun]),
            "verb again": choose(draw, topic.verbs[verb]),
            "noun again": choose(draw, topic.nouns[noun]),
        })  # fmt: skip
    return facts


def questions_task(
    world: TinyWorld, n: int, seed: int = 1, test: bool = False, distractors: int = 1
) -> Examples:
    """``n`` questions (``texts``) and passages (``pairs``); ``spans`` are the answers' characters.

    ``distractors`` is the number of facts on other topics that nobody asks about, from 1. The sides
    differ in their people and in which question meets which form of fact, the ``groups``. A
    misspelling hits the thing in a question.

    Raises ``ConfigError`` for more distractors than there are other topics.

    >>> e = questions_task(TinyWorld(noise=0), 1)
    >>> print(e.texts[0])
    the savings at the exchange is what who borrows
    >>> start, end = e.spans[0]
    >>> e.pairs[0][:start], e.pairs[0][start:end]
    ('at the exchange ', 'anna')
    """
    world.only_in_first("questions")
    if not 1 <= whole_number("distractors", distractors, 1) < len(world.topics):
        raise ConfigError(
            f"distractors is {distractors}, expected at most {len(world.topics) - 1}, a topic each"
        )
    draw = stream(world.seed, 13, whole_number("seed", seed, 0))
    kinds = shuffled(draw, [i % len(QUESTIONS) for i in range(whole_number("n", n, 1))])
    texts, pairs, spans, groups = [], [], [], []
    for kind in kinds:
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
        said.append(choose(draw, BESIDE).format(town=choose(draw, TOWNS)))
        said = shuffled(draw, said)
        before = sum(len(sentence) + 1 for sentence in said[: said.index(own)])
        start = before + within
        thing = fact["noun again"]
        thing = misspelt(thing, draw) if draw() < world.noise else thing
        texts.append(ways[way].format(
            person=fact["person"], place=fact["place"], verb=fact["verb again"], noun=thing,
        ))  # fmt: skip
        pairs.append(" ".join(said))
        spans.append((start, start + len(fact[sought])))
        groups.append((kind * len(ways) + way) * len(FACTS) + form)
    return Examples(texts, pairs=pairs, groups=np.array(groups), spans=np.array(spans))


TinyWorld.tasks["questions"] = questions_task
