"""F21: what a body finds unlike, before and after fine-tuning. Five seeds, the first is drawn."""

from pathlib import Path

from common import on_bodies, results, run_grid

from npft.experiments.categories import categories_cell
from npft.experiments.regimes import EPOCHS
from npft.plots import draw_rdm, save_figure


def compute() -> list:
    found = run_grid(__file__, categories_cell, on_bodies([{"epochs": EPOCHS}]))
    for cell in found[1:]:
        del cell["rdm"]
    return found


if __name__ == "__main__":
    cells = results(__file__, compute)
    save_figure(Path(__file__).with_suffix(".png"), draw_rdm, cells, columns=3, width=4.7)
