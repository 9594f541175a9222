"""Pools on long texts of which one sentence decides, with the body frozen and trained."""

from common import SEEDS, picture, results, run_grid

from npft.experiments.pools import LABELS, SENTENCES, TRAINING, pool_cell, pool_table
from npft.plots import draw_pools


def compute() -> list:
    cells = [
        {"regime": regime, "sentences": n, "n": LABELS, "seed": seed}
        for regime in TRAINING for seed in SEEDS for n in SENTENCES
    ]  # fmt: skip
    return run_grid(__file__, pool_cell, cells)


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(pool_table(cells))
    picture("pools", draw_pools, cells, columns=2, width=6)
