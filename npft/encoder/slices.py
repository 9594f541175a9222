"""Reading many sequences in slices, and putting what was found back in their order."""

from __future__ import annotations

import numpy as np

from npft.text.batch import Batch

SLICE = 64  # sequences that are read at once where nothing is trained


def slices_of(batch: Batch, size: int) -> list[Batch]:
    """The batch in parts of ``size`` sequences, the last one perhaps smaller.

    >>> [len(part) for part in slices_of(Batch([5, 6, 7], [0, 1, 2, 3]), 2)]
    [2, 1]
    """
    return [batch[i : i + size] for i in range(0, len(batch), size)]


def put_back(
    found: list[np.ndarray], batch: Batch, order: np.ndarray, tokens: bool = False
) -> np.ndarray:
    """What was found for sequences (or tokens) read in ``order``, in the order of the batch."""
    if not found:
        return np.zeros(0)
    together = np.concatenate(found)
    places = order
    if tokens:
        rows = np.split(np.arange(len(batch.ids)), batch.offsets[1:-1])
        places = np.concatenate([rows[i] for i in order])
    out = np.empty_like(together)
    out[places] = together
    return out
