"""Checking a gradient against a numerical derivative.

Two ways to differentiate a function f of one number numerically:

    central difference   (f(x + h) - f(x - h)) / 2h     error about 1e-10 at h = 1e-5, in float64
    complex step         imag f(x + ih) / h             exact to rounding at h = 1e-30, because
                                                        nothing is subtracted; f must be analytic

(Squire & Trapp 1998, SIAM Review 40.) The output of the function is contracted with a *random*
cotangent: with ones everywhere the gradient of a softmax is 0 whatever its vjp does.

"Equal" is relative to the largest derivative, so that a gradient of 1e-8 is judged as strictly as
one of 1. Where terms cancel, a derivative that should be 0 is what rounding leaves of them, and no
share of that is an answer. So a difference also passes if it is not much larger than rounding: that
of the value, and what the last bits of x change in the derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npft.autograd.tensor import Tensor, grad
from npft.errors import DtypeError, GradientError, check_choice
COMPLEX_STEP = 1e-30
CENTRAL_STEP = 1e-5
TOLERANCE = {"complex": 1e-9, "central": 1e-6}  # relative to the largest derivative
EPS = float(np.finfo(np.float64).eps)  # the distance from 1 to the next float64
LAST_BITS = range(1, 5)  # by how many EPS the inputs are moved to see what is rounding
ROUNDING = 10  # times what is seen of the rounding, which is some of it and not all
LEAST = EPS  # of the cotangent: what rounding may leave in a gradient where even the value is 0
ELEMENTWISE = 64  # larger inputs are checked along this many random directions


def gradcheck(
    fn: Callable[..., Tensor],
    *arrays: Any,
    rng: np.random.Generator,
    method: str = "auto",
) -> None:
    """Check the gradient of ``fn`` at ``arrays`` against a numerical derivative.

    ``fn`` takes one tensor for each array and returns a tensor of any shape. ``method`` is
    "complex", "central", or "auto": the complex step, and where it disagrees or cannot be taken,
    central differences decide, because the function may not be analytic (a maximum).
    Inputs of up to 64 elements are checked one element at a time, larger ones along 64 random
    directions. A difference counts from 1e-9 (complex) or 1e-6 (central) of the largest derivative
    on, however small that is, unless rounding explains it. It is also checked that no input is
    changed, that the gradients share no memory with each other or with an input, and that a second
    run gives the same bits.

    Raises ``GradientError`` that names the input, its worst element, and both values, and
    ``DtypeError`` for arrays that are not float64 (in float32 a difference quotient is no check).

    >>> rng = np.random.default_rng(0)
    >>> gradcheck(lambda x: (x * x).sum(), [1.0, 2.0], rng=rng)
    >>> from npft.autograd.tensor import primitive
    >>> @primitive
    ... def square(x):
    ...     return x * x, lambda g: g * x  # wrong: the factor 2 is missing
    >>> gradcheck(square, [3.0], rng=rng, method="complex")
    Traceback (most recent call last):
        ...
    npft.errors.GradientError: input 0, element (0,): gradient -0.3963, derivative -0.7926 \
