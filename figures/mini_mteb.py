"""Seven kinds of tasks for sentence vectors, in one table of the gallery."""

import numpy as np
from common import on_bodies, results, run_grid

from npft.experiments.mini_mteb import mini_mteb_cell

STEPS = 200


def compute() -> list:
    return run_grid(__file__, mini_mteb_cell, on_bodies([{"steps": STEPS}]))


def table(cells: list) -> str:
    """A row for each task, a column for each kind of vectors: mean and deviation over the seeds."""
    ways = list(cells[0]["scores"])
    lines = [f"| task | {' | '.join(ways)} |", "|---" * (len(ways) + 1) + "|"]
    for task in cells[0]["scores"][ways[0]]:
        found = [np.array([c["scores"][way][task] for c in cells]) for way in ways]
        said = [f"{v.mean():.2f} ± {v.std(ddof=1):.2f}" for v in found]
        lines.append(f"| {task} | {' | '.join(said)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(results(__file__, compute)))
