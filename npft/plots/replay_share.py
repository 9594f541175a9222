"""Figure F9: how much to replay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.experiments.methods import ARMS
from npft.experiments.replay_share import AT, SEQUENCES, STORES, share_table, store_table
from npft.plots.style import GREEN, GREY, label_end, spread_out

LOOKS = {"replay among": ("among 32", GREEN), "replay on top": ("on top of 32", "#00523B")}


def draw_replay_share(axes: Any, cells: Sequence[dict[str, Any]], documents: int) -> None:
    """Rise and F1 against the replayed sequences a step; on the right the rise against the store.

    ``documents`` are those of the whole pretraining text. Lines are means over the seeds, bands the
    range.
    """
    rise_ax, f1_ax, store_ax = axes
    for ax, name in ((rise_ax, "rise"), (f1_ax, "f1")):
        ends = []
        for arm in ARMS:
            table = share_table(cells, arm)
            values = np.array([row[name] for row in table.values()])  # (numbers, seeds)
            _band(ax, list(table), values, LOOKS[arm][1])
            ends.append(float(values[-1].mean()))
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xticks((0, *SEQUENCES), [str(n) for n in (0, *SEQUENCES)])
        ax.minorticks_off()
        ax.set_xlabel("replayed sequences a step")
        low, high = ax.get_ylim()
        for y, arm in zip(spread_out(ends, 0.07 * (high - low)), ARMS):
            if ax is f1_ax:
                label_end(ax, SEQUENCES[-1], y, *LOOKS[arm])
    rise_ax.set_ylabel("rise of the pretraining loss (nats)")
    f1_ax.set_ylabel("F1 of the new task")
    stores = store_table(cells)
    values = np.array([stores[n]["rise"] for n in STORES])
    _band(store_ax, STORES, values, GREEN)
    table = share_table(cells, "replay on top")
    whole, plain = float(table[AT]["rise"].mean()), float(table[0]["rise"].mean())
    store_ax.axhline(whole, color=GREY, ls="--", lw=1.5)
    store_ax.text(STORES[0], whole, f"all {documents:,}", color=GREY, va="bottom")
    store_ax.axhline(plain, color=GREY, ls=":", lw=1.5)
    store_ax.text(STORES[0], plain, "no replay", color=GREY, va="bottom")
    store_ax.set_xscale("log")
    store_ax.set_xticks(STORES, [str(n) for n in STORES])
    store_ax.minorticks_off()
    store_ax.set_ylim(bottom=0)
    store_ax.set_xlabel(f"documents kept ({AT} sequences a step)")
    one = float(table[1]["rise"].mean())
    rise_ax.set_title(f"one replayed sequence a step\nkeeps {1 - one / plain:.0%}")
    f1 = {n: f"{row['f1'].mean():.2f}" for n, row in table.items()}
    last = SEQUENCES[-1]
    f1_ax.set_title(f"F1 {f1[0]} without, {f1[1]} with one,\n{f1[last]} with {last} on top")
    least = float(values[0].mean())
    few, most = 1 - least / plain, 1 - whole / plain
    store_ax.set_title(f"rise: {STORES[0]} documents\nkeep {few:.0%}, all {most:.0%}")


def _band(ax: Any, places: Sequence[int], values: np.ndarray, color: str) -> None:
    ax.fill_between(places, values.min(1), values.max(1), color=color, alpha=0.18, lw=0)
    ax.plot(places, values.mean(1), color=color, marker="o", markersize=5)
