"""Who says the tag of a word in pieces: its first token, or all of them. Five seeds of bodies."""

from common import SEEDS, picture, results, run_grid

from npft.experiments.word_pieces import STEPS, VOCABULARIES, piece_cell, piece_table
from npft.plots import draw_word_pieces


def compute() -> list:
    cells = [
        {"vocabulary": size, "steps": STEPS, "seed": seed}
        for seed in SEEDS for size in VOCABULARIES
    ]  # fmt: skip
    return run_grid(__file__, piece_cell, cells)


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(piece_table(cells))
    picture("word_pieces", draw_word_pieces, cells, columns=2, width=6)
