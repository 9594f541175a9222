"""F4: what each regime of fine-tuning buys. Five seeds, each with a body and data of its own."""

from pathlib import Path

from common import SEEDS, body_folder, pretrain_seed, results

from npft.experiments.regimes import EPOCHS, REGIMES, run_cell
from npft.experiments.sweep import sweep
from npft.plots import draw_regimes, save_figure


def compute() -> list:
    sweep(pretrain_seed, list(SEEDS))
    cells = [
        {
            "task": "sms", "n": 640, "regime": regime, "seed": seed, "epochs": EPOCHS,
            "body": str(body_folder(seed)),
        }
        for regime in REGIMES
        for seed in SEEDS
    ]
    found = sweep(run_cell, cells)
    return [{k: v for k, v in cell.items() if k != "body"} for cell in found]


if __name__ == "__main__":
    cells = results(__file__, compute)
    save_figure(Path(__file__).with_suffix(".png"), draw_regimes, cells)
