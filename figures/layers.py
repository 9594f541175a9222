"""F13, F14 and word frequency: what geometry says of a body by layer and dimension. Five seeds."""

from common import on_bodies, picture, results, run_grid

from npft.experiments.layers import layers_cell
from npft.experiments.regimes import EPOCHS
from npft.plots import draw_frequency, draw_isotropy, draw_rogue


def compute() -> list:
    found = run_grid(__file__, layers_cell, on_bodies([{"steps": 300, "epochs": EPOCHS}]))
    for cell in found[1:]:
        for state in cell["frequency"].values():
            del state["words"]  # one seed is enough to draw
    return found


if __name__ == "__main__":
    cells = results(__file__, compute)
    picture("layers", draw_isotropy, cells, columns=2, width=7)
    picture("rogue", draw_rogue, cells, columns=2, width=7)
    picture("frequency", draw_frequency, cells, columns=2, width=6.5)
