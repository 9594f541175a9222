"""What is left of a classifier's accuracy on texts unlike those it learnt from?

The topic of a sentence, learnt from 80 labels by a bag of words, from random weights, by the head
alone and by the whole bundled encoder; then four kinds of other texts, and typos from none to every
second letter. A seed is other data and other new weights; the body is the bundled one. A body that
reads bytes would need a pretraining of its own, so pieces are not compared with bytes here.
"""


import numpy as np
from common import SEEDS, picture, results

from npft.experiments.robustness import TYPO_RATES, robustness_cell
from npft.experiments.sweep import sweep
from npft.plots import draw_robustness

REGIMES = ("words", "scratch", "head", "full")
LABELS, EPOCHS = 80, 20


def compute() -> list:
    cells = [
        {"regime": regime, "n": LABELS, "seed": seed, "epochs": EPOCHS, "body": "tinyworld"}
        for seed in SEEDS
        for regime in REGIMES
    ]
    return sweep(robustness_cell, cells)


def table(cells: list) -> str:
    """Mean and standard deviation of the accuracy over the seeds, by slice and regime."""
    lines = [f"{'':10}" + "".join(f"{regime:>16}" for regime in REGIMES)]
    for name in cells[0]["slices"]:
        line = f"{name:10}"
        for regime in REGIMES:
            found = [c["slices"][name] for c in cells if c["regime"] == regime]
            line += f"{np.mean(found):>9.3f} ± {np.std(found, ddof=1):.2f}"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(table(cells))
    picture("robustness", draw_robustness, cells, TYPO_RATES, columns=2)
