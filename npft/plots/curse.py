"""Figure: what many languages in one body cost each of them, and the accent of a small one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.experiments.curse import (
    COMPANY, LANGUAGES, SHARES, WIDTH, accents, by_languages, with_fewer_steps,
)
from npft.plots.style import BLUE, GREEN, GREY, ORANGE, label_end, spread_out


def draw_curse(axes: Any, cells: Sequence[Mapping[str, Any]]) -> None:
    """Left: loss of masked words against the number of languages. Right: accent against share.

    ``cells`` are results of ``curse_cell`` and of ``accent_cell``. Lines are means over the seeds,
    small dots seeds.
    """
    left, right = axes
    together = by_languages(cells, "loss")
    lines = [
        (together, BLUE, "in one body"),
        ({1: together[1]} | with_fewer_steps(cells, "loss"), GREY, "alone, with\n1/N of the steps"),
        (by_languages(cells, "loss", 2 * WIDTH), GREEN, "in a body\ntwice as wide"),
    ]
    last = [float(values[LANGUAGES[-1]].mean()) for values, _, _ in lines]
    for values, color, _ in lines:
        _line(left, list(values), list(values.values()), color)
    for (_, color, label), y in zip(lines, spread_out(last, 0.35)):
        label_end(left, LANGUAGES[-1], y, label, color)
    left.set_xscale("log", base=2)
    left.set_xticks(LANGUAGES, [str(n) for n in LANGUAGES])
    left.set_xlabel("languages N, all steps shared among them")
    left.set_ylabel("loss of a language (nats per masked word)")
    left.set_title(
        f"{LANGUAGES[-1]} languages: {last[0] - together[1].mean():+.2f} nats each;\n"
        f"one alone on its share of steps {last[1] - together[1].mean():+.2f}", fontsize="medium",
    )  # fmt: skip
    found = accents(cells)
    for company, color in zip(COMPANY, (GREY, ORANGE)):
        ends = list(found[company].values())
        _line(right, list(SHARES), ends, color)
        right.annotate(f"beside the {company}", (SHARES[1], ends[1].mean()), xytext=(0, 16),
                       ha="center", textcoords="offset points", color=color)  # fmt: skip
    right.set_xscale("log")
    right.minorticks_off()
    right.set_xticks(SHARES, [f"{share:.0%}" for share in SHARES])
    right.set_xlabel("share of the small language")
    right.set_ylabel("adjective expected for a noun")
    right.set_ylim(0, 1.2 * max(values.max() for own in found.values() for values in own.values()))
    same, other = (float(found[company][SHARES[0]].mean()) for company in COMPANY)
    right.set_title(
        f"Accent at {SHARES[0]:.0%}: {other:.2f}, not {same:.2f};\n"
        "more text of its own unlearns it",
        fontsize="medium",
    )
    seeds = len({c["seed"] for c in cells})
    left.figure.suptitle(
        f"Each further language costs the others; a small one gets an accent ({seeds} seeds)",
        x=0.01, ha="left", fontsize=16,
    )  # fmt: skip


def _line(ax: Any, x: list[float], values: list[np.ndarray], color: str) -> None:
    for place, seeds in zip(x, values):
        ax.plot([place] * len(seeds), seeds, ".", color=color, alpha=0.45, ms=7)
    ax.plot(x, [seeds.mean() for seeds in values], "o-", color=color, ms=8)
