"""Figure: what the rate of full fine-tuning learns, and what it destroys."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.experiments.rates import TASKS, best_rate, destroying_rate, rate_table
from npft.plots.style import BLUE, GREY, ORANGE, label_end

LOOKS = {"sms": ("lesson messages", ORANGE), "hard sms": ("hard messages", BLUE)}
LARGE_MODELS = 2e-5  # the usual rate of BERT-base, 110 million weights


def draw_rates(axes: Any, cells: list[dict[str, Any]], unigram: float) -> None:
    """Left: F1 against the rate of the body. Right: the rise of the pretraining loss.

    Lines are means over the seeds, bands their range. ``unigram`` is how far, in nats, the unigram
    loss lies above that of the pretrained body: a rise to there has destroyed all it knew.
    """
    for ax, name in zip(axes, ("f1", "rise")):
        for task in TASKS:
            said, color = LOOKS[task]
            table = rate_table(cells, task)
            rates = list(table)
            values = np.array([table[lr][name] for lr in rates])  # (rates, seeds)
            ax.fill_between(rates, values.min(1), values.max(1), color=color, alpha=0.2, lw=0)
            ax.plot(rates, values.mean(1), color=color, marker="o", markersize=5)
            if name == "f1":
                label_end(ax, rates[-1], float(values[-1].mean()), said, color)
        ax.set_xscale("log")
        ax.set_xlabel("rate of the body (AdamW)")
        ax.axvline(LARGE_MODELS, color=GREY, ls=":", lw=2)
    left, right = axes
    left.text(LARGE_MODELS * 1.15, 0.03, "BERT's 2e-5", color=GREY)
    left.set_ylim(0, 1)
    left.set_ylabel("F1 on 1,000 test messages")
    right.axhline(unigram, color=GREY, ls="--", lw=2)
    right.text(LARGE_MODELS * 1.15, unigram + 0.1, "unigram loss", color=GREY, va="bottom")
    right.set_ylabel("rise of the pretraining loss (nats)")
    best = sorted({best_rate(cells, task) for task in TASKS})
    left.set_title(f"F1 is best at {' and '.join(f'{lr:g}' for lr in best)}")
    lost = destroying_rate(cells, TASKS[0], unigram)
    right.set_title("no rate loses all" if lost is None else f"from {lost:g} on, all is lost")
