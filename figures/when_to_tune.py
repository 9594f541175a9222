"""When to tune: F1 against the number of labels for prompts, vectors, head and full. Five seeds."""

from pathlib import Path

from common import SEEDS, results, run_grid

from npft.experiments.when_to_tune import TASKS, tune_from, when_cell, when_cells, when_table
from npft.plots import draw_when_to_tune, save_figure


def compute() -> list:
    return run_grid(
        __file__, when_cell, [{**cell, "seed": seed} for cell in when_cells() for seed in SEEDS]
    )


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(when_table(cells))
    print("train all from:", {task: tune_from(cells, task) for task in TASKS})
    save_figure(Path(__file__).with_suffix(".png"), draw_when_to_tune, cells, columns=3)
