"""The spectrum of words and of the token table while a body is pretrained. Five seeds."""


from common import SEEDS, picture, results, run_grid

from npft.experiments.spectra import spectra_cell
from npft.plots import draw_spectra


def compute() -> list:
    return run_grid(__file__, spectra_cell, [{"seed": seed} for seed in SEEDS])


if __name__ == "__main__":
    cells = results(__file__, compute)
    picture("spectrum", draw_spectra, cells, columns=2, width=7)
