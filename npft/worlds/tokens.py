"""A word with its gold labels, and the entities of a sentence, the inner ones too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Span = tuple[int, int, str]  # the first word, the word after the last, the type


class Token(NamedTuple):
    """A word with its part of speech, its entity tag and its sense.

    ``pos`` is a universal part of speech (NOUN, VERB, ...; without PART: "to" before a verb is ADP,
    "not" is ADV), ``entity`` a BIO tag with PER, LOC or
    ORG, ``sense`` is ``"word.topic"`` for a word of ``SENSES``, else None. A misspelt word keeps
    the tags of the word it was.
    """

    word: str
    pos: str
    entity: str = "O"
    sense: str | None = None


def entity_spans(tokens: Sequence[Token]) -> list[Span]:
    """The entities of a sentence, (first word, word after the last, type), outer before inner.

    An organisation of two words, "titan company", holds its short name, "titan", as "United
    Airlines Holding" holds "United Airlines" (Jurafsky & Martin, section 11.5.2); a full name holds
    a given name and a family name. BIO tags can say only the outer entity.

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
        if end - i == 2 and kind == "PER":
            spans += [(i, i + 1, "GIVEN"), (i + 1, end, "FAMILY")]
        elif end - i == 2:
            spans.append((i, i + 1, kind))
    return spans