(complex); the worst of 1 that differ
    """
    check_choice("gradcheck: method", method, ("auto", "complex", "central"))
    inputs = []
    for i, a in enumerate(arrays):
        a = np.asarray(a)
        if a.dtype != np.float64:
            raise DtypeError(f"gradcheck: input {i} has dtype {a.dtype}, expected float64")
        inputs.append(a)
    before = [a.copy() for a in inputs]
    out, cotangent, gradients = _backward(fn, inputs, rng)
    _check_manners(fn, inputs, before, out, cotangent, gradients)
    for i, (x, gradient) in enumerate(zip(inputs, gradients)):

        def value(x: np.ndarray, i: int = i) -> Any:
            """The inner product of output and cotangent, with x as input i."""
            tensors = [Tensor(x if k == i else a, dtype=x.dtype) for k, a in enumerate(inputs)]
            return (fn(*tensors).data * cotangent).sum()

        if not np.isfinite(gradient).all():
            where = tuple(int(k) for k in np.argwhere(~np.isfinite(gradient))[0])
            raise GradientError(f"input {i}, element {where}: gradient {gradient[where]}")
        size = float(np.abs(out * cotangent).sum())  # of the numbers that add up to the value
        least = LEAST * float(np.abs(cotangent).sum())
        faults = []
        for label, direction in _directions(x, rng):
            fault = _compare(value, x, gradient, direction, size, least, method)
            if fault is not None:
                faults.append((label, *fault))
        if faults:
            gaps = [abs(derivative - got) for _, got, derivative, _ in faults]
            label, got, derivative, how = faults[int(np.nan_to_num(gaps, nan=np.inf).argmax())]
            raise GradientError(
                f"input {i}, {label}: gradient {got:.4g}, derivative {derivative:.4g} ({how}); "
                f"the worst of {len(faults)} that differ"
            )


def _backward(fn: Callable, inputs: list, rng: np.random.Generator):
    """Value, random cotangent, and the gradients of their inner product."""
    leaves = [Tensor(a, requires_grad=True) for a in inputs]
    out = fn(*leaves)
    if not isinstance(out, Tensor):
        raise DtypeError(f"gradcheck: fn returned {type(out).__name__}, expected a Tensor")
    cotangent = rng.standard_normal(out.shape)
    out.backward(cotangent)
    for i, leaf in enumerate(leaves):
        if leaf.grad is None:
            raise GradientError(f"input {i}: no gradient reached it; fn does not depend on it")
    for i, (leaf, array) in enumerate(zip(leaves, inputs)):
        if not np.array_equal(leaf.data, array, equal_nan=True):
            raise GradientError(f"input {i}: changed by the function or its gradient")
    return out.data, cotangent, [leaf.grad for leaf in leaves]


def _check_manners(fn, inputs, before, out, cotangent, gradients) -> None:
    for i, (a, b) in enumerate(zip(inputs, before)):
        if not np.array_equal(a, b):
            raise GradientError(f"input {i}: changed by the function or its gradient")
    arrays = [*gradients, cotangent, *inputs]
    for i in range(len(gradients)):
        for other in arrays[i + 1 :]:
            if np.shares_memory(gradients[i], other):
                raise GradientError(f"input {i}: its gradient shares memory with another array")
    leaves = [Tensor(a, requires_grad=True) for a in inputs]
    again = fn(*leaves)
    same = np.array_equal(again.data, out, equal_nan=True)
    parts = grad((again * cotangent).sum(), leaves) if same else []
    if not same or not all(
        np.array_equal(p, g, equal_nan=True) for p, g in zip(parts, gradients)
    ):
        raise GradientError("a second run gave other bits; give fn its own generator at each call")


def _directions(array: np.ndarray, rng: np.random.Generator):
    """Unit vectors for a small array, random directions for a large one, each with a label."""
    if array.size <= ELEMENTWISE:
        for index in np.ndindex(array.shape):
            direction = np.zeros(array.shape)
            direction[index] = 1.0
            yield f"element {index}", direction
    else:
        for k in range(ELEMENTWISE):
            direction = rng.standard_normal(array.shape)
            yield f"direction {k}", direction / np.sqrt(array.size)


def _compare(
    value: Callable,
    x: np.ndarray,
    gradient: np.ndarray,
    direction: np.ndarray,
    size: float,
    least: float,
    method: str,
) -> tuple[float, float, str] | None:
    """None if the gradient is right along a direction; else it, the derivative, and its kind."""
    got = float((gradient * direction).sum())
    largest = float(np.abs(gradient).max(initial=0))
    fault = None
    for how, derive in (("complex", _complex_step), ("central", _central_difference)):
        if method not in ("auto", how):
            continue
        try:
            derivative, doubt = derive(value, x, direction, size)
        except TypeError:  # the function does not take complex numbers
            if method == how or how == "central":
                raise
            continue
        limit = TOLERANCE[how] * max(largest, abs(derivative)) + least
        if not abs(derivative - got) <= limit < np.inf:
            limit += doubt + ROUNDING * _last_bits(derive, value, x, direction, size)
        if abs(derivative - got) <= limit < np.inf:
            return None
        fault = got, derivative, how
    return fault


def _complex_step(
    value: Callable, x: np.ndarray, direction: np.ndarray, size: float
) -> tuple[float, float]:
    """The derivative along a direction, and how far rounding of a value of ``size`` may move it."""
    derivative = float(value(x + 1j * COMPLEX_STEP * direction).imag / COMPLEX_STEP)
    length = float(np.clip(np.abs(x).max(initial=0) or 1, 1e-8, 1))  # over which the value varies
    return derivative, ROUNDING * EPS * size / length


def _central_difference(
    value: Callable, x: np.ndarray, direction: np.ndarray, size: float
) -> tuple[float, float]:
    """The derivative along a direction as a difference quotient, and how far off it may be.

    The step may be small beside 1, as tanh needs it, or small beside x, as x ** 3 needs it: the one
    that leaves less doubt is taken. For a smooth function the error of the quotient is a third of
    what doubling the step changes; half of that is allowed, and the rounding of the value. A step
    after which doubling changes less than it did before, by more than rounding, is longer than the
    function is smooth, as 1 for 1/x near 0: it is taken only if both are.
    """
    length = float(np.abs(x[direction != 0]).max(initial=0))
    found = []
    for h in {CENTRAL_STEP, CENTRAL_STEP * length} - {0.0}:
        with np.errstate(all="ignore"):  # a step too long may leave the domain, as of a logarithm
            once, twice, four_times = (
                float(value(x + step * direction) - value(x - step * direction)) / (2 * step)
                for step in (h, 2 * h, 4 * h)
            )
        rounding = ROUNDING * EPS * size / h
        too_long = abs(once - twice) > abs(twice - four_times) + rounding
        found.append((too_long, abs(once - twice) / 2 + rounding, once))
    _, doubt, derivative = min(found, key=lambda one: (one[0], np.nan_to_num(one[1], nan=np.inf)))
    return derivative, doubt


def _last_bits(
    derive: Callable, value: Callable, x: np.ndarray, direction: np.ndarray, size: float
) -> float:
    """How much the last bits of x change in the derivative.

    On each side of x, the largest change; and of the two sides the smaller one, because at a jump
    or a corner the derivative of one side is another one, which is not rounding.
    """
    here, _ = derive(value, x, direction, size)
    sides = [
        [
            abs(derive(value, x + sign * k * EPS * np.abs(x), direction, size)[0] - here)
            for k in LAST_BITS
        ]
        for sign in (1, -1)
    ]
    return float(np.min(np.max(sides, axis=1)))
