"""TinyWorld: endless small documents with gold labels, from a seeded grammar.

A document has one topic, two people, a place, a town and an organisation that come back from
sentence to sentence: that is what makes next-sentence prediction learnable. A verb prefers about
five nouns (90 % of the time) and a noun goes with two adjectives: that is what makes masked words
predictable. Synonyms stand freely for one another: that is what makes a bag of words weak.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

from npft.errors import ConfigError
from npft.worlds import clinic
from npft.worlds.draws import Draw, choose, share, stream, whole_number

from npft.worlds.lexicon import (
    FAMILY_NAMES, GIVEN_NAMES, ORGANISATIONS, SENSES, TIMES, TOWNS, Topic, entries, parsed_topics,
    topics,
)
from npft.worlds.phone import ITEM, PHONE_TEMPLATES, PRIVATE, WHEN, cue_groups, fillers

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
PREFERRED = 0.9  # share of sentences in which a verb gets a noun it prefers
FAMILY_SHARE = 0.2  # share of mentions that give a person's family name as well
PHONE_DOCUMENTS = 0.12  # share of documents that talk about messages (``phone.py``) ...
PHONE_SENTENCES = 0.8  # ... and the share of such sentences in them


class Domain(NamedTuple):
    """What a world talks about, and in which sentences."""

    topics: tuple[Topic, ...]
    templates: list[str]
    on_phone: float  # share of documents that talk about messages


@cache
def domain_of(name: str) -> Domain:
    """The domain called "general" or "clinic"."""
    if name == "general":
        return Domain(topics(), TEMPLATES, PHONE_DOCUMENTS)
    if name == "clinic":
        return Domain(parsed_topics(clinic.DEPARTMENTS), clinic.TEMPLATES, 0.0)
    raise ConfigError(f"domain is {name!r}, expected 'general' or 'clinic'")


class Token(NamedTuple):
    """A word with its part of speech, its entity tag and its sense.

    ``pos`` is a universal part of speech (NOUN, VERB, ...), ``entity`` a BIO tag with PER, LOC or
    ORG, ``sense`` is ``"word.topic"`` for a word of ``SENSES``, else None. A misspelt word keeps
    the tags of the word it was.
    """

    word: str
    pos: str
    entity: str = "O"
    sense: str | None = None


@dataclass(frozen=True)
class Document:
    """4 to 8 sentences about one topic. ``topic`` is its number, ``tokens[i]`` sentence i's words
    with their labels; the two ``persons`` are full names."""

    topic: int
    tokens: tuple[tuple[Token, ...], ...]
    persons: tuple[str, str]
    place: str
    town: str
    organisation: str

    @cached_property
    def sentences(self) -> list[str]:
        """The sentences as text: words with single spaces between them."""
        return [" ".join(token.word for token in sentence) for sentence in self.tokens]


class Meaning(NamedTuple):
    """What a sentence says, whatever its words: numbers of concepts of one topic."""

    topic: int
    verb: int
    noun: int
    agent: int


class Scene(NamedTuple):
    """What comes back in a document: slot values as tokens."""

    persons: tuple[tuple[Token, Token], tuple[Token, Token]]
    place: Token
    town: Token
    organisation: tuple[Token, ...]


class TinyWorld:
    """A seeded source of documents with gold labels.

    ``seed`` (a whole number from 0) picks the documents, ``noise`` is the share of sentences with
    a slip: a misspelt word, or two neighbouring words that changed places, half of each. The words
    and rules are the same for every seed. Document k depends on ``(seed, k)`` and its slips alone,
    so held-out documents are simply later ones, ``documents(100, start=4000)``, and a world with
    ``noise=0`` holds the same documents without the slips.

    ``domain`` is "general" or "clinic" (``clinic.py``): other topics, words and sentences, the same
    names.

    Raises ``ConfigError`` for a seed or noise that cannot work.

    >>> world = TinyWorld(seed=0)
    >>> document = world.documents(3)[2]
    >>> TinyWorld.topic_names[document.topic], document.persons, document.place
    ('money', ('nils tanaka', 'hanna haas'), 'counter')
    >>> document.sentences[1]
    'again hanna endorses the credit and tallies the money'
    >>> document == world.documents(1, start=2)[0]
    True
    """

    topic_names: list[str] = [topic.name for topic in topics()]
    # What ``task`` can make, by name: filled by tasks.py, which stands after this file.
    tasks: ClassVar[dict[str, Callable[..., Any]]] = {}

    def __init__(self, seed: int = 0, noise: float = 0.1, domain: str = "general") -> None:
        self.seed = whole_number("seed", seed, 0)
        self.noise = share("noise", noise)
        self.domain = domain
        self._domain = domain_of(domain)
        self.topics = self._domain.topics
        self.topic_names = [topic.name for topic in self.topics]

    def __repr__(self) -> str:
        other = "" if self.domain == "general" else f", domain={self.domain!r}"
        return f"TinyWorld(seed={self.seed}, noise={self.noise}{other})"

    def documents(self, n: int, start: int = 0) -> list[Document]:
        """Documents ``start`` to ``start + n - 1`` of this world.

        Raises ``ConfigError`` for an ``n`` or ``start`` that is not a whole number of at least 0.
        """
        whole_number("n", n, 0)
        whole_number("start", start, 0)
        return [self._document(k) for k in range(start, start + n)]

    def sentence(self, topic: int, draw: Draw) -> tuple[Token, ...]:
        """One sentence on a topic (its number) about people of its own, with this world's noise.

        Raises ``ConfigError`` for a topic that does not exist.

        >>> tokens = TinyWorld(noise=0).sentence(5, stream(0, 15))
        >>> " ".join(token.word for token in tokens)
        'mona from titan company tastes the chilled port for liam'
        >>> tokens[7]
        Token(word='port', pos='NOUN', entity='O', sense='port.kitchen')
        """
        if not 0 <= topic < len(self.topic_names):
            raise ConfigError(f"topic is {topic}, expected 0 to {len(self.topic_names) - 1}")
        chosen = self.topics[topic]
        scene = _scene(chosen, draw)
        return self.slip(_topic_sentence(chosen, scene, draw, self._domain.templates), draw)

    def task(self, name: str, n: int, seed: int = 1, **options: Any) -> Any:
        """``n`` labelled examples of the task called ``name`` (see ``TinyWorld.tasks``).

        ``options`` are those of the task: "sentiment", "nli" and "questions" have ``test=True`` for
        sentences and people that never occur in training. Tasks of words, "pos" and "entities",
        give ``TaggedTexts``, the others ``Examples``.

        Raises ``ConfigError`` for a name that does not exist.

        >>> TinyWorld().task("topic", 16).label_names[:2]
        ['money', 'river']
        """
        if name not in self.tasks:
            raise ConfigError(f"task {name!r} does not exist, expected one of {sorted(self.tasks)}")
        return self.tasks[name](self, n, seed=seed, **options)

    def describe(self, n: int = 1000) -> str:
        """A card of the first ``n`` documents: counts, unigram entropy, three sentences.

        The unigram entropy -sum p ln p (in nats per word) is the loss of the best model that knows
        how often words occur and nothing else: what masked language modelling has to beat.
        """
        documents = self.documents(whole_number("n", n, 1))
        sentences = [tokens for document in documents for tokens in document.tokens]
        words = Counter(token.word for tokens in sentences for token in tokens)
        total, known = sum(words.values()), set(vocabulary(self.domain))
        entropy = -sum(count / total * math.log(count / total) for count in words.values())
        labelled = [token for tokens in sentences for token in tokens]
        named = sum(token.entity[0] == "B" for token in labelled)
        sensed = sum(token.sense is not None for token in labelled)
        lines = [
            f"{self!r}, documents 0 to {n - 1}",
            f"documents         {n:,}",
            f"sentences         {len(sentences):,}, {total / len(sentences):.1f} words each",
            f"words             {total:,}",
            f"word types        {len(words):,}, of which {len(words.keys() - known):,} misspelt",
            f"vocabulary        {len(known):,} words without misspellings",
            f"unigram entropy   {entropy:.2f} nats per word",
            f"named entities    {named:,}",
            f"ambiguous words   {sensed:,} uses of {len(SENSES)} words",
            f"topics            {', '.join(self.topic_names)}",
            "examples          " + documents[0].sentences[0],
            *("                  " + text for text in documents[0].sentences[1:3]),
        ]
        return "\n".join(lines)

    def _document(self, number: int) -> Document:
        # Slips draw from a stream of their own, so that noise changes nothing else.
        draw, slips = stream(self.seed, 0, number), stream(self.seed, 4, number)
        topic = int(draw() * len(self.topics))
        chosen = self.topics[topic]
        scene = _scene(chosen, draw)
        on_phone = PHONE_SENTENCES if draw() < self._domain.on_phone else 0.0
        kind = choose(draw, ("ham", "spam"))  # what the messages of this document are about
        sentences = []
        for _ in range(4 + int(draw() * 5)):
            if draw() < on_phone:
                tokens = _phone_sentence(scene, kind, draw)
            else:
                tokens = _topic_sentence(chosen, scene, draw, self._domain.templates)
            sentences.append(self.slip(tokens, slips))
        first, second = (" ".join(name.word for name in person) for person in scene.persons)
        organisation = " ".join(token.word for token in scene.organisation)
        place, town = scene.place.word, scene.town.word
        return Document(topic, tuple(sentences), (first, second), place, town, organisation)

    def slip(self, tokens: list[Token], draw: Draw) -> tuple[Token, ...]:
        """The sentence, with a misspelling or a swap in a share ``noise`` of cases.

        Words with a sense are not misspelt and names are not swapped, so that labels stay true.
        """
        if draw() < self.noise:
            if draw() < 0.5:
                long = [i for i, t in enumerate(tokens) if len(t.word) > 3 and t.sense is None]
                i = choose(draw, long)
                tokens[i] = tokens[i]._replace(word=misspelt(tokens[i].word, draw))
            else:
                plain = [
                    i for i, (a, b) in enumerate(pairwise(tokens))
                    if a.entity == b.entity == "O" and a.word != b.word
                ]
                i = choose(draw, plain)
                tokens[i], tokens[i + 1] = tokens[i + 1], tokens[i]
        return tuple(tokens)


def misspelt(word: str, draw: Draw) -> str:
    """``word`` with two letters swapped, one left out or one doubled, and no word of TinyWorld.

    >>> misspelt("river", iter([0.0, 0.0]).__next__), misspelt("river", iter([0.9, 0.5]).__next__)
    ('rvier', 'rivver')
    """
    while True:
        kind, i = int(draw() * 3), 1 + int(draw() * (len(word) - 2))
        swapped = word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :]
        made = (swapped, word[:i] + word[i + 1 :], word[:i] + word[i] + word[i:])[kind]
        if made not in _known_words():
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
def _function_words() -> dict[str, str]:
    """Word to part of speech, for the words that templates spell out."""
    both = [*PARTS_OF_SPEECH.items(), *clinic.PARTS_OF_SPEECH.items()]
    return {word: pos for pos, words in both for word in words.split()}


@cache
def _phrase(text: str) -> tuple[Token, ...]:
    return tuple(Token(word, _function_words()[word]) for word in text.split())


@cache
def _compiled(template: str) -> tuple[Token | str, ...]:
    """A template as a row of spelt-out tokens and names of slots."""
    return tuple(
        word[1:-1] if word[0] == "{" else Token(word, _function_words()[word])
        for word in template.split()
    )


def _fill(template: str, slots: dict[str, tuple[Token, ...]]) -> list[Token]:
    tokens: list[Token] = []
    for part in _compiled(template):
        tokens += slots[part] if isinstance(part, str) else (part,)
    return tokens


def _scene(topic: Topic, draw: Draw) -> Scene:
    first = int(draw() * len(GIVEN_NAMES))
    second = (first + 1 + int(draw() * (len(GIVEN_NAMES) - 1))) % len(GIVEN_NAMES)

    def person(given: int) -> tuple[Token, Token]:
        family = choose(draw, FAMILY_NAMES)
        return Token(GIVEN_NAMES[given], "PROPN", "B-PER"), Token(family, "PROPN", "I-PER")

    head, tail = choose(draw, entries(ORGANISATIONS))
    return Scene(
        persons=(person(first), person(second)),
        place=Token(choose(draw, topic.places), "NOUN"),
        town=Token(choose(draw, TOWNS), "PROPN", "B-LOC"),
        organisation=(Token(head, "PROPN", "B-ORG"), Token(tail, "PROPN", "I-ORG")),
    )


def _people(scene: Scene, draw: Draw) -> dict[str, tuple[Token, ...]]:
    """The two people of a document, in either role, sometimes with their family names."""
    one = int(draw() * 2)
    named = [person if draw() < FAMILY_SHARE else person[:1] for person in scene.persons]
    return {"person": named[one], "other": named[1 - one]}


def _noun(topic: Topic, number: int, draw: Draw) -> tuple[Token, ...]:
    """A synonym of a noun; an ambiguous one is taken with the share written in ``SENSES``."""
    words = topic.nouns[number]
    for word in words:
        if topic.name in SENSES.get(word, {}):
            if draw() < SENSES[word][topic.name]:
                return (Token(word, "NOUN", "O", f"{word}.{topic.name}"),)
            words = tuple(other for other in words if other != word)
    return (Token(choose(draw, words), "NOUN"),)


def _verb_and_noun(topic: Topic, draw: Draw) -> tuple[int, int]:
    """The numbers of a verb and of a noun, most often one that the verb prefers."""
    verb = int(draw() * len(topic.verbs))
    any_noun = draw() >= PREFERRED
    return verb, choose(draw, range(len(topic.nouns)) if any_noun else topic.prefers[verb])


def _content_words(
    topic: Topic, verb: int, noun: int, draw: Draw
) -> tuple[tuple[Token, ...], tuple[Token, ...], tuple[Token, ...]]:
    """A word each for a verb, a noun and an adjective that goes with the noun."""
    said = Token(choose(draw, topic.verbs[verb]), "VERB")
    thing = _noun(topic, noun, draw)
    return (said,), thing, (Token(choose(draw, topic.adjectives[noun]), "ADJ"),)


def _topic_sentence(
    topic: Topic, scene: Scene, draw: Draw, templates: list[str]
) -> list[Token]:
    template = choose(draw, templates)
    slots = _people(scene, draw)
    for n in ("", "2"):
        words = _content_words(topic, *_verb_and_noun(topic, draw), draw)
        slots["verb" + n], slots["noun" + n], slots["adjective" + n] = words
    slots["agent"] = (Token(choose(draw, choose(draw, topic.agents)), "NOUN"),)
    slots["time"] = (Token(choose(draw, TIMES), "ADV"),)
    slots["place"], slots["town"] = (scene.place,), (scene.town,)
    slots["organisation"] = scene.organisation
    return _fill(template, slots)


def draw_meaning(topic: int, draw: Draw) -> Meaning:
    """Concepts of a topic (its number) that go together as in the documents.

    >>> draw_meaning(5, stream(0, 15))
    Meaning(topic=5, verb=11, noun=18, agent=0)
    """
    verb, noun = _verb_and_noun(topics()[topic], draw)
    return Meaning(topic, verb, noun, int(draw() * len(topics()[topic].agents)))


def say(meaning: Meaning, template: str, draw: Draw) -> list[Token]:
    """A template of one verb and one noun, filled with words for a meaning.

    Names, places and which synonyms are said are drawn anew each time, without slips.

    >>> for seed in (0, 4):
    ...     tokens = say(Meaning(5, 0, 0, 0), "the {agent} {verb} the {noun}", stream(seed, 15))
    ...     print(" ".join(token.word for token in tokens))
    the chef cooks the stew
    the caterer simmers the soup
    """
    topic = topics()[meaning.topic]
    scene = _scene(topic, draw)
    slots = _people(scene, draw)
    words = _content_words(topic, meaning.verb, meaning.noun, draw)
    slots["verb"], slots["noun"], slots["adjective"] = words
    slots["agent"] = (Token(choose(draw, topic.agents[meaning.agent]), "NOUN"),)
    slots["place"], slots["town"] = (scene.place,), (scene.town,)
    slots["organisation"] = scene.organisation
    return _fill(template, slots)


def _phone_sentence(scene: Scene, kind: str, draw: Draw) -> list[Token]:
    template = choose(draw, PHONE_TEMPLATES)
    groups = cue_groups(kind)
    slots = _people(scene, draw)
    for number in ("", "2"):
        verb = choose(draw, groups["verbs"])
        noun = groups["nouns"][choose(draw, verb.likes)]
        adjective = groups["adjectives"][choose(draw, noun.likes)]
        slots["verb" + number] = (Token(choose(draw, verb.words()), "VERB"),)
        slots["noun" + number] = (Token(choose(draw, noun.words()), "NOUN"),)
        slots["adjective" + number] = (Token(choose(draw, adjective.words()), "ADJ"),)
        slots["item" + number] = (Token(choose(draw, fillers(ITEM)), "NOUN"),)
    slots["private"] = (Token(choose(draw, fillers(PRIVATE)), "NOUN"),)
    slots["when"] = _phrase(choose(draw, fillers(WHEN)))
    return _fill(template, slots)
