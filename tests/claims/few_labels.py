"""No label, or a few: ``few_shot`` and ``when_to_tune``."""

import numpy as np
from saying import Said, Table, of, read

from npft.experiments.when_to_tune import when_table


def claims():
    yield from few_shot(read("few_shot"))
    yield from when_to_tune(read("when_to_tune"))


def few_shot(cells):
    def mean(how, n, task="topic"):
        return np.mean([c["accuracy"] for c in of(cells, task=task, how=how, n=n)])

    yield Said("a new head needs 16 labels to come near ({:.2f}), and a bag of words has {:.2f} "
               "with 32", mean("head", 16), mean("words", 32))
    yield Said("the cloze falls to {:.2f} and {:.2f}", mean("cloze", 2), mean("cloze", 4))
    yield Said("examples mislead this one ({:.2f} with 2, {:.2f} with 32)", mean("prompt", 2),
               mean("prompt", 32))
    yield Said("mends part of it ({:.2f} with 2, {:.2f} with 32)", mean("calibrated", 2),
               mean("calibrated", 32))
    shown = {round(np.mean([c["shown"] for c in of(cells, task="topic", how="prompt", n=32)]))}
    yield Said("Of 32, only the last {} fit into its 64 positions", *shown)
    chance = [mean(how, 32, "sentiment") for how in {c["how"] for c in cells}]
    yield Said("no way leaves chance ({:.2f} to {:.2f} with 32 labels)", min(chance), max(chance))


def when_to_tune(cells):
    def mean(task, way, n):
        return np.mean([c["f1"] for c in of(cells, task=task, way=way, n=n)])

    yield Table(when_table(cells))
    lead = max(mean(c["task"], c["way"], c["n"]) - mean(c["task"], "full", c["n"]) for c in cells
               if c["way"] in ("head", "centroid", "logistic"))
    yield Said("better than full fine-tuning by more than {:.2f}", lead)
    yield Said("from 1,000 labels comes to 0.61 instead of {:.2f}", mean("sentiment", "full", 1000))
