"""What is lost and what comes back: ``lost``, ``repair_path``, ``replay_share``, ``lora``."""

import numpy as np
from saying import Said, Table, of, read, spread

from npft.experiments.beside import beside_table
from npft.experiments.lost import lost_table
from npft.experiments.replay_share import AT, SEQUENCES, STORES, share_table, store_table

HARD, CLINIC = "hard sms", "clinic"
CHEAP = 0.02  # of F1


def claims():
    yield from lost(read("lost"))
    yield from walked_back(read("repair_path"))
    yield from replayed(read("replay_share"))
    yield from beside(read("lora"))


def lost(cells):
    plain = of(cells, run="plain")
    rise, latent = (np.mean([c[name] for c in plain]) for name in ("rise", "latent_rise"))
    yield Table(lost_table(cells))
    yield Said("finds all but {:.2f} of the {:.2f} nats in the frozen body", latent, rise)
    first = [c["printed"][0] for c in plain]
    yield Said("shows {:.2f} to {:.2f}; before the first step it was {:.2f}",
               np.mean(first), np.mean([c["printed"][1] for c in plain]),
               np.mean([c["before"] for c in plain]))


def walked_back(cells):
    def path(task, kind, name):
        found = np.array([c[kind][name] for c in of(cells, task=task)])
        if name == "mlm_loss":
            found = found - np.array([[c["before"]] for c in of(cells, task=task)])
        return found.mean(axis=0)

    def bought(task, kind, end):
        """The largest share of the rise that is taken back for at most CHEAP of F1."""
        rise, f1 = path(task, kind, "mlm_loss"), path(task, kind, "f1")
        return 100 * (1 - rise[f1 >= f1[end] - CHEAP].min() / rise[end])

    yield Said("at most {} of F1 buys back {:.0f} % and {:.0f} % of the rise", CHEAP,
               *(bought(task, "interpolate", -1) for task in (HARD, CLINIC)))
    f1 = path(CLINIC, "interpolate", "f1")
    yield Said("(a tenth of the way costs the clinic {:.3f})", f1[-1] - f1[-2])
    ten = []
    for task in (HARD, CLINIC):
        assert bought(task, "replay", 0) == 0
        rise, f1 = (path(task, "replay", name) for name in ("mlm_loss", "f1"))
        ten += [100 * (1 - rise[1] / rise[0]), f1[0] - f1[1]]
    yield Said("No step of replay is that cheap: ten take back {:.0f} % on the messages for {:.2f} "
               "of F1 and {:.0f} % on the clinic for {:.2f}", *ten)
    at = list(of(cells, task=CLINIC)[0]["interpolate"]["alpha"]).index(0.6)
    refit = list(of(cells, task=CLINIC)[0]["refit"]["alpha"]).index(0.6)
    yield Said("at α = 0.6 F1 is {:.2f} with it and {:.2f} without, at a rise of {:.2f} instead of "
               "{:.2f}", path(CLINIC, "refit", "f1")[refit], path(CLINIC, "interpolate", "f1")[at],
               path(CLINIC, "interpolate", "mlm_loss")[at],
               path(CLINIC, "interpolate", "mlm_loss")[-1])


def replayed(cells):
    on_top = share_table(cells, "replay on top")
    plain, one, most = (on_top[n] for n in (0, 1, SEQUENCES[-1]))

    def kept(row):
        return 100 * (1 - row["rise"].mean() / plain["rise"].mean())

    yield Said("One replayed sequence a step keeps {:.0f} %", kept(one))
    yield Said("One replayed sequence beside 32 examples keeps {:.0f} % of what plain fine-tuning "
               "loses, and costs F1 ({:.2f} for {:.2f};", kept(one), one["f1"].mean(),
               plain["f1"].mean())
    yield Said("sixteen keep {:.0f} % at full F1", kept(most))
    stores = store_table(cells)
    assert 45 < kept(stores[STORES[0]]) < 60  # "half"
    assert abs(kept(stores[512]) - kept(share_table(cells, "replay on top")[AT])) < 3
    yield Said("Eight documents of old text keep half, and 512 as much as all 4,000")


def beside(cells):
    tuned = of(cells, regime="full")
    yield Table(beside_table(cells))
    yield Said("is {} and {} here", *(spread([c["rise"] for c in of(tuned, task=task)])
                                      for task in (HARD, CLINIC)))
    parts = [c for c in cells if c["regime"] in ("lora", "adapter")]
    assert len(parts) == 60 and not any(c["off"] for c in parts)  # "all sixty runs"
    wide = [np.mean([c["rise"] for c in of(parts, regime="adapter", strength=16, task=task)])
            for task in (HARD, CLINIC)]
    yield Said("({:.2f} and {:.2f} nats; so does LoRA of rank 1", *wide)
    full, best = (np.mean([c["f1"] for c in of(cells, task=HARD, **which)])
                  for which in ({"regime": "full"}, {"regime": "lora", "strength": 16}))
    yield Said("it comes {:.2f} of F1 short on the messages", full - best)
