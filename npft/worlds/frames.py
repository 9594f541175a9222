"""The sentence forms of the tagging tasks, as plain data: an opening, a core, and an end each.

``word/TAG`` is a word with the part of speech it has here; a word without a tag has the one of
``domains.py``. ``{deed}`` is a verb form said as a noun ("the drafts of anna"), so that most verbs,
and small words such as "that", "so" and "before", can be tagged by their neighbours alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

POS_FORMS = (
    ("", "{time}", "at the {place}", "{person} says that/SCONJ", "{other} hopes that/SCONJ"),
    (
        "{person} {verb} the {adjective} {noun}",
        "the {agent} {verb} that/DET {noun}",
        "that/PRON is the {deed} of {other}",
        "the {deed} of {person} are so/ADV {adjective}",
        "{person} from {organisation} {verb} no {deed}",
        "my {deed} are near the {noun} that/PRON {person} {verb}",
    ),
    (
        "",
        "so/SCONJ {other} {verb2} it",
        "before/ADP the {noun2}",
        "before/SCONJ the {agent} {verb2} the {noun2}",
        "with {other} in {town}",
    ),
)
ENTITY_FORMS = (
    ("", "{time}", "in {loc2}", "at the {place}", "{per2} says that/SCONJ"),
    (
        "{per} from {org} {verb} the {noun}",
        "{org} {verb} the {adjective} {noun}",
        "the {agent} of {org} {verb} the {noun}",
        "the {noun} of {per} was near {loc}",
        "{per} tells {org} about the {noun}",
        "{org} tells {per} about the {noun}",
    ),
    ("", "in {loc}", "with {per2}", "with {org2}", "for {org2}", "for {per2}", "near {loc}"),
)


def forms_of(parts: Sequence[Sequence[str]], test: bool) -> list[str]:
    """The sentence forms of one side: a quarter of all combinations are for tests.

    Every part stands on both sides, no combination on both.

    >>> forms_of((["a", "b"], ["c", "d"]), True), forms_of((["a", "b"], ["c", "d"]), False)
    (['a c'], ['a d', 'b c', 'b d'])
    """
    numbered = product(*([(i, part) for i, part in enumerate(options)] for options in parts))
    return [
        " ".join(part for _, part in combination if part)
        for combination in numbered
        if (sum(i for i, _ in combination) % 4 == 0) == test
    ]
