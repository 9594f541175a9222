"""Short messages as rows, which both sets of them are made of: the lesson's and the hard ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npft.text.examples import Examples

LABELS = ["ham", "spam"]
Row = tuple[str, int, int]  # text, label, group


def new_rows(seen: set[str], make: Callable[..., list[Row]], *arguments: Any) -> list[Row]:
    """What ``make`` makes, its texts new to ``seen``; after 50 tries a repeat is let through."""
    for _ in range(50):
        rows = make(*arguments)
        if all(text not in seen for text, _, _ in rows):
            break
    seen.update(text for text, _, _ in rows)
    return rows


def examples_of(rows: list[Row]) -> Examples:
    """The rows as examples with the names of their labels."""
    texts, labels, groups = zip(*rows)
    return Examples(
        list(texts),
        labels=np.array(labels, dtype=np.int64),
        label_names=list(LABELS),
        groups=np.array(groups, dtype=np.int64),
    )
