"""How hard the tasks of TinyWorld are: trivial answers, words alone, blind to order, and tuned.

For each task and seed: the most frequent answer; a bag of words (for tags, the most frequent tag of
each word); the bundled encoder fine-tuned on texts whose words were shuffled; and fine-tuned on
the texts. F1 is macro over the classes, over whole entities, or over the words of an answer;
similarity is a rank correlation.
"""

from pathlib import Path

import numpy as np
from common import SEEDS, results

from npft import (
    Classifier, Regressor, SpanFinder, TinyWorld, TokenClassifier, bag_of_words, evaluate, load,
    tag_metrics, train_head,
)
from npft.autograd.machine import set_threads
from npft.embed.similarity import spearman
from npft.finetune.regimes import DROPOUT, EPOCHS
from npft.finetune.spans import answer_f1
from npft.metrics import classification_metrics
from npft.nn.layers import set_dropout
from npft.plots import draw_tasks, save_figure
from npft.sweep import sweep
from npft.text import Examples, TaggedTexts

TRAIN, TEST = 2000, 1000
SIDES = ("sentiment", "nli", "questions")  # tasks with sentences and people of the test side
TASKS = ("topic", "sentiment", "pos", "entities", "senses", "nli", "next_sentence", "questions",
         "similarity_synonyms")  # fmt: skip
LR = 2e-3


def make(name: str, seed: int) -> tuple:
    world = TinyWorld(seed)
    options = {"test": True} if name in SIDES else {}
    return world.task(name, TRAIN, seed=1), world.task(name, TEST, seed=2, **options)


def shuffled(data, rng):
    """The same with the words of each text in random order; tags go with their words."""
    if isinstance(data, TaggedTexts):
        orders = [rng.permutation(len(row)) for row in data.words]
        words = [[row[i] for i in order] for row, order in zip(data.words, orders)]
        tags = [[row[i] for i in order] for row, order in zip(data.tags, orders)]
        return TaggedTexts(words, tags, data.tag_names)

    def mixed(texts):
        return None if texts is None else [" ".join(rng.permutation(t.split())) for t in texts]

    return Examples(mixed(data.texts), data.labels, data.label_names, mixed(data.pairs))


def tuned(name: str, train, test, rng) -> float:
    """The score of the bundled encoder after fine-tuning."""
    body = load("tinyworld").body
    if isinstance(train, TaggedTexts):
        model = TokenClassifier(body, train.tag_names, rng=rng)
        batch = model.labelled(train)
    elif name == "questions":
        model = SpanFinder(body, rng=rng)
        batch = model.labelled(train.texts, train.pairs, train.spans)
    elif train.labels.dtype == np.float64:
        model = Regressor(body, rng=rng)
        batch = model.tokenize(train.texts, train.pairs, train.labels)
    else:
        model = Classifier(body, len(train.label_names), label_names=train.label_names, rng=rng)
        batch = model.tokenize(train.texts, train.pairs, train.labels)
    set_dropout(model, DROPOUT)
    train_head(model, batch, epochs=EPOCHS // 2, lr=LR, rng=rng)
    if isinstance(test, TaggedTexts):
        return tag_metrics(test.tags, model.predict(test.words)).f1
    if name == "questions":
        return answers_f1(test, model.predict(test.texts, test.pairs))
    if test.labels.dtype == np.float64:
        return spearman(model.predict(test.texts, test.pairs), test.labels)
    return evaluate(model, model.tokenize(test.texts, test.pairs, test.labels)).f1


def answers_f1(test: Examples, answers: list[str]) -> float:
    gold = [passage[a:b] for passage, (a, b) in zip(test.pairs, test.spans)]
    return float(np.mean([answer_f1(g, a) for g, a in zip(gold, answers)]))


def trivial(name: str, train, test) -> tuple[float, float | None]:
    """The most frequent answer, and words alone (None where there is no such thing)."""
    if isinstance(train, TaggedTexts):
        counts: dict[str, dict[str, int]] = {}
        for words, tags in zip(train.words, train.tags):
            for word, tag in zip(words, tags):
                counts.setdefault(word, {}).setdefault(tag, 0)
                counts[word][tag] += 1
        total = {tag: sum(c.get(tag, 0) for c in counts.values()) for tag in train.tag_names}
        most = max(total, key=total.get)
        table = {word: max(sorted(c), key=c.get) for word, c in counts.items()}
        guesses = [[table.get(word, most) for word in row] for row in test.words]
        constant = [[most] * len(row) for row in test.words]
        return tag_metrics(test.tags, constant).f1, tag_metrics(test.tags, guesses).f1
    if name == "questions":  # the first word of the passage, which is a person
        return answers_f1(test, [passage.split()[0] for passage in test.pairs]), None
    if train.labels.dtype == np.float64:
        shared = [len(set(a.split()) & set(b.split())) for a, b in zip(test.texts, test.pairs)]
        return 0.0, spearman(np.array(shared, float), test.labels)
    classes = len(train.label_names)
    most = np.full(len(test), int(np.bincount(train.labels).argmax()))
    majority = classification_metrics(test.labels, most, max(classes, 2)).f1
    return majority, bag_of_words(train, test).f1


def cell(arguments: dict) -> dict:
    set_threads(1)
    name, seed = arguments["task"], arguments["seed"]
    train, test = make(name, seed)
    majority, words = trivial(name, train, test)
    rng = np.random.default_rng(seed)
    blind = None
    if name != "questions":  # there are no answers left in a shuffled passage
        blind = tuned(name, shuffled(train, rng), shuffled(test, rng), rng)
    found = {"majority": majority, "words": words, "blind": blind}
    return arguments | found | {"tuned": tuned(name, train, test, rng)}


def compute() -> list:
    return sweep(cell, [{"task": t, "seed": s} for t in TASKS for s in SEEDS])


def table(cells: list) -> str:
    """Mean and standard deviation of each score, and whether the task is not saturated."""
    lines = [f"{'task':22}{'majority':>10}{'words':>16}{'order-blind':>16}{'tuned':>16}"]
    for task in TASKS:
        rows = [c for c in cells if c["task"] == task]
        line = f"{task:22}{np.mean([r['majority'] for r in rows]):>10.3f}"
        for name in ("words", "blind", "tuned"):
            values = [r[name] for r in rows if r[name] is not None]
            text = f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" if values else "-"
            line += f"{text:>16}"
        mean = np.mean([r["tuned"] for r in rows])
        lines.append(line + ("" if 0.8 <= mean <= 0.98 else "   outside 0.80 to 0.98"))
    return "\n".join(lines)


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(table(cells))
    save_figure(Path(__file__).with_suffix(".png"), draw_tasks, cells, TASKS)
