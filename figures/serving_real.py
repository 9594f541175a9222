"""Quality against time and bytes on a real sentence encoder.

    python figures/serving_real.py --recompute --model FOLDER --data FOLDER

FOLDER of the model: that of all-MiniLM-L6-v2 or another sentence encoder; of the data: one that
holds stsb/sts-train.csv and stsb/sts-test.csv.
"""

from common import SEEDS, picture, results, run_grid

from npft.experiments.serving import serving_real_cell
from npft.plots import draw_serving
from npft.plots.serving import serving_real_title

OPTIONS = {"texts": 4000, "steps": 250, "lr": 2e-4, "part": "test", "timed": 200}
NAMES = {"spearman": "Spearman on STS-B test"}


def compute(model: str, data: str) -> list:
    cells = [{"seed": seed, "body": model, "data": data, **OPTIONS} for seed in SEEDS]
    return run_grid(__file__, serving_real_cell, cells)


if __name__ == "__main__":
    cells = results(__file__, compute, ["model", "data"])
    picture("serving_real", draw_serving, cells, NAMES, serving_real_title(cells),
            columns=2, width=6.5)
