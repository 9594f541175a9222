"""Tools for property tests of your own: batches, input arrays and cotangents, and a check of an op.

    @given(arrays_for(swish), generators())
    def test_swish(arrays, rng):
        check_op(swish, *arrays, rng=rng)

The strategies are for hypothesis (``pip install hypothesis``), which the rest of npft does without.
Numbers come from a generator with a drawn seed, not from hypothesis itself, which would shrink a
failure to zeros and ones. There a wrong gradient often looks right, and a maximum has ties.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npft.autograd.gradcheck import gradcheck
from npft.errors import ConfigError, GradientError
from npft.text.batch import Batch

MAX_AXES, MAX_SIDE = 3, 4  # of arrays whose shapes are drawn


def generators() -> st.SearchStrategy[np.random.Generator]:
    """Random generators, each with a seed of its own: the ``rng`` of a test.

    >>> from hypothesis import find
    >>> find(generators(), lambda rng: True).random() == np.random.default_rng(0).random()
    True
    """
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


@st.composite
def ragged_batches(
    draw: st.DrawFn, max_sequences: int = 5, max_length: int = 8, vocab_size: int = 20
) -> Batch:
    """Batches of 1 to ``max_sequences`` sequences of 1 to ``max_length`` tokens below vocab_size.

    Raises ``ConfigError`` for a limit below 1.

    >>> from hypothesis import find
    >>> find(ragged_batches(), lambda batch: batch.lengths.max() == 2)  # the smallest there is
    Batch(1 sequences, 2 tokens, longest 2)
    """
    if min(max_sequences, max_length, vocab_size) < 1:
        raise ConfigError(
            f"ragged_batches: max_sequences {max_sequences}, max_length {max_length}, vocab_size "
            f"{vocab_size}; expected at least 1 of each"
        )
    token = st.integers(0, vocab_size - 1)
    sequence = st.lists(token, min_size=1, max_size=max_length)
    rows = draw(st.lists(sequence, min_size=1, max_size=max_sequences))
    ids = [i for row in rows for i in row]
    return Batch(ids, np.append(0, np.cumsum([len(row) for row in rows])))


def cotangents(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    """Normal float64 arrays of ``shape`` to pull back through a vjp: random, never constant.

    With ones everywhere the gradient of a softmax is 0 whatever its vjp does.

    >>> from hypothesis import find
    >>> g = find(cotangents((2, 3)), lambda g: True)
    >>> g.shape, len(np.unique(g))
    ((2, 3), 6)
    """
    return generators().map(lambda rng: np.array(rng.standard_normal(shape)))


@st.composite
def arrays_for(
    draw: st.DrawFn,
    op: Callable,
    *shapes: tuple[int, ...],
    low: float = -2.0,
    high: float = 2.0,
) -> list[np.ndarray]:
    """A list of float64 arrays, one for each positional argument of ``op``.

    Give a shape for each argument; without any, shapes are drawn that broadcast together, as an
    op that works element by element needs. The numbers of an array lie between ``low`` and
    ``high`` and apart from each other, so that a small step changes no maximum.

    Raises ``ConfigError`` if the shapes are not as many as the arguments, or ``op`` takes any
    number of arrays and no shapes are given, or low is not below high.

    >>> from hypothesis import find
    >>> def scaled(x, y, *, factor): ...
    >>> [a.shape for a in find(arrays_for(scaled, (2, 3), (3,)), lambda arrays: True)]
    [(2, 3), (3,)]
    """
    if not -np.inf < low < high < np.inf:
        raise ConfigError(f"arrays_for: low {low}, high {high}; expected finite, low below high")
    parameters = inspect.signature(op).parameters.values()
    number = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    any_number = any(p.kind == p.VAR_POSITIONAL for p in parameters)
    if (any_number and len(shapes) < max(1, number)) or (
        not any_number and (number == 0 or len(shapes) not in (0, number))
    ):
        raise ConfigError(
            f"arrays_for: {len(shapes)} shapes for an op with the arguments "
            f"{inspect.signature(op)}; give one shape for each array"
        )
    if not shapes:
        together = hnp.mutually_broadcastable_shapes(
            num_shapes=number, max_dims=MAX_AXES, max_side=MAX_SIDE
        )
        shapes = draw(together).input_shapes
    rng = draw(generators())
    return [_spread_out(rng, shape, low, high) for shape in shapes]


def _spread_out(
    rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float
) -> np.ndarray:
    """Cut the interval into as many cells as numbers, and draw from the middle half of each."""
    n = int(np.prod(shape, dtype=int))
    inside = rng.permutation(n) + rng.uniform(0.25, 0.75, n)
    return (low + (high - low) * inside / max(n, 1)).reshape(shape)


def check_op(op: Callable, *arrays: Any, rng: np.random.Generator, **constants: Any) -> None:
    """Check an op at ``arrays`` with its ``constants``; silent if all is well.

    Its gradient must be the numerical derivative under a random cotangent, in every element; no
    array and no constant may be changed; gradients share no memory; a second run gives the same
    bits (see ``gradcheck``). ``op`` is a primitive, or any function of tensors.

    Raises ``GradientError`` that says what is wrong, ``DtypeError`` for arrays that are not
    float64.

    >>> from npft.autograd.tensor import primitive
    >>> @primitive
    ... def swish(x, *, beta):
    ...     s = 1 / (1 + np.exp(-beta * x))
    ...     return x * s, lambda g: g * s  # wrong: s depends on x, too
    >>> check_op(swish, [0.5], beta=2.0, rng=np.random.default_rng(0))
    Traceback (most recent call last):
        ...
    npft.errors.GradientError: input 0, element (0,): gradient 0.09192, derivative 0.1166 \
(central); the worst of 1 that differ
    """
    before = {k: v.tobytes() for k, v in constants.items() if isinstance(v, np.ndarray)}
    gradcheck(functools.partial(op, **constants), *arrays, rng=rng)
    for name, old in before.items():
        if constants[name].tobytes() != old:
            raise GradientError(f"constant {name}: changed by the op or its gradient")
