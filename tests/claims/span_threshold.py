"""A threshold for spans: ``figures/span_threshold.json``."""

import numpy as np
from saying import Said, read, spread, table

from npft.experiments.span_threshold import FIGURES, GRID

WAYS = {"0": "nothing: 0", "known names": "100 texts with known names",
        "new names": "100 texts with new names"}  # fmt: skip


def claims():
    cells = read("span_threshold")
    along = {name: np.array([c[name] for c in cells]) for name in FIGURES}
    mean = {name: values.mean(axis=0) for name, values in along.items()}

    def at(way, name):
        return [c["at"][way][name] for c in cells]

    def threshold(way):
        return "0" if way == "0" else spread(at(way, "threshold"))

    best = [c["best"] for c in cells]
    yield table(["threshold chosen on", "threshold", "precision", "recall", "F1"],
                *([said, threshold(way), *(spread(at(way, name), 3) for name in FIGURES)]
                  for way, said in WAYS.items()),
                ["the test itself, to know the limit", "", "", "", spread(best, 3)])
    precision = [mean["precision"][0], mean["precision"][-1]]
    yield Said("Precision rises from {:.2f} to {:.2f}, recall falls from {:.2f} to {:.2f}",
               *precision, mean["recall"][0], mean["recall"][-1])
    yield Said("makes the tagger surer, {:.2f} to {:.2f}", *precision)
    assert (along["precision"][:, -1] > along["precision"][:, 0]).all()  # "on every seed"
    yield Said("at {} one span in a hundred is wrong", GRID[-1])
    flat = mean["f1"][[GRID.index(-0.5) <= i <= GRID.index(0.3) for i in range(len(GRID))]]
    assert flat.max() - flat.min() <= 0.005
    yield Said("between -0.5 and 0.3 the mean F1 lies within 0.005")
    chosen = at("known names", "threshold") + at("new names", "threshold")
    yield Said("anywhere from {:.2f} to {:.2f}, and the best threshold of each seed is worth "
               "{:.3f} more than 0", min(chosen), max(chosen),
               np.mean(best) - np.mean(at("0", "f1")))
    yield Said("is above a threshold, 0 unless it is calibrated")
    yield Said("F1 is flat around 0")
    yield Said("is worth no more than 0")
