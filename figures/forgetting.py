"""F6: fine-tuning forgets. Held-out loss and task F1 along fine-tuning, five seeds.

With ``--recompute`` all methods and controls are run on two tasks: also the data of tradeoff.py,
repairs.py and drift.py.
"""


from common import on_bodies, picture, results, run_grid

from npft.experiments.methods import method_cells
from npft.experiments.repairs import EPOCHS, EVERY, ONLY_THE_ENDS, TASKS, forgetting_cell
from npft.forgetting.measure import ForgettingCurve
from npft.plots import draw_forgetting

SHOWN = {  # name: method and strength
    "plain": ("plain", None),
    "3 x rate": ("3 x rate", None),
    "rate x 0.3": ("lr", 0.3),
    "anchor 0.01": ("anchor", 1e-2),
    "replay": ("replay", 0.2),
    "frozen body": ("frozen body", None),
}
DRIFT = set(SHOWN.values())  # what drift.py draws
ALL_SPAM = 2 / 3  # F1 of calling every message spam, where half of them are


def compute() -> list:
    cells = []
    for task in TASKS:
        for method in method_cells():
            shown = (method["method"], method.get("strength")) in DRIFT
            along = shown or "strength" in method  # of other controls only the ends are told
            every = EVERY if along else ONLY_THE_ENDS
            cells.append({"task": task, "epochs": EPOCHS, "every": every, "drift": shown, **method})
    return run_grid(__file__, forgetting_cell, on_bodies(cells))


if __name__ == "__main__":
    cells = results(__file__, compute)
    curves = {
        name: [
            ForgettingCurve.from_dict(c["curve"]) for c in cells
            if (c["task"], c["method"], c.get("strength")) == ("hard sms", method, strength)
        ]
        for name, (method, strength) in SHOWN.items()
    }
    picture("forgetting", draw_forgetting, curves, ALL_SPAM, columns=2, width=7)
