"""What each regime buys: ``ablation``, ``rates``, ``depth``, ``frozen_tags``, ``labels``."""

import numpy as np
from saying import Said, Table, of, read

from npft.experiments.ablation import ablation_rows, ablation_table
from npft.experiments.depth import depth_table
from npft.experiments.rates import rate_table


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

    tags = read("frozen_tags")
    frozen = {c["way"] for c in tags if c["way"].startswith("frozen")}

    def f1(way, n):
        return np.mean([c["f1"] for c in of(tags, way=way, n=n)])

    yield Said("({:.2f} and {:.2f} F1, where BERT-base lost 0.003;",
               *(f1("full", n) - max(f1(way, n) for way in frozen) for n in (120, 1000)))
