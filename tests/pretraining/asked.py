"""What tests ask of a labelled batch: which tokens have a label, and which."""

import numpy as np

from npft.text.batch import IGNORE


def rows_of(batch):
    """The rows (M,) of the tokens with a label; there may be none."""
    labels = np.zeros(0, np.int64) if batch.token_labels is None else batch.token_labels
    return np.flatnonzero(labels != IGNORE)


def targets_of(batch):
    """What must be given there (M,)."""
    return batch.ids[:0] if batch.token_labels is None else batch.token_labels[rows_of(batch)]


def labelled(batch, rows, targets):
    """The batch with ``targets`` asked at ``rows``, and nothing elsewhere."""
    labels = np.full(len(batch.ids), IGNORE)
    labels[rows] = targets
    return batch.replace(token_labels=labels)
