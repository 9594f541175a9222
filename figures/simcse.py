"""What SimCSE raises and what it does not: the table of the gallery. Three rates on five seeds, each
other trial on one."""

from common import on_bodies, results, run_grid

from npft.experiments.simcse import ON_ALL_SEEDS, STEPS, TRIALS, simcse_cell, simcse_table


def compute() -> list:
    cells = on_bodies([{"steps": STEPS, "trials": list(ON_ALL_SEEDS)}])
    cells[0]["trials"] = list(TRIALS)
    return run_grid(__file__, simcse_cell, cells)


if __name__ == "__main__":
    print(simcse_table(results(__file__, compute)))
