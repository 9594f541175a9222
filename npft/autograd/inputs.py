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


def one_dtype(name: str, values: list, tensors: list[bool]) -> tuple[list, np.dtype]:
    """The arguments of an op as arrays of one dtype: that of its ``tensors``, if there are any.

    Plain numbers stay as they are and take that dtype, as in NumPy. Raises ``DtypeError`` where
    something would be rounded in silence.
    """
    floats = {v.dtype for v, tensor in zip(values, tensors) if tensor}
    if len(floats) > 1 and np.dtype(np.float32) in floats:
        raise DtypeError(
            f"{name}: float32 does not mix with other dtypes; make all tensors the same, for "
            "example Tensor(x, dtype=np.float32)"
        )
    if not floats:
        floats = {v.dtype for v in values if isinstance(v, np.ndarray) and v.dtype in FLOATS}
    dtype = max(floats, key=lambda d: d.itemsize, default=np.dtype(np.float64))
    arrays: list[Any] = []
    for i, (v, tensor) in enumerate(zip(values, tensors)):
        if tensor:
            v = v.astype(dtype, copy=False)  # a change only in the complex-step check
        elif not isinstance(v, np.ndarray):
            v = v.item() if isinstance(v, np.generic) else v
            weak = floats and type(v) in (int, float, complex)
            v = v if weak else numbers(f"{name}: argument {i}", v, dtype)
        elif v.dtype.kind not in "biu" and not np.can_cast(v.dtype, dtype):
            raise DtypeError(
                f"{name}: argument {i} is an array of {v.dtype} beside a tensor of {dtype}; "
                f"convert it with .astype(np.{dtype})"
            )
        else:
            if isinstance(v, np.ma.MaskedArray):
                raise DtypeError(f"{name}: argument {i} is masked; fill it first: a.filled(0)")
            # a copy where a vjp may save it, because its owner may write to it before backward;
            # and no subclass, such as a matrix, that would give * another meaning
            v = np.asarray(v).astype(dtype, copy=not mode.paused)
        arrays.append(v)
    return arrays, dtype
