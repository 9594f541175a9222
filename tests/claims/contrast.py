"""Temperature, dropout and batch of SimCSE: ``figures/contrast.json``."""

import numpy as np
from saying import Said, between, interval, read, spread, table

WORDS, SYNONYMS = "similarity_words", "similarity_synonyms"
USUAL = {"tau": 0.05, "dropout": 0.1, "batch_size": 64}
TAUS, DROPOUTS, BATCHES = (0.01, 0.02, 0.05, 0.1, 0.5), (0, 0.02, 0.05, 0.1, 0.3), (16, 128)


def claims():
    cells = read("contrast")

    def values(measure, **changed):
        asked = USUAL | changed
        return np.array([run["after"][measure] for c in cells for run in c["runs"]
                         if asked.items() <= run.items()])

    def before(measure):
        return np.array([c["before"][measure] for c in cells])

    def likeness(of):
        return [spread(of(WORDS)), spread(of(SYNONYMS)), f"{of('effective_rank').mean():.1f}",
                f"{of('mean_cosine').mean():.2f}"]

    def run(**changed):
        return likeness(lambda measure: values(measure, **changed))

    yield table(
        ["τ", "share of the hardest", "Spearman, shared words", "Spearman, synonyms only",
         "effective rank", "mean cosine"],
        ["before", "", *likeness(before)],
        *([str(tau), f"{values('hardest_share', tau=tau).mean():.2f}", *run(tau=tau)]
          for tau in TAUS),
    )
    yield table(
        ["dropout", "batch", "Spearman, shared words", "Spearman, synonyms only",
         "effective rank", "mean cosine"],
        *([str(p), "64", *run(dropout=p)] for p in DROPOUTS),
        *(["0.1", str(n), *run(batch_size=n)] for n in BATCHES),
    )
    yield from temperature(values)
    yield from dropout(values, before)


def temperature(values):
    yield Said("At τ = 0.01 the nearest of 63 negatives gets {:.0f} % of the push, at 0.5 it gets "
               "{:.0f} %", *(100 * values("hardest_share", tau=t).mean() for t in (0.01, 0.5)))
    for tau in (0.01, 0.02, 0.1):
        for measure in (WORDS, SYNONYMS):
            _, low, high = interval(values(measure, tau=tau) - values(measure))
            assert low < 0 < high
    yield Said("From 0.01 to 0.1 none differs from 0.05 by an interval that excludes 0; at 0.5")
    yield Said("At 0.01 the cone stays as it was")
    words, synonyms = (values(m) - values(m, tau=0.5) for m in (WORDS, SYNONYMS))
    yield Said("both correlations fall (by {:.2f}, 95 % interval {}, and by {:.2f}, {})",
               words.mean(), between(words), synonyms.mean(), between(synonyms))


def dropout(values, before):
    yield Said("(effective rank {:.0f} of 64, more than with any dropout)",
               values("effective_rank", dropout=0).mean())
    less = values(SYNONYMS) - values(SYNONYMS, dropout=0)
    yield Said("synonyms: {:.2f} less than with 0.1 (interval {})", less.mean(), between(less))
    gain = [values(WORDS, dropout=p) - before(WORDS) for p in (0.02, 0.05)]
    yield Said("with 0.02 or 0.05 shared words gain on the body before ({:.2f}, interval {}; "
               "{:.2f}, {})", *(x for g in gain for x in (g.mean(), between(g))))
    more = [values(m, batch_size=128) - values(m) for m in (WORDS, SYNONYMS)]
    fewer = [values(m) - values(m, batch_size=16) for m in (WORDS, SYNONYMS)]
    yield Said("128 sentences in place of 64 raise both correlations by {:.2f} ({}; {}), 16 lower "
               "them by {:.2f}", np.mean(more), *map(between, more), np.mean(fewer))
