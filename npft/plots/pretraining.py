"""Figure F2: masked-language-model training beside what is known without context."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.nn.history import History
from npft.plots.style import BLUE, GREY, ORANGE, PINK

PERPLEXITIES = (1, 3, 10, 30, 100, 300, 1000)


def draw_mlm(ax: Any, histories: History | list[History], vocab_size: int) -> None:
    """Held-out and training loss against the step, with the unigram loss and ln V as lines.

    Several histories (seeds) are drawn as their mean, the held-out loss with a band from the lowest
    to the highest.
    """
    runs = [histories] if isinstance(histories, History) else histories
    steps = runs[0].at("mlm_loss")
    losses = np.array([h["mlm_loss"] for h in runs])  # (seeds, measurements)
    unigram = float(np.mean([h["unigram"][0] for h in runs]))
    mean = losses.mean(axis=0)
    if len(runs) > 1:
        ax.fill_between(steps, losses.min(axis=0), losses.max(axis=0), color=BLUE, alpha=0.2, lw=0)
    ax.plot(steps, mean, color=BLUE, marker="o", markersize=5)
    training = np.mean([h["train_mlm"] for h in runs], axis=0)
    ax.plot(runs[0].at("train_mlm"), training, color=PINK, lw=1.5)
    at = len(steps) // 3
    ax.text(steps[at], mean[at] - 0.3, "held-out", color=BLUE, ha="right", va="top")
    ax.text(steps[at], mean[at] + 0.3, "training", color=PINK)
    for value, text, color in (
        (np.log(vocab_size), f"guess evenly: ln {vocab_size:,} = {np.log(vocab_size):.2f}", GREY),
        (unigram, f"guess by frequency (unigram): {unigram:.2f}", ORANGE),
    ):
        ax.axhline(value, color=color, ls="--", lw=2)
        ax.text(steps[-1], value + 0.08, text, color=color, ha="right", va="bottom")
    over = f"{len(runs)} seeds" if len(runs) > 1 else "1 seed"
    ax.set_title(
        f"Context is worth {unigram - mean[-1]:.1f} nats a token after {steps[-1]:,} steps ({over})"
    )
    ax.set_xlabel("training step")
    ax.set_ylabel("loss (nats per masked token)")
    ax.set_ylim(0, None)
    ax.set_xlim(0, None)
    # the same loss told otherwise: among how many words it is as if in doubt
    doubt = ax.secondary_yaxis("right", functions=(np.exp, lambda n: np.log(np.maximum(n, 1e-9))))
    doubt.set_yticks(PERPLEXITIES, [f"{n:,}" for n in PERPLEXITIES])
    doubt.set_ylabel("perplexity: e to the loss")
