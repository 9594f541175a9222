"""F5: how many labels pretraining is worth. The bundled body, five seeds of data and heads."""


from common import SEEDS, picture, results

from npft.experiments.labels import FEW, TASKS, label_cells, label_gap, mean_curve
from npft.experiments.regimes import run_cell
from npft.experiments.sweep import sweep
from npft.loading import folder_of
from npft.plots import draw_labels


def compute() -> list:
    found = sweep(run_cell, label_cells(str(folder_of("tinyworld")), SEEDS))
    return [{k: v for k, v in cell.items() if k not in ("body", "curve")} for cell in found]


if __name__ == "__main__":
    cells = results(__file__, compute)
    for task in TASKS:
        for regime in ("head", "full", "scratch", "words"):
            curve = mean_curve(cells, task, regime)
            print(f"{task:10}{regime:10}", *(f"{n}: {f1:.3f}" for n, f1 in curve.items()))
        for n in FEW:
            f1, needed = label_gap(cells, task, n)
            worth = f"{needed:,.0f} labels from scratch" if needed else "more than was tried"
            print(f"{task:10}{n} labels reach {f1:.3f}: {worth}")
    picture("labels", draw_labels, cells, columns=2)
