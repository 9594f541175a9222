"""Four tasks one after another: ``figures/task_matrix.json``."""

import numpy as np
from saying import Said, of, read, spread


def claims():
    cells = read("task_matrix")
    plain, replay, ewc = (of(cells, way=way) for way in ("plain", "replay", "EWC"))

    def mean(runs, name, at=None):
        return np.mean([c[name] if at is None else c[name][at] for c in runs])

    def transfer(runs):
        return spread([c["backward_transfer"] for c in runs])

    yield Said("plain training loses {:.2f} of what it learnt", -mean(plain, "backward_transfer"))
    yield Said("Plain: {:.2f} on the mean when learnt, {:.2f} at the end, backward transfer (of the "
               "first three) {}; the loss of the old words ends at {:.1f} nats ({:.1f} before)",
               mean(plain, "learning_accuracy"), mean(plain, "average_accuracy"), transfer(plain),
               mean(plain, "mlm_loss", -1), mean(plain, "mlm_loss", 0))
    yield Said("keeps the words ({:.1f}) and, without a text of the tasks, some of the tasks as "
               "well ({})", mean(replay, "mlm_loss", -1), transfer(replay))
    yield Said("fewer of the words ({:.1f}) and little of the tasks ({})",
               mean(ewc, "mlm_loss", -1), transfer(ewc))
    gaps = [mean(runs, "stability_gap") for runs in (plain, replay, ewc)]
    yield Said("below what they end with by {:.2f} to {:.2f} (the stability gap", min(gaps),
               max(gaps))
    clinic = [c["r"][1][1] for c in plain]
    worse = mean(plain, "intransigence", 1)
    yield Said("the clinic gets {:.2f} instead of {:.2f} (intransigence {:.2f})",
               np.mean(clinic) + worse, np.mean(clinic), worse)
