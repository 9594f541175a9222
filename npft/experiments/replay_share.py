"""How much to replay: what a share of each batch, and a small store of old text, keep.

Two arms, for a share takes room from the task: among 32, more replay is fewer examples of the task
in a step, and more steps an epoch; on top of 32 a step always holds as many examples of the task.
The store of old text is varied in the second arm, from 8 documents on. Each run is a cell of
``repairs.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.experiments.methods import ARMS
from npft.experiments.rates import f1_and_rise

SEQUENCES = (1, 4, 16)  # replayed in a step
STORES = (8, 64, 512)  # documents
AT = 4  # sequences a step, where the store is what varies


def share_cells() -> list[dict[str, Any]]:
    """What a cell says of its replay: none, each number of sequences in both arms, each store.

    >>> len(share_cells()), share_cells()[1]
    (10, {'method': 'replay among', 'strength': 1})
    """
    shares = [{"method": arm, "strength": n} for arm in ARMS for n in SEQUENCES]
    stores = [{"method": "replay on top", "strength": AT, "store": n} for n in STORES]
    return [{"method": "plain"}, *shares, *stores]


def share_table(cells: Sequence[Mapping[str, Any]], arm: str) -> dict[int, dict[str, np.ndarray]]:
    """{sequences a step: its ``f1_and_rise``} with the whole text to draw from; 0 is plain."""
    whole = [cell for cell in cells if "store" not in cell]
    plain = {0: f1_and_rise(whole, method="plain")}
    return plain | {n: f1_and_rise(whole, method=arm, strength=n) for n in SEQUENCES}


def store_table(cells: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, np.ndarray]]:
    """{documents in the store: its ``f1_and_rise``}."""
    return {n: f1_and_rise(cells, store=n) for n in STORES}
