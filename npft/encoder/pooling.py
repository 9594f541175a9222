"""Pooling: from one vector for each token to one for each sequence.

    mean   the average of the sequence's tokens
    cls    its first token, which is [CLS] where the tokenizer set one (BERT's way)
    max    the largest value of each column
    last   its last token (the way of GPT-like classifiers)

and those that a head learns, for they have weights, a query q (D) or a matrix W (D, D) and b (D):

    attention     Σ_i softmax_i(q · h_i) h_i: a mean in which tokens that point along q count more
    pooler        tanh(W h_1 + b) of the first token, as BERT and RoBERTa classify
    relu_pooler   max(0, W h_1 + b), as DistilBERT does

No token is a pad, so none can leak into the result. In the padded form of a textbook, (B, T, D)
with a mask, the mean must be weighted by the mask, the maximum must not see pads, and the last
token must be the last *real* one; see the head-swap notebook, which shows both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npft.autograd.kernels import linear, take_rows
from npft.autograd.ops import matmul, relu, tanh
from npft.autograd.segments import segment_max, segment_mean, segment_softmax, segment_sum
from npft.autograd.tensor import Tensor
from npft.errors import check_choice
from npft.nn.module import Module, Parameter
from npft.text.batch import Batch

POOLS = ("mean", "cls", "max", "last")
HEAD_POOLS = (*POOLS, "attention", "pooler", "relu_pooler")  # those that a head can have
POOLERS = {"pooler": tanh, "relu_pooler": relu}


def check_pool(kind: str, known: Sequence[str] = POOLS) -> str:
    """Return ``kind`` if it is the name of a pool; raises ``ConfigError`` otherwise."""
    return check_choice("pool: kind", kind, known)


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


class Pool(Module):
    """The pool of a head: one of ``HEAD_POOLS`` over hidden states of ``width`` columns.

    "attention" has a weight, the ``query`` (width, 1). It is 0 at first, where every token counts
    alike: training starts from the mean. The two poolers have ``weight`` (width, width), at first
    the identity, and ``bias``, at first 0. Raises ``ConfigError`` for an unknown kind.

    >>> hidden, batch = Tensor(np.float32([[0], [4]])), Batch([7, 8], [0, 2])
    >>> pool = Pool("attention", 1)
    >>> pool(hidden, batch).item()
    2.0
    >>> pool.query.assign(np.log([[3.0]]) / 4)  # exp(q h) is 1 and 3: the mean counts 1 : 3
    >>> round(pool(hidden, batch).item(), 5)
    3.0
    """

    def __init__(self, kind: str, width: int) -> None:
        self.kind = check_pool(kind, HEAD_POOLS)
        if kind == "attention":
            self.query = Parameter(np.zeros((width, 1), np.float32))
        if kind in POOLERS:
            self.weight = Parameter(np.eye(width, dtype=np.float32))
            self.bias = Parameter(np.zeros(width, np.float32))

    def forward(self, hidden: Tensor, batch: Batch) -> Tensor:
        if self.kind in POOLERS:
            return POOLERS[self.kind](linear(pool(hidden, batch, "cls"), self.weight, self.bias))
        if self.kind != "attention":
            return pool(hidden, batch, self.kind)
        weights = segment_softmax(matmul(hidden, self.query), offsets=batch.offsets)  # (N, 1)
        return segment_sum(hidden * weights, offsets=batch.offsets)  # (B, D)
