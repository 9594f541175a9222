"""Small ops with NumPy's names and meanings, each with its vjp beside it.

Read a rule as a line of calculus: the value, then what a gradient ``g`` with respect to the value
becomes for each input. ``g`` always has the shape of the value; broadcasting is undone by the
engine. What has no gradient (an axis, an index, a condition) is given by keyword. The table at the
end binds the ops to ``Tensor``'s operators and methods.

Where a function has a corner, each op says which slope it takes: equal largest values share the
gradient evenly, and ``abs``, ``relu`` and ``norm`` have slope 0 at 0.
"""

from __future__ import annotations

import copy
import math
import re
from numbers import Real
from typing import Any

import numpy as np

from npft.autograd.inputs import one_dtype, one_or_several, whole_numbers
from npft.autograd.tensor import Tensor, primitive
from npft.errors import ConfigError, DtypeError, NonFiniteError, ShapeError, check_finite

Axis = int | tuple[int, ...] | None


# --- arithmetic ---------------------------------------------------------------------------------


@primitive
def add(a, b):
    """a + b. Each input moves the sum as much as itself, so both get g as it is."""
    return np.add(a, b), lambda g: (g, g)


@primitive
def subtract(a, b):
    """a - b. What b gains the difference loses: b gets -g."""
    return np.subtract(a, b), lambda g: (g, -g)


@primitive
def multiply(a, b):
    """a * b, element by element. A factor counts as often as the other one says: g b and g a."""
    return np.multiply(a, b), lambda g: (g * b, g * a)


@primitive
def divide(a, b):
    """a / b, element by element.

    d(a/b)/da = 1/b. A larger b shrinks the quotient: d(a/b)/db = -a/b² = -(a/b)/b.
    """
    out = np.divide(a, b)
    return out, lambda g: (g / b, -g * out / b)


@primitive
def negative(x):
    """-x. Its slope is -1 everywhere."""
    return np.negative(x), lambda g: -g


@primitive
def power(x, *, exponent: float):
    """x ** exponent for a constant exponent n; the derivative is n x ** (n - 1).

    For n = 3, a cube grows by its three faces: 3 x². At n = 0 the value is 1 and the slope 0, also
    where x is 0.
    """
    if not isinstance(exponent, Real):
        raise DtypeError(f"power: exponent is a {type(exponent).__name__}, expected one number")
    exponent = float(exponent)  # a NumPy scalar would make float32 float64
    if not math.isfinite(exponent):
        raise ConfigError(f"power: exponent is {exponent}, expected a finite number")
    if exponent == 0:
        return np.ones_like(x), lambda g: np.zeros_like(g)
    return x**exponent, lambda g: g * exponent * x ** (exponent - 1)


# --- functions of one number --------------------------------------------------------------------


@primitive
def exp(x):
    """e ** x, the function that is its own derivative."""
    out = np.exp(x)
    return out, lambda g: g * out


@primitive
def log(x):
    """The natural logarithm; its derivative is 1 / x, because e ** log(x) = x.

    By the chain rule, e ** log(x) times the derivative of log(x) must be 1.
    """
    return np.log(x), lambda g: g / x


@primitive
def tanh(x):
    """The hyperbolic tangent sinh / cosh; its derivative is 1 - tanh(x) ** 2.

    (cosh² - sinh²) / cosh² by the rule for quotients: 1 at 0, next to 0 where it is flat.
    """
    out = np.tanh(x)
    return out, lambda g: g * (1 - out * out)


@primitive
def sqrt(x):
    """The square root s; its derivative is 1 / (2 s), because s² = x means 2 s ds = dx.

    At 0 it is infinite.
    """
    out = np.sqrt(x)
    return out, lambda g: g / (2 * out)


@primitive
def sigmoid(x):
    """1 / (1 + e ** -x), the logistic function; its derivative is sigmoid(x) sigmoid(-x).

    With e = exp(-|x|) nothing overflows and small results keep all their digits.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).data.tolist()
    [0.0, 0.5, 1.0]
    """
    e = np.exp(np.where(x.real < 0, x, -x))
    large = 1 / (1 + e)
    return np.where(x.real < 0, e * large, large), lambda g: g * e * large * large


