"""F17 and the similarity table: which sentence vectors know what is similar, and what overlaps."""

from common import on_bodies, picture, results, run_grid

from npft.experiments.similarity import BINS, similarity_cell
from npft.plots import draw_cosines, draw_similarity


def compute() -> list:
    return run_grid(__file__, similarity_cell, on_bodies([{"steps": 300}]))


if __name__ == "__main__":
    cells = results(__file__, compute)
    picture("similarity", draw_similarity, cells, width=12, height=8)
    picture("cosines", draw_cosines, cells, BINS, columns=3, width=5, height=5)
