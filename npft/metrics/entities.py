"""Entities that tags mark: which words belong together, and what they name.

    words   Mt.    Sanitas  is  in  Boulder  .
    BIO     B-LOC  I-LOC    O   O   B-LOC    O    also called IOB2
    IOB1    I-LOC  I-LOC    O   O   I-LOC    O    B- only where two entities of a type touch
    IOBES   B-LOC  E-LOC    O   O   S-LOC    O    the last word is E-, a single one S-
    BILOU   B-LOC  L-LOC    O   O   U-LOC    O    the same with other letters

A model may write tags that break these rules, such as an I- after O. Two readings are common, and
they agree on tags that break none:

    by default   the CoNLL evaluation and seqeval: a tag that goes on nothing begins an entity
    strict       seqeval with mode="strict": what is not written by the rules is no entity

or it may be kept from writing them: ``may_follow`` says what the rules allow (``heads/crf.py``).

(Tjong Kim Sang & De Meulder 2003; Ramshaw & Marcus 1995; Ratinov & Roth 2009.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from npft.errors import ConfigError, DataError, check_strings

SCHEMES = {"bio": "BI", "iob1": "BI", "iobes": "BIES", "bilou": "BILU"}  # and O
BEGINS, ENDS = "BSU", "ELSU"  # these always begin an entity, and these always end one

Entity = tuple[int, int, str]  # the first word, the word after the last, the type


def letter_of(tag: str) -> str:
    """O of "O", B of "B-LOC" and of "B", and "" of a tag that has not this form.

    >>> letter_of("B-LOC"), letter_of("O"), letter_of("NOUN")
    ('B', 'O', '')
    """
    typed = len(tag) > 2 and tag[1] == "-" and tag[0] != "O"
    return tag[0] if typed or len(tag) == 1 else ""


def schemes_of(tags: Iterable[str]) -> list[str]:
    """The names of the schemes that know all these tags; of plain tags there is none.

    >>> schemes_of(["O", "B-LOC", "E-LOC"]), schemes_of(["DET", "NOUN"])
    (['iobes'], [])
    """
    letters = {letter_of(tag) for tag in tags} - {"O"}
    return [name for name, own in SCHEMES.items() if letters <= set(own)]


def scheme_of(tags: Iterable[str]) -> str:
    """The scheme of all tags of a data set: "bio", "iob1", "iobes", "bilou", or "plain" for others.

    B- and I- are taken for BIO, I- without B- for IOB1. Raises ``ConfigError`` where the tags leave
    it open: B- alone, O alone, letters without a type.

    >>> scheme_of(["O", "B-LOC", "I-LOC"]), scheme_of(["DET", "NOUN"])
    ('bio', 'plain')
    >>> scheme_of(["O", "B-LOC"])
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: the tags B-LOC, O may be those of bio, iob1, iobes, bilou; say which \
it is: scheme bio, or scheme plain if they mark no entities
    """
    tags = set(tags)
    could = schemes_of(tags)
    if not could:
        return "plain"
    letters = {letter_of(tag) for tag in tags} - {"O"}
    if letters <= {"B"} or any(len(tag) == 1 for tag in tags - {"O"}):
        raise ConfigError(in_doubt(tags))
    return "iob1" if letters == {"I"} else could[0]


def in_doubt(tags: Iterable[str]) -> str:
    """What to say of tags that may be those of several schemes, or of none."""
    return (
        f"the tags {', '.join(sorted(set(tags)))} may be those of {', '.join(schemes_of(tags))}; "
        f"say which it is: scheme {schemes_of(tags)[0]}, or scheme plain if they mark no entities"
    )


def check_scheme(name: str, scheme: str, tags: Iterable[str]) -> str:
    """Return the scheme if it is one, or "plain", and knows all the tags.

    Raises ``ConfigError`` for another scheme, ``DataError`` for a tag it does not know.

    >>> check_scheme("Tags", "bio", ["O", "E-LOC"])
    Traceback (most recent call last):
        ...
    npft.errors.DataError: Tags: the tag 'E-LOC' is none of bio, whose tags are O, B-type, I-type
    """
    if scheme == "plain":
        return scheme
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        raise ConfigError(f"{name}: scheme is {scheme!r}, expected {', '.join(SCHEMES)} or plain")
    for tag in sorted(set(tags)):
        if letter_of(tag) not in [*"O", *SCHEMES[scheme]]:
            known = ", ".join(["O"] + [f"{letter}-type" for letter in SCHEMES[scheme]])
            raise DataError(f"{name}: the tag {tag!r} is none of {scheme}, whose tags are {known}")
    return scheme


def entities(tags: Sequence[str], scheme: str = "bio", strict: bool = False) -> set[Entity]:
    """The entities that the tags of one text mark, as (first word, word after the last, type).

    Two neighbouring words are of one entity if they have the same type, the first ends none (E, L,
    S, U) and the second begins none (B, S, U). ``strict`` leaves out entities that are not written
    as the scheme writes them. Raises as ``check_scheme``, and ``DtypeError`` for what are no tags.

    >>> sorted(entities(["B-LOC", "I-LOC", "O", "B-LOC", "B-PER", "I-ORG"]))
    [(0, 2, 'LOC'), (3, 4, 'LOC'), (4, 5, 'PER'), (5, 6, 'ORG')]
    >>> sorted(entities(["S-LOC", "B-PER", "I-PER", "O"], "iobes", strict=True))
    [(0, 1, 'LOC')]
    """
    tags = check_strings("entities: tags", tags)
    check_scheme("entities", scheme, tags)
    if scheme == "plain":
        raise ConfigError("entities: plain tags mark no entities; give one of their schemes")
    found: set[Entity] = set()
    start, before = 0, "O"
    for i, tag in enumerate([*tags, "O"]):
        joined = "O" not in (tag, before) and tag[2:] == before[2:]
        if joined and before[0] not in ENDS and tag[0] not in BEGINS:
            before = tag
            continue
        if before != "O":
            after = start > 0 and tags[start - 1] != "O" and tags[start - 1][2:] == before[2:]
            letters = [tag[0] for tag in tags[start:i]]
            if not strict or letters == _written(i - start, scheme, after):
                found.add((start, i, before[2:]))
        start, before = i, tag
    return found


def may_follow(before: str, tag: str, scheme: str) -> bool:
    """Whether a scheme writes one tag right after another; in plain tags every move is allowed.

    A text begins as if O stood before it and ends as if O stood after it. Tags that keep to this
    mark entities that are all written by the rules (see ``entities``). Both tags are of the scheme.

    >>> may_follow("B-LOC", "I-LOC", "bio"), may_follow("O", "I-LOC", "bio")
    (True, False)
    >>> may_follow("B-LOC", "O", "iobes")  # an entity of several words ends with E-
    False
    """
    same = "O" not in (before, tag) and before[2:] == tag[2:]
    if scheme == "bio":
        return same or tag[0] != "I"
    if scheme == "iob1":
        return same or tag[0] != "B"
    if scheme == "plain":
        return True
    opened, goes_on = before[0] in "BI", tag[0] in "IEL"
    return opened == goes_on and (same or not goes_on)


def _written(n: int, scheme: str, after: bool) -> list[str]:
    """The letters of an entity of n words; ``after``: one of its type stands right before it."""
    if scheme == "bio":
        return [*"B", *"I" * (n - 1)]
    if scheme == "iob1":
        return [*("B" if after else "I"), *"I" * (n - 1)]
    end, single = SCHEMES[scheme][2], SCHEMES[scheme][3]
    return [single] if n == 1 else [*"B", *"I" * (n - 2), end]
