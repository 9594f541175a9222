"""Tasks about words: their part of speech, the entities they name, and their sense in a text.

Each has a side for training and one for tests, with other sentence forms and other names. What a
word looks like often does not tell: "drafts" is a verb or a noun, "selby" a town, a family or a
part of an organisation's name, and an ambiguous word may stand beside words of its other sense.
"""

from __future__ import annotations

import numpy as np

from npft.errors import check_count, check_share
from npft.text.examples import Examples
from npft.text.tagged import TaggedTexts
from npft.worlds.domains import function_words
from npft.worlds.draws import Draw, choose, shuffled, stream
from npft.worlds.frames import ENTITY_FORMS, POS_FORMS, forms_of
from npft.worlds.grammar import TinyWorld, sentence_slots, sided
from npft.worlds.lexicon import FAMILY_NAMES, GIVEN_NAMES, ORGANISATIONS, SENSES, TOWNS, entries
from npft.worlds.tokens import Span, Token

Name = tuple[list[str], list[Span]]  # its words, and its entities counted from its first word


def pos_task(world: TinyWorld, n: int, seed: int = 1, test: bool = False) -> TaggedTexts:
    """``n`` sentences with the universal part of speech of each word; groups are their forms.

    >>> tagged = pos_task(TinyWorld(noise=0), 1)
    >>> print(" ".join(f"{w}/{t}" for w, t in zip(tagged.words[0], tagged.tags[0]))[:60])
    mona/PROPN hopes/VERB that/SCONJ gina/PROPN from/ADP orion/P
    """
    world.only_in_first("pos")
    world.only_without_gap("pos")
    draw = stream(world.seed, 7, check_count("seed", seed, 0))
    forms = forms_of(POS_FORMS, test)
    sentences, groups = [], []
    for _ in range(check_count("n", n)):
        topic, form = choose(draw, world.topics), int(draw() * len(forms))
        slots = sentence_slots(topic, draw, test)
        deeds = [word for words in topic.verbs for word in words]
        slots["deed"] = (Token(choose(draw, deeds), "NOUN"),)
        sentences.append(world.slip(filled(forms[form], slots), draw))
        groups.append(2 * form + test)
    return TaggedTexts(
        [[t.word for t in s] for s in sentences],
        [[t.pos for t in s] for s in sentences],
        groups=np.array(groups),
    )


def filled(frame: str, slots: dict[str, tuple[Token, ...]]) -> list[Token]:
    """A frame of ``frames.py`` with its slots filled.

    >>> filled("that/PRON was {noun}", {"noun": (Token("gold", "NOUN"),)})[0]
    Token(word='that', pos='PRON', entity='O', sense=None)
    """
    tokens: list[Token] = []
    for part in frame.split():
        word, _, pos = part.partition("/")
        if word[0] == "{":
            tokens += slots[word[1:-1]]
        else:
            tokens.append(Token(word, pos or function_words()[word]))
    return tokens


def entities_task(world: TinyWorld, n: int, seed: int = 1, test: bool = False) -> TaggedTexts:
    """``n`` sentences with BIO tags of people, places and organisations; ``spans`` hold inner ones.

    Organisations are also called after families and towns, families after towns, and some have
    their town in their name: "selby titan company" holds "selby", "titan company" and "titan".
    Groups are the forms of the sentences.

    >>> tagged = entities_task(TinyWorld(noise=0), 1)
    >>> print(" ".join(tagged.words[0]))
    at the embassy the crane of simon petrov was near millbrook in millbrook
    >>> tagged.spans[0]
    [(6, 8, 'PER'), (6, 7, 'GIVEN'), (7, 8, 'FAMILY'), (10, 11, 'LOC'), (12, 13, 'LOC')]
    """
    world.only_in_first("entities")
    world.only_without_gap("entities")
    draw = stream(world.seed, 8, check_count("seed", seed, 0))
    forms = forms_of(ENTITY_FORMS, test)
    words, tags, spans, groups = [], [], [], []
    for _ in range(check_count("n", n)):
        form = int(draw() * len(forms))
        slots = sentence_slots(choose(draw, world.topics), draw, test)
        names: dict[str, Name] = {}
        for number in ("", "2"):
            names["per" + number] = _person(draw, test)
            names["org" + number] = _organisation(draw, test)
            town = choose(draw, sided(TOWNS, test))
            names["loc" + number] = [town], [(0, 1, "LOC")]
        for slot, (spelt, inner) in names.items():
            kind = inner[0][2]
            slots[slot] = tuple(
                Token(word, "PROPN", f"{'I' if i else 'B'}-{kind}") for i, word in enumerate(spelt)
            )
        sentence = filled(forms[form], slots)
        found, place = [], 0
        for part in forms[form].split():
            inner = names[part[1:-1]][1] if part[1:-1] in names else []
            found += [(place + start, place + end, kind) for start, end, kind in inner]
            place += len(slots[part[1:-1]]) if part[0] == "{" else 1
        # a word may be misspelt but none moves, so that its neighbours stay the same
        sentence = list(world.slip(sentence, draw, swaps=False))
        words.append([t.word for t in sentence])
        tags.append([t.entity for t in sentence])
        spans.append(found)
        groups.append(2 * form + test)
    names_of_tags = ["B-LOC", "B-ORG", "B-PER", "I-ORG", "I-PER", "O"]
    return TaggedTexts(words, tags, names_of_tags, spans, np.array(groups))