# --- functions with a corner --------------------------------------------------------------------


@primitive
def abs(x):
    """|x|; the derivative is the sign of x, and 0 at 0."""
    sign = np.sign(x.real)  # .real, because the modulus of x + ih is no analytic function
    return x * sign, lambda g: g * sign


@primitive
def relu(x):
    """The larger of x and 0 (rectified linear unit); the derivative at 0 is 0."""
    return np.maximum(x, 0), lambda g: g * (x.real > 0)


@primitive
def maximum(a, b):
    """The larger of a and b, element by element; where they are equal each gets half of g.

    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> maximum(x, 2.0).sum().backward()
    >>> x.grad.tolist()
    [0.0, 0.5, 1.0]
    """
    out = np.maximum(a, b)
    share = (np.greater(a, b) + 0.5 * np.equal(a, b)).astype(out.dtype)
    return out, lambda g: (g * share, g * (1 - share))


@primitive
def minimum(a, b):
    """The smaller of a and b, element by element; where they are equal each gets half of g."""
    out = np.minimum(a, b)
    share = (np.less(a, b) + 0.5 * np.equal(a, b)).astype(out.dtype)
    return out, lambda g: (g * share, g * (1 - share))


@primitive
def clip(x, *, min: float | None = None, max: float | None = None):
    """x, moved to the nearer limit where it lies outside; there the gradient is 0.

    >>> clip(np.array([-2.0, 0.5, 2.0]), min=-1, max=1).data.tolist()
    [-1.0, 0.5, 1.0]
    """
    low = -np.inf if min is None else float(min)  # a NumPy scalar would make float32 float64
    high = np.inf if max is None else float(max)
    if not low <= high:
        raise ConfigError(f"clip: min is {min} and max is {max}, expected min <= max")
    inside = (x.real >= low) & (x.real <= high)
    return np.clip(x, low, high), lambda g: g * inside


@primitive
def where(a, b, *, condition: Any):
    """a where the condition is true, else b; the gradient goes to the one that was taken.

    Beware: ``where(sqrt(x), 0, condition=x.data > 0)`` has the gradient 0 * inf = NaN at x = 0,
    because the slope of the root is computed there too. Make x safe first, with another ``where``.

    >>> where(np.array([1.0, 2.0]), 0.0, condition=[True, False]).data.tolist()
    [1.0, 0.0]
    """
    chosen = np.asarray(condition)
    if chosen.dtype != bool:
        raise DtypeError(f"where: the condition has dtype {chosen.dtype}, expected bool")
    return np.where(chosen, a, b), lambda g: (np.where(chosen, g, 0), np.where(chosen, 0, g))


# --- products -----------------------------------------------------------------------------------


