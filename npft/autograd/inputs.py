"""What may enter a computation, whether it is recorded, and what must not leave it unnoticed.

A first reader may skip this file: nothing here is needed to understand ``tensor.py``. It is what
turns a mistake into a message instead of a wrong number.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from npft.errors import ConfigError, DtypeError, GraphError, IdError, NpftError, ShapeError

FLOATS = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.complex128))


def numbers(name: str, data: Any, dtype: Any, *, new: bool = True) -> np.ndarray:
    """An array of numbers of ``dtype``; NumPy alone would make None a NaN and "3" a 3.

    new: False leaves an array that is one already as it is, for constants that ``called`` copied.
    """
    if dtype is not None and dtype not in FLOATS:
        raise DtypeError(f"{name}: dtype {dtype!r} is not float32, float64 or complex128")
    with contextlib.suppress(TypeError, ValueError):
        array = np.array(data, order="C") if new else np.asarray(data, order="C")
        if array.dtype.kind in "biufc":
            return array.astype(dtype or array.dtype, casting="same_kind", copy=False)
    raise DtypeError(f"{name}: a {type(data).__name__} that cannot be made an array of floats")


def floats(name: str, data: Any, dtype: Any) -> np.ndarray:
    """A new read-only array of one of the ``FLOATS``; raises ``DtypeError`` for other numbers."""
    array = numbers(name, data, dtype)
    if array.dtype not in FLOATS:
        raise DtypeError(
            f"{name}: dtype {array.dtype} is not float32, float64 or complex128; "
            "write Tensor(data, dtype=np.float64), or pass ids and labels as plain arrays"
        )
    array.setflags(write=False)
    return array


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


class Guarded:
    """The ways out of the graph, and into it, that a tensor refuses.

    Python and NumPy would take the values and lose the gradient without a word.
    """

    __slots__ = ()

    def _leaves_graph(self: Any, how: str) -> None:
        if self._requires_grad and not mode.paused:
            raise GraphError(
                f"{how} would lose the gradient of this tensor; use the functions of "
                "npft.autograd.ops, giving each tensor by itself, or x.data and x.item() for the "
                "values"
            )

    def __array__(self: Any, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        self._leaves_graph("NumPy")
        return np.array(self._data, dtype=dtype)

    def __array_function__(self, function: Any, types: Any, args: tuple, options: dict) -> Any:
        if function in (np.array_equal, np.array_equiv):  # False is all they say of an error
            for tensor in args:
                if isinstance(tensor, Guarded):
                    tensor._leaves_graph(f"np.{function.__name__}")
        return function._implementation(*args, **options)

    def __float__(self: Any) -> float:
        self._leaves_graph("float(), or a function of Python's math,")
        return float(self.item())

    def __int__(self: Any) -> int:
        self._leaves_graph("int()")
        return int(self.item())

    def __complex__(self: Any) -> complex:
        self._leaves_graph("complex()")
        return complex(self.item())

    def __bool__(self: Any) -> bool:
        self._leaves_graph("bool(), as in if, while, and, or,")
        return bool(self.item())

    def __round__(self: Any, digits: int | None = None) -> float:
        self._leaves_graph("round()")
        return round(self.item(), digits)

    def __trunc__(self: Any) -> int:
        self._leaves_graph("math.trunc()")
        return int(self.item())

    def __format__(self: Any, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __len__(self: Any) -> int:
        if self.ndim == 0:
            raise ShapeError("len() of a tensor without axes")
        return len(self._data)

    def _compare(self, other: Any) -> bool:
        raise DtypeError("tensors are not compared; compare their values: x.data == y.data")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _compare  # type: ignore[assignment]
    __hash__ = object.__hash__  # a tensor is itself: the walk keeps gradients by it

    def __setitem__(self, index: Any, value: Any) -> None:
        raise GraphError(
            "tensors cannot be written to, because the graph relies on their values; "
            "change the array before you make the tensor, or build a new one"
        )

    def __reduce__(self: Any) -> tuple:
        if self._node is not None:
            raise GraphError("a computed tensor cannot be copied or pickled; use .detach() first")
        return type(self), (self._data.copy(), self._requires_grad)


def called(
    name: str,
    fn: Callable,
    signature: inspect.Signature,
    arrays: list,
    constants: dict[str, Any],
    dtype: np.dtype,
) -> tuple[np.ndarray, Callable]:
    """The value and the vjp of an op; what NumPy or Python would say of a wrong call, in words.

    Constants that are arrays are copied here, for their owner may write to them before backward;
    what is no array, such as a list of ids, becomes a new one in the op.
    """
    for key, value in constants.items() if constants else ():
        if isinstance(value, Guarded):
            raise GraphError(f"{name}: {key} has no gradient; give an array: {key}=x.data")
        if hasattr(value, "__array__") and not mode.paused:
            constants[key] = copy.deepcopy(value)  # not only ndarray: a column of pandas as well
    try:
        result = fn(*arrays, **constants)
    except NpftError:
        raise
    except (ValueError, IndexError, OverflowError) as error:  # NumPy's word for a misfit
        shapes = " and ".join(str(np.shape(a)) for a in arrays)
        kind = ShapeError if isinstance(error, (ValueError, OverflowError)) else IdError
        raise kind(f"{name}: inputs of shape {shapes}: {error}") from error
    except (TypeError, AttributeError) as error:
        try:
            signature.bind(*arrays, **constants)
        except TypeError as misuse:
            rule = "arrays go by position, all else by keyword"
            raise ConfigError(f"{name}: {misuse}; {rule}: {name}{signature}") from None
        if fn.__module__.startswith("npft.") and constants:  # the arrays were checked before
            given = ", ".join(f"{key}={value!r:.60}" for key, value in constants.items())
            raise DtypeError(f"{name}: {given}: {error}; expected {name}{signature}") from error
        raise
    if type(result) is not tuple or len(result) != 2 or not callable(result[1]):
        raise GraphError(f"{name}: a primitive returns (out, vjp) with a function vjp(g)")
    out = np.asarray(result[0])
    if out.dtype is not dtype and out.dtype != dtype and dtype.kind != "c":  # |z| is real
        raise DtypeError(f"{name}: made {out.dtype} of {dtype}; its value must keep the dtype")
    return out, result[1]


def one_dtype(name: str, values: list, tensors: list[bool]) -> tuple[list, np.dtype]:
    """The arguments of an op as arrays of one dtype: that of its ``tensors``, if there are any.

    Plain numbers stay as they are and take that dtype, as in NumPy; so do arrays of whole numbers
    and of bools, however large. Raises ``DtypeError`` where floats would be rounded in silence.
    """
    dtypes = {v.dtype for v, tensor in zip(values, tensors) if tensor}
    if len(dtypes) > 1 and np.dtype(np.float32) in dtypes:
        raise DtypeError(
            f"{name}: float32 does not mix with other dtypes; make all tensors the same, for "
            "example Tensor(x, dtype=np.float32)"
        )
    if not dtypes:
        dtypes = {v.dtype for v in values if isinstance(v, np.ndarray) and v.dtype in FLOATS}
    dtype = max(dtypes, key=lambda d: d.itemsize, default=np.dtype(np.float64))
    arrays: list[Any] = []
    for i, (v, tensor) in enumerate(zip(values, tensors)):
        if tensor:
            v = v.astype(dtype, copy=False)  # a change only in the complex-step check
        elif not isinstance(v, np.ndarray):
            v = v.item() if isinstance(v, np.generic) else v
            weak = dtypes and type(v) in (int, float, complex)
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


def whole_numbers(name: str, given: Any) -> tuple[int, ...]:
    """Lengths or axes: one whole number, or several in a tuple or list."""
    several = given if isinstance(given, (tuple, list, np.ndarray)) else (given,)
    if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in several):
        raise DtypeError(f"{name} is {given!r:.60}, expected whole numbers")
    return tuple(int(n) for n in several)


def one_or_several(given: tuple) -> tuple:
    """Lengths or axes, given one by one or as one tuple: x.reshape(2, 3), x.reshape((2, 3))."""
    single = len(given) == 1 and isinstance(given[0], (tuple, list, np.ndarray))
    return tuple(given[0] if single else given)
