"""The errors of npft: each says what was given, what was expected, and how to mend it.

Every class is also the standard class of its kind, so ``except ValueError`` keeps working:

    ShapeError, ConfigError, CheckpointError, DataError   ValueError
    DtypeError                                            TypeError
    IdError                                               IndexError
    GraphError                                            RuntimeError
    NonFiniteError                                        FloatingPointError
    GradientError                                         AssertionError
"""

from __future__ import annotations

from typing import Any

import numpy as np


class NpftError(Exception):
    """The base of all errors raised by npft."""


class ShapeError(NpftError, ValueError):
    """An array has the wrong number of axes or the wrong lengths."""


class ConfigError(NpftError, ValueError):
    """An option has a value that cannot work."""


class DtypeError(NpftError, TypeError):
    """An array holds the wrong kind of number."""


class IdError(NpftError, IndexError):
    """A token, position or class number is outside its table."""


class GraphError(NpftError, RuntimeError):
    """The graph is not in a state in which this can be done."""


class GradientError(NpftError, AssertionError):
    """A gradient differs from the numerical derivative."""


class NonFiniteError(NpftError, FloatingPointError):
    """A loss, a gradient or a weight is NaN or infinite."""


class CheckpointError(NpftError, ValueError):
    """A file is not a checkpoint of npft, or is damaged."""


class DataError(NpftError, ValueError):
    """A data file cannot be read; the message begins with ``file:line``."""

    def __init__(self, message: str, path: Any = None, line: int | None = None) -> None:
        where = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(where + message)


def check_shape(name: str, array: np.ndarray, axes: str) -> dict[str, int]:
    """Check that ``array`` has the named axes, and return their lengths.

    An axis written as a number must have just that length; a name that occurs twice must have
    the same length both times.

    Raises ``ShapeError`` with the name, the shape given and the shape expected.

    >>> check_shape("x", np.zeros((2, 5, 8)), "B T D")
    {'B': 2, 'T': 5, 'D': 8}
    >>> check_shape("x", np.zeros((5, 8)), "B T D")
    Traceback (most recent call last):
        ...
    npft.errors.ShapeError: x has shape (5, 8), expected 3 axes (B, T, D)
    """
    shape, names = np.shape(array), axes.split()
    sizes: dict[str, int] = {}
    if len(shape) == len(names):
        for axis, length in zip(names, shape):
            want = int(axis) if axis.isdigit() else sizes.setdefault(axis, length)
            if length != want:
                break
        else:
            return sizes
    expected = "(" + ", ".join(names) + ("," if len(names) == 1 else "") + ")"
    if len(shape) != len(names):
        raise ShapeError(f"{name} has shape {shape}, expected {len(names)} axes {expected}")
    raise ShapeError(f"{name} has shape {shape}, expected {expected} with {axis} = {want}")


def check_count(name: str, value: Any, least: int = 1) -> int:
    """Check that ``value`` is a whole number, ``least`` or more; return it.

    >>> check_count("steps", 2.5)
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: steps is 2.5, expected a whole number, 1 or more
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{name} is {value!r}, expected a whole number, {least} or more")
    return int(value)


def check_rng(name: str, rng: Any) -> None:
    """Check that ``rng`` is a generator of random numbers, and not, for example, a seed.

    >>> check_rng("pretrain: rng", 3)
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: pretrain: rng is 3, expected a generator: np.random.default_rng(seed)
    """
    if not isinstance(rng, np.random.Generator):
        raise ConfigError(f"{name} is {rng!r}, expected a generator: np.random.default_rng(seed)")


def check_finite(name: str, array: np.ndarray) -> None:
    """Check that no element is NaN or infinite.

    Raises ``NonFiniteError`` with the first position and value that is.

    >>> check_finite("x", np.array([[1.0, np.nan]]))
    Traceback (most recent call last):
        ...
    npft.errors.NonFiniteError: x is nan at (0, 1), expected a finite number
    """
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise NonFiniteError(f"{name} is {array[where]} at {where}, expected a finite number")
