"""Pooling: from one vector for each token to one for each sequence.

    mean   the average of the sequence's tokens
    cls    its first token, which is [CLS] where the tokenizer set one (BERT's way)
    max    the largest value of each column
    last   its last token (the way of GPT-like classifiers)

No token is a pad, so none can leak into the result. In the padded form of a textbook, (B, T, D)
with a mask, the mean must be weighted by the mask, the maximum must not see pads, and the last
token must be the last *real* one; see the head-swap notebook, which shows both.
"""

from __future__ import annotations

from npft.autograd.kernels import take_rows
from npft.autograd.segments import segment_max, segment_mean
from npft.autograd.tensor import Tensor
from npft.errors import ConfigError
from npft.text.batch import Batch

POOLS = ("mean", "cls", "max", "last")


def check_pool(kind: str) -> str:
    """Return ``kind`` if it is the name of a pool; raises ``ConfigError`` otherwise."""
    if kind not in POOLS:
        raise ConfigError(f"pool: kind is {kind!r}, expected one of {', '.join(POOLS)}")
    return kind


def pool(hidden: Tensor, batch: Batch, kind: str) -> Tensor:
    """One vector for each sequence: hidden (N, D) to (B, D).

    Raises ``ConfigError`` for an unknown kind.

    >>> import numpy as np
    >>> hidden = Tensor([[1.0], [3.0], [5.0]])
    >>> batch = Batch([7, 8, 9], [0, 2, 3])
    >>> [pool(hidden, batch, kind).data.ravel().tolist() for kind in POOLS]
    [[2.0, 5.0], [1.0, 5.0], [3.0, 5.0], [3.0, 5.0]]
    """
    check_pool(kind)
    if kind == "mean":
        return segment_mean(hidden, offsets=batch.offsets)
    if kind == "max":
        return segment_max(hidden, offsets=batch.offsets)
    rows = batch.offsets[:-1] if kind == "cls" else batch.offsets[1:] - 1
    return take_rows(hidden, rows=rows)
