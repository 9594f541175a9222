"""Replaced words beside masked ones: what a probe finds for the operations spent."""

from common import SEEDS, picture, results, run_grid

from npft.experiments.electra_curve import electra_cell, electra_cells, electra_table
from npft.plots import draw_electra_curve


def compute() -> list:
    cells = [{"seed": seed, **cell} for seed in SEEDS for cell in electra_cells()]
    return run_grid(__file__, electra_cell, cells)


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(electra_table(cells))
    picture("electra_curve", draw_electra_curve, cells, columns=2, width=6.5)
