"""F18, F19: what temperature, dropout and batch size do to contrastive learning."""

import numpy as np
from common import on_bodies, picture, results, run_grid

from npft.experiments.cone import GOLDS
from npft.experiments.contrast import STEPS, contrast_cell, figures_of, runs
from npft.metrics.intervals import interval
from npft.plots import draw_dropout, draw_temperature


def compute() -> list:
    cells = on_bodies([{"runs": runs(), "steps": STEPS}])
    return run_grid(__file__, contrast_cell, cells)


if __name__ == "__main__":
    cells = results(__file__, compute)
    for option in ("tau", "dropout", "batch_size"):
        print(f"\n{option:>10}  words, and gain       synonyms, and gain    rank   mean cosine")
        names = (*GOLDS, "effective_rank", "mean_cosine")
        columns = [figures_of(cells, option, name) for name in names]
        for value in columns[0]:
            line = f"{value!s:>10}"
            for name, column in zip(names, columns):
                x = column[value]
                line += f"  {x.mean():.3f} ± {x.std(ddof=1):.3f}"
                if name in GOLDS:
                    gain = interval(x - np.array([cell["before"][name] for cell in cells]))
                    line += f" [{gain.low:+.3f}, {gain.high:+.3f}]"
            print(line)
    picture("temperature", draw_temperature, cells, columns=2, width=6)
    picture("dropout", draw_dropout, cells, columns=2, width=6)