def _person(draw: Draw, test: bool) -> Name:
    """A given name, a family name, or both."""
    given = choose(draw, sided(GIVEN_NAMES, test))
    family = choose(draw, [*sided(FAMILY_NAMES, test), *sided(TOWNS, test)])
    u = draw()
    if u < 0.4:
        return [given, family], [(0, 2, "PER"), (0, 1, "GIVEN"), (1, 2, "FAMILY")]
    return ([given], [(0, 1, "PER")]) if u < 0.7 else ([family], [(0, 1, "PER")])


def _organisation(draw: Draw, test: bool) -> Name:
    """An organisation, called after anything; with its town, in full, or by its first word."""
    head, tail = choose(draw, sided(entries(ORGANISATIONS), test))
    town = choose(draw, sided(TOWNS, test))
    if draw() < 0.3:
        head = choose(draw, sided(FAMILY_NAMES, test))
    elif draw() < 0.3:
        return [town, tail], [(0, 2, "ORG"), (0, 1, "LOC")]
    if draw() < 0.3:
        inner: list[Span] = [(0, 3, "ORG"), (0, 1, "LOC"), (1, 3, "ORG"), (1, 2, "ORG")]
        return [town, head, tail], inner
    if draw() < 0.5:
        return [head], [(0, 1, "ORG")]
    return [head, tail], [(0, 2, "ORG"), (0, 1, "ORG")]


def senses_task(
    world: TinyWorld, n: int, seed: int = 1, test: bool = False, distractors: float = 0.5
) -> Examples:
    """``n`` texts, each with a question in ``pairs``, and as its label a sense, "word.topic".

    The question, such as "first bank", says which use of which word in the text is meant.
    Senses are as equal in number as ``n`` allows, so that the most frequent sense is no answer. A
    share ``distractors`` of the texts uses the word twice, in two senses: only order tells which of
    the words around belong to the "first" and which to the "next" use.

    >>> e = senses_task(TinyWorld(noise=0), 1)
    >>> print(e.texts[0], "|", e.pairs[0], "|", e.label_names[e.labels[0]])
    rafael tells elena that the cashier sells the bank | first bank | bank.money
    """
    world.only_in_first("senses")
    world.only_general("senses")
    check_share("distractors", distractors, zero=True, one=True)
    draw = stream(world.seed, 9, check_count("seed", seed, 0))
    names = [f"{word}.{topic}" for word, shares in SENSES.items() for topic in shares]
    wanted = shuffled(draw, [i % len(names) for i in range(check_count("n", n))])
    texts, pairs = [], []
    for label in wanted:
        word, topic = names[label].split(".")
        used = [_use(world, word, topic, draw, test)]
        if draw() < distractors:
            other = choose(draw, [t for t in SENSES[word] if t != topic])
            used.append(_use(world, word, other, draw, test))
        place = len(used) - 1 if draw() < 0.5 else 0
        if place:
            used.reverse()
        texts.append(" and ".join(" ".join(t.word for t in tokens) for tokens in used))
        pairs.append(("first ", "next ")[place] + word)
    return Examples(texts, np.array(wanted, dtype=np.int64), names, pairs)


def _use(
    world: TinyWorld, word: str, topic: str, draw: Draw, test: bool
) -> tuple[Token, ...]:
    """A sentence with this word in the sense of this topic, once."""
    number = world.topic_names.index(topic)
    while True:
        tokens = world.sentence(number, draw, test)
        if [t.sense for t in tokens if t.word == word] == [f"{word}.{topic}"]:
            return tokens


def next_sentence_task(world: TinyWorld, n: int, seed: int = 1, test: bool = False) -> Examples:
    """``n`` passages of up to three sentences, and a sentence: does it follow in the document?

    One half follow. Of the others a quarter come from another document of the same topic, so that
    the topic alone does not tell; the people do. The ``test`` side has other documents, not other
    names or forms; groups are the numbers of the documents the passages are from.

    >>> e = next_sentence_task(TinyWorld(noise=0), 2)
    >>> print(e.pairs[1], "|", e.label_names[e.labels[1]])
    kofi moreau and zeno talk about the confidential reminder and the chart | random
    """
    draw = stream(world.seed, 10, check_count("seed", seed, 0))
    # far behind the documents of pretraining
    start = (1 + test) * 1_000_000 + int(draw() * 900_000)
    documents = world.documents(2 * check_count("n", n), start=start)
    by_topic: dict[int, list[int]] = {}
    for k, document in enumerate(documents):
        by_topic.setdefault(document.topic, []).append(k)
    # odd kinds follow; 0 is of another document of the same topic, the other even ones of any
    kinds = shuffled(draw, [i % 8 for i in range(n)])
    texts, pairs = [], []
    for k, kind in enumerate(kinds):
        document = documents[2 * k]
        place = int(draw() * (len(document.sentences) - 1))
        other = documents[2 * k + 1]
        if kind == 0:
            others = [j for j in by_topic[document.topic] if j != 2 * k] or [2 * k + 1]
            other = documents[choose(draw, others)]
        texts.append(" ".join(document.sentences[max(0, place - 2) : place + 1]))
        follows = kind % 2 == 1
        pairs.append(document.sentences[place + 1] if follows else choose(draw, other.sentences))
    classes = np.array([kind % 2 for kind in kinds], dtype=np.int64)
    groups = start + 2 * np.arange(n)
    return Examples(texts, classes, ["random", "next"], pairs, groups=groups)


TinyWorld.tasks["pos"] = pos_task
TinyWorld.tasks["entities"] = entities_task
TinyWorld.tasks["senses"] = senses_task
TinyWorld.tasks["next_sentence"] = next_sentence_task
