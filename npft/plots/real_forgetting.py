"""What a real encoder forgets while it learns spam: two things it knew, by method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.plots.style import GREY, color_of, label_column

NAMES = {"lr 0.3": "rate x 0.3", "freeze 0.5": "lower half frozen"}  # where a number says little


def kept(cells: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, np.ndarray]]:
    """For each method (n, S): "f1", "rise" of the masked-token loss and "fall" of STS, by seed.

    >>> curve = {"f1": [0, 0.9], "mlm_loss": [3, 4.5], "also": {"sts": [0.8, 0.7]}}
    >>> found = kept([{"method": "plain", "strength": None, "curve": curve}])
    >>> {name: x.round(6).tolist() for name, x in found["plain"].items()}
    {'f1': [[0.0, 0.9]], 'rise': [[0.0, 1.5]], 'fall': [[0.0, 0.1]]}
    """
    rows: dict[str, dict[str, list[np.ndarray]]] = {}
    for cell in cells:
        strength = "" if cell["strength"] is None else f" {cell['strength']:g}"
        own = rows.setdefault(f"{cell['method']}{strength}", {"f1": [], "rise": [], "fall": []})
        loss, sts = np.array(cell["curve"]["mlm_loss"]), np.array(cell["curve"]["also"]["sts"])
        own["f1"].append(np.array(cell["curve"]["f1"]))
        own["rise"].append(loss - loss[0])
        own["fall"].append(sts[0] - sts)
    return {name: {k: np.array(v) for k, v in own.items()} for name, own in rows.items()}


def draw_kept(axes: Any, cells: Sequence[Mapping[str, Any]]) -> None:
    """F1 at the end against what was lost by then: left masked tokens, right graded similarity.

    cells: of ``real_forgetting_cell``. A mark is the mean over the seeds, bars one standard
    deviation; up and to the left is better.
    """
    found = kept(cells)
    seeds = len({cell["seed"] for cell in cells})
    for ax, what, label in zip(
        axes, ("rise", "fall"),
        ("rise of the masked-token loss (nats)", "fall of the STS correlation (Spearman)"),
    ):  # fmt: skip
        ends = {n: (x[what][:, -1], x["f1"][:, -1]) for n, x in found.items()}
        low = min(float(f1.mean() - 2 * f1.std()) for _, f1 in ends.values()) - 0.01
        high = max(float(f1.mean() + 2 * f1.std()) for _, f1 in ends.values()) + 0.01
        reach = max(float(lost.mean() + lost.std()) for lost, _ in ends.values())
        for name, (lost, f1) in ends.items():
            bars = [v.std(ddof=1) if len(v) > 1 else 0.0 for v in (lost, f1)]
            ax.errorbar(lost.mean(), f1.mean(), xerr=bars[0], yerr=bars[1], fmt="o",
                        color=color_of(name), ms=9, lw=1.5)
        label_column(
            ax, {_name(n): (float(x.mean()), float(f1.mean())) for n, (x, f1) in ends.items()},
            {_name(n): color_of(n) for n in ends}, 1.1 * reach, 0.1 * (high - low),
        )  # fmt: skip
        ax.axvline(0, color=GREY, lw=1)
        least = min(0.0, *(float(lost.mean() - lost.std()) for lost, _ in ends.values()))
        ax.set_xlim(least - 0.1 * reach, 1.7 * reach)
        ax.set_ylim(low, high)
        ax.locator_params(axis="x", nbins=6)
        ax.set_xlabel(label)
        ax.set_title(_title(what, {n: float(lost.mean()) for n, (lost, _) in ends.items()}))
    axes[0].set_ylabel("F1 on spam")
    axes[0].figure.suptitle(_finding(found, seeds), x=0.01, ha="left", fontsize=17)


def _name(method: str) -> str:
    return NAMES.get(method, method)


def _finding(found: Mapping[str, Mapping[str, np.ndarray]], seeds: int) -> str:
    """By which method similarity falls least, beside plain training, and what F1 that costs."""
    fall = {n: float(x["fall"][:, -1].mean()) for n, x in found.items()}
    f1 = {n: float(x["f1"][:, -1].mean()) for n, x in found.items()}
    best = min((n for n in fall if n != "plain"), key=fall.__getitem__)
    return (
        f"To learn spam costs a real encoder {fall['plain']:.2f} of graded similarity; with "
        f"'{_name(best)}' it costs {round(fall[best], 2) + 0.0:.2f}\nand "
        f"{f1['plain'] - f1[best]:.3f} of F1 (means of {seeds} seeds, bars: one sd)"
    )


def _title(what: str, lost: dict[str, float]) -> str:
    best = min((n for n in lost if n != "plain"), key=lost.__getitem__)
    name, unit = ("Masked tokens", " nats") if what == "rise" else ("Graded similarity", "")
    least = round(lost[best], 2) + 0.0  # never -0.00
    return f"{name}: plain loses {lost['plain']:.2f}{unit},\n{_name(best)} least: {least:.2f}"
