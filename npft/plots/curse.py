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
        measured = len(values) == len(together)  # without a line: not measured in between
        _line(left, list(values), list(values.values()), color, "o-" if measured else "o")
    for (_, color, label), y in zip(lines, spread_out(last, 0.35)):
        label_end(left, LANGUAGES[-1], y, label, color)
    left.set_xscale("log", base=2)
    left.set_xticks(LANGUAGES, [str(n) for n in LANGUAGES])
    left.set_xlabel("languages N, all steps shared among them")
    left.set_ylabel("loss of a language (nats per masked word)")
    left.set_title(
        f"{LANGUAGES[-1]} languages: {last[0] - together[1].mean():+.2f} nats each; one\n"
        f"alone on 1/{LANGUAGES[-1]} of the steps {last[1] - together[1].mean():+.2f}",
        fontsize="medium",
    )  # fmt: skip
    found = accents(cells)
    for company, color in zip(COMPANY, (GREY, ORANGE)):
        ends = list(found[company].values())
        _line(right, list(SHARES), ends, color)
    for company, color, y in zip(COMPANY, (GREY, ORANGE), (0.04, 0.88)):  # below, and above
        right.text(0.04, y, f"beside the {company}", color=color, transform=right.transAxes)
    right.set_xscale("log")
    right.minorticks_off()
    right.set_xticks(SHARES, [f"{share:.0%}" for share in SHARES])
    right.set_xlabel("share of the small language")
    right.set_ylabel("adjective expected for a noun")
    right.set_ylim(0, 1.2 * max(values.max() for own in found.values() for values in own.values()))
    said = [
        f"{other.mean():.2f}, not {same.mean():.2f}, at {share:.0%}"
        for share, same, other in zip(SHARES, *(found[company].values() for company in COMPANY))
    ]
    right.set_title(f"Accent: {said[1]};\n{said[2]}", fontsize="medium")
    seeds = len({c["seed"] for c in cells})
    left.figure.suptitle(
        "Fewer steps cost a language more than company does; a small one gets an accent "
        f"({seeds} seeds)", x=0.01, ha="left", fontsize=15,
    )  # fmt: skip


def _line(
    ax: Any, x: list[float], values: list[np.ndarray], color: str, look: str = "o-"
) -> None:
    for place, seeds in zip(x, values):
        ax.plot([place] * len(seeds), seeds, ".", color=color, alpha=0.45, ms=7)
    ax.plot(x, [seeds.mean() for seeds in values], look, color=color, ms=8)
