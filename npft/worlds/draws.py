"""Random choices whose outcome is the same on every machine.

Everything in this package draws from ``random.Random(seed).random()`` alone. Python promises that
this stream never changes; it does not promise the same of ``choice`` or ``shuffle``, and NumPy does
not promise it of its generators. So the few helpers needed stand here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from npft.errors import ConfigError, check_count, quoted

Item = TypeVar("Item")
Draw = Callable[[], float]  # returns the next number in [0, 1)


def stream(seed: int, purpose: int, index: int = 0) -> Draw:
    """A source of numbers in [0, 1) that depends on ``(seed, purpose, index)`` and nothing else.

    ``purpose`` is 0 to 17, ``index`` below 2**40. Two different triples with purposes 0 to 15 give
    unrelated streams. For the other two purposes there is no room of their own: ``(seed, 16, i)``
    and ``(seed, 17, i)`` are the streams ``(seed, 0, i + 1)`` and ``(seed, 1, i + 1)``, the last
    ones those of the next seed's index 0. They stay so, for results depend on their numbers.

    Raises ``ConfigError`` for what is not such a whole number.

    >>> stream(0, 0, 7)() == stream(0, 0, 7)(), stream(0, 0, 7)() == stream(0, 0, 8)()
    (True, False)
    >>> stream(0, 16, 6)() == stream(0, 0, 7)()
    True
    """
    check_count("seed", seed, 0)
    if check_count("purpose", purpose, 0) > 17:
        raise ConfigError(f"purpose is {purpose}, expected a whole number, 0 to 17")
    if check_count("index", index, 0) >= 2**40:
        raise ConfigError(f"index is {index}, expected a number below 2**40")
    return random.Random((int(seed) << 44) + (int(index) << 4) + int(purpose)).random


def check_draw(draw: Any) -> None:
    """Raise ``ConfigError`` for what cannot be a source of numbers."""
    if not callable(draw):
        raise ConfigError(f"draw is {quoted(draw)}, expected what gives the next number in [0, 1) "
                          "when it is called, such as random.Random(0).random")


def check_side(test: Any, both: bool = True) -> None:
    """Raise ``ConfigError`` for what is neither True nor False nor, of ``both`` sides, None.

    NumPy's True and False are as good, and so are 1 and 0.

    >>> check_side(True), check_side(1), check_side(None)
    (None, None, None)
    """
    whole = isinstance(test, (int, np.integer)) and test in (0, 1)
    if not (whole or isinstance(test, (bool, np.bool_)) or (both and test is None)):
        expected = "True, False, or None for both sides" if both else "True or False"
        raise ConfigError(f"test is {quoted(test)}, expected {expected}")


def choose(draw: Draw, options: Sequence[Item]) -> Item:
    """One of ``options``, each with the same chance.

    >>> choose(lambda: 0.6, ["a", "b", "c"])
    'b'
    """
    return options[int(draw() * len(options))]


def shuffled(draw: Draw, items: Sequence[Item]) -> list[Item]:
    """A new list in random order (Fisher and Yates).

    >>> shuffled(lambda: 0.0, [1, 2, 3])
    [2, 3, 1]
    """
    order = list(items)
    for last in range(len(order) - 1, 0, -1):
        other = int(draw() * (last + 1))
        order[last], order[other] = order[other], order[last]
    return order
