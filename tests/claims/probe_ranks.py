"""Probes and checkpoints: ``figures/probe_ranks.json``."""

import numpy as np
from saying import Said, Table, of, read

from npft.experiments.probe_ranks import (
    AGAIN, LOOKS, SETTINGS, copies_table, over_seeds, over_steps, ranks_table, seconds_of,
)
from npft.experiments.when_to_tune import epochs_of

FEW, MANY, SENSES, _ = SETTINGS


def claims():
    rows = read("probe_ranks")
    yield Table(ranks_table(rows))
    yield Table(copies_table(rows))
    ranks = {f: {s: over_steps(rows, f, *s) for s in SETTINGS} for f in ("probe", "steps", "loss")}
    assert all((ranks["loss"][s] == ranks["steps"][s]).all() for s in SETTINGS)
    yield Said("ranks as well as counting steps ({:.2f} and {:.2f})",
               *(np.mean(list(ranks[f].values())) for f in ("probe", "steps")))
    better = {s: int((ranks["probe"][s] > ranks["steps"][s]).sum()) for s in SETTINGS}
    yield Said("better with few labels (on {} of 5 seeds) and on senses ({} of 5), worse on topics "
               "with many ({} of 5)", better[FEW], better[SENSES], 5 - better[MANY])

    def f1(setting, by, step):
        return np.mean([r[by] for r in of(rows, task=setting[0], n=setting[1], step=step)])

    at = AGAIN[0]
    yield Said("{:.2f} where that had {:.2f} with 320 labels of topics",
               f1(MANY, "probe", at), f1(MANY, "probe", 0))
    yield Said("then, {:.2f} after {:.2f}", f1(MANY, "full", at), f1(MANY, "full", 0))
    yield Said("{:.2f} after {:.2f} on senses", f1(SENSES, "full", at), f1(SENSES, "full", 0))
    assert f1(FEW, "full", at) < f1(FEW, "full", 0)
    yield Said("Up to 1,120 steps the frozen")
    late = LOOKS[LOOKS.index(at):]  # "after that all rise together"
    for setting in SETTINGS:
        for by in ("probe", "full"):
            assert (np.diff([f1(setting, by, step) for step in late]) > 0).all()

    def among(step):
        return [np.mean(list(over_seeds(rows, f, step).values()))
                for f in ("probe", "loss", "again")]

    yield Said("the probe ranks by {:.2f}, the held-out loss, which needs no label, by {:.2f}, and "
               "a second fine-tuning of the same copies, with other heads and batches, by {:.2f}",
               *among(LOOKS[-1]))
    yield Said("it is {:.2f}, {:.2f} and {:.2f}: there even", *among(at))
    yield costs(rows)
    passes = [3 * epochs_of(n) for n in (32, 320)]
    yield Said("The body works {} and {} times as much", *passes)
    yield Said("each of {} or {} epochs", *(epochs_of(n) for n in (32, 320)))


def costs(rows):
    (few, few_full), (many, many_full) = (seconds_of(rows, n) for n in (32, 320))
    return Said("{:.2f} s to read the labelled texts and fit, where fine-tuning takes {:.1f} s, "
                "with 32 labels; {:.2f} s and {:.1f} s with 320: {:.0f} and {:.0f} times",
                few, few_full, many, many_full, few_full / few, many_full / many)
