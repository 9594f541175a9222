"""Figure F3: what masking does, beside what it should do."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREY, ORANGE


def draw_masking_audit(ax: Any, counts: dict[str, int], expected: dict[str, float]) -> None:
    """Shares of tokens as bars, with the expected share as a line across each bar.

    ``counts`` and ``expected`` have the same names; counts hold also "of tokens" and "of chosen",
    what the first bar and the others are shares of.
    """
    names = list(expected)
    whole = [counts["of tokens"]] + [counts["of chosen"]] * (len(names) - 1)
    shares = [counts[name] / n for name, n in zip(names, whole)]
    ax.bar(range(len(names)), shares, color=BLUE, width=0.6)
    worst = 0.0
    for i, (name, share) in enumerate(zip(names, shares)):
        ax.plot([i - 0.4, i + 0.4], [expected[name]] * 2, color=ORANGE, lw=2.5)
        ax.text(i, max(share, expected[name]) + 0.015, f"{share:.1%}", ha="center")
        worst = max(worst, abs(share - expected[name]))
    ax.set_xticks(range(len(names)), names)
    ax.set_ylim(0, 1)
    ax.set_ylabel("share")
    ax.set_title(f"Masks: within {worst:.1%} of the rule")
    ax.set_xlabel(f"chosen: of {counts['of tokens']:,} tokens;\nthe others: of the "
                  f"{counts['of chosen']:,} chosen")
    ax.text(0.98, 0.98, "line: expected", color=ORANGE, ha="right", va="top",
            transform=ax.transAxes)
    ax.grid(axis="x", visible=False)


def draw_span_lengths(ax: Any, counts: np.ndarray, expected: np.ndarray) -> None:
    """How often spans of 1, 2, ... words are drawn (n,), beside their distribution (n,)."""
    counts, expected = np.asarray(counts), np.asarray(expected)
    words = np.arange(1, len(expected) + 1)
    shares = counts / counts.sum()
    ax.bar(words, shares, color=BLUE, width=0.7)
    ax.plot(words, expected, color=ORANGE, marker="o")
    ax.text(words[1] + 0.3, expected[1] + 0.01, "line: geometric, cut off at 10", color=ORANGE)
    clipped = expected.copy() * (1 - 0.8**10)
    clipped[-1] += 0.8**10
    ax.plot(words[-1:], clipped[-1:], color=GREY, marker="x", ls="none")
    ax.text(words[-1], clipped[-1] + 0.008, "clipped to 10 instead", color=GREY, ha="right")
    ax.set_xticks(words)
    ax.set_xlabel("length of a span (words)")
    ax.set_ylabel("share of the spans")
    ax.set_title(f"Spans: {shares @ words:.2f} words, {expected @ words:.2f} expected")
    ax.grid(axis="x", visible=False)