@primitive
def matmul(a, b, *, need=(True, True)):
    """The matrix product of the last two axes; leading axes broadcast.

    With C = A B, dC_ik = Σ_j (dA_ij B_jk + A_ij dB_jk). So A_ij receives Σ_k g_ik B_jk and B_jk
    receives Σ_i A_ij g_ik: the gradients are g Bᵀ and Aᵀ g. A product that nobody needs is not
    computed. A vector stands for a row on the left and for a column on the right, as in NumPy.

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
        ga = g @ np.swapaxes(column, -1, -2) if need[0] else None
        if not need[1]:
            gb = None
        elif b.ndim <= 2 and g.ndim > 2:  # one product for all leading axes, not one for each
            rows = math.prod(row.shape[:-1])
            gb = row.reshape(rows, row.shape[-1]).T @ g.reshape(rows, g.shape[-1])
        else:
            gb = np.swapaxes(row, -1, -2) @ g
        if need[0] and a.ndim == 1:
            ga = ga[..., 0, :]
        if need[1] and b.ndim == 1:
            gb = gb[..., 0]
        return ga, gb

    return np.matmul(a, b), vjp


@primitive
def einsum(a, b, *, subscripts: str, need=(True, True)):
    """Einstein's sum: each letter is an axis, and letters that the result lacks are summed over.

    Backward is the same rule with the roles exchanged: for "ij,jk->ik" the gradient of a is
    "ik,jk->ij" of g and b, and that of b is "ik,ij->jk" of g and a.

    ``subscripts`` has the form "ij,jk->ik". Raises ``ConfigError`` for another form, for a letter
    twice in one place, and for a letter of one array alone that is summed (sum that axis before).

    >>> einsum(np.array([1.0, 2.0]), np.array([3.0, 4.0]), subscripts="i,i->").item()
    11.0
    """
    left, right, out = _letters(subscripts)
    sizes: dict[str, int] = {}
    for letter, size in zip(left + right, np.shape(a) + np.shape(b)):
        if sizes.setdefault(letter, size) != size:  # NumPy would stretch a length of 1
            raise ShapeError(f"einsum: {letter} has the lengths {sizes[letter]} and {size}")

    def vjp(g):
        ga = np.einsum(f"{out},{right}->{left}", g, b, optimize=True) if need[0] else None
        gb = np.einsum(f"{out},{left}->{right}", g, a, optimize=True) if need[1] else None
        return ga, gb

    return np.einsum(subscripts, a, b, optimize=True), vjp


def _letters(subscripts: str) -> tuple[str, str, str]:
    """The three groups of letters of "ij,jk->ik"."""
    form = re.fullmatch("([a-zA-Z]*),([a-zA-Z]*)->([a-zA-Z]*)", subscripts.replace(" ", ""))
    if form is None:
        raise ConfigError(f"einsum: subscripts {subscripts!r}, expected a form like 'ij,jk->ik'")
    left, right, out = form.groups()
    for letters, others in ((left, right + out), (right, left + out), (out, left + right)):
        if len(set(letters)) < len(letters) or not set(letters) <= set(others):
            raise ConfigError(
                f"einsum: in {subscripts!r} a letter stands twice in one place, or in one place "
                "only; take the diagonal or the sum of that array first"
            )
    return left, right, out


# --- reductions ---------------------------------------------------------------------------------


def _spread(g: np.ndarray, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> np.ndarray:
    """Stretch the gradient of a reduction over the axes that were reduced."""
    if axis is not None and not keepdims and shape:  # NumPy lets a 0-d array have axis 0
        g = np.expand_dims(g, axis)
    return np.broadcast_to(g, shape)


@primitive
def sum(x, *, axis: Axis = None, keepdims: bool = False):
    """The sum over ``axis`` (all axes if None): each element moves it by 1, so each gets its g."""
    out = np.sum(x, axis=axis, keepdims=keepdims)
    return out, lambda g: _spread(g, x.shape, axis, keepdims)


@primitive
def mean(x, *, axis: Axis = None, keepdims: bool = False):
    """The mean over ``axis``: each of n elements moves it by 1/n, so each gets g / n.

    Raises ``ShapeError`` for a mean of nothing.
    """
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
    winners = np.asarray(x == _spread(np.asarray(out), x.shape, axis, keepdims))
    share = np.asarray(winners / np.sum(winners, axis=axis, keepdims=True))
    return out, lambda g: _spread(g, x.shape, axis, keepdims) * share.astype(x.dtype)


@primitive
def norm(x, *, axis: Axis = None, keepdims: bool = False):
    """The Euclidean length √Σ x² over ``axis``; the gradient is x / |x|, and 0 where x is 0.

    As in NumPy, numbers whose squares leave the range of floats (below 1e-23 or above 1e19 in
    float32) have length 0 or infinity.

    >>> norm(np.array([[3.0, 4.0], [0.0, 0.0]]), axis=1).data.tolist()
    [5.0, 0.0]
    """
    out = np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    safe = np.where(out == 0, 1, out)
    return out, lambda g: _spread(g / safe, x.shape, axis, keepdims) * x


@primitive
def logsumexp(x, *, axis: Axis = None, keepdims: bool = False):
    """log Σ exp(x) over ``axis``, without overflow: a smooth maximum, whose gradient is softmax.

    Raises ``NonFiniteError`` where the largest value is infinite or NaN.

    >>> round(logsumexp(np.array([1000.0, 1000.0])).item(), 4)  # 1000 + log 2
    1000.6931
    """
    if not isinstance(keepdims, (bool, np.bool_)):
        raise ConfigError(f"logsumexp: keepdims is {keepdims!r}, expected True or False")
    largest = np.max(x.real, axis=axis, keepdims=True)
    check_finite("logsumexp: the largest value", largest)
    p = np.exp(x - largest)
    total = np.sum(p, axis=axis, keepdims=True)
    out = np.log(total) + largest
    p /= total
    out = out if keepdims or not x.shape else np.squeeze(out, axis)
    return out, lambda g: _spread(g, x.shape, axis, keepdims) * p


# --- shape --------------------------------------------------------------------------------------


@primitive
def reshape(x, *, shape: tuple[int, ...]):
    """The same elements in another shape; the gradient goes back into the old one."""
    lengths = whole_numbers("reshape: shape", shape)
    return np.reshape(x, lengths), lambda g: g.reshape(x.shape)


@primitive
def transpose(x, *, axes: tuple[int, ...] | None = None):
    """The axes in another order, reversed if ``axes`` is None; the gradient goes back in order."""
    order = None if axes is None else whole_numbers("transpose: axes", axes)
    out = np.transpose(x, order)
    back = None if order is None else tuple(np.argsort([a % x.ndim for a in order]))
    return out, lambda g: np.transpose(g, back)


@primitive
def broadcast_to(x, *, shape: tuple[int, ...]):
    """x repeated along new axes and axes of length 1; the engine sums the gradient over them."""
    return np.broadcast_to(x, whole_numbers("broadcast_to: shape", shape)), lambda g: g


@primitive
def getitem(x, *, index: Any):
    """x[index] for slices, integers, masks and integer arrays; a repeated index adds up.

    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> x[np.array([0, 0, 2])].sum().backward()
    >>> x.grad.tolist()
    [2.0, 0.0, 1.0]
    """
    index = copy.deepcopy(index)  # its owner may write to it before backward
    parts = index if isinstance(index, tuple) else (index,)
    once = all(isinstance(p, (int, np.integer, slice, type(...), type(None))) for p in parts)

    def vjp(g):
        gx = np.zeros(x.shape, g.dtype)
        if once:  # no element was taken twice
            gx[index] = g
        else:
            np.add.at(gx, index, g)
        return gx

    return x[index], vjp


@primitive
def concatenate(*arrays, axis: int = 0):
    """Arrays joined along an axis: the gradient is cut at the seams."""
    out = np.concatenate(arrays, axis)
    seams = np.cumsum([np.shape(a)[axis] for a in arrays])[:-1]
    return out, lambda g: tuple(np.split(g, seams, axis))


@primitive
def stack(*arrays, axis: int = 0):
    """Arrays of one shape, side by side along a new axis: each gets its slice of the gradient."""
    return np.stack(arrays, axis), lambda g: tuple(np.moveaxis(g, axis, 0))


# --- Tensor's operators and methods -------------------------------------------------------------


def _reshape(x: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape: see ``ops.reshape``."""
    return reshape(x, shape=one_or_several(shape))


