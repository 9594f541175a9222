"""The errors of npft: each says what was given, what was expected, and how to mend it.

Every class is also the standard class of its kind, so ``except ValueError`` keeps working:

    ShapeError, ConfigError, CheckpointError, DataError   ValueError
    DtypeError                                            TypeError
    IdError                                               IndexError
    GraphError, WorkerError                               RuntimeError
    NonFiniteError                                        FloatingPointError
    GradientError                                         AssertionError
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
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
    """A file that npft writes and reads: it cannot be written, is damaged, or is none of npft's."""


class WorkerError(NpftError, RuntimeError):
    """A process that was to do a part of the work ended before."""


class DataError(NpftError, ValueError):
    """A data file cannot be read; the message begins with ``file:line``."""

    def __init__(self, message: str, path: Any = None, line: int | None = None) -> None:
        name = str(path)
        if not name.isprintable():  # a line break in a file's name, or a name that is no text
            name = quoted(name, 200)
        where = "" if path is None else f"{name}: " if line is None else f"{name}:{line}: "
        super().__init__(where + message)


def quoted(value: Any, limit: int = 40) -> str:
    r"""``value`` as a message shows it: on one line, control characters escaped, and cut.

    What stands in a file may be of any length and may hold characters that move the cursor, so
    messages show it through here. A string has quotes; it is cut after ``limit`` characters.

    >>> print(quoted("see\tyou"), quoted("x" * 50, limit=3), quoted(0.5))
    'see\tyou' 'xxx'... 0.5
    """
    if isinstance(value, str):
        return repr(value[:limit]) + "..." * (len(value) > limit)
    text = " ".join(repr(value).split())  # an array has lines
    return text[:limit] + "..." * (len(text) > limit)


def listed(names: Iterable[str], limit: int = 100) -> str:
    """Names with commas between them, as many as fit into about ``limit`` characters.

    >>> listed(["ham", "spam"]), listed(["ham", "a\\nb", "egg", "spam"], limit=8)
    ('ham, spam', "ham, 'a\\\\nb' and 2 more")
    """
    shown: list[str] = []
    size, every = 0, list(names)
    for name in every:
        if size >= limit:
            break
        shown.append(name if name.isprintable() and len(name) <= 40 else quoted(name))
        size += len(shown[-1]) + len(", ")
    more = len(every) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


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


def check_choice(name: str, value: Any, known: Iterable[str]) -> str:
    """Check that ``value`` is one of the words that are ``known``; return it.

    Raises ``ConfigError``, also for what is no string, such as an array.

    >>> check_choice("norm", "pre", ("pre", "post"))
    'pre'
    >>> check_choice("norm", "none", ("pre", "post"))
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: norm is 'none', expected one of pre, post
    """
    words = list(known)
    if not isinstance(value, str) or value not in words:
        raise ConfigError(f"{name} is {quoted(value)}, expected one of {', '.join(words)}")
    return value


def check_number(name: str, value: Any) -> float:
    """Check that ``value`` is a finite number; return it as a float.

    >>> check_number("low", -1)
    -1.0
    >>> check_number("low", None)
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: low is None, expected a finite number
    """
    number = _float(value)
    if not math.isfinite(number):
        raise ConfigError(f"{name} is {value!r:.60}, expected a finite number")
    return number


def _float(value: Any) -> float:
    """A number as a float; NaN if it is none, infinite if it fits into none."""
    numeric = isinstance(value, (int, float, np.integer, np.floating))
    try:
        return float(value) if numeric and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.inf


def check_positive(name: str, value: Any, *, zero: bool = False) -> float:
    """Check that ``value`` is a finite number above 0; return it as a float.

    zero: True allows 0 as well. A whole number that fits into no float, such as 10**400, is none.

    >>> check_positive("lr", 1e-3), check_positive("weight_decay", 0, zero=True)
    (0.001, 0.0)
    >>> check_positive("lr", "fast")
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: lr is 'fast', expected a finite number, more than 0
    """
    number = _float(value)
    if math.isfinite(number) and (number > 0 or (zero and number == 0)):
        return number
    least = "0 or more" if zero else "more than 0"
    raise ConfigError(f"{name} is {value!r:.60}, expected a finite number, {least}")


