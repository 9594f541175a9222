"""F4: F1 of each regime after each epoch, on the lesson's messages. The bundled body, five seeds."""


from common import SEEDS, picture, results

from npft.experiments.regimes import EPOCHS, REGIMES, run_cell
from npft.experiments.sweep import sweep
from npft.loading import folder_of
from npft.plots import draw_regimes


def compute() -> list:
    body = str(folder_of("tinyworld"))
    cells = [
        {"task": "sms", "n": 640, "regime": regime, "seed": seed, "epochs": EPOCHS, "body": body}
        for regime in REGIMES
        for seed in SEEDS
    ]
    found = sweep(run_cell, cells)
    return [{k: v for k, v in cell.items() if k != "body"} for cell in found]


if __name__ == "__main__":
    cells = results(__file__, compute)
    picture("regimes", draw_regimes, cells)
