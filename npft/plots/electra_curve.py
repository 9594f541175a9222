"""Figure: replaced words beside masked ones, by the operations that pretraining has spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from npft.experiments.electra_curve import RATES, TASKS, WAYS, best_rate, curve
from npft.plots.style import BLUE, ORANGE, label_end, spread_out

COLORS = dict(zip(WAYS, (BLUE, ORANGE)))
LINES = dict(zip(RATES, ("--", "-")))


def draw_electra_curve(axes: Any, cells: Sequence[Mapping[str, Any]]) -> None:
    """F1 of a linear probe against operations, a panel a task.

    Lines are means of the seeds; bands are their range, at the better rate of each way.
    ``cells`` are results of ``electra_cell``.
    """
    x = [row["operations"] / 1e12 for row in cells[0]["looks"]]
    leads = []
    for ax, task in zip(axes, TASKS):
        ends = {}
        for way, name in WAYS.items():
            for lr, line in LINES.items():
                found = curve(cells, way, lr, task)
                color = COLORS[way]
                if lr == best_rate(cells, way, task):
                    ax.fill_between(x, found.min(1), found.max(1), color=color, alpha=0.18, lw=0)
                ax.plot(x, found.mean(1), color=color, ls=line, marker="o", markersize=5)
                ends[f"{name},\nrate {lr:g}", color] = float(found[-1].mean())
        for y, (name, color) in zip(spread_out(list(ends.values()), 0.085), ends):
            label_end(ax, x[-1], y, name, color)
        masked, replaced = (curve(cells, way, best_rate(cells, way, task), task) for way in WAYS)
        leads.append(replaced[-1].mean() > masked[-1].mean())
        ax.set_title(
            f"{task}: masked words {masked[-1].mean():.2f},\n"
            f"replaced words {replaced[-1].mean():.2f} (better rate of each)", fontsize=14,
        )  # fmt: skip
        ax.set_xlabel("operations spent on pretraining ($10^{12}$)")
    axes[0].set_ylabel("F1 of a linear probe")
    verdict = {(True, True): "tell a probe more than", (False, False): "tell a probe less than"}
    seeds = len({c["seed"] for c in cells})
    said = verdict.get(tuple(leads), "are no clear gain over")
    axes[0].figure.suptitle(
        f"For the same compute replaced words {said} masked ones ({seeds} seeds)", x=0.01,
        ha="left", fontsize=16,
    )  # fmt: skip