def check_share(name: str, value: Any, *, zero: bool = False, one: bool = False) -> float:
    """Check that ``value`` is a share, a number between 0 and 1; return it as a float.

    zero, one: True allows the number 0, or the number 1, as well.

    Raises ``ConfigError`` with the value and the numbers that are allowed.

    >>> check_share("test_size", 0.25), check_share("rate", 1, one=True)
    (0.25, 1.0)
    >>> check_share("mask_tokens: rate", 2, one=True)
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: mask_tokens: rate is 2, expected a share, more than 0 and at most 1
    """
    # A number is turned into a float only once it lies in range: 10**400 fits into no float.
    numeric = isinstance(value, (int, float, np.integer, np.floating))
    if numeric and not isinstance(value, bool) and 0 <= value <= 1:
        number = float(value)
        if (zero or number > 0) and (one or number < 1):
            return number
    low, high = "at least" if zero else "more than", "at most" if one else "less than"
    raise ConfigError(f"{name} is {value!r}, expected a share, {low} 0 and {high} 1")


def check_rng(name: str, rng: Any) -> None:
    """Check that ``rng`` is a generator of random numbers, and not, for example, a seed.

    >>> check_rng("pretrain: rng", 3)
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: pretrain: rng is 3, expected a generator: np.random.default_rng(seed)
    """
    if not isinstance(rng, np.random.Generator):
        raise ConfigError(f"{name} is {rng!r}, expected a generator: np.random.default_rng(seed)")


def check_items(name: str, value: Any, of: str = "strings") -> Iterator[Any]:
    """Check that ``value`` is a list or another iterable, and not one string; return its items.

    The items of one string would be its letters, which is never what was meant. of: what the
    items should be, for the message; they are not looked at.

    Raises ``DtypeError``.

    >>> list(check_items("texts", ("a", "b")))
    ['a', 'b']
    >>> check_items("texts", "win cash")
    Traceback (most recent call last):
        ...
    npft.errors.DtypeError: texts is one string, expected a list of strings
    """
    what = "one string" if isinstance(value, str) else type(value).__name__
    if not isinstance(value, (str, bytes)):
        try:
            return iter(value)
        except TypeError:
            pass
    raise DtypeError(f"{name} is {what}, expected a list of {of}")


def check_strings(name: str, value: Any) -> list[str]:
    """Check that ``value`` is a list, or another iterable, of strings; return them as a new list.

    Raises ``DtypeError`` with the index of the first item that is no string, or for one string.

    >>> check_strings("label_names", ("ham", "spam"))
    ['ham', 'spam']
    >>> check_strings("label_names", ["ham", 1])
    Traceback (most recent call last):
        ...
    npft.errors.DtypeError: label_names[1] is int, expected str
    """
    items = list(check_items(name, value))
    for index, item in enumerate(items):
        if not isinstance(item, str):
            raise DtypeError(f"{name}[{index}] is {type(item).__name__}, expected str")
    return items


def check_names(name: str, value: Any) -> list[str]:
    """Check that ``value`` is a list of strings, all different; return them as a new list.

    Raises as ``check_strings``, and ``DataError`` for a name that stands there twice.

    >>> check_names("label_names", ["ham", "spam", "ham"])
    Traceback (most recent call last):
        ...
    npft.errors.DataError: label_names has 'ham' twice, expected different names
    """
    names = check_strings(name, value)
    if len(set(names)) < len(names):
        twice = next(given for given in names if names.count(given) > 1)
        raise DataError(f"{name} has {quoted(twice)} twice, expected different names")
    return names


def as_array(name: str, value: Any, expected: str) -> np.ndarray:
    """``value`` as a NumPy array: itself, if it is one. expected: what it should be, for a message.

    Raises ``ShapeError`` for lists of different lengths, of which NumPy makes no array.

    >>> as_array("labels", [1, 2], "one list")
    array([1, 2])
    >>> as_array("labels", [[1], [1, 2]], "one list")
    Traceback (most recent call last):
        ...
    npft.errors.ShapeError: labels holds lists of different lengths, expected one list
    """
    try:
        return np.asarray(value)
    except ValueError:
        pass
    raise ShapeError(f"{name} holds lists of different lengths, expected {expected}")


def check_whole(name: str, array: np.ndarray) -> np.ndarray:
    """Check that an array holds whole numbers; return a copy of them in int64.

    An empty array may be of any kind. Raises ``DtypeError``, also for numbers too large for int64.

    >>> check_whole("rows", np.array([2**64 - 1], np.uint64))
    Traceback (most recent call last):
        ...
    npft.errors.DtypeError: rows holds 18446744073709551615, which is too large for int64
    """
    if array.size and array.dtype.kind not in "iu":
        raise DtypeError(f"{name} holds {array.dtype}, expected whole numbers")
    if array.size and array.max() > np.iinfo(np.int64).max:  # it would become negative
        raise DtypeError(f"{name} holds {array.max()}, which is too large for int64")
    return array.astype(np.int64)


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
