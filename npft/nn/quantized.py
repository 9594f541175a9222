"""Matrices in fewer bytes, for models that only read: int8 with a scale for each row, or float16.

    int8       w ≈ q s,   s = max|w| / 127 of the row,   q = round(w / s) in -127..127
               bytes / 4, and |w - q s| <= s / 2
    float16    w rounded to 11 binary digits;   bytes / 2

A row of a matrix (F, D) belongs to one output of the layer (one *channel*), or to one token of a
table. Rows differ in size, and one large number would make the steps of a whole matrix coarse; so
each row has a scale of its own (Jacob et al. 2018; Dettmers et al. 2022, section 2).

What is saved is memory, not arithmetic: a few rows at a time become float32 in the cache of the
processor, meet the inputs there, and are forgotten. The whole matrix never stands in float32.
Vectors (biases, layer norms) stay as they are: they have a hundredth of the numbers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import numpy as np

from npft.autograd import kernels
from npft.autograd.kernels import STRETCH, check_ids
from npft.autograd.tensor import Tensor, primitive
from npft.errors import (
    ConfigError, GraphError, NonFiniteError, ShapeError, check_shape, quoted,
)
from npft.nn.module import Module, freeze

LARGEST = 127  # of the whole numbers; -128 is not used, so that w and -w are stored alike
KINDS = ("int8", "float16")
# The largest scale of a row of int8: 127 times it must not overflow float32.
LARGEST_SCALE = float(np.nextafter(np.finfo(np.float32).max / np.float32(LARGEST), np.float32(0)))
# The largest weight of each kind.
LIMITS = {"int8": LARGEST * LARGEST_SCALE, "float16": float(np.finfo(np.float16).max)}
M = TypeVar("M", bound=Module)


class QuantizedWeight(Module):
    """What stands in the place of a matrix (F, D) of parameters: fewer bytes, and no gradient.

    values (F, D) int8 or float16; scales (F,) float32 for int8, None for float16. A row of the
    matrix is its values times its scale.

    >>> weight = QuantizedWeight.of(np.array([[1.27, -0.52], [0.0, 0.0]], np.float32), "int8")
    >>> weight.values.tolist(), weight.scales.tolist()
    ([[127, -52], [0, 0]], [0.009999999776482582, 0.0])
    >>> weight
    QuantizedWeight(2 x 2, int8)
    """

    def __init__(self, values: np.ndarray, scales: np.ndarray | None) -> None:
        self.values, self.scales = values, scales

    @classmethod
    def of(cls, weight: np.ndarray, kind: str) -> QuantizedWeight:
        """Round a matrix (F, D) of float32 to the nearest that can be stored.

        Raises ``ConfigError`` for an unknown kind or another dtype, ``ShapeError`` for another
        shape, ``NonFiniteError`` for numbers that are not finite, or too large for float16.
        """
        if not isinstance(kind, str) or kind not in KINDS:
            raise ConfigError(f"quantize: kind is {kind!r:.60}, expected {' or '.join(KINDS)}")
        if weight.dtype != np.float32:
            raise ConfigError(
                f"quantize: weights are {weight.dtype}, expected float32; model.astype(np.float32)"
            )
        check_shape("quantize: a weight", weight, "F D")
        largest = float(np.abs(weight).max(initial=0))
        if not largest <= LIMITS[kind]:
            raise NonFiniteError(
                f"quantize: the largest weight is {largest:g}, {kind} holds up to "
                f"{LIMITS[kind]:g}; "
                "repair the weights first"
            )
        if kind == "float16":
            return cls(weight.astype(np.float16), None)
        scales = np.abs(weight).max(axis=1, initial=0) / np.float32(LARGEST)  # (F,)
        steps = weight / np.where(scales > 0, scales, 1)[:, None]  # a row of zeros stays zeros
        values = np.rint(steps).clip(-LARGEST, LARGEST).astype(np.int8)
        return cls(values, scales)

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the matrix, (F, D)."""
        return self.values.shape

    @property
    def data(self) -> np.ndarray:
        """The whole matrix as float32, made anew at each call."""
        return self.floats(slice(None))

    def buffers(self) -> dict[str, np.ndarray]:
        return {"values": self.values} | ({} if self.scales is None else {"scales": self.scales})

    def floats(self, rows: Any, dtype: Any = np.float32) -> np.ndarray:
        """Some rows of the matrix, by a slice or by their numbers, as floats."""
        w = self.values[rows].astype(dtype)
        if self.scales is not None:
            w *= self.scales[rows][:, None]
        return w

    def __repr__(self) -> str:
        return f"QuantizedWeight({self.shape[0]} x {self.shape[1]}, {self.values.dtype})"


