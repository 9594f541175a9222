"""Which sentence vector knows what is similar: ``similarity`` and ``simcse``."""

import numpy as np
from saying import Said, between, interval, read, spread, table

WORDS, SYNONYMS = "similarity_words", "similarity_synonyms"
WAYS = {  # name in the page, and what was published for BERT
    "bag of words": ("no encoder: bag of words", ""),
    "glove": ("no encoder: GloVe, mean of words", "61.3"),
    "ppmi": ("no encoder: PPMI and SVD, mean of words", ""),
    "last": ("after MLM: last token", ""), "max": ("after MLM: maximum", ""),
    "mean": ("after MLM: mean", "54.8"), "cls": ("after MLM: [CLS]", "29.2"),
    "first and last": ("after MLM: mean of first and last block", ""),
    "top removed": ("its mean, moved: top direction removed", ""),
    "standardised": ("its mean, moved: standardised", ""),
    "whitened": ("its mean, moved: whitened", ""),
    "simcse": ("trained further: SimCSE, unsupervised", "76.3"),
    "siamese classes": ("trained further: siamese, NLI classes", ""),
    "simcse supervised": ("trained further: SimCSE, NLI triples", "81.6"),
    "graded pairs": ("trained further: siamese, graded pairs", ""),
}  # fmt: skip
READINGS = ("whole", "no names", "content")
TRIALS = {
    "bag of words": "bag of words", "before": "after MLM", "usual": "SimCSE, rate 3e-4",
    "three times the rate": "SimCSE, rate 1e-3", "ten times the rate": "SimCSE, rate 3e-3",
}  # fmt: skip


def claims():
    yield from ways(read("similarity"))
    yield from nearer(read("similarity"))
    yield from rates(read("simcse"))
    yield from tried_once(read("simcse"))


def ways(cells):
    def score(way, gold):
        return np.array([c["ways"][way][gold] for c in cells])

    def gain(way, other, gold):
        found = score(way, gold) - score(other, gold)
        _, low, high = interval(found)
        return f"{found.mean():.2f} [{low:.2f}, {high:.2f}]"

    def both(way, other):
        return gain(way, other, WORDS), gain(way, other, SYNONYMS)

    def mean_gain(way, gold):
        return (score(way, gold) - score("mean", gold)).mean()

    yield table(["sentence vector", "words shared", "meanings alone", "published, STS"],
                *([name, spread(score(way, WORDS)),
                   spread(score(way, SYNONYMS)).replace("-0.00", "0.00"), published]
                  for way, (name, published) in WAYS.items()))
    yield Said("by {} where words are shared and {} where only meanings are", *both("ppmi", "mean"))
    yield Said("[CLS] is no worse than the mean: {} and {}", *both("cls", "mean"))
    yield Said("standardising costs synonyms {}, whitening gains {} and loses {}",
               gain("mean", "standardised", SYNONYMS), gain("whitened", "mean", WORDS),
               gain("mean", "whitened", SYNONYMS))
    yield Said("gains {} and {} on the mean vectors, {} and {} on SimCSE without labels; SBERT's "
               "classes {} and {}", *both("simcse supervised", "mean"),
               *both("simcse supervised", "simcse"), *both("siamese classes", "mean"))
    yield Said("gains most, {:.2f} and {:.2f}", mean_gain("graded pairs", WORDS),
               mean_gain("graded pairs", SYNONYMS))


def nearer(cells):
    share = {way: 100 * np.array([c["cosines"][way]["nearer"] for c in cells])
             for way in cells[0]["cosines"]}
    yield Said("in {:.0f} % of cases before and in {:.0f} % after (difference {} points)",
               share["mean"].mean(), share["simcse"].mean(),
               between(share["simcse"] - share["mean"], 0))
    told = share["simcse supervised"]
    yield Said("With triples it is {:.0f} % ({} points more)", told.mean(),
               between(told - share["mean"], 0))


def score_of(cells, trial, reading, gold):
    return np.array([c["found"][trial][reading][gold] for c in cells if trial in c["found"]])


def rates(cells):
    def shown(trial, reading, gold):
        found = score_of(cells, trial, reading, gold)
        told = f"{found.mean():.2f}".replace("-0.00", "0.00")
        if trial in ("bag of words", "before"):
            return told
        sure = interval(found - score_of(cells, "before", reading, gold)).low > 0
        return f"**{told}**" if sure else told

    yield table(["", "whole sentences", "without names", "topic words alone"],
                *([said, *(" / ".join(shown(trial, r, g) for g in (WORDS, SYNONYMS))
                           for r in READINGS)] for trial, said in TRIALS.items()))
    yield Said("cost the raw vectors far more ({:.2f} against {:.2f})",
               score_of(cells, "before", "whole", SYNONYMS).mean(),
               score_of(cells, "before", "content", SYNONYMS).mean())
    gain = [interval(score_of(cells, "ten times the rate", "whole", gold)
                     - score_of(cells, "before", "whole", gold)) for gold in (WORDS, SYNONYMS)]
    yield Said("whole sentences gain {:.2f} [{:.2f}, {:.2f}] where words are shared", *gain[0])
    yield Said("do not agree ({:.2f} [{:.2f}, {:.2f}])", *gain[1])


def tried_once(cells):
    def pair(trial):
        return " / ".join(f"{score_of(cells[:1], trial, 'whole', gold)[0]:.2f}"
                          for gold in (WORDS, SYNONYMS))

    yield Said("after MLM {}, usual {}): a tenth of the rate {}; each sentence once {}; trained "
               "without names {}, on topic words alone {}; [CLS] in place of the mean {}; from "
               "random weights {}.", *map(pair, (
                   "before", "usual", "a tenth of the rate", "each sentence once",
                   "trained without names", "trained on content words",
                   "[CLS] in place of the mean", "from random weights")))
