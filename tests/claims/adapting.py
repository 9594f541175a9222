"""What each regime buys: ``ablation``, ``rates``, ``depth``, ``frozen_tags``, ``labels``."""

import numpy as np
from saying import Said, Table, of, read

from npft.experiments.ablation import ablation_rows, ablation_table
from npft.experiments.depth import depth_table
from npft.experiments.labels import label_gap
from npft.experiments.rates import best_rate, destroying_rate, rate_table
from npft.metrics.classes import confusion_matrix


def claims():
    cells = read("ablation")
    yield Table(ablation_table(cells))
    rows = {row["row"]: {k: np.mean(row[k]) for k in ("precision", "recall", "sms", "hard sms")}
            for row in ablation_rows(cells)}
    head, full = rows["head only"], rows["full"]
    seconds = np.median([c["seconds"] for c in cells if c["row"] == "head only"])
    yield Said("promises (precision {:.1f}, recall {:.2f}; in {:.1f} of the {} seconds it allows;",
               head["precision"], head["recall"], seconds, 90)
    yield Said("below calling everything spam ({:.2f})", 2 / 3)
    yield Said("Full fine-tuning at one rate stays {:.2f} below the limit", 0.95 - full["sms"])
    frozen = [row["hard sms"] for name, row in rows.items()
              if name.startswith("head only") and "random" not in name and "token" not in name]
    yield Said("stuck at {:.2f} to {:.2f}", min(frozen), max(frozen))
    yield Said("as well as a pretrained one ({:.2f}, {:.2f})",
               rows["full, random body"]["hard sms"], full["hard sms"])

    rates, depths = rate_table(read("rates"), "sms"), depth_table(read("depth"), "sms")
    yield Said("learns all that can be learnt and forgets {:.1f} to {:.1f} nats",
               *(rates[lr]["rise"].mean() for lr in (1e-4, 3e-4)))
    last, whole = depths["last block"], depths["all"]
    yield Said("as good as anything ({:.2f}), for {:.1f} nats where all weights cost {:.1f}",
               last["f1"].mean(), last["rise"].mean(), whole["rise"].mean())

    yield from findings()

    tags = read("frozen_tags")
    frozen = {c["way"] for c in tags if c["way"].startswith("frozen")}

    def f1(way, n):
        return np.mean([c["f1"] for c in of(tags, way=way, n=n)])

    yield Said("({:.2f} and {:.2f} F1, where BERT-base lost 0.003;",
               *(f1("full", n) - max(f1(way, n) for way in frozen) for n in (120, 1000)))


def findings():
    """What the gallery says of pictures whose numbers stand in their titles."""
    labels = read("labels")
    tasks = {c["task"] for c in labels}
    assert all(label_gap(labels, task, 32)[1] is None for task in tasks)
    yield Said("32 labels on a pretrained body beat {:,} on a random one",
               max(c["n"] for c in labels))
    rates = read("rates")
    assert best_rate(rates, "sms") == 3e-4
    known = np.mean([c["curve"]["unigram"] - c["curve"]["mlm_loss"][0] for c in rates])
    assert destroying_rate(rates, "sms", known) == 3e-3
    yield Said("The rate 3e-4 learns most; from 3e-3 on all that the body knew is lost")
    ends = {r: np.mean([c["curve"][-1] for c in of(read("regimes"), regime=r)])
            for r in ("head", "full", "last")}
    yield Said("the head alone comes to {:.2f}, all weights to {:.2f}, the last block to {:.2f}",
               *ends.values())
    counts = np.mean([
        confusion_matrix(np.array(c["labels"]), (np.array(c["p_spam"]) >= 0.5).astype(int), 2)
        for c in of(read("decisions"), way="head")
    ], axis=0)  # fmt: skip
    yield Said("The head alone at 0.5: precision {:.2f}, recall {:.2f};",
               counts[1, 1] / counts[:, 1].sum(), counts[1, 1] / counts[1].sum())
