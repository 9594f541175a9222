"""Quality against time and bytes on a real sentence encoder.

    python figures/serving_real.py --recompute --model FOLDER --data FOLDER

FOLDER of the model: that of all-MiniLM-L6-v2 or another sentence encoder; of the data: one that
holds stsb/sts-train.csv and stsb/sts-test.csv.
"""

from common import SEEDS, picture, results, rounded, run_grid

from npft.experiments.serving import real_student_cell, real_ways
from npft.plots import draw_serving
from npft.plots.serving import serving_real_title

TEST = {"part": "test", "timed": 100}
STUDENT = {"texts": 1600, "steps": 100, "lr": 3e-4}
NAMES = {"spearman": "Spearman on STS-B test"}


def compute(model: str, data: str) -> list:
    """A cell for each seed of a student, with the ways that no seed changes in each of them."""
    whole = {"body": model, "data": data, **TEST}
    fixed = rounded(real_ways(whole)["ways"])
    cells = run_grid(__file__, real_student_cell, [{"seed": s, **whole, **STUDENT} for s in SEEDS])
    return [cell | {"ways": fixed | cell["ways"]} for cell in cells]


if __name__ == "__main__":
    cells = results(__file__, compute, ["model", "data"])
    picture("serving_real", draw_serving, cells, NAMES, serving_real_title(cells),
            columns=2, width=6.5)
