"""What a world talks about: its topics, its sentences, and all the words it can say."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from npft.errors import ConfigError, quoted
from npft.worlds import clinic
from npft.worlds.draws import Draw
from npft.worlds.lexicon import (
    FAMILY_NAMES, GIVEN_NAMES, ORGANISATIONS, TIMES, TOWNS, Topic, entries, parsed_topics, topics,
)
from npft.worlds.phone import ITEM, PRIVATE, cue_groups, fillers

TEMPLATES = """
{person} {verb} the {adjective} {noun} at the {place}
the {agent} {verb} the {noun} with {person} in {town}
{time} {person} {verb} the {noun} and {verb2} the {noun2}
the {adjective} {noun} of {person} was near the {place}
{person} tells {other} that the {agent} {verb} the {noun}
{person} from {organisation} {verb} the {adjective} {noun} for {other}
{person} and {other} talk about the {adjective} {noun} and the {noun2}
at the {place} the {agent} {verb} another {adjective} {noun}
""".strip().splitlines()

# The part of speech of every word that a template or a filler of several words spells out.
PARTS_OF_SPEECH = {
    "DET": "the a this my your our no an another",
    "ADP": "at with in of from for near about on to after up",
    "PRON": "i me you we us it them who everything there",
    "CCONJ": "and but or",
    "SCONJ": "that if because as before how",
    "AUX": "was is are am do have will can could may must should need",
    "ADV": "not still here now then yet just so first home tomorrow today tonight please",
    "ADJ": "ready busy fine good great quick sorry next",
    "INTJ": "hi hello dear thanks",
    "NUM": "six seven",
    "NOUN": "message news time morning evening week noon hour monday tuesday friday sunday",
    "VERB": """tells talk talked says say said asked answer reply remember forget wait waiting hopes
        hope wants let know seen told send give shows gets get goes comes swap leave pick post
        show tell has want forgot""",
}
PHONE_DOCUMENTS = 0.12  # share of documents that talk about messages (``phone.py``)


class Domain(NamedTuple):
    """What a world talks about, and in which sentences."""

    topics: tuple[Topic, ...]
    templates: list[str]
    on_phone: float  # share of documents that talk about messages


def domain_of(name: str) -> Domain:
    """The domain called "general" or "clinic"; raises ``ConfigError`` for another."""
    if not isinstance(name, str) or name not in ("general", "clinic"):
        raise ConfigError(f"domain is {quoted(name)}, expected 'general' or 'clinic'")
    return _domain(name)


@cache
def _domain(name: str) -> Domain:
    if name == "general":
        return Domain(topics(), TEMPLATES, PHONE_DOCUMENTS)
    return Domain(parsed_topics(clinic.DEPARTMENTS), clinic.TEMPLATES, 0.0)


def misspelt(word: str, draw: Draw, real: frozenset[str]) -> str:
    """``word`` with two letters swapped, one left out or one doubled; never a ``real`` word.

    >>> one, two = iter([0.0, 0.0]).__next__, iter([0.9, 0.5]).__next__
    >>> misspelt("river", one, frozenset()), misspelt("river", two, frozenset())
    ('rvier', 'rivver')
    """
    while True:
        kind, i = int(draw() * 3), 1 + int(draw() * (len(word) - 2))
        swapped = word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :]
        made = (swapped, word[:i] + word[i + 1 :], word[:i] + word[i] + word[i:])[kind]
        if made not in real:
            return made


@cache
def vocabulary(domain: str = "general") -> tuple[str, ...]:
    """Every word a TinyWorld of this domain can say without noise, sorted."""
    if domain == "general":
        return tuple(sorted(_known_words()))
    small = {word for template in domain_of(domain).templates for word in template.split()}
    words = {word for word in small if word[0] != "{"}
    words |= {*GIVEN_NAMES, *FAMILY_NAMES, *TOWNS}
    words |= {word for name in entries(ORGANISATIONS) for word in name}
    return tuple(sorted(words | _topic_words(domain_of(domain).topics)))


def _topic_words(chosen: tuple[Topic, ...]) -> set[str]:
    return {
        word
        for topic in chosen
        for group in (*topic.agents, *topic.nouns, *topic.adjectives, *topic.verbs, topic.places)
        for word in group
    }


@cache
def _known_words() -> frozenset[str]:
    words = [*GIVEN_NAMES, *FAMILY_NAMES, *TOWNS, *TIMES]
    words += [word for spelt_out in PARTS_OF_SPEECH.values() for word in spelt_out.split()]
    words += [word for name in entries(ORGANISATIONS) for word in name]
    words += sorted(_topic_words(topics()))
    for kind in ("ham", "spam"):
        for cues in cue_groups(kind).values():
            words += [word for cue in cues for word in cue.words()]
    words += [*fillers(PRIVATE), *fillers(ITEM)]
    return frozenset(words)


@cache
def function_words() -> dict[str, str]:
    """Word to part of speech, for the words that templates spell out."""
    both = [*PARTS_OF_SPEECH.items(), *clinic.PARTS_OF_SPEECH.items()]
    return {word: pos for pos, words in both for word in words.split()}
