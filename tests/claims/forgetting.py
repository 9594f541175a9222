"""What fine-tuning forgets and what keeps it: ``figures/forgetting.json``."""

import numpy as np
from saying import Said, Table, of, read, spread

from npft.experiments.repairs import MATCHED_F1, repair_table

HARD, CLINIC = "hard sms", "clinic"


def claims():
    cells = read("forgetting")

    def at_end(task, method, strength=None):
        found = of(cells, task=task, method=method, strength=strength)
        curves = [c["curve"] for c in found]
        rise = np.array([c["mlm_loss"][-1] - c["mlm_loss"][0] for c in curves])
        return rise, np.array([c["f1"][-1] for c in curves])

    def mean(task, method, strength=None):
        rise, f1 = at_end(task, method, strength)
        return rise.mean(), f1.mean()

    plain, clinic = at_end(HARD, "plain")[0], at_end(CLINIC, "plain")[0]
    replay, replay_clinic = mean(HARD, "replay", 0.2), mean(CLINIC, "replay", 0.2)
    yield Said("raises the loss on old text by {:.1f} nats (a factor of {:.0f} in perplexity)",
               plain.mean(), np.exp(plain.mean()))
    yield Said("keeps all but {:.1f}.", replay[0])
    yield Said("raises the loss on old text by {:.1f} nats; a fifth of old text in each batch keeps "
               "all but {:.1f}", plain.mean(), replay[0])
    yield Said("by {:.1f} nats on short messages; replaying old text keeps all but {:.1f}",
               plain.mean(), replay[0])
    longest = max(c["curve"]["step"][-1] for c in of(cells, method="replay", strength=0.2))
    assert {c["curve"]["step"][-1] for c in of(cells, method="plain")} == {160}
    yield Said("so these runs go on to {}", longest)
    yield from drift(of(cells, task=HARD))
    yield Said("raises the held-out masked-token loss by {} nats on the hard messages and by {} on "
               "topics of a clinic", spread(plain), spread(clinic))
    yield Said("plain fine-tuning, {} and {} above", spread(plain), spread(clinic))
    known = [c["curve"]["unigram"] - c["curve"]["mlm_loss"][0] for c in of(cells, method="plain")]
    yield Said("{:.1f} nats lead back to guessing by frequency", np.mean(known))
    yield Said("(A nat more is a perplexity {:.1f} times as high.)", np.e)
    yield Table(repair_table(cells))
    for task, f1 in MATCHED_F1.items():
        yield Said("at which F1 reaches {:.2f}", f1)
        yield Said("and {:.2f} was chosen after", f1)
    yield Said("plain fine-tuning ({:.2f} and {:.2f} at the end)", replay[1], replay_clinic[1])
    yield Said("EWC forgets least of all, at full F1 ({})", spread(at_end(HARD, "ewc", 0.1)[1]))
    yield Said("its strong form learns less ({:.2f})", mean(CLINIC, "ewc", 0.1)[1])
    fast = mean(CLINIC, "3 x rate")
    yield Said("learns the clinic best ({:.2f}) and destroys most ({:.1f} nats", fast[1], fast[0])
    yield from controls(mean)


def drift(cells):
    """Of the runs on the messages whose drift is drawn."""
    drawn = {}
    for c in cells:
        if c.get("drift"):
            drawn.setdefault((c["method"], c.get("strength")), []).append(c["drift"])
    moved, changed = (
        {way: np.mean([row[name][layer] for row in rows]) for way, rows in drawn.items()}
        for name, layer in (("weights", "embeddings"), ("states", "block 1"))
    )
    replay, plain = ("replay", 0.2), ("plain", None)
    trained = {way: x for way, x in changed.items() if way[0] != "frozen body"}
    assert max(moved, key=moved.get) == replay == min(trained, key=trained.get)
    yield Said("the embeddings move by {:.0f} % of their length, where plain fine-tuning moves them "
               "by {:.0f} %; yet what the upper block says changes least (1 - CKA {:.2f}, plain "
               "{:.2f})", 100 * moved[replay], 100 * moved[plain], changed[replay], changed[plain])


def controls(mean):
    def both(name):
        (rise, f1), (rise_clinic, f1_clinic) = mean(HARD, name), mean(CLINIC, name)
        return rise, rise_clinic, f1, f1_clinic

    rise, rise_clinic, *f1 = both("frozen body")
    assert rise == rise_clinic == 0
    yield Said("a frozen body forgets exactly 0 (F1 {:.2f}, {:.2f})", *f1)
    yield Said("forgets {:.2f} and {:.2f} at F1 {:.2f} and {:.2f}", *both("joint"))
    yield Said("labels that mean nothing cost {:.2f} and {:.2f} nats",
               *both("shuffled labels")[:2])
    yield Said("without any task, {:.2f}.", both("continued pretraining")[0])
    yield Said("learns the hard messages as well ({:.2f}) and the clinic better ({:.2f})",
               *both("from scratch")[2:])
