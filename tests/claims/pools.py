"""Pools on longer texts: ``pools``."""

import numpy as np
from saying import Said, Table, read, reach

from npft.experiments.pools import DECIDE, PLACES, SENTENCES, pool_curve, pool_table


def claims():
    cells = read("pools")
    assert PLACES > max(c["tokens"] for c in cells)
    yield Table(pool_table(cells))
    frozen, full = ({p: pool_curve(cells, regime, p) for p in ("attention", "mean", "max", "words")}
                    for regime in ("head", "full"))
    six = SENTENCES.index(6)
    yield Said("a frozen body needs a pool with a query, {:.2f} to the mean's {:.2f}",
               frozen["attention"][six].mean(), frozen["mean"][six].mean())
    yield Said("guessing is {:.2f}:", 1 / DECIDE)
    gain = frozen["attention"] - frozen["mean"]
    yield Said("it leads by {} at three sentences, {} at six and {} at twelve, in each of five "
               "seeds", *map(reach, gain[1:]))
    assert (frozen["mean"][1:].mean(1) < frozen["words"][1:].mean(1)).all()
    assert (frozen["max"][1:] < frozen["mean"][1:]).all()
    apart = np.abs(full["attention"] - full["mean"]).max()
    assert apart < 0.0101
    yield Said("(within {:.2f} on each seed)", apart)
    assert full["max"][-1].max() < full["mean"][-1].min()
    yield Said("stayed at {:.2f} with either", full["mean"][-1].min())
    assert (full["mean"][-1] < 0.9).sum() == 1
    yield Said("Here one sentence of 1 to 12 is about")
    yield Said("({:.2f} against {:.2f} at six)", frozen["attention"][six].mean(),
               frozen["mean"][six].mean())
    yield Said("the bundled body with its 64 places repeated")
