"""Sentence vectors in six states: ``figures/embeddings.json``."""

import numpy as np
from saying import Said, read, spread, table

from npft.metrics.intervals import interval

STATES = {
    "random": "random weights", "mlm": "after MLM", "finetuned": "after fine-tuning",
    "simcse 0": "SimCSE, dropout 0", "simcse 0.05": "SimCSE, dropout 0.05",
    "simcse 0.1": "SimCSE, dropout 0.1",
}  # fmt: skip
WORDS, SYNONYMS = "similarity_words", "similarity_synonyms"


def claims():
    cells = read("embeddings")

    def values(state, name):
        return np.array([c["states"][state][name] for c in cells])

    def row(state):
        mean = {k: values(state, k).mean() for k in ("effective_rank", "uniformity", "alignment")}
        return [STATES[state], spread(values(state, "mean_cosine")),
                f"{mean['effective_rank']:.1f}", f"{mean['uniformity']:.2f}",
                f"{mean['alignment']:.2f}", spread(values(state, WORDS)),
                signless(spread(values(state, SYNONYMS)))]

    yield table(
        ["state", "mean cosine", "effective rank", "uniformity", "alignment",
         "Spearman, shared words", "Spearman, synonyms only"],
        *map(row, STATES),
        ["bag of words", "", "", "", "",
         *(signless(spread([c["words"][k] for c in cells])) for k in (WORDS, SYNONYMS))],
    )
    closed, opened = values("mlm", "mean_cosine"), values("simcse 0.1", "mean_cosine")
    assert (opened < closed).all()
    middle, low, high = interval(closed - opened)
    yield Said("SimCSE with dropout 0.1 lowers it by {:.2f} (95 % interval {:.2f} to {:.2f})",
               middle, low, high)
    fall = values("mlm", WORDS) - values("simcse 0.1", WORDS)
    yield Said("with dropout 0.1 it falls by {:.2f} to {:.2f} where the sentences share words ({} "
               "of {} seeds)", fall.min(), fall.max(), (fall > 0).sum(), len(fall))


def signless(said):
    """Nought has no sign.

    >>> signless("-0.00 ± 0.04")
    '0.00 ± 0.04'
    """
    return said.replace("-0.00", "0.00")
