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

from collections.abc import Sequence
from functools import cache

from npft.errors import ConfigError
from npft.worlds.domains import vocabulary
from npft.worlds.lexicon import FAMILY_NAMES, GIVEN_NAMES, ORGANISATIONS, TOWNS, entries
from npft.worlds.tokens import Token

FALSE_FRIEND = "palm"  # a tree or part of a hand in the first language ...
FRIEND_MEANS = "bread"  # ... and in the second what the first calls "bread"
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
        forms = (stem + ending for ending in ENDINGS)
        form = next((f for f in forms if f not in taken), None)
        if form is None:  # too many words share this stem: the whole word
            form = word.translate(SOUNDS) + ENDINGS[len(word) % len(ENDINGS)]
        second[word] = form
        taken.add(form)
    second[FRIEND_MEANS] = FALSE_FRIEND
    return second


def translated(tokens: Sequence[Token]) -> list[Token]:
    """A sentence of the first language said in the second; tags and senses go with their words.

    A word that is in no dictionary, such as a name, is kept as it is.

    >>> [t.word for t in translated([Token("the", "DET"), Token("bread", "NOUN")])]
    ['gyao', 'palm']
    """
    words = dictionary()
    said = [t._replace(word=words.get(t.word, t.word)) for t in reordered(tokens)]
    return [
        t._replace(sense=f"{FALSE_FRIEND}.{FRIEND_MEANS}") if t.word == FALSE_FRIEND else t
        for t in said
    ]


def reordered(tokens: Sequence[Token]) -> list[Token]:
    """A sentence in the order of the second language: adjectives behind nouns, verbs at the end.

    >>> said = [("she", "PRON"), ("bakes", "VERB"), ("fresh", "ADJ"), ("bread", "NOUN")]
    >>> [t.word for t in reordered([Token(word, pos) for word, pos in said])]
    ['she', 'bread', 'fresh', 'bakes']
    """
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
    return ordered + verbs


@cache
def family_words(number: int) -> dict[str, str]:
    """Every word of the first language that is no name, and its word in language ``number`` > 0.

    A family of languages for experiments that need more than two: each has its own form for every
    word, made by turning the vowels and the consonants of the first language ``number`` places on
    and adding two letters that say which language it is. Names stay. The order of words is another
    matter: see ``reordered``.

    Raises ``ConfigError`` for a number that is no whole number from 1 to 26.

    >>> family_words(1)["bread"], family_words(2)["bread"]
    ('csiefqa', 'dtoigqb')
    """
    if type(number) is not int or not 1 <= number <= 26:
        raise ConfigError(f"family_words: number is {number!r}, expected a whole number, 1 to 26")
    vowels, consonants = "aeiou", "bcdfghjklmnpqrstvwxyz"
    turned = {
        letter: letters[(i + number) % len(letters)]
        for letters in (vowels, consonants)
        for i, letter in enumerate(letters)
    }
    # no other word ends so: each form is of one language
    ending = "q" + chr(ord("a") + number - 1)
    table = str.maketrans(turned)
    return {word: word.translate(table) + ending for word in dictionary()}
