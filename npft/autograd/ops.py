"""Small ops with NumPy's names and meanings, each with its vjp beside it.

Read a rule as a line of calculus: the value, then what a gradient ``g`` with respect to the value
becomes for each input. ``g`` always has the shape of the value; broadcasting is undone by the
engine. The table at the end binds the ops to ``Tensor``'s operators and methods.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from npft.autograd.tensor import Tensor, primitive
from npft.errors import ShapeError

Axis = int | tuple[int, ...] | None


# --- arithmetic ---------------------------------------------------------------------------------


@primitive
def add(a, b):
    """a + b."""
    return np.add(a, b), lambda g: (g, g)


@primitive
def subtract(a, b):
    """a - b."""
    return np.subtract(a, b), lambda g: (g, -g)


@primitive
def multiply(a, b):
    """a * b, element by element."""
    return np.multiply(a, b), lambda g: (g * b, g * a)


@primitive
def divide(a, b):
    """a / b, element by element."""
    out = np.divide(a, b)
    return out, lambda g: (g / b, -g * out / b)


@primitive
def negative(x):
    """-x."""
    return np.negative(x), lambda g: -g


@primitive
def power(x, *, exponent: float):
    """x ** exponent for a constant exponent; the derivative is exponent * x ** (exponent - 1)."""
    exponent = float(exponent)  # a NumPy scalar would make float32 float64
    if exponent == 0:
        return np.ones_like(x), lambda g: np.zeros_like(g)
    return x**exponent, lambda g: g * exponent * x ** (exponent - 1)


# --- functions of one number --------------------------------------------------------------------


@primitive
def exp(x):
    """e ** x."""
    out = np.exp(x)
    return out, lambda g: g * out


@primitive
def log(x):
    """The natural logarithm."""
    return np.log(x), lambda g: g / x


@primitive
def tanh(x):
    """The hyperbolic tangent; its derivative is 1 - tanh(x) ** 2."""
    out = np.tanh(x)
    return out, lambda g: g * (1 - out * out)


@primitive
def sqrt(x):
    """The square root; its derivative at 0 is infinite."""
    out = np.sqrt(x)
    return out, lambda g: g / (2 * out)


# --- products -----------------------------------------------------------------------------------


@primitive
def matmul(a, b):
    """The matrix product of the last two axes; leading axes broadcast.

    With C = A B the gradients are g Bᵀ and Aᵀ g. A vector stands for a row on the left and for a
    column on the right, as in NumPy.

    >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])).item()
    11.0
    """
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        raise ShapeError("matmul: an input is a single number; use * instead")
    row = a[None, :] if a.ndim == 1 else a
    column = b[:, None] if b.ndim == 1 else b

    def vjp(g):
        if b.ndim == 1:
            g = g[..., None]
        if a.ndim == 1:
            g = g[..., None, :]
        ga = g @ np.swapaxes(column, -1, -2)
        gb = np.swapaxes(row, -1, -2) @ g
        return (
            ga.reshape(ga.shape[:-2] + a.shape) if a.ndim == 1 else ga,
            gb.reshape(gb.shape[:-2] + b.shape) if b.ndim == 1 else gb,
        )

    return np.matmul(a, b), vjp


# --- reductions ---------------------------------------------------------------------------------


def _spread(g: np.ndarray, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> np.ndarray:
    """Stretch the gradient of a reduction over the axes that were reduced."""
    if axis is not None and not keepdims:
        g = np.expand_dims(g, axis)
    return np.broadcast_to(g, shape)


@primitive
def sum(x, *, axis: Axis = None, keepdims: bool = False):
    """The sum over ``axis`` (all axes if None): every element gets the gradient of its sum."""
    out = np.sum(x, axis=axis, keepdims=keepdims)
    return out, lambda g: _spread(g, x.shape, axis, keepdims)


@primitive
def mean(x, *, axis: Axis = None, keepdims: bool = False):
    """The mean over ``axis``. Raises ``ShapeError`` for a mean of nothing."""
    total = np.sum(x, axis=axis, keepdims=keepdims)
    if np.size(x) == 0:
        raise ShapeError(f"mean: the input of shape {np.shape(x)} has no elements")
    count = np.size(x) // np.size(total)
    return total / count, lambda g: _spread(g / count, x.shape, axis, keepdims)


@primitive
def max(x, *, axis: Axis = None, keepdims: bool = False):
    """The largest value over ``axis``; equal largest values share the gradient evenly.

    >>> x = Tensor([1.0, 3.0, 3.0], requires_grad=True)
    >>> max(x).backward()
    >>> x.grad.tolist()
    [0.0, 0.5, 0.5]
    """
    out = np.max(x, axis=axis, keepdims=keepdims)
    winners = x == _spread(np.asarray(out), x.shape, axis, keepdims)
    share = winners / np.sum(winners, axis=axis, keepdims=True)
    return out, lambda g: _spread(g, x.shape, axis, keepdims) * share.astype(x.dtype)


# --- shape --------------------------------------------------------------------------------------


@primitive
def reshape(x, *, shape: tuple[int, ...]):
    """The same elements in another shape."""
    return np.reshape(x, shape), lambda g: g.reshape(x.shape)


@primitive
def transpose(x, *, axes: tuple[int, ...] | None = None):
    """The axes in another order; reversed if ``axes`` is None."""
    back = None if axes is None else tuple(np.argsort([a % x.ndim for a in axes]))
    return np.transpose(x, axes), lambda g: np.transpose(g, back)


@primitive
def getitem(x, *, index: Any):
    """x[index] for slices, integers, masks and integer arrays; a repeated index adds up.

    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> x[np.array([0, 0, 2])].sum().backward()
    >>> x.grad.tolist()
    [2.0, 0.0, 1.0]
    """
    index = copy.deepcopy(index)  # its owner may write to it before backward

    def vjp(g):
        gx = np.zeros(x.shape, g.dtype)
        np.add.at(gx, index, g)
        return gx

    return x[index], vjp


@primitive
def concatenate(*arrays, axis: int = 0):
    """Arrays joined along an axis: the gradient is cut at the seams."""
    seams = np.cumsum([np.shape(a)[axis] for a in arrays])[:-1]
    return np.concatenate(arrays, axis), lambda g: tuple(np.split(g, seams, axis))


# --- Tensor's operators and methods -------------------------------------------------------------


def _reshape(x: Tensor, *shape: Any) -> Tensor:
    return reshape(x, shape=shape[0] if len(shape) == 1 and shape[0] != -1 else shape)


def _transpose(x: Tensor, *axes: int) -> Tensor:
    return transpose(x, axes=axes or None)


METHODS = {
    "__add__": add,
    "__radd__": lambda a, b: add(b, a),
    "__sub__": subtract,
    "__rsub__": lambda a, b: subtract(b, a),
    "__mul__": multiply,
    "__rmul__": lambda a, b: multiply(b, a),
    "__truediv__": divide,
    "__rtruediv__": lambda a, b: divide(b, a),
    "__matmul__": matmul,
    "__rmatmul__": lambda a, b: matmul(b, a),
    "__neg__": negative,
    "__pow__": lambda x, n: power(x, exponent=n),
    "__getitem__": lambda x, i: getitem(x, index=i),
    "__iter__": lambda x: (x[i] for i in range(len(x))),
    "exp": exp,
    "log": log,
    "tanh": tanh,
    "sqrt": sqrt,
    "sum": sum,
    "mean": mean,
    "max": max,
    "reshape": _reshape,
    "transpose": _transpose,
    "T": property(transpose),
}
for _name, _method in METHODS.items():
    setattr(Tensor, _name, _method)
