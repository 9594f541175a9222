"""Spans over the threshold: ``span_threshold``."""

import numpy as np
from saying import Said, read, spread, table

from npft.experiments.span_threshold import DEV, GRID

NAMES = {"known names": "100 texts with known names", "new names": "100 texts with new names"}


def claims():
    cells = read("span_threshold")

    def mean(figure, threshold):
        at = GRID.index(threshold)
        return np.mean([cell[figure][at] for cell in cells])

    def shown(way, figure, digits=3):
        return spread([cell["at"][way][figure] for cell in cells], digits)

    figures = ("precision", "recall", "f1")
    best = [cell["best"] for cell in cells]
    yield table(
        ["threshold chosen on", "threshold", "precision", "recall", "F1"],
        ["nothing: 0", "0", *(shown("0", f) for f in figures)],
        *([NAMES[dev], shown(dev, "threshold", 2), *(shown(dev, f) for f in figures)]
          for dev in DEV),
        ["the test itself, to know the limit", "", "", "", spread(best, 3)],
    )
    ends = mean("precision", GRID[0]), mean("precision", GRID[-1])
    yield Said("makes the tagger surer, {:.2f} to {:.2f}", *ends)
    yield Said("Precision rises from {:.2f} to {:.2f}, recall falls from {:.2f} to {:.2f}", *ends,
               mean("recall", GRID[0]), mean("recall", GRID[-1]))
    flat = [mean("f1", t) for t in GRID if -0.5 <= t <= 0.3]
    yield Said("between -0.5 and 0.3 the mean F1 lies within {}", 0.005)
    assert np.ptp(flat) < 0.005
    chosen = [cell["at"][dev]["threshold"] for cell in cells for dev in DEV]
    yield Said("its top anywhere from {:.2f} to {:.2f}", min(chosen), max(chosen))
    gain = np.mean([cell["best"] - cell["at"]["0"]["f1"] for cell in cells])
    yield Said("the best threshold of each seed is worth {:.3f} more than 0", gain)
    assert 0.98 < mean("precision", 0.95) < 0.99 and 0.6 < mean("recall", 0.95) < 0.66
