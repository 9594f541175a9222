"""Labelled tasks made by TinyWorld's own grammar: the labels are right by construction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations

import numpy as np

from npft.errors import check_choice, check_count
from npft.text.examples import Examples
from npft.worlds.domains import TEMPLATES
from npft.worlds.draws import Draw, choose, shuffled, stream
from npft.worlds.grammar import Meaning, TinyWorld, draw_meaning, say
from npft.worlds.languages import translated
from npft.worlds.tokens import Token


def topic_task(
    world: TinyWorld, n: int, seed: int = 1, test: bool | None = None
) -> Examples:
    """``n`` single sentences, each labelled with its topic; topics as equal as ``n`` allows.

    A topic has about 100 words, most of them synonyms, and a sentence shows three to five. With
    32 or 160 labels many test words were therefore never seen in training: a bag of words is weak,
    and an encoder that learnt in pretraining which words keep company is not. The sentences do not
    occur in the world's documents except by chance. ``test`` True or False keeps to one side, its
    forms and names; by default a sentence may be of both.

    Raises ``ConfigError`` for an ``n`` or ``seed`` that is not a whole number from 1 or from 0.

    >>> examples = topic_task(TinyWorld(), 16)
    >>> np.bincount(examples.labels)
    array([2, 2, 2, 2, 2, 2, 2, 2])
    """
    world.only_without_gap("topic")
    draw = stream(world.seed, 1, check_count("seed", seed, 0))
    names = world.topic_names
    labels = shuffled(draw, [i % len(names) for i in range(check_count("n", n))])
    sentences = [world.sentence(label, draw, test) for label in labels]
    texts = [_text(tokens) for tokens in sentences]
    return Examples(texts, labels=np.array(labels, dtype=np.int64), label_names=list(names))


# What two sentences can share, and what it adds to their similarity.
WEIGHTS: dict[str, dict[str, float]] = {
    "words": {"topic": 1.0, "verb": 1.0, "noun": 1.5, "agent": 1.0},
    "synonyms": {"topic": 1.0, "verb": 1.0, "noun": 1.5},
}
# The sentences with one verb and one noun: about an agent, or about a person.
AGENT_TEMPLATES = [t for t in TEMPLATES if "{agent}" in t]
PERSON_TEMPLATES = [t for t in TEMPLATES if "{verb} the {adjective} {noun}" in t]


def similarity_task(world: TinyWorld, n: int, kind: str = "words", seed: int = 1) -> Examples:
    """``n`` pairs of sentences with their graded similarity: 0 for unrelated, 5 for one meaning.

        grade = 5 (topic + verb + 1.5 noun + agent) / 4.5

    where each is 1 if both sentences have that topic, or a word of that meaning, and else 0.

    "words"     synonyms stand freely for one another, so that what is shared is often literally
                the same word, and a bag of words does well.
    "synonyms"  without the agent: 5 (topic + verb + 1.5 noun) / 3.5. No verb, noun or adjective
                stands in both sentences: what is shared is always said with another word, and a
                bag of words is nearly blind.

    Pairs that share nothing, the topic alone, and each combination of the rest are as equal in
    number as ``n`` allows. People, places and towns are drawn for each sentence on its own and do
    not count. The first sentences are in ``texts``, the second ones in ``pairs``.

    Raises ``ConfigError`` for a ``kind`` that does not exist, or an ``n`` or ``seed`` that is not
    a whole number from 1 or from 0.

    >>> pairs = similarity_task(TinyWorld(noise=0), 5, "synonyms")
    >>> pairs.labels.round(2).tolist()
    [3.57, 5.0, 1.43, 2.86, 0.0]
    >>> pairs.texts[1]
    'ivan tunes the loud speaker at the bandstand'
    >>> pairs.pairs[1]
    'george from kestrel trust adjusts the muffled amplifier for marta'
    """
    check_choice("similarity_task: kind", kind, sorted(WEIGHTS))
    world.only_in_first(f"similarity_{kind}")
    world.only_general(f"similarity_{kind}")
    weights = WEIGHTS[kind]
    _, *parts = weights
    wanted: list[tuple[str, ...]] = [()]
    wanted += [("topic", *c) for k in range(len(parts) + 1) for c in combinations(parts, k)]
    check_count("seed", seed, 0)
    draw, slips = stream(world.seed, 5, seed), stream(world.seed, 6, seed)
    shares = shuffled(draw, [wanted[i % len(wanted)] for i in range(check_count("n", n))])
    said = [_pair(kind, shared, draw) for shared in shares]
    scale = 5 / sum(weights.values())
    grades = [scale * sum(weights[part] for part in shared) for shared in shares]
    # Slips have a stream of their own: without noise these are the same pairs without the slips.
    slipped = [(world.slip(first, slips), world.slip(second, slips)) for first, second in said]
    return Examples(
        texts=[_text(first) for first, _ in slipped],
        pairs=[_text(second) for _, second in slipped],
        labels=np.array(grades, dtype=np.float64),
    )


def _pair(kind: str, shared: tuple[str, ...], draw: Draw) -> tuple[list[Token], list[Token]]:
    """Two sentences that share just this, drawn as in documents again and again until they do."""
    n_topics = len(TinyWorld.topic_names)
    one = int(draw() * n_topics)
    other = one if shared else (one + 1 + int(draw() * (n_topics - 1))) % n_topics
    templates = AGENT_TEMPLATES if kind == "words" else PERSON_TEMPLATES
    while True:
        a, b = draw_meaning(one, draw), draw_meaning(other, draw)
        if _shared(a, b, kind) == shared:
            first = say(a, choose(draw, templates), draw)
            second = say(b, choose(draw, templates), draw)
            if kind == "words" or not _content(first) & _content(second):
                return first, second


def _shared(a: Meaning, b: Meaning, kind: str) -> tuple[str, ...]:
    """What the meanings have in common. Numbers of different topics have nothing in common."""
    if a.topic != b.topic:
        return ()
    return tuple(part for part in WEIGHTS[kind] if getattr(a, part) == getattr(b, part))


def _content(tokens: list[Token]) -> set[str]:
    return {token.word for token in tokens if token.pos in ("VERB", "NOUN", "ADJ")}


def _text(tokens: Sequence[Token]) -> str:
    return " ".join(token.word for token in tokens)


def parallel_task(world: TinyWorld, n: int, seed: int = 1) -> Examples:
    """``n`` sentences in the first language (``texts``) and in the second (``pairs``).

    Labels are the topics. Without noise these are the first sentences of the same documents of
    ``TinyWorld(seed)`` and ``TinyWorld(seed, language="second")``.

    >>> e = parallel_task(TinyWorld(noise=0), 1)
    >>> print(e.texts[0])
    have you seen how busy emil was here in an hour with the soft dinner
    >>> print(e.pairs[0])
    yofao ieio zaamo yeho pizio emil hozo yalao umo omo yeilo hugyo gyao kummalo zevgo
    """
    world.only_in_first("parallel")
    world.only_general("parallel")
    start = check_count("seed", seed, 0) * check_count("n", n)
    documents = world.documents(n, start=start)
    chosen = [d.tokens[0] for d in documents]
    return Examples(
        [_text(tokens) for tokens in chosen],
        np.array([d.topic for d in documents], dtype=np.int64),
        list(world.topic_names),
        [_text(translated(tokens)) for tokens in chosen],
    )


TinyWorld.tasks["topic"] = topic_task
TinyWorld.tasks["similarity_words"] = partial(similarity_task, kind="words")
TinyWorld.tasks["similarity_synonyms"] = partial(similarity_task, kind="synonyms")
TinyWorld.tasks["parallel"] = parallel_task
