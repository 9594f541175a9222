"""F16: the way of sentence vectors through SimCSE."""

from common import SEEDS, body_folder, picture, pretrain_seed, results

from npft.experiments.bodies import DOCUMENTS
from npft.experiments.cone import embedding_cell
from npft.experiments.regimes import EPOCHS
from npft.experiments.sweep import sweep
from npft.plots import draw_alignment_uniformity

GOLD = "similarity_words"


def compute() -> list:
    sweep(pretrain_seed, list(SEEDS))
    cells = [
        {
            "seed": seed, "world": seed, "body": str(body_folder(seed)),
            "documents": DOCUMENTS, "steps": 300, "every": 20, "epochs": EPOCHS,
            "dropouts": [0.0, 0.05, 0.1],
        }
        for seed in SEEDS
    ]
    found = sweep(embedding_cell, cells)
    # the cones have a figure of their own
    return [{k: v for k, v in cell.items() if k not in ("body", "cones")} for cell in found]


if __name__ == "__main__":
    cells = results(__file__, compute)
    paths = {p: [c["paths"][p] for c in cells] for p in cells[0]["paths"]}
    picture("alignment", draw_alignment_uniformity, paths, GOLD, width=11, height=6.2)
