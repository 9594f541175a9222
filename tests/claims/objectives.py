"""Eleven ways to pretrain at equal compute: ``figures/objectives.json``."""

import numpy as np
from saying import Said, of, read, table

MEASURES = ("word_loss", "topic", "senses", "entities")


def claims():
    cells = read("objectives")

    def by_seed(name, measure):
        return np.array([c[measure] for c in sorted(of(cells, objective=name),
                                                    key=lambda c: c["seed"])])

    def row(said, name, beside=None):
        shown = [said]
        for measure in MEASURES:
            values = by_seed(name, measure)
            shown.append(f"{values.mean():.2f}")
            if beside is not None:
                gain = values - by_seed(beside, measure)
                better = (gain < 0).sum() if measure == "word_loss" else (gain > 0).sum()
                shown[-1] += f" ({better} of {len(values)})"
        return shown

    yield table(
        ["", "words (nats)", "topic", "senses", "entities"],
        row("masked words, places", "mlm"),
        row("the same, distances", "mlm, relative", "mlm"),
        row("masked words on long rows", "roberta"),
        row("permuted words on long rows", "mpnet", "roberta"),
    )
    yield Said("gives the best topics ({:.2f})", by_seed("clm", "topic").mean())
    yield Said("({:,} steps for {:,})", round(by_seed("mlm, relative", "steps").mean()),
               round(by_seed("mlm", "steps").mean()))
