"""Quality against time and bytes: int8, float16, half the blocks, distilled, on TinyWorld."""

from common import on_bodies, picture, results, run_grid

from npft.experiments.serving import serving_cell
from npft.plots import draw_serving
from npft.plots.serving import serving_title

OPTIONS = {"steps": 400, "task": "hard sms", "n": 640, "epochs": 12}
NAMES = {"words": "masked words, accuracy", "f1": "F1 on hard SMS"}


def compute() -> list:
    return run_grid(__file__, serving_cell, on_bodies([OPTIONS]))


if __name__ == "__main__":
    cells = results(__file__, compute)
    picture("serving", draw_serving, cells, NAMES, serving_title(cells),
            columns=2, rows=2, width=6.5, height=4)
