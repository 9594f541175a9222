"""A real encoder beside the tiny ones: which claims about vectors need scale.

    python figures/real_model.py --recompute --model FOLDER --data FOLDER

FOLDER of the model: that of all-MiniLM-L6-v2 or another sentence encoder; of the data: one that
holds stsb/sts-train.csv and stsb/sts-test.csv. The tiny bodies are read from results kept here.
"""

import json

from common import FOLDER, SEEDS, picture, results, rounded, run_grid

from npft.experiments.scale import scale_cell, sts_ways
from npft.plots import draw_scale

USES = str(FOLDER / "two_senses.tsv")


def compute(model: str, data: str) -> dict:
    cells = [{"seed": seed, "body": model, "data": data, "uses": USES} for seed in SEEDS]
    sts = sts_ways({"body": model, "data": data})
    return {
        "width": sts["width"],
        "cells": run_grid(__file__, scale_cell, cells),
        "sts": rounded({name: sts[name] for name in ("ways", "layers")}),
    }


if __name__ == "__main__":
    found = results(__file__, compute, ["model", "data"])
    tiny = {
        name: json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("layers", "polysemy", "similarity")
    }
    picture("real_model", draw_scale, found, tiny, columns=3, rows=2, width=6, height=5)
