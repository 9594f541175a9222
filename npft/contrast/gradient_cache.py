"""Gradient caching: the loss of a batch that is too large to be in memory at once.

A contrastive loss is no sum over its texts, so a batch cannot be cut as elsewhere
(``nn/packs.py``). But it depends on a text through its vector only (Gao, Zhang, Han & Callan 2021,
"GradCache"):

    1. encode piece after piece, without a graph                  vectors v
    2. the loss of the vectors, and its gradient                  c = d loss / d v, the cache
    3. encode each piece again, now with a graph, and pull its part of c back to the weights

              d loss / d w = Σ_pieces  (d v_piece / d w)ᵀ c_piece

which is the chain rule and no approximation. It costs one more forward pass; memory holds the graph
of one piece, or of as many as there are threads, because pieces can be worked on at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from npft.autograd.inputs import mode
from npft.autograd.tensor import Tensor, no_grad, primitive, pull_back
from npft.errors import DataError, GraphError
from npft.nn.module import Module
from npft.nn.packs import each_pack

P = TypeVar("P")


def cached_loss(
    model: Module,
    encode: Callable[[P], Tensor],
    pieces: Sequence[P],
    loss: Callable[[list[Tensor]], Tensor],
) -> Tensor:
    """loss([encode(piece) for piece in pieces]), with the graph of one piece at a time.

    ``encode`` uses weights of ``model`` and is called twice for each piece: it must give the same
    both times, so what it draws (dropout) must come from the piece. The result is a number in the
    graph whose parents are the weights. Raises ``DataError`` for no pieces; on the way back
    ``GraphError`` if a piece is encoded to other vectors, or inside ``no_grad``.

    >>> from npft.nn.layers import Linear
    >>> layer = Linear(1, 1, std=0.0, rng=np.random.default_rng(0))
    >>> pieces = [np.ones((2, 1), np.float32), np.ones((3, 1), np.float32)]
    >>> total = cached_loss(layer, layer, pieces, lambda v: ((v[0].sum() + v[1].sum()) - 1.0))
    >>> total.backward()
    >>> total.item(), layer.weight.grad.item()
    (-1.0, 5.0)
    """
    weights = model.parameters()
    if not pieces:
        raise DataError("cached_loss: there are no pieces; give at least one")

    @primitive
    def gradient_cache(*_: np.ndarray) -> tuple[np.ndarray, Callable]:
        # the weights are arguments for the engine's sake: ``encode`` and ``loss`` know them
        with no_grad():
            values = list(each_pack(lambda piece: encode(piece).data, pieces))
        vectors = [Tensor(v, requires_grad=True) for v in values]
        total = loss(vectors)

        def vjp(g: np.ndarray) -> tuple:
            if mode.paused:
                raise GraphError(
                    "gradient_cache: backward inside no_grad() finds no gradient, for the texts "
                    "are encoded again in it; call backward outside"
                )
            found = pull_back(total, g)
            cotangents = [found.pop(v, None) for v in vectors]  # what is left is of the loss's own

            def pulled(number: int) -> dict[Any, np.ndarray]:
                encoded, c = encode(pieces[number]), cotangents[number]
                if not np.array_equal(encoded.data, values[number], equal_nan=True):
                    raise GraphError(
                        f"gradient_cache: piece {number} was encoded to other vectors the second "
                        "time; let encode draw all chance from a seed that the piece holds"
                    )
                needed = c is not None and encoded.requires_grad
                return pull_back(encoded, c) if needed else {}

            for gradients in each_pack(pulled, range(len(pieces))):
                for weight, part in gradients.items():
                    found[weight] = found[weight] + part if weight in found else part
            return tuple([found.get(w, np.zeros(w.shape, w.dtype)) for w in weights])

        return total.data, vjp

    return gradient_cache(*weights)
