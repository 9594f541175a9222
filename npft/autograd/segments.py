"""Reductions over segments: one result for each sequence of a ragged batch.

Rows of x (N, D) belong to B sequences; sequence b owns rows offsets[b] to offsets[b + 1]. No row
is padding, so a mean over a segment needs no mask.
"""

from __future__ import annotations

import numpy as np

from npft.autograd.tensor import primitive
from npft.errors import DtypeError, ShapeError, check_shape


def segment_lengths(name: str, x: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The number of rows of each segment (B,), after checking the offsets."""
    n = check_shape(f"{name}: x", x, "N D")["N"]
    offsets = np.asarray(offsets)
    if offsets.dtype.kind not in "iu":
        raise DtypeError(f"{name}: offsets have dtype {offsets.dtype}, expected integers")
    lengths = np.diff(offsets.astype(np.int64))
    if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != n or not np.all(lengths > 0):
        raise ShapeError(
            f"{name}: offsets must rise from 0 to N = {n} without an empty segment, "
            f"got {np.array2string(offsets, threshold=8)}"
        )
    return lengths


@primitive
def segment_mean(x, *, offsets: np.ndarray):
    """The mean of the rows of each segment: mean pooling without padding.

    x (N, D), offsets (B + 1,) rising from 0 to N; returns (B, D).
    Raises ``ShapeError`` for offsets that do not fit or an empty segment.

    >>> x = np.array([[1.0], [3.0], [10.0]])
    >>> segment_mean(x, offsets=np.array([0, 2, 3])).data.tolist()
    [[2.0], [10.0]]
    """
    lengths = segment_lengths("segment_mean", x, offsets)
    share = (1 / lengths[:, None]).astype(x.dtype)  # (B, 1)
    out = np.add.reduceat(x, offsets[:-1], axis=0) * share  # (B, D)
    return out, lambda g: np.repeat(g * share, lengths, axis=0)


@primitive
def segment_max(x, *, offsets: np.ndarray):
    """The largest value of each column within each segment; ties share the gradient evenly.

    x (N, D), offsets (B + 1,); returns (B, D).

    >>> x = np.array([[1.0], [3.0], [10.0]])
    >>> segment_max(x, offsets=np.array([0, 2, 3])).data.tolist()
    [[3.0], [10.0]]
    """
    lengths = segment_lengths("segment_max", x, offsets)
    largest = np.maximum.reduceat(x.real, offsets[:-1], axis=0)  # (B, D)
    winners = (x.real == np.repeat(largest, lengths, axis=0)).astype(x.dtype)  # (N, D)
    winners /= np.repeat(np.add.reduceat(winners, offsets[:-1], axis=0), lengths, axis=0)
    out = np.add.reduceat(x * winners, offsets[:-1], axis=0)
    return out, lambda g: np.repeat(g, lengths, axis=0) * winners
