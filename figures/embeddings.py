"""F0, F13, F16: the cone of sentence embeddings, by layer, and on the way through SimCSE."""

import numpy as np
from common import FOLDER, SEEDS, body_folder, pretrain_seed, results

from npft.experiments.bodies import DOCUMENTS
from npft.experiments.cone import embedding_cell
from npft.experiments.regimes import EPOCHS
from npft.experiments.sweep import sweep
from npft.plots import draw_alignment_uniformity, draw_cone, draw_layers, save_figure

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
    for cell in found[1:]:
        del cell["cones"]  # one seed is enough to draw
    return [{k: v for k, v in cell.items() if k != "body"} for cell in found]


def mean_path(runs: list) -> list:
    """The rows of several runs, averaged row by row."""
    return [{k: float(np.mean([r[k] for r in rows])) for k in rows[0]} for rows in zip(*runs)]


if __name__ == "__main__":
    cells = results(__file__, compute)
    shown = {name: cells[0]["cones"][name] for name in ("random", "mlm", "simcse 0.1")}
    save_figure(FOLDER / "cone.png", draw_cone, shown, columns=3, polar=True)
    save_figure(FOLDER / "layers.png", draw_layers, [c["layers"] for c in cells])
    paths = {p: mean_path([c["paths"][p] for c in cells]) for p in cells[0]["paths"]}
    save_figure(FOLDER / "alignment.png", draw_alignment_uniformity, paths, GOLD)
