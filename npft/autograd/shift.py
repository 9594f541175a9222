"""What to take from scores before exp, so that nothing overflows: nothing, where all are small.

Any shift of a row leaves its softmax as it is, but for rounding. The usual shift is the largest
number of the row. To find it is slow where rows are short: at 16 numbers a row it costs as much as
all the rest of a softmax, at 128 about a fifth. The two extremes of the whole array are found in
one fast pass, so attention and cross-entropy ask ``small`` first: where it says yes, as it nearly
always does, ``row_shift`` would be 0 in each row, and is left out.

    shifted = scores if small(scores) else scores - row_shift(scores)
"""

from __future__ import annotations

import numpy as np

# exp(60) is 1e26: 3e12 of them fit into a float32 (3e38), and exp(-60), 9e-27, is far above its
# smallest number.
SAFE = 60.0


def small(x: np.ndarray) -> bool:
    """Whether all numbers are so near 0 that their exp can be summed as it is.

    >>> small(np.array([-59.0, 59.0])), small(np.array([0.0, -np.inf]))
    (True, False)
    """
    return bool(-SAFE < x.real.min() and x.real.max() < SAFE)


def row_shift(x: np.ndarray) -> np.ndarray:
    """The largest number of each row (last axis, kept), or 0 where that is small.

    So a row is shifted alike whatever stands in the others.

    >>> row_shift(np.array([[1.0, 59.0], [1.0, 100.0]])).tolist()
    [[0.0], [100.0]]
    """
    largest = x.real.max(axis=-1, keepdims=True)
    return np.where(np.abs(largest) < SAFE, 0, largest)