def _transpose(x: Tensor, *axes: Any) -> Tensor:
    """The axes in another order: see ``ops.transpose``."""
    return transpose(x, axes=one_or_several(axes) or None)


def _to_the_power(base: Any, exponent: Any) -> Tensor:
    """base ** exponent, where either may be a tensor; for one number as exponent, ``power``.

        a ** b = e ** (b log a),   so the slopes are b a ** (b - 1) in a and a ** b log a in b

    Written with exp, multiply and log, whose vjps give these slopes by the chain rule; the value
    may differ from NumPy's power in the last digits.
    Raises ``NonFiniteError`` where the base is not above 0, as the slope in b needs its logarithm.

    >>> x = Tensor([3.0], requires_grad=True)
    >>> (2**x).backward()
    >>> np.round(x.grad, 4).tolist()  # 8 log 2
    [5.5452]
    """
    if isinstance(exponent, Real):
        return power(base, exponent=exponent)
    if not isinstance(base, Tensor):  # an array or a number takes the dtype of the tensor
        base = one_dtype("power", [base, exponent.data], [False, True])[0][0]
    values = np.asarray(base.data if isinstance(base, Tensor) else base)
    if not (values.real > 0).all():
        where = tuple(int(i) for i in np.argwhere(~(values.real > 0))[0])
        raise NonFiniteError(
            f"a ** b: a is {values[where]} at {where}, expected numbers above 0, because the "
            "derivative by b is a ** b log(a); give one number as b if it is constant: a ** 3"
        )
    return exp(multiply(exponent, log(base) if isinstance(base, Tensor) else np.log(base)))


