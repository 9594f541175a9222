"""What of the forgetting is head drift, and what is lost: the table of the gallery. Five seeds."""

from common import on_bodies, results, run_grid

from npft.experiments.lost import RUNS, lost_cell, lost_table
from npft.experiments.repairs import EPOCHS


def compute() -> list:
    return run_grid(
        __file__, lost_cell,
        on_bodies({"run": name, "epochs": EPOCHS, **o} for name, o in RUNS.items()),
    )


if __name__ == "__main__":
    print(lost_table(results(__file__, compute)))
