"""Senses of words: ``figures/polysemy.json``."""

import numpy as np
from saying import Said, Table, between, read, spread, table

from npft.experiments.senses import SENTENCES, layer_gaps, senses_table

TEXTS = ("documents", "slips", "two senses")
LABELS = (4, 16, 64)


def claims():
    cells = read("polysemy")
    yield Table(senses_table(cells))
    yield cosines_of_bank(cells)
    yield from contexts(cells)
    yield from beside_frequent(cells)
    yield from layers_and_words(cells)


def cosines_of_bank(cells):
    found = np.array([c["table"] for c in cells])

    def shown(i, j):
        return "1" if i == j else spread(found[:, i, j])

    return table(["", "money", "money", "river", "river"],
                 *([text, *(shown(i, j) for j in range(4))]
                   for i, text in enumerate(SENTENCES.values())))


def contexts(cells):
    same, other = ([np.mean([c["contexts"][layer][k] for c in cells]) for layer in (-2, 0)]
                   for k in ("same", "other"))
    yield Said("the same sense have a cosine of {:.2f}, in two senses {:.2f}; in the embeddings "
               "both are {:.2f}", same[0], other[0], same[1])
    yield Said("the embeddings both are {:.2f} (mean", other[1])
    yield Said("in {:.0f} of 100 cases", 100 * np.mean([c["mfs"]["documents"] for c in cells]))


def beside_frequent(cells):
    name = "last block, over the most frequent sense"
    gaps = {text: [100 * x for x in layer_gaps(cells, text, 16)[name]] for text in TEXTS}
    middle = [gap[0] for gap in gaps.values()]
    yield Said("tells senses {:.0f} to {:.0f} points better than guessing", min(middle),
               max(middle))
    yield Said("by {:.0f} points (95 % interval {:.0f} to {:.0f}) on documents, {:.0f} ({:.0f} to "
               "{:.0f}) on slips, {:.0f} ({:.0f} to {:.0f}) on two senses",
               *(x for gap in gaps.values() for x in gap))
    best = max(
        np.mean([row[kind][layer] - c["mfs"][text] for c, row in rows(cells, text, k)])
        for text in TEXTS for k in LABELS
        for kind, layers in (("random", (0, 1, 2)), ("mlm", (0,))) for layer in layers
    )
    yield Said("(at most {:.1f} points above it, on two senses)", 100 * best)


def rows(cells, text, k):
    return [(c, c["accuracy"][text][str(k)]) for c in cells]


def layers_and_words(cells):
    up = {(t, k): layer_gaps(cells, t, k)["block 2, over what is below"]
          for t in TEXTS for k in LABELS}
    whole = [up[t, k].mean for t in TEXTS[:2] for k in LABELS]
    assert all(up[t, k].low > 0 for t in TEXTS[:2] for k in LABELS)
    yield Said("(block 2 over block 1: {:.1f} to {:.1f} points, all intervals above 0)",
               100 * min(whole), 100 * max(whole))
    assert up["two senses", 64].mean < 0
    yield Said("On two senses only up to block 1: block 2 adds {:.1f} ({:.1f} to {:.1f}) with 16 "
               "labels and nothing with 64", *(100 * x for x in up["two senses", 16]))
    added = [100 * -layer_gaps(cells, t, k)["sum of blocks, over the last"].mean
             for t in TEXTS[:2] for k in LABELS]
    yield Said("by {:.1f} to {:.1f} points.", min(added), max(added))
    votes = np.array([[c["vote"]["before"], c["vote"]["after"]] for c in cells]) * 100
    gain = votes[:, 1] - votes[:, 0]
    yield Said("from {:.1f} to {:.1f} (4 labels; difference {:.1f}, interval {}", *votes.mean(0),
               gain.mean(), between(gain, 1))
    behind = [[-100 * x for x in layer_gaps(cells, t, 16)["last block, over PPMI, 3 beside"]]
              for t in TEXTS[1:]]
    yield Said("win on slips by {:.0f} points ({:.0f} to {:.0f}) and on two senses by {:.0f} "
               "({:.0f} to {:.0f})", *(x for m, high, low in behind for x in (m, low, high)))
    yield Said("is worth little ({:.1f} with 16 labels)",
               100 * np.mean([row["ppmi"][0] for _, row in rows(cells, "two senses", 16)]))
    topics = {way: [np.mean([c["topics"][way][k] for c in cells]) for k in ("same", "other")]
              for way in ("glove", "ppmi")}
    yield Said("have a mean cosine of {:.2f}, of two topics {:.2f}; by PPMI {:.2f} and {:.2f}",
               *topics["glove"], *topics["ppmi"])
