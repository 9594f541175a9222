"""What may enter a computation, and whether it is recorded."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from npft.errors import DtypeError

FLOATS = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.complex128))


def numbers(name: str, data: Any, dtype: Any) -> np.ndarray:
    """A new array of numbers of ``dtype``; NumPy alone would make None a NaN and "3" a 3."""
    if dtype is not None and dtype not in FLOATS:
        raise DtypeError(f"{name}: dtype {dtype!r} is not float32, float64 or complex128")
    with contextlib.suppress(TypeError, ValueError):
        array = np.array(data, order="C")
        if array.dtype.kind in "biufc":
            return array.astype(dtype or array.dtype, casting="same_kind", copy=False)
    raise DtypeError(f"{name}: a {type(data).__name__} that cannot be made an array of floats")


class Mode(threading.local):
    paused = 0  # how many no_grad blocks are open; a count, so that they may end in any order


mode = Mode()


@contextlib.contextmanager
def no_grad() -> Iterator[None]:
    """Record nothing inside this block (in this thread): for evaluation.

    A generator that yields inside the block leaves it open for whoever takes its values.

    >>> from npft.autograd import Tensor
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> with no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    mode.paused += 1
    try:
        yield
    finally:
        mode.paused -= 1
