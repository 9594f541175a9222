"""F11: repair after the fact, by interpolation and by replay. Two tasks, five seeds."""


from common import on_bodies, picture, results, run_grid

from npft.experiments.repair_path import repair_path_cell
from npft.experiments.repairs import EPOCHS, TASKS
from npft.plots import draw_repair_path


def compute() -> list:
    return run_grid(
        __file__, repair_path_cell, on_bodies({"task": t, "epochs": EPOCHS} for t in TASKS)
    )


if __name__ == "__main__":
    cells = results(__file__, compute)
    paths = {name: [c for c in cells if c["task"] == task] for task, name in TASKS.items()}
    picture("repair_path", draw_repair_path, paths, columns=2, rows=2, width=6)
