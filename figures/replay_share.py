"""F9: how much to replay, and how much old text to keep. Hard messages, five seeds."""


from common import on_bodies, picture, results, run_grid

from npft.experiments.bodies import DOCUMENTS
from npft.experiments.repairs import EPOCHS, ONLY_THE_ENDS, forgetting_cell
from npft.experiments.replay_share import share_cells
from npft.plots import draw_replay_share


def compute() -> list:
    cells = on_bodies({"epochs": EPOCHS, "every": ONLY_THE_ENDS, **o} for o in share_cells())
    return run_grid(__file__, forgetting_cell, cells)


if __name__ == "__main__":
    picture("replay_share", draw_replay_share, results(__file__, compute),
        DOCUMENTS, columns=3,
    )
