"""A second language that means what the first one says: other words, another order.

    yara boards the delayed minibus at the embassy          first language
    yara gyao numupio karoiao ogo gyao anpozzo peolkzo      second language

Content words and small words are replaced one by one, names stay. An adjective follows its noun,
and the verbs come last in their clause, so that sentences cannot be matched word by word. Word
forms are made from the first language's own sounds by fixed rules, and every word gets its own.

One form is a false friend: ``FALSE_FRIEND`` is a word of both languages with two meanings, as "die"
is in English and in German (Jurafsky & Martin, figure 11.7).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from npft.text.examples import Examples
from npft.worlds.draws import whole_number
from npft.worlds.grammar import TinyWorld, Token, vocabulary
from npft.worlds.lexicon import FAMILY_NAMES, GIVEN_NAMES, ORGANISATIONS, SENSES, TOWNS, entries

FALSE_FRIEND = "palm"  # a tree or part of a hand in the first language ...
FRIEND_MEANS = "bread"  # ... and in the second what the first one calls so
SOUNDS = str.maketrans("aeioubdgptkcfvszmnrlwhyjqx", "oaueipkdbgtsvfzcnmlrhyijxq")
ENDINGS = ("o", "a", "i", "u", "e", "an", "on", "el")  # the first that makes a form of its own


@cache
def dictionary() -> dict[str, str]:
    """Every word of the first language that is no name, and its word in the second.

    >>> words = dictionary()
    >>> words["bread"], len(set(words.values())) == len(words)
    ('palm', True)
    """
    names = {*GIVEN_NAMES, *FAMILY_NAMES, *TOWNS}
    names |= {word for name in entries(ORGANISATIONS) for word in name}
    first = [word for word in vocabulary() if word not in names]
    taken = {*vocabulary(), FALSE_FRIEND}
    second = {}
    for word in first:
        stem = word.translate(SOUNDS)[:6]
        forms = (stem + "".join(end) for end in ((e,) for e in ENDINGS))
        form = next((f for f in forms if f not in taken), None)
        if form is None:  # many words share a stem: all of it, then
            form = word.translate(SOUNDS) + ENDINGS[len(word) % len(ENDINGS)]
        second[word] = form
        taken.add(form)
    second[FRIEND_MEANS] = FALSE_FRIEND
    return second


def translated(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """A sentence of the first language said in the second; tags go with their words.

    A misspelt word is kept as it is. The false friend's sense names its language.
    """
    words = dictionary()
    ordered: list[Token] = []
    verbs: list[Token] = []
    for i, token in enumerate(tokens):
        if token.pos == "VERB":
            verbs.append(token)
        elif token.pos == "ADJ" and i + 1 < len(tokens) and tokens[i + 1].pos == "NOUN":
            continue  # said behind its noun
        else:
            if token.pos in ("SCONJ", "CCONJ") and verbs:
                ordered, verbs = ordered + verbs, []  # the clause ends
            ordered.append(token)
            if token.pos == "NOUN" and i and tokens[i - 1].pos == "ADJ":
                ordered.append(tokens[i - 1])
    said = [t._replace(word=words.get(t.word, t.word), sense=None) for t in ordered + verbs]
    return tuple(
        t._replace(sense=f"{FALSE_FRIEND}.{FRIEND_MEANS}") if t.word == FALSE_FRIEND else t
        for t in said
    )


def second_language(world: TinyWorld, n: int, start: int = 0) -> list[list[str]]:
    """Documents of a world in the second language: n lists of sentences.

    >>> second_language(TinyWorld(noise=0), 1)[0][2]
    'yara gyao numupio karoiao ogo gyao anpozzo peolkzo'
    """
    return [
        [" ".join(token.word for token in translated(tokens)) for tokens in document.tokens]
        for document in world.documents(n, start)
    ]


def parallel_task(world: TinyWorld, n: int, seed: int = 1) -> Examples:
    """``n`` sentences in the first language (``texts``) and in the second (``pairs``).

    Labels are the topics.
    """
    start = whole_number("seed", seed, 0) * whole_number("n", n, 1)
    documents = world.documents(n, start=start)
    chosen = [d.tokens[0] for d in documents]
    return Examples(
        [" ".join(t.word for t in tokens) for tokens in chosen],
        np.array([d.topic for d in documents], dtype=np.int64),
        list(world.topic_names),
        [" ".join(t.word for t in translated(tokens)) for tokens in chosen],
    )


TinyWorld.tasks["parallel"] = parallel_task
