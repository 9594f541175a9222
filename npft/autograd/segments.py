"""Reductions over segments: one result for each sequence of a ragged batch.

Rows of x (N, D) belong to B sequences; sequence b owns rows offsets[b] to offsets[b + 1]. No row
is padding, so a mean over a segment needs no mask.
"""

from __future__ import annotations

import numpy as np

from npft.autograd.tensor import primitive
from npft.errors import DtypeError, NonFiniteError, ShapeError, check_finite, check_shape


def segments_of(name: str, x: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first row and the number of rows of each segment, both (B,), from checked offsets.

    >>> segments_of("x", np.zeros((3, 1)), np.array([0, 2, 3]))
    (array([0, 2]), array([2, 1]))
    """
    n = check_shape(f"{name}: x", x, "N D")["N"]
    offsets = np.asarray(offsets)
    if offsets.dtype.kind not in "iu":
        raise DtypeError(f"{name}: offsets have dtype {offsets.dtype}, expected integers")
    check_shape(f"{name}: offsets", offsets, "B+1")
    offsets = offsets.astype(np.int64, copy=False)  # a difference of uint64 would not fall below 0
    lengths = np.diff(offsets)
    if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != n or not np.all(lengths > 0):
        raise ShapeError(
            f"{name}: offsets must rise from 0 to N = {n} without an empty segment, "
            f"got {np.array2string(offsets, threshold=8)}"
        )
    return offsets[:-1], lengths


def _sums(x: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The sum of the rows of each segment: (N, D) to (B, D)."""
    return np.add.reduceat(x, starts, axis=0)


@primitive
def segment_sum(x, *, offsets: np.ndarray):
    """The sum of the rows of each segment.

    x (N, D), offsets (B + 1,) rising from 0 to N; returns (B, D).
    Raises ``ShapeError`` for offsets that do not fit or an empty segment.

    >>> x = np.array([[1.0], [3.0], [10.0]])
    >>> segment_sum(x, offsets=np.array([0, 2, 3])).data.tolist()
    [[4.0], [10.0]]
    """
    starts, lengths = segments_of("segment_sum", x, offsets)
    return _sums(x, starts), lambda g: np.repeat(g, lengths, axis=0)


@primitive
def segment_mean(x, *, offsets: np.ndarray):
    """The mean of the rows of each segment: mean pooling without padding.

    x (N, D), offsets (B + 1,) rising from 0 to N; returns (B, D).
    Raises ``ShapeError`` for offsets that do not fit or an empty segment.

    >>> x = np.array([[1.0], [3.0], [10.0]])
    >>> segment_mean(x, offsets=np.array([0, 2, 3])).data.tolist()
    [[2.0], [10.0]]
    """
    starts, lengths = segments_of("segment_mean", x, offsets)
    share = (1 / lengths[:, None]).astype(x.dtype)  # (B, 1)
    return _sums(x, starts) * share, lambda g: np.repeat(g * share, lengths, axis=0)


@primitive
def segment_max(x, *, offsets: np.ndarray):
    """The largest value of each column within each segment; ties share the gradient evenly.

    x (N, D), offsets (B + 1,); returns (B, D). Raises as ``segment_sum``, and
    ``NonFiniteError`` for NaN.

    >>> x = np.array([[1.0], [3.0], [10.0]])
    >>> segment_max(x, offsets=np.array([0, 2, 3])).data.tolist()
    [[3.0], [10.0]]
    """
    starts, lengths = segments_of("segment_max", x, offsets)
    largest = np.maximum.reduceat(x.real, starts, axis=0)  # (B, D)
    if np.isnan(largest).any():
        raise NonFiniteError("segment_max: x holds NaN, which has no largest value")
    winners = (x.real == np.repeat(largest, lengths, axis=0)).astype(x.dtype)  # (N, D)
    winners /= np.repeat(_sums(winners, starts), lengths, axis=0)
    first = np.where(winners != 0, np.arange(len(x))[:, None], len(x))  # (N, D)
    out = np.take_along_axis(x, np.minimum.reduceat(first, starts, axis=0), axis=0)  # (B, D)
    return out, lambda g: np.repeat(g, lengths, axis=0) * winners


@primitive
def segment_softmax(x, *, offsets: np.ndarray):
    """Softmax of each column within each segment: weights of the tokens of a sequence.

    The gradient is p (g - Σ g p), with the sum over the segment.
    x (N, D), offsets (B + 1,); returns (N, D). Raises ``NonFiniteError`` for a score that is not.

    >>> x = np.array([[0.0], [0.0], [7.0]])
    >>> segment_softmax(x, offsets=np.array([0, 2, 3])).data.tolist()
    [[0.5], [0.5], [1.0]]
    """
    starts, lengths = segments_of("segment_softmax", x, offsets)
    largest = np.maximum.reduceat(x.real, starts, axis=0)  # (B, D)
    check_finite("segment_softmax: the largest score", largest)
    p = np.exp(x - np.repeat(largest, lengths, axis=0))  # (N, D)
    p /= np.repeat(_sums(p, starts), lengths, axis=0)
    return p, lambda g: p * (g - np.repeat(_sums(g * p, starts), lengths, axis=0))
