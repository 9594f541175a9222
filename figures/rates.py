"""What the rate of full fine-tuning learns and destroys. The bundled body, five seeds."""


import numpy as np
from common import SEEDS, picture, results

from npft.experiments.bodies import DOCUMENTS
from npft.experiments.rates import TASKS, rate_cells, rate_table
from npft.experiments.repairs import forgetting_cell
from npft.experiments.sweep import sweep
from npft.loading import folder_of
from npft.plots import draw_rates


def compute() -> list:
    cells = rate_cells(str(folder_of("tinyworld")), 0, DOCUMENTS, SEEDS)
    return [{k: v for k, v in cell.items() if k != "body"} for cell in sweep(forgetting_cell, cells)]


if __name__ == "__main__":
    cells = results(__file__, compute)
    curves = [cell["curve"] for cell in cells]
    unigram = float(np.mean([c["unigram"] - c["mlm_loss"][0] for c in curves]))
    for task in TASKS:
        for lr, row in rate_table(cells, task).items():
            f1, rise = row["f1"], row["rise"]
            print(f"{task:9} {lr:7g}  F1 {f1.mean():.3f} ± {f1.std(ddof=1):.3f}  "
                  f"rise {rise.mean():6.3f} ± {rise.std(ddof=1):.3f}")
    picture("rates", draw_rates, cells, unigram, columns=2)
