"""Figure: what a few labels are worth to a cloze, to a new head and to a bag of words."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.style import GREEN, GREY, PINK, SKY, color_of, label_end, spread_out

LINES = (
    ("cloze", "cloze, trained", GREEN),
    ("full", "new head, all trained", color_of("full")),
    ("head", "new head alone", color_of("head")),
    ("words", "bag of words", GREY),
    ("calibrated", "shown, calibrated", SKY),
    ("prompt", "cloze, shown", PINK),
)
ALIKE = 0.06  # lines that end so close together have one name
CHANCE = {"topic": 1 / 8, "sentiment": 1 / 2}


def _curve(cells: list[dict[str, Any]], how: str) -> dict[int, np.ndarray]:
    """The accuracies for each number of labels; without labels two kinds of cloze are one."""
    start = ("prompt", 0) if how == "cloze" else None
    known = [c for c in cells if c["how"] == how or (c["how"], c["n"]) == start]
    return {
        n: np.array([c["accuracy"] for c in known if c["n"] == n])
        for n in sorted({c["n"] for c in known})
    }


def draw_few_shot(axes: Any, cells: list[dict[str, Any]]) -> None:
    """Test accuracy against the number of labels, a panel for each task.

    ``cells`` are results of ``run_cell``: means over the seeds, bands of one standard deviation.
    Chance is a dotted line.
    """
    numbers = sorted({c["n"] for c in cells})
    for ax, (task, chance) in zip(axes, CHANCE.items()):
        own = [c for c in cells if c["task"] == task]
        curves = {how: _curve(own, how) for how, _, _ in LINES}
        ends = []
        for how, _, color in LINES:
            x = [numbers.index(n) for n in curves[how]]
            mean = np.array([found.mean() for found in curves[how].values()])
            spread = np.array([f.std(ddof=min(1, len(f) - 1)) for f in curves[how].values()])
            low, high = np.clip([mean - spread, mean + spread], 0, 1)
            ax.fill_between(x, low, high, color=color, alpha=0.2, lw=0)
            ax.plot(x, mean, color=color)
            ends.append(float(mean[-1]))
        best = max(ends)
        ax.axhline(chance, color=GREY, ls=":", lw=2)
        named = [(name, color) for _, name, color in LINES]
        if max(ends) - min(ends) < ALIKE:  # too close to tell apart by names
            ends, named = [float(np.mean(ends))], [("every way", GREY)]
        for y, (name, color) in zip(
            spread_out([*ends, chance], 0.055), [*named, ("chance", GREY)]
        ):
            label_end(ax, len(numbers) - 1, y, name, color)
        ax.set_xticks(range(len(numbers)), [str(n) for n in numbers])
        ax.set_xlim(0, len(numbers) - 1)
        ax.set_ylim(0, 1.1)
        ax.set_yticks(np.linspace(0, 1, 6))
        ax.set_xlabel("labelled examples")
        none = curves["cloze"][0].mean()
        ax.set_title(f"{task}: {none:.2f} without a label,\nat best {best:.2f} with {numbers[-1]}")
    axes[0].set_ylabel("accuracy on test sentences")
