"""The grid of repairs on a second set of bodies: ``figures/forgetting_again.json``."""

import numpy as np
from saying import Said, of, read, spread, table

HARD, CLINIC = "hard sms", "clinic"
SHOWN = [("plain", None), ("lr", 0.3), ("anchor", 0.01), ("proximal", 10), ("ewc", 0.01),
         ("ewc", 0.1), ("lwf", 0.1), ("agem", 16), ("own-text", 0.2), ("replay", 0.2)]  # fmt: skip


def ends(cells):
    """Each run at its end: F1, and the rise in nats."""
    for c in cells:
        curve = c["curve"]
        yield {k: v for k, v in c.items() if k in ("task", "method", "strength", "seed")} | {
            "f1": curve["f1"][-1], "rise": curve["mlm_loss"][-1] - curve["mlm_loss"][0]}  # fmt: skip


def claims():
    sets = list(ends(read("forgetting"))), read("forgetting_again")

    def values(number, task, method, strength, figure):
        runs = of(sets[number], task=task, method=method, strength=strength)
        assert len(runs) == 5
        return np.array([run[figure] for run in runs])

    def mean(*asked):
        return values(*asked).mean()

    columns = [(number, task, figure) for task in (HARD, CLINIC) for number in (0, 1)
               for figure in ("f1", "rise")]  # fmt: skip
    yield table(
        ["method", "messages: F1", "rise (nats)", "again: F1", "rise", "clinic: F1", "rise (nats)",
         "again: F1", "rise"],
        *([name if x is None else f"{name} {x}",
           *(spread(values(n, task, name, x, figure)) for n, task, figure in columns)]
          for name, x in SHOWN),
    )  # fmt: skip
    ewc, plain = ([mean(n, HARD, *way, "f1") for n in (0, 1)]
                  for way in (("ewc", 0.01), ("plain", None)))
    assert np.abs(np.subtract(ewc, plain)).max() < 0.02
    kept = [100 * (1 - mean(n, HARD, "ewc", 0.01, "rise") / mean(n, HARD, "plain", None, "rise"))
            for n in (0, 1)]
    yield Said("EWC at 0.01 keeps {:.0f} and {:.0f} % on the messages at the F1 of plain "
               "fine-tuning", *kept)
    agem = [1 - mean(n, task, "agem", 16, "rise") / mean(n, task, "plain", None, "rise")
            for n in (0, 1) for task in (HARD, CLINIC)]
    assert min(agem) > 0.6 and all(
        mean(n, task, "agem", 16, "f1") > mean(n, task, "plain", None, "f1") - 0.01
        for n in (0, 1) for task in (HARD, CLINIC))
    rises = {(n, w): mean(n, CLINIC, *w, "rise") for n in (0, 1) for w in SHOWN
             if mean(n, CLINIC, *w, "f1") > 0.75}
    for n in (0, 1):
        own = {w: rise for (k, w), rise in rises.items() if k == n}
        assert min(own, key=own.get) == ("replay", 0.2)
    yield Said("forgets least at an F1 of {:.2f} and {:.2f}",
               *(mean(n, CLINIC, "replay", 0.2, "f1") for n in (0, 1)))
    own = [100 * (1 - mean(1, t, "own-text", 0.2, "rise") / mean(1, t, "plain", None, "rise"))
           for t in (HARD, CLINIC)]
    yield Said("at hardly less F1 ({:.2f}, {:.2f}; on the bodies below {:.0f} and {:.0f} %)",
               *(mean(0, t, "own-text", 0.2, "f1") for t in (HARD, CLINIC)), *own)
    again = np.sort(values(1, HARD, "replay", 0.2, "f1"))
    yield Said("of the ten runs on messages with replay one came to {:.2f} only, where the others "
               "have {:.2f} and more", again[0], min(again[1], values(0, HARD, "replay", 0.2, "f1").min()))
    yield Said("({:.2f}, then {})", mean(0, HARD, "ewc", 0.1, "f1"),
               spread(values(1, HARD, "ewc", 0.1, "f1")))
