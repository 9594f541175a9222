"""F22: pads against the probability of spam. The bundled body, five seeds of data and heads."""


from common import SEEDS, picture, results

from npft.experiments.pads import POOLS, pad_cell
from npft.experiments.sweep import sweep
from npft.loading import folder_of
from npft.plots import draw_pads

EPOCHS = 10


def compute() -> list:
    body = str(folder_of("tinyworld"))
    cells = [
        {"pool": pool, "seed": seed, "epochs": EPOCHS, "body": body}
        for pool in POOLS
        for seed in SEEDS
    ]
    return [{k: v for k, v in cell.items() if k != "body"} for cell in sweep(pad_cell, cells)]


if __name__ == "__main__":
    cells = results(__file__, compute)
    picture("pads", draw_pads, cells, columns=2)
