"""When to tune: F1 against the number of labels for prompts, vectors, head and full. Five seeds."""

from common import SEEDS, picture, results, run_grid

from npft.experiments.when_to_tune import TASKS, tune_from, when_cell, when_cells, when_table
from npft.plots import draw_when_to_tune


def compute() -> list:
    return run_grid(
        __file__, when_cell, [{**cell, "seed": seed} for cell in when_cells() for seed in SEEDS]
    )


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(when_table(cells))
    print("train all from:", {task: tune_from(cells, task) for task in TASKS})
    picture("when_to_tune", draw_when_to_tune, cells, columns=3)
