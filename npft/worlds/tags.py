"""Gold tags for every word: parts of speech, entities inside entities, and senses.

All are by-products of the grammar, which knows what it says. An organisation such as
"titan company" holds a shorter name, "titan", as "United Airlines Holding" holds "United Airlines"
(Jurafsky & Martin, section 11.5.3), and a full name holds a given name and a family name. BIO tags
can say only the outer entity; ``spans`` say both.
"""

from __future__ import annotations

import numpy as np

from npft.text.examples import Examples
from npft.text.tagged import Span, TaggedTexts
from npft.worlds.draws import choose, shuffled, stream, whole_number
from npft.worlds.grammar import TinyWorld, Token
from npft.worlds.lexicon import SENSES


def entity_spans(tokens: tuple[Token, ...]) -> list[Span]:
    """The entities of a sentence, (first word, word after the last, type), outer before inner.

    >>> person = Token("nils", "PROPN", "B-PER"), Token("haas", "PROPN", "I-PER")
    >>> entity_spans((Token("hi", "INTJ"), *person))
    [(1, 3, 'PER'), (1, 2, 'GIVEN'), (2, 3, 'FAMILY')]
    """
    spans: list[Span] = []
    for i, token in enumerate(tokens):
        if token.entity[0] != "B":
            continue
        kind, end = token.entity[2:], i + 1
        while end < len(tokens) and tokens[end].entity == f"I-{kind}":
            end += 1
        spans.append((i, end, kind))
        if end - i == 2:
            inner = ("GIVEN", "FAMILY") if kind == "PER" else (kind,)
            spans += [(i + k, i + k + 1, name) for k, name in enumerate(inner)]
    return spans


def _sentences(world: TinyWorld, n: int, seed: int, purpose: int) -> list[tuple[Token, ...]]:
    """n sentences of all topics, each on people of its own, that stand in no document."""
    draw = stream(world.seed, purpose, whole_number("seed", seed, 0))
    topics = len(world.topic_names)
    return [world.sentence(i % topics, draw) for i in range(whole_number("n", n, 1))]


def pos_task(world: TinyWorld, n: int, seed: int = 1) -> TaggedTexts:
    """``n`` sentences with the universal part of speech of each word.

    >>> tagged = pos_task(TinyWorld(noise=0), 1)
    >>> list(zip(tagged.words[0], tagged.tags[0]))[:3]
    [('the', 'DET'), ('shareholder', 'NOUN'), ('owes', 'VERB')]
    """
    sentences = _sentences(world, n, seed, 7)
    return TaggedTexts(
        [[t.word for t in s] for s in sentences], [[t.pos for t in s] for s in sentences]
    )


def entities_task(world: TinyWorld, n: int, seed: int = 1) -> TaggedTexts:
    """``n`` sentences with BIO tags of people, places and organisations; ``spans`` hold inner ones.

    >>> tagged = entities_task(TinyWorld(noise=0), 8)
    >>> tagged.tag_names
    ['B-LOC', 'B-ORG', 'B-PER', 'I-ORG', 'I-PER', 'O']
    """
    sentences = _sentences(world, n, seed, 8)
    return TaggedTexts(
        [[t.word for t in s] for s in sentences],
        [[t.entity for t in s] for s in sentences],
        tag_names=["B-LOC", "B-ORG", "B-PER", "I-ORG", "I-PER", "O"],
        spans=[entity_spans(s) for s in sentences],
    )


def senses_task(world: TinyWorld, n: int, seed: int = 1) -> Examples:
    """``n`` sentences with an ambiguous word (in ``pairs``) and its sense, "word.topic".

    Senses are as equal in number as ``n`` allows, so that the most frequent sense is no answer.
    """
    draw = stream(world.seed, 9, whole_number("seed", seed, 0))
    names = [f"{word}.{topic}" for word, shares in SENSES.items() for topic in shares]
    wanted = shuffled(draw, [i % len(names) for i in range(whole_number("n", n, 1))])
    texts, pairs = [], []
    for label in wanted:
        word, topic = names[label].split(".")
        number = world.topic_names.index(topic)
        while True:
            tokens = world.sentence(number, draw)
            if any(token.sense == names[label] for token in tokens):
                break
        texts.append(" ".join(token.word for token in tokens))
        pairs.append(word)
    return Examples(texts, np.array(wanted, dtype=np.int64), names, pairs)


def next_sentence_task(world: TinyWorld, n: int, seed: int = 1) -> Examples:
    """``n`` pairs of sentences: does the second follow the first in a document?

    One half follow. Of the others a half come from another document of the same topic, so that the
    topic alone does not tell; the people do.
    """
    draw = stream(world.seed, 10, whole_number("seed", seed, 0))
    start = 100_000 + int(draw() * 800_000)  # far behind the documents of pretraining
    documents = world.documents(2 * whole_number("n", n, 1), start=start)
    by_topic: dict[int, list[int]] = {}
    for k, document in enumerate(documents):
        by_topic.setdefault(document.topic, []).append(k)
    # 1 and 3 follow; 0 is of the same topic, 2 of any
    labels = shuffled(draw, [i % 4 for i in range(n)])
    texts, pairs = [], []
    for k, kind in enumerate(labels):
        document = documents[2 * k]
        place = int(draw() * (len(document.sentences) - 1))
        other = document
        if kind == 0:
            others = [j for j in by_topic[document.topic] if j != 2 * k] or [2 * k + 1]
            other = documents[choose(draw, others)]
        elif kind == 2:
            other = documents[2 * k + 1]
        texts.append(document.sentences[place])
        follows = kind % 2 == 1
        pairs.append(document.sentences[place + 1] if follows else choose(draw, other.sentences))
    classes = np.array([kind % 2 for kind in labels], dtype=np.int64)
    return Examples(texts, classes, ["random", "next"], pairs)


TinyWorld.tasks["pos"] = pos_task
TinyWorld.tasks["entities"] = entities_task
TinyWorld.tasks["senses"] = senses_task
TinyWorld.tasks["next_sentence"] = next_sentence_task
