"""The four layers an encoder is made of: a thin module around a kernel each."""

from __future__ import annotations

import numpy as np

from npft.autograd import kernels
from npft.autograd.tensor import Tensor
from npft.errors import check_rng, check_share
from npft.nn.module import Module, Parameter
from npft.nn.quantized import affine, rows_of

INIT_STD = 0.02  # the standard deviation of new weights in BERT (Devlin et al. 2019)


def normal(shape: tuple[int, ...], std: float, rng: np.random.Generator) -> np.ndarray:
    """Normally distributed float32 numbers of standard deviation ``std``.

    Raises ``ConfigError`` if ``rng`` is no generator.
    """
    check_rng("a new layer: rng", rng)
    return (rng.standard_normal(shape) * std).astype(np.float32)


class Linear(Module):
    """y = x Wᵀ + b with W (out, in) drawn from a normal distribution and b = 0.

    >>> layer = Linear(3, 2, rng=np.random.default_rng(0))
    >>> layer(np.zeros((5, 3), np.float32)).shape
    (5, 2)
    """

    def __init__(
        self, inputs: int, outputs: int, *, std: float = INIT_STD, rng: np.random.Generator
    ) -> None:
        self.weight = Parameter(normal((outputs, inputs), std, rng))
        self.bias = Parameter(np.zeros(outputs, np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return affine(x, self.weight, self.bias)

    def matrices(self) -> list[Parameter]:
        return [self.weight]


class Embedding(Module):
    """A table of ``size`` vectors, looked up by id.

    >>> table = Embedding(3, 2, rng=np.random.default_rng(0))
    >>> table.weight.assign([[0, 0], [1, 1], [2, 4]])
    >>> table(np.array([2, 1])).data.tolist()
    [[2.0, 4.0], [1.0, 1.0]]
    """

    def __init__(
        self, size: int, width: int, *, std: float = INIT_STD, rng: np.random.Generator
    ) -> None:
        self.weight = Parameter(normal((size, width), std, rng))

    def forward(self, ids: np.ndarray) -> Tensor:
        return rows_of(self.weight, ids)

    def matrices(self) -> list[Parameter]:
        return [self.weight]


class LayerNorm(Module):
    """Rows of mean 0 and variance 1, times a weight (at first 1) plus a bias (at first 0).

    >>> LayerNorm(2, eps=1e-12)(np.array([[1, 3], [0, 40]], np.float32)).data.tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """

    def __init__(self, width: int, *, eps: float = 1e-5) -> None:
        self.weight = Parameter(np.ones(width, np.float32))
        self.bias = Parameter(np.zeros(width, np.float32))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return kernels.layer_norm(x, self.weight, self.bias, eps=self.eps)


class Dropout(Module):
    """Dropout while training, nothing while evaluating.

    Raises ``ConfigError`` in training mode if p > 0 and no rng is given.

    >>> layer, ones = Dropout(0.5), np.ones(6, np.float32)
    >>> layer(ones, np.random.default_rng(1)).data.tolist()  # what stays is divided by 1 - p
    [2.0, 0.0, 2.0, 2.0, 2.0, 2.0]
    >>> layer.eval()(ones).data.tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, p: float) -> None:
        self.p = check_share("Dropout: p", p, zero=True)

    def forward(self, x: Tensor, rng: np.random.Generator | None = None) -> Tensor:
        return kernels.dropout(x, self.p if self.training else 0.0, rng=rng)


def set_dropout(module: Module, p: float) -> None:
    """Give every dropout layer of a model the chance ``p``.

    Pretraining on plentiful text does without (Lan et al. 2020, section 4.8); a small labelled
    data set wants some. Raises ``ConfigError`` if p is outside [0, 1).

    >>> layer = Dropout(0.1)
    >>> set_dropout(layer, 0.3)
    >>> layer.p
    0.3
    """
    for layer in module.modules():
        if isinstance(layer, Dropout):
            layer.p = Dropout(p).p
