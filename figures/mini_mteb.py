"""Seven kinds of tasks for sentence vectors, in one table of the gallery."""

from common import on_bodies, results, run_grid

from npft.experiments.mini_mteb import mini_mteb_cell

STEPS = 200


def compute() -> list:
    return run_grid(__file__, mini_mteb_cell, on_bodies([{"steps": STEPS}]))


if __name__ == "__main__":
    print(f"{len(results(__file__, compute))} cells")
