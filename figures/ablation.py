"""One change at a time in fine-tuning: the table of the gallery. The bundled body, five seeds."""


from common import SEEDS, picture, results

from npft.experiments.ablation import ablation_cells, ablation_table
from npft.experiments.regimes import run_cell
from npft.experiments.sweep import sweep
from npft.loading import folder_of
from npft.plots import draw_ablation

KEPT = ("row", "task", "seed", "precision", "recall", "f1", "accuracy", "trained", "seconds")


def compute() -> list:
    found = sweep(run_cell, ablation_cells(str(folder_of("tinyworld")), SEEDS))
    return [{name: cell[name] for name in KEPT} for cell in found]


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(ablation_table(cells))
    picture("ablation", draw_ablation, cells, columns=2)
