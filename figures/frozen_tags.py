"""Entities from a frozen body beside full fine-tuning. The bundled body, five seeds of data."""


import numpy as np
from common import SEEDS, picture, results

from npft.experiments.frozen_tags import EPOCHS, LABELS, WAYS, tag_cell
from npft.experiments.sweep import sweep
from npft.loading import folder_of
from npft.plots import draw_frozen_tags


def compute() -> list:
    body = str(folder_of("tinyworld"))
    cells = [
        {"way": way, "n": n, "seed": seed, "body": body, "epochs": EPOCHS}
        for n in reversed(LABELS)
        for way in WAYS
        for seed in SEEDS
    ]
    return [{k: v for k, v in c.items() if k != "body"} for c in sweep(tag_cell, cells)]


if __name__ == "__main__":
    cells = results(__file__, compute)
    for n in LABELS:
        for way in WAYS:
            f1 = [c["f1"] for c in cells if (c["way"], c["n"]) == (way, n)]
            print(f"{n:5,} {way:30} F1 {np.mean(f1):.3f} ± {np.std(f1, ddof=1):.3f}")
    picture("frozen_tags", draw_frozen_tags, cells)
