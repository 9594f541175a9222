"""TinyWorld: endless small documents with gold labels, from a seeded grammar.

A document has one topic, two people, a place, a town and an organisation that come back from
sentence to sentence: that is what makes next-sentence prediction learnable. A verb prefers about
five nouns (90 % of the time) and a noun goes with two adjectives: that is what makes masked words
predictable. Synonyms stand freely for one another: that is what makes a bag of words weak.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from inspect import signature
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

from npft.errors import ConfigError, check_choice, check_count, check_share
from npft.worlds.domains import domain_of, function_words, misspelt, vocabulary
from npft.worlds.draws import Draw, Item, check_draw, check_side, choose, stream
from npft.worlds.languages import dictionary, translated
from npft.worlds.lexicon import (
    FAMILY_NAMES, GIVEN_NAMES, ORGANISATIONS, SENSES, TIMES, TOWNS, Topic, entries, topics,
)
from npft.worlds.noise import mislabelled
from npft.worlds.phone import ITEM, PHONE_TEMPLATES, PRIVATE, WHEN, cue_groups, fillers
from npft.worlds.polarity import polarity
from npft.worlds.tokens import Span, Token, entity_spans

PREFERRED = 0.9  # share of sentences in which a verb gets a noun it prefers
FAMILY_SHARE = 0.2  # share of mentions that give a person's family name as well
PHONE_SENTENCES = 0.8  # share of sentences about messages in a document that talks about them


@dataclass(frozen=True)
class Document:
    """4 to 8 sentences about one topic. ``topic`` is its number, ``tokens[i]`` sentence i's words
    with their labels; the two ``persons`` are full names. ``sentiments[i]`` is 1 for good news, -1
    for bad news and 0 for neither, by ``polarity.py``, before slips and in any language."""

    topic: int
    tokens: tuple[tuple[Token, ...], ...]
    persons: tuple[str, str]
    place: str
    town: str
    organisation: str
    sentiments: tuple[int, ...]

    @cached_property
    def sentences(self) -> list[str]:
        """The sentences as text: words with single spaces between them."""
        return [" ".join(token.word for token in sentence) for sentence in self.tokens]

    @cached_property
    def entities(self) -> list[list[Span]]:
        """The entities of each sentence, inner ones too: (first word, word after last, type)."""
        return [entity_spans(sentence) for sentence in self.tokens]


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
    names. ``gap`` is the share of a clinic's sentences that are its own; the others are general
    ones. ``language`` is "first" or "second" (``languages.py``): the same documents in other words
    and another order, for the general domain.

    What makes a task harder: fewer examples (``n`` of ``task``), slips (``noise``), wrong labels
    (``label_noise`` of ``task``), more things beside the point (``distractors`` of "senses" and
    "questions"), another domain than the model has read (``domain``), and tests of the other side
    (``test=True``). A ``gap`` below 1 is for documents, and for "next_sentence", made of them.

    Raises ``ConfigError`` for a value that cannot work.

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

    def __init__(
        self,
        seed: int = 0,
        noise: float = 0.1,
        domain: str = "general",
        gap: float = 1.0,
        language: str = "first",
    ) -> None:
        self.seed = check_count("seed", seed, 0)
        self.noise = check_share("noise", noise, zero=True, one=True)
        self.domain = domain
        self.gap = check_share("gap", gap, zero=True, one=True)
        self.language = language
        self._domain = domain_of(domain)
        check_choice("language", language, ("first", "second"))
        if domain == "general" and self.gap < 1:
            raise ConfigError(f"gap is {gap}, but there is a gap only with domain='clinic'")
        if domain != "general" and language != "first":
            raise ConfigError(f"domain {domain!r} is written in the first language only")
        self.topics = self._domain.topics
        self.topic_names = [topic.name for topic in self.topics]
        # what a slip must not turn a word into
        self.real_words = frozenset({*vocabulary(), *self._known()})

    def __repr__(self) -> str:
        other = "" if self.domain == "general" else f", domain={self.domain!r}"
        other += "" if self.gap == 1 else f", gap={self.gap}"
        other += "" if self.language == "first" else f", language={self.language!r}"
        return f"TinyWorld(seed={self.seed}, noise={self.noise}{other})"

    def documents(self, n: int, start: int = 0) -> list[Document]:
        """Documents ``start`` to ``start + n - 1`` of this world.

        Raises ``ConfigError`` for an ``n`` or ``start`` that is not a whole number of at least 0.
        """
        check_count("n", n, 0)
        check_count("start", start, 0)
        return [self._document(k) for k in range(start, start + n)]

    def sentence(self, topic: int, draw: Draw, test: bool | None = None) -> tuple[Token, ...]:
        """One sentence on a topic (its number) about people of its own, with this world's noise.

        With ``test`` True or False it is of the test or the training side: their sentence forms and
        their names have nothing in common. Raises ``ConfigError`` for a topic that does not exist,
        a ``draw`` that cannot be called, or another ``test``.

        >>> tokens = TinyWorld(noise=0).sentence(5, stream(0, 15))
        >>> " ".join(token.word for token in tokens)
        'mona from titan company tastes the chilled port for liam'
        >>> tokens[7]
        Token(word='port', pos='NOUN', entity='O', sense='port.kitchen')
        """
        if check_count("topic", topic, 0) >= len(self.topic_names):
            raise ConfigError(f"topic is {topic}, expected 0 to {len(self.topic_names) - 1}")
        check_draw(draw)
        check_side(test)
        scene = scene_of(self.topics[topic], draw, test)
        tokens = self._in_language(self._said(self.topics[topic], scene, draw, test))
        return self.slip(tokens, draw)

    def task(
        self, name: str, n: int, seed: int = 1, label_noise: float = 0.0, **options: Any
    ) -> Any:
        """``n`` labelled examples of the task called ``name`` (see ``TinyWorld.tasks``).

        ``label_noise`` is the share of texts that get a wrong class. ``options`` are those of the
        task, such as ``test=True``, which gives the test side of a task with two sides. Each task
        says what its sides differ in: names, things, forms of sentences, or documents. Tasks of
        words, "pos" and "entities", give ``TaggedTexts``, the others ``Examples``. With another
        ``noise`` a world makes other examples, but for the similarity and the parallel tasks.

        Raises ``ConfigError`` for a name or an option that does not exist, or a ``test`` that is
        no side.

        >>> TinyWorld().task("topic", 16).label_names[:2]
        ['money', 'river']
        """
        check_choice("task", name, sorted(self.tasks))
        make = self.tasks[name]
        known = dict(list(signature(make).parameters.items())[2:])  # without the world and n
        if unknown := options.keys() - known.keys():
            raise ConfigError(f"task {name!r} has no option {', '.join(sorted(unknown))}")
        if "test" in options:
            check_side(options["test"], both=known["test"].default is None)
        made = make(self, n, seed=seed, **options)
        if check_share("label_noise", label_noise, zero=True, one=True) == 0:
            return made
        return mislabelled(made, label_noise, stream(self.seed, 14, seed))

    def only_in_first(self, task: str) -> None:
        """Raise ``ConfigError`` for a task whose sentences exist in the first language only."""
        if self.language != "first":
            raise ConfigError(f"task {task!r} exists only with language='first'")

    def only_without_gap(self, task: str) -> None:
        """Raise ``ConfigError`` for a task whose sentences are all of one domain."""
        if self.gap < 1:
            raise ConfigError(f"task {task!r} has no sentences of two domains; it needs gap=1")

    def only_general(self, task: str) -> None:
        """Raise ``ConfigError`` for a task that exists in the general domain only."""
        if self.domain != "general":
            raise ConfigError(f"task {task!r} exists only with domain='general'")

    def describe(self, n: int = 1000) -> str:
        """A card of the first ``n`` documents: counts, labels, unigram entropy, three sentences.

        The unigram entropy -sum p ln p (in nats per word) is the loss of the best model that knows
        how often words occur and nothing else: what masked language modelling has to beat.
        """
        documents = self.documents(check_count("n", n))
        sentences = [tokens for document in documents for tokens in document.tokens]
        labelled = [token for tokens in sentences for token in tokens]
        words = Counter(token.word for token in labelled)
        total, known = sum(words.values()), self._known()
        entropy = -sum(count / total * math.log(count / total) for count in words.values())
        pos = Counter(token.pos for token in labelled).most_common()
        spans = [span for document in documents for found in document.entities for span in found]
        outer = sum(token.entity[0] == "B" for token in labelled)
        sensed = Counter(token.sense for token in labelled if token.sense is not None)
        feelings = Counter(feeling for document in documents for feeling in document.sentiments)
        lines = [
            f"{self!r}, documents 0 to {n - 1}",
            f"domain            {self.domain}, in the {self.language} language",
            f"documents         {n:,}",
            f"sentences         {len(sentences):,}, {total / len(sentences):.1f} words each",
            f"words             {total:,}",
            f"word types        {len(words):,}, of which {len(words.keys() - known):,} misspelt",
            f"vocabulary        {len(known):,} words without misspellings",
            f"unigram entropy   {entropy:.2f} nats per word",
            "parts of speech   " + ", ".join(f"{k / total:.0%} {tag}" for tag, k in pos[:5]),
            f"named entities    {outer:,}, and {len(spans) - outer:,} inside them",
            f"ambiguous words   {sum(sensed.values()):,} uses in {len(sensed)} senses",
            f"sentences say     {feelings[1]:,} good news, {feelings[-1]:,} bad, the rest neither",
            f"topics            {', '.join(self.topic_names)}",
            f"tasks             {', '.join(sorted(filter(self._has, self.tasks)))}",
            "examples          " + documents[0].sentences[0],
            *("                  " + text for text in documents[0].sentences[1:3]),
        ]
        return "\n".join(lines)

    def _has(self, task: str) -> bool:
        """Whether this world can make the task: some are of one domain or language."""
        try:
            self.tasks[task](self, 1)
        except ConfigError:
            return False
        return True

    def _known(self) -> set[str]:
        """The words this world can say without noise."""
        if self.language == "second":
            names = set(vocabulary()) - dictionary().keys()
            return names | set(dictionary().values())
        general = vocabulary() if self.gap < 1 else ()
        return {*vocabulary(self.domain), *general}

    def _document(self, number: int) -> Document:
        # Slips draw from a stream of their own, so that noise changes nothing else.
        draw, slips = stream(self.seed, 0, number), stream(self.seed, 4, number)
        topic = int(draw() * len(self.topics))
        chosen = self.topics[topic]
        scene = scene_of(chosen, draw)
        on_phone = PHONE_SENTENCES if draw() < self._domain.on_phone else 0.0
        kind = choose(draw, ("ham", "spam"))  # what the messages of this document are about
        sentences, sentiments = [], []
        for _ in range(4 + int(draw() * 5)):
            if draw() < on_phone:
                tokens = _phone_sentence(scene, kind, draw)
            else:
                tokens = self._said(chosen, scene, draw)
            sentiments.append(polarity(token.word for token in tokens))
            sentences.append(self.slip(self._in_language(tokens), slips))
        first, second = (" ".join(name.word for name in person) for person in scene.persons)
        organisation = " ".join(token.word for token in scene.organisation)
        place, town = self._in_language([scene.place])[0].word, scene.town.word
        return Document(
            topic, tuple(sentences), (first, second), place, town, organisation, tuple(sentiments)
        )

    def _said(
        self, topic: Topic, scene: Scene, draw: Draw, test: bool | None = None
    ) -> list[Token]:
        """A sentence on a topic, or in a share 1 - gap of cases on a general one."""
        domain = self._domain
        if self.gap < 1 and draw() >= self.gap:
            domain = domain_of("general")
            topic = choose(draw, domain.topics)
        return _topic_sentence(topic, scene, draw, sided(domain.templates, test))

    def _in_language(self, tokens: list[Token]) -> list[Token]:
        return tokens if self.language == "first" else translated(tokens)

    def slip(self, tokens: list[Token], draw: Draw, swaps: bool = True) -> tuple[Token, ...]:
        """The sentence, with a misspelling or a swap in a share ``noise`` of cases.

        Words with a sense are not misspelt and names are not swapped, so that labels stay true.
        Without ``swaps`` all slips are misspellings.
        """
        if draw() < self.noise:
            if draw() < 0.5 or not swaps:
                long = [i for i, t in enumerate(tokens) if len(t.word) > 3 and t.sense is None]
                i = choose(draw, long)
                tokens[i] = tokens[i]._replace(word=misspelt(tokens[i].word, draw, self.real_words))
            else:
                plain = [
                    i for i, (a, b) in enumerate(pairwise(tokens))
                    if a.entity == b.entity == "O" and a.word != b.word
                ]
                i = choose(draw, plain)
                tokens[i], tokens[i + 1] = tokens[i + 1], tokens[i]
        return tuple(tokens)


@cache
def _phrase(text: str) -> tuple[Token, ...]:
    return tuple(Token(word, function_words()[word]) for word in text.split())


@cache
def _compiled(template: str) -> tuple[Token | str, ...]:
    """A template as a row of spelt-out tokens and names of slots."""
    return tuple(
        word[1:-1] if word[0] == "{" else Token(word, function_words()[word])
        for word in template.split()
    )


def _fill(template: str, slots: dict[str, tuple[Token, ...]]) -> list[Token]:
    tokens: list[Token] = []
    for part in _compiled(template):
        tokens += slots[part] if isinstance(part, str) else (part,)
    return tokens


def sided(items: Sequence[Item], test: bool | None) -> Sequence[Item]:
    """All items if ``test`` is None; else one side: every second item, or for tests the others.

    >>> sided("abcde", None), sided("abcde", False), sided("abcde", True)
    ('abcde', 'ace', 'bd')
    """
    return items if test is None else items[int(test) :: 2]


def scene_of(topic: Topic, draw: Draw, test: bool | None = None) -> Scene:
    """People, a place, a town and an organisation, of one side or of both."""
    names = sided(GIVEN_NAMES, test)
    first = int(draw() * len(names))
    second = (first + 1 + int(draw() * (len(names) - 1))) % len(names)

    def person(given: int) -> tuple[Token, Token]:
        family = choose(draw, sided(FAMILY_NAMES, test))
        return Token(names[given], "PROPN", "B-PER"), Token(family, "PROPN", "I-PER")

    head, tail = choose(draw, sided(entries(ORGANISATIONS), test))
    return Scene(
        persons=(person(first), person(second)),
        place=Token(choose(draw, topic.places), "NOUN"),
        town=Token(choose(draw, sided(TOWNS, test)), "PROPN", "B-LOC"),
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
    topic: Topic, scene: Scene, draw: Draw, templates: Sequence[str]
) -> list[Token]:
    template = choose(draw, templates)
    return _fill(template, _slots(topic, scene, draw))


def _slots(topic: Topic, scene: Scene, draw: Draw) -> dict[str, tuple[Token, ...]]:
    slots = _people(scene, draw)
    for n in ("", "2"):
        words = _content_words(topic, *_verb_and_noun(topic, draw), draw)
        slots["verb" + n], slots["noun" + n], slots["adjective" + n] = words
    slots["agent"] = (Token(choose(draw, choose(draw, topic.agents)), "NOUN"),)
    slots["time"] = (Token(choose(draw, TIMES), "ADV"),)
    slots["place"], slots["town"] = (scene.place,), (scene.town,)
    slots["organisation"] = scene.organisation
    return slots


def sentence_slots(
    topic: Topic, draw: Draw, test: bool | None = None
) -> dict[str, tuple[Token, ...]]:
    """Words on a topic for each slot of a template, by its name; of one side, or of both."""
    return _slots(topic, scene_of(topic, draw, test), draw)


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
    scene = scene_of(topic, draw)
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
