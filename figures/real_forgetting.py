"""What a real encoder forgets while it learns spam, plain and with four repairs. Two seeds.

    python figures/real_forgetting.py --recompute --model FOLDER --data FOLDER

FOLDER of the data: one that holds stsb and sms_spam. A run that was stopped goes on.
"""

import json

from common import FOLDER, picture, results, rounded, run_grid

from npft import save
from npft.experiments.real_forgetting import ARMS, fit_reader, real_forgetting_cell
from npft.plots import draw_kept

READER = FOLDER / ".cache" / "reader"  # the model with a fitted head for masked tokens
SEEDS = range(2)


def reader(model: str, data: str) -> dict:
    """What the fitted head knows; it is fitted once."""
    known = READER / "known.json"
    if not known.exists():
        mlm, found = fit_reader({"body": model, "data": data})
        save(READER, mlm)
        known.write_text(json.dumps(found), encoding="utf-8")
    return json.loads(known.read_text(encoding="utf-8"))


def compute(model: str, data: str) -> dict:
    known = reader(model, data)
    cells = [
        {"seed": seed, "reader": str(READER), "data": data, "method": method, "strength": strength}
        for seed in SEEDS
        for method, strength in ARMS
    ]
    return {"reader": rounded(known), "cells": run_grid(__file__, real_forgetting_cell, cells)}


if __name__ == "__main__":
    found = results(__file__, compute, ["model", "data"])
    picture("real_forgetting", draw_kept, found["cells"], columns=2, width=6.5)
