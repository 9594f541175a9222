"""JSON as npft reads it: an object in which a key stands twice is none.

Python's reader takes the last of two equal keys without a word, so a damaged file would be read as
another one.
"""

from __future__ import annotations

import json
from typing import Any

from npft.errors import listed


def _once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) < len(items):
        raise ValueError(f"a key occurs twice in {listed(name for name, _ in items)}")
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_once)


def parse(text: str) -> Any:
    """The value of a text of JSON; raises ``ValueError`` or ``RecursionError`` for what is none.

    >>> parse('{"kind": "bpe"}')
    {'kind': 'bpe'}
    >>> parse('{"kind": "bpe", "kind": "byte"}')
    Traceback (most recent call last):
        ...
    ValueError: a key occurs twice in kind, kind
    """
    return DECODER.decode(text)
