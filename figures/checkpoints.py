"""Whether a probe ranks checkpoints as fine-tuning does. One pretraining run, two seeds of data."""

from pathlib import Path

from common import FOLDER, results

from npft.experiments.checkpoints import TASKS, checkpoint_cells, probe_and_full, save_checkpoints
from npft.experiments.regimes import EPOCHS, run_cell
from npft.experiments.sweep import sweep
from npft.plots import draw_checkpoints, save_figure

SEEDS = range(2)


def compute() -> list:
    folders = save_checkpoints(FOLDER / ".cache" / "checkpoints")
    found = sweep(run_cell, checkpoint_cells(folders, SEEDS, EPOCHS))
    return [{k: v for k, v in cell.items() if k not in ("body", "curve")} for cell in found]


if __name__ == "__main__":
    cells = results(__file__, compute)
    for task in TASKS:
        for step, (probe, full) in probe_and_full(cells, task).items():
            print(f"{task:9} step {step:5,}  probe {probe:.3f}  full {full:.3f}")
    save_figure(Path(__file__).with_suffix(".png"), draw_checkpoints, cells, columns=2)
