"""F21: what a body finds unlike, before and after fine-tuning. Five seeds, the first is drawn."""


from common import on_bodies, picture, results, run_grid

from npft.experiments.categories import categories_cell
from npft.experiments.regimes import EPOCHS
from npft.plots import draw_rdm


def compute() -> list:
    found = run_grid(__file__, categories_cell, on_bodies([{"epochs": EPOCHS}]))
    for cell in found[1:]:
        del cell["rdm"]
    return found


if __name__ == "__main__":
    cells = results(__file__, compute)
    picture("rdm", draw_rdm, cells, columns=3, width=4.7)
