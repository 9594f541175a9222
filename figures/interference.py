"""The classic: two lists of word pairs, McCloskey & Cohen 1989. Ten seeds."""


from common import picture, results, rounded

from npft.experiments.interference import interference_cell
from npft.experiments.sweep import sweep
from npft.plots import draw_interference

EPOCHS = 150


def compute() -> list:
    cells = [
        {"seed": seed, "epochs": EPOCHS, "interleaved": mixed}
        for mixed in (False, True)
        for seed in range(10)
    ]
    return rounded(sweep(interference_cell, cells))


if __name__ == "__main__":
    cells = results(__file__, compute)
    picture("interference", draw_interference, cells, columns=2, width=6)
