"""Paraphrase and coherence, two tasks of pairs, by one body in two formats of pairs. A table."""

from common import SEEDS, results, run_grid

from npft.experiments.pair_tasks import pair_cell, pair_cells, pair_table


def compute() -> list:
    return run_grid(__file__, pair_cell, pair_cells(SEEDS))


if __name__ == "__main__":
    print(pair_table(results(__file__, compute)))
