"""F6: fine-tuning forgets. Held-out loss and task F1 along fine-tuning, five seeds."""

from pathlib import Path

from common import SEEDS, body_folder, pretrain_seed, results

from npft.experiments.bodies import DOCUMENTS
from npft.experiments.regimes import EPOCHS
from npft.experiments.repairs import CONTROLS, METHODS, forgetting_cell
from npft.experiments.sweep import sweep
from npft.forgetting.measure import ForgettingCurve
from npft.plots import draw_forgetting, save_figure

SHOWN = {
    "full, rate 1e-3": "rate 1e-3",
    "rate 3e-4": "rate 3e-4",
    "anchor 0.01": "anchor 0.01",
    "replay": "replay, weight 0.2",
    "frozen body": "frozen body",
}


def compute() -> list:
    sweep(pretrain_seed, list(SEEDS))
    cells = [
        {
            "method": method, "seed": seed, "world": seed, "body": str(body_folder(seed)),
            "documents": DOCUMENTS, "epochs": EPOCHS, "every": 20, **options,
        }
        for method, options in (METHODS | CONTROLS).items()
        for seed in SEEDS
    ]
    found = sweep(forgetting_cell, cells)
    return [{k: v for k, v in cell.items() if k != "body"} for cell in found]


if __name__ == "__main__":
    cells = results(__file__, compute)
    curves = {
        name: [ForgettingCurve.from_dict(c["curve"]) for c in cells if c["method"] == method]
        for name, method in SHOWN.items()
    }
    save_figure(Path(__file__).with_suffix(".png"), draw_forgetting, curves, columns=2)
