"""Tags and spans, several tasks, other texts: ``taggers``, ``multi_task``, ``robustness``."""

import numpy as np
from saying import Said, of, read, spread, table

TAGGERS = {
    "token": "a tag for each word", "chain": "tags in a chain", "mean": "spans: ends and mean",
    "startend": "spans: start and end networks", "attention": "spans: self-attention",
}  # fmt: skip
NAMES = {
    "topic": "topic", "pos": "parts of speech", "entities": "entities",
    "clinic_pos": "parts of speech of the clinic", "clinic_entities": "entities of the clinic",
    "senses": "word senses", "sentiment": "sentiment", "random": "labels that mean nothing",
}  # fmt: skip
REGIMES = ("words", "scratch", "head", "full")
SLICES = {
    "clean": "as usual: other people and forms of sentences",
    "rare": "no topic word stands in the labelled texts",
    "domain": "in the style of a clinic's notes",
    "misspelt": "a slip at a tenth of the letters",
    "long": "the sentence among others, 40 words in all",
}  # fmt: skip


def claims():
    yield taggers(read("taggers"))
    yield from multi_task(read("multi_task"))
    yield robustness(read("robustness"))


def taggers(cells):
    def shown(tagger, measure):
        values = [c[measure] for c in of(cells, tagger=tagger)]
        return spread(values, 3) if any(values) else "0"

    return table(
        ["tagger", "outer entities, F1", "inside others", "all"],
        *([name, *(shown(tagger, m) for m in ("outer_f1", "inner_f1", "f1"))]
          for tagger, name in TAGGERS.items()),
    )


def multi_task(cells):
    def scores(target, helper, weights=None):
        found = of(cells, target=target, helper=helper, weights=weights or {})
        return np.array([c["scores"][target] for c in sorted(found, key=lambda c: c["seed"])])

    def gain(target, helper, weights=None):
        return scores(target, helper, weights) - scores(target, "alone")

    def told(target, helper):
        found = gain(target, helper)
        return f"{NAMES[helper]}: {found.mean():+.2f} ± {found.std(ddof=1):.2f}"

    together = {name: [c["scores"][name] for c in of(cells, target="all", helper="all")]
                for name in ("topic", "pos", "entities")}
    rows = []
    for target, labels in (("topic", "8 labels"), ("pos", "20"), ("entities", "20")):
        helpers = {c["helper"] for c in of(cells, target=target, weights={})} - {"alone"}
        order = sorted(helpers, key=lambda helper: gain(target, helper).mean())
        rows.append([f"{NAMES[target]}, {labels}", spread(scores(target, "alone")),
                     told(target, order[-1]), told(target, order[0]), spread(together[target])])
    yield table(["target, alone", "F1 alone", "helps most", "hurts most", "the three together"],
                *rows)
    yield Said("(topic beside word senses gains, {:+.2f})", gain("topic", "senses").mean())

    def knob(target, helper):
        weights = ({helper: 0.1}, {helper: 0.3}, {}, {helper: 3})  # 1 is not said
        return [gain(target, helper, w).mean() for w in weights]

    yield Said("Weights of 0.1, 0.3, 1 and 3 for the helper's loss give topic beside parts of "
               "speech {:+.2f}, {:+.2f}, {:+.2f} and {:+.2f}, and entities beside those of the "
               "clinic {:+.2f}, {:+.2f}, {:+.2f} and {:+.2f}", *knob("topic", "pos"),
               *knob("entities", "clinic_entities"))


def robustness(cells):
    def shown(name, regime):
        return spread([c["slices"][name] for c in of(cells, regime=regime)])

    return table(
        ["test texts", "bag of words", "random body", "head only", "full"],
        *([said, *(shown(name, regime) for regime in REGIMES)] for name, said in SLICES.items()),
    )
