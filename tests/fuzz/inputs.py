"""A damaged input, made again from its number alone.

A target is a good file, the reader of npft that reads it, and another reading of the same bytes
that shares no code with npft. A kind is a list of targets. Input ``number`` of a kind is a target
and one to three damages of its file, all drawn from a generator that is seeded with the seed, the
name of the kind and the number: no other input has a say in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

# What a damage does to the bytes of a file: the damaged bytes, and in words what was done.
Damage = Callable[[Random, bytes], tuple[bytes, str]]


class Target(NamedTuple):
    """A good file and how it is read.

    read: the reader under test, from the path of the file. confirm: of the bytes and of what was
    read, None if another reading of the bytes says the same, else what is not so. damages: groups
    of damages; a group is drawn first, then one of its damages.
    """

    name: str
    file: str
    good: bytes
    read: Callable[[Path], Any]
    confirm: Callable[[bytes, Any], str | None]
    damages: Sequence[Sequence[Damage]]


class Input(NamedTuple):
    """The target of an input, what was done to its file in words, and the bytes that came of it."""

    target: Target
    damages: tuple[str, ...]
    data: bytes


def make_input(kind: str, targets: Sequence[Target], seed: int, number: int) -> Input:
    """Input ``number`` of a kind.

    >>> def shout(rng, data):
    ...     return data + b"!" * rng.randint(1, 9), "shouted"
    >>> def agree(data, got):
    ...     return None if got == data else "differs"
    >>> target = Target("greeting", "a.txt", b"hi", Path.read_bytes, agree, [[shout]])
    >>> one, again = (make_input("texts", [target], seed=0, number=7) for _ in range(2))
    >>> one == again, one.data.startswith(b"hi!")
    (True, True)
    """
    rng = Random(f"{seed} {kind} {number}")  # a string, so that it is the same in every process
    target = rng.choice(targets)
    data, done = target.good, []
    for _ in range(rng.choice((1, 1, 1, 1, 2, 2, 3))):
        data, what = rng.choice(rng.choice(target.damages))(rng, data)
        done.append(what)
    return Input(target, tuple(done), data)
