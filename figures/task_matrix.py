"""F10: four tasks in sequence on one body, in three ways. Five seeds."""


import numpy as np
from common import on_bodies, picture, results, run_grid

from npft.experiments.task_sequence import TASKS, WAYS, sequence_cell
from npft.plots import draw_task_matrix


def compute() -> list:
    return run_grid(
        __file__, sequence_cell, on_bodies({"way": w, "joint": w == WAYS[0]} for w in WAYS)
    )


if __name__ == "__main__":
    cells = results(__file__, compute)
    matrices = {
        way: np.array([c["r"] for c in cells if c["way"] == way], dtype=float) for way in WAYS
    }
    picture("task_matrix", draw_task_matrix, matrices, TASKS, columns=len(WAYS)
    )