def _by_numpy(x: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """Do what NumPy asks for ``array + tensor``; say what to write for ``np.exp(tensor)``."""
    if method == "__call__" and not options and ufunc in OPERATORS:
        return OPERATORS[ufunc](*inputs)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    if "out" in options:
        raise DtypeError(f"np.{name} cannot write a tensor to an array; write a = a + x for a += x")
    ours = INSTEAD.get(name)
    advice = f"write ops.{ours}(x)" if ours else "build it of those in ops"
    raise DtypeError(
        f"np.{name} takes no tensor, because it would lose the gradient; {advice} (from "
        f"npft.autograd import ops), or np.{name}(x.data) for the values"
    )


INSTEAD = {
    "exp": "exp", "log": "log", "tanh": "tanh", "sqrt": "sqrt", "absolute": "abs",
    "negative": "negative", "maximum": "maximum", "minimum": "minimum",
}  # fmt: skip
OTHER_NAMES = {"dim": "axis", "keepdim": "keepdims"}


def _reducer(op: Any) -> Any:
    """A method of a reduction whose axis may be given by position, as in NumPy."""

    def method(x: Tensor, axis: Axis = None, keepdims: bool = False, **others: Any) -> Tensor:
        if others:  # np.sum(x) calls x.sum(axis=None, out=None)
            word, name = next(iter(others)), op.__name__
            advice = f"for np.{name}(x) write x.{name}()"
            if word in OTHER_NAMES:
                advice = f"write {OTHER_NAMES[word]}="
            raise ConfigError(f"{name}: {word}= is unknown here; {advice}")
        return op(x, axis=axis, keepdims=keepdims)

    method.__name__, method.__doc__ = op.__name__, op.__doc__
    return method


OPERATORS = {  # what the signs are to NumPy, where an array stands on the left
    np.add: add,
    np.subtract: subtract,
    np.multiply: multiply,
    np.divide: divide,
    np.matmul: matmul,
    np.power: _to_the_power,
    np.equal: Tensor._compare,
    np.not_equal: Tensor._compare,
    np.less: Tensor._compare,
    np.less_equal: Tensor._compare,
    np.greater: Tensor._compare,
    np.greater_equal: Tensor._compare,
}
METHODS = {
    "__array_ufunc__": _by_numpy,
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
    "__abs__": abs,
    "__pow__": _to_the_power,
    "__rpow__": lambda x, base: _to_the_power(base, x),
    "__getitem__": lambda x, i: getitem(x, index=i),
    "__iter__": lambda x: (x[i] for i in range(len(x))),
    "exp": exp,
    "log": log,
    "tanh": tanh,
    "sqrt": sqrt,
    "abs": abs,
    "sum": _reducer(sum),
    "mean": _reducer(mean),
    "max": _reducer(max),
    "reshape": _reshape,
    "transpose": _transpose,
    "T": property(transpose),
}
for _name, _method in METHODS.items():
    setattr(Tensor, _name, _method)