@primitive
def quantized_linear(x, bias, *, weight: QuantizedWeight, need=(True, True)):
    """The affine map y = x Wᵀ + b with the rows of W made float a few at a time.

    x (N, D), bias (F,), weight (F, D); returns (N, F).
    Raises ``ShapeError`` if the widths differ, ``GraphError`` where a gradient is asked for: there
    is none through rounded weights.

    >>> weight = QuantizedWeight.of(np.array([[3.0, 4.0]], np.float32), "float16")
    >>> quantized_linear(np.array([[1.0, 2.0]]), np.array([0.5]), weight=weight).item()
    11.5
    """
    if any(need):
        raise GraphError(
            f"a weight of {weight.values.dtype} only reads, no gradient goes through it; train "
            "the float32 model and quantize it afterwards, or train a new head on this frozen body"
        )
    sizes = check_shape("quantized_linear: x", x, "N D")
    check_shape("quantized_linear: bias", bias, "F")
    if weight.shape != (len(bias), sizes["D"]):
        raise ShapeError(
            f"quantized_linear: weight has shape {weight.shape}, expected (F, D) = "
            f"({len(bias)}, {sizes['D']}) to fit x {x.shape} and bias {bias.shape}"
        )
    y = np.empty((len(x), len(bias)), x.dtype)
    step = max(1, STRETCH // max(1, sizes["D"]))  # rows of W that fit into the cache together
    for start in range(0, len(bias), step):
        rows = slice(start, start + step)
        y[:, rows] = x @ weight.floats(rows, x.dtype).T
    y += bias
    return y, lambda g: (None, None)


def affine(x: Any, weight: Any, bias: Any) -> Tensor:
    """x Wᵀ + b of a matrix W that is a parameter, or has been quantized: how layers use one.

    >>> affine(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([0.5])).item()
    11.5
    """
    if isinstance(weight, QuantizedWeight):
        return quantized_linear(x, bias, weight=weight)
    return kernels.linear(x, weight, bias)


def rows_of(table: Any, ids: np.ndarray) -> Tensor:
    """The rows that the ids (N,) name of a table that is a parameter, or has been quantized.

    Raises ``IdError`` for an id outside the table, ``ShapeError`` for ids of another shape.

    >>> rows_of(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1])).data.tolist()
    [[3.0, 4.0]]
    """
    if isinstance(table, QuantizedWeight):
        ids = check_ids("rows_of: ids", ids, len(table.values))
        check_shape("rows_of: ids", ids, "N")
        return Tensor(table.floats(ids))
    return kernels.embedding(table, ids=ids)


class Modules(Protocol):
    """What consists of modules."""

    def modules(self) -> Iterator[Module]: ...


def kind_of_weights(model: Modules) -> str | None:
    """"int8" or "float16" for a quantized model, None for one of floats.

    >>> from npft.nn.layers import Linear
    >>> layer = Linear(2, 1, rng=np.random.default_rng(0))
    >>> kind_of_weights(layer), kind_of_weights(quantize(layer, "int8"))
    (None, 'int8')
    """
    found = (m for m in model.modules() if isinstance(m, QuantizedWeight))
    return next((str(weight.values.dtype) for weight in found), None)


def need_floats(caller: str, model: Module) -> None:
    """Raise ``ConfigError`` that names the caller if a model is quantized."""
    if (kind := kind_of_weights(model)) is not None:
        raise ConfigError(
            f"{caller}: the weights of the model are {kind}, expected float32; give the model as "
            "it was before it was quantized"
        )


def quantize(model: M, kind: str = "int8") -> M:
    """A copy of a model whose matrices and tables are int8 or float16: it reads, and never trains.

    kind: "int8" (a quarter of the bytes, a scale for each row) or "float16" (half of them).
    All its weights are frozen, and it is in evaluation mode. Predicting, evaluating, encoding,
    ``save`` and ``load`` go on as before; a new head in float32 can be trained on a quantized body.

    Raises ``ConfigError`` for another kind, a model that is quantized already, or weights that are
    not float32; ``NonFiniteError`` for a weight that cannot be stored.

    >>> from npft.nn.layers import Linear
    >>> layer = Linear(64, 32, rng=np.random.default_rng(0))
    >>> small = quantize(layer, "int8")
    >>> layer.num_bytes(), small.num_bytes()  # 32 biases, and 32 scales, are float32
    (8320, 2304)
    """
    if not isinstance(model, Module):
        raise ConfigError(
            f"quantize: model is {quoted(model)}, expected a module, such as an Encoder"
        )
    need_floats("quantize", model)
    # A copy in which each matrix is replaced wherever it is used: tied weights stay one.
    replaced = {
        id(matrix): QuantizedWeight.of(matrix.data, kind)
        for module in model.modules()
        for matrix in module.matrices()
    }
    new = copy.deepcopy(model, dict[int, Any](replaced))
    freeze(new)
    new.eval()
    return new
