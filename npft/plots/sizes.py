"""Figure: the encoders of the field beside the bundled one, on logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np

from npft.experiments.sizes import short
from npft.plots.style import BLUE, GREY, ORANGE

PANELS = (  # what is drawn full, what hollow beside it, and what the panel is of
    ("counted", "published", "weights\n(hollow: published)"),
    ("operations", None, "operations for a token"),
    ("training_bytes", "bytes", "bytes to train\n(hollow: the weights)"),
    ("read", "text", "tokens read in training\n(hollow: words of text)"),
)


def draw_sizes(axes: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Four panels of dots, a line for each encoder; ``rows`` of ``size_rows``, the smallest first.

    What was not published is said in the place of a dot.
    """
    for ax, (full, hollow, name) in zip(np.ravel(axes), PANELS):
        numbers = [r[key] for r in rows for key in (full, hollow) if key and r[key] is not None]
        for y, row in enumerate(rows):
            color = ORANGE if row["published"] is None else BLUE
            if hollow and row[hollow] is not None:
                ax.plot(row[hollow], y, "o", mfc="none", color=GREY, markersize=13, mew=1.5)
            if row[full] is None:
                ax.text(min(numbers), y, "not published", color=GREY, va="center", fontsize=14)
                continue
            ax.plot(row[full], y, "o", color=color, markersize=8)
            ax.annotate(
                _said(row[full], full), (row[full], y), xytext=(0, 9), textcoords="offset points",
                color=color, ha="center", fontsize=14,
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_xlim(min(numbers) / 4, max(numbers) * 6)
        ax.set_ylim(-0.5, len(rows) - 0.3)
        names = ax.get_subplotspec().is_first_col()
        ax.set_yticks(range(len(rows)), [r["name"] for r in rows] if names else [])
        ax.set_xlabel(name)
    ours = [r for r in rows if r["published"] is None]
    known = [r for r in rows if r["published"] is not None]
    off = ceil(1000 * max(abs(r["off"]) for r in known)) / 1000  # rounded, it could be too small
    np.ravel(axes)[0].figure.suptitle(
        f"The formula is within {off:.1%} of every published count;\nBERT-base has "
        f"{_of(rows, 'BERT-base') / ours[0]['weights']:,.0f} times the weights of the bundled body",
        x=0.01, ha="left", fontsize=16,
    )  # fmt: skip


def _said(number: float, what: str) -> str:
    """A number of a panel; of bytes in MB and GB."""
    return f"{short(number).replace('B', 'G')}B" if what == "training_bytes" else short(number)


def _of(rows: Sequence[dict[str, Any]], name: str) -> float:
    return next(r["weights"] for r in rows if r["name"] == name)
