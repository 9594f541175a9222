"""Spans over the threshold: precision against recall, and what calibration is worth."""

import numpy as np
from common import SEEDS, picture, results, run_grid

from npft.experiments.span_threshold import DEV, FIGURES, threshold_cell
from npft.experiments.taggers import EPOCHS, LABELS
from npft.plots import draw_span_threshold


def compute() -> list:
    cells = [{"seed": seed, "n": LABELS, "epochs": EPOCHS} for seed in SEEDS]
    return run_grid(__file__, threshold_cell, cells)


def table(cells: list) -> str:
    """Threshold, precision, recall and F1 of each way to choose it: mean ± standard deviation."""
    lines = [f"{'threshold':16}" + "".join(f"{name:>18}" for name in ("chosen", *FIGURES))]
    for way in ("0", *DEV):
        rows = [c["at"][way] for c in cells]
        said = [[row[name] for row in rows] for name in ("threshold", *FIGURES)]
        shown = [f"{np.mean(v):.3f} ± {np.std(v, ddof=1):.3f}" for v in said]
        lines.append(f"{way:16}" + "".join(f"{s:>18}" for s in shown))
    best = [c["best"] for c in cells]
    lines.append(f"{'best on the test':70}{np.mean(best):.3f} ± {np.std(best, ddof=1):.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(table(cells))
    picture("span_threshold", draw_span_threshold, cells)
