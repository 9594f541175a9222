"""Retrieval by words, by vectors trained in several ways, and reranked."""

from common import on_bodies, picture, results, run_grid

from npft.experiments.retrieval import retrieval_cell
from npft.plots import draw_retrieval

STEPS, EPOCHS = 150, 3


def compute() -> list:
    cells = on_bodies([{"steps": STEPS, "epochs": EPOCHS}])
    return run_grid(__file__, retrieval_cell, cells)


if __name__ == "__main__":
    picture("retrieval", draw_retrieval, results(__file__, compute))
