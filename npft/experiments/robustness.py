"""What a fine-tuned classifier loses on texts that are not like those it learnt from.

The task is to name the topic of a sentence. All slices hold the same topics, by construction:

    clean       other sentences, other people, other forms of sentences: the usual test
    domain      the same words in the style of a clinic's notes
    long        sentences without a word of any topic around it, until there are 40 words
    misspelt    a slip of the fingers at a tenth of the letters
    rare        sentences none of whose words of a topic stands in the labelled texts

A run is a cell: a plain dict with all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.encoder import Encoder
from npft.finetune.baselines import bag_of_words
from npft.finetune.regimes import DROPOUT, learning_rate, set_regime
from npft.finetune.train import evaluate, fine_tune
from npft.heads.classes import Classifier
from npft.loading import load
from npft.nn.layers import set_dropout
from npft.text.examples import Examples
from npft.text.perturb import lengthened, typos
from npft.worlds import TinyWorld, clinic
from npft.worlds.draws import choose, stream
from npft.worlds.grammar import sentence_slots
from npft.worlds.tags import filled

TEST_SIZE = 500
LONG = 40  # words; an encoder of 64 positions reads them all
TYPO_RATE = 0.1
TYPO_RATES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
POOL = 10  # times as many sentences, among which those of "rare" are looked for
FILLERS = 60  # documents in which sentences without a topic are looked for


def topic_words(world: TinyWorld) -> set[str]:
    """Every word that belongs to a topic: its agents, things, kinds, deeds and places."""
    groups = [
        group
        for topic in world.topics
        for group in (*topic.agents, *topic.nouns, *topic.adjectives, *topic.verbs, topic.places)
    ]
    return {word for group in groups for word in group}


def in_clinic_style(world: TinyWorld, n: int, seed: int) -> Examples:
    """``n`` sentences with the words of this world's topics in the forms of a clinic's notes.

    >>> in_clinic_style(TinyWorld(), 1, seed=0).texts
    ['pt noah : valuable gold , teller invests']
    """
    draw = stream(world.seed, 15, seed)
    labels = np.arange(n) % len(world.topics)
    texts = []
    for label in labels:
        slots = sentence_slots(world.topics[label], draw, test=True)
        texts.append(" ".join(t.word for t in filled(choose(draw, clinic.TEMPLATES), slots)))
    return Examples(texts, labels, list(world.topic_names))


def without_topic(world: TinyWorld) -> list[str]:
    """Sentences of the world's documents that hold no word of any topic.

    >>> without_topic(TinyWorld())[0]
    'have you seen how busy emil was here in an hour with the soft dinner'
    """
    words = topic_words(world)
    documents = world.documents(FILLERS)
    return [s for d in documents for s in d.sentences if not words & set(s.split())]


def slices(train: Examples, seed: int) -> dict[str, Examples]:
    """The test sets by name, all of the same size; "long" and "misspelt" change "clean"."""
    world, rng = TinyWorld(seed), np.random.default_rng(seed)
    more = world.task("topic", POOL * TEST_SIZE, seed=2, test=True)
    clean = more[:TEST_SIZE]
    learnt = topic_words(world) & {word for text in train.texts for word in text.split()}
    rare = more[np.array([not learnt & set(text.split()) for text in more.texts])][:TEST_SIZE]
    long = lengthened(clean.texts, without_topic(world), LONG, rng=rng)
    return {
        "clean": clean,
        "domain": in_clinic_style(world, TEST_SIZE, seed),
        "long": replace(clean, texts=long),
        "misspelt": replace(clean, texts=typos(clean.texts, TYPO_RATE, rng=rng)),
        "rare": rare,
    }


def robustness_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train and measure one cell {"regime", "n", "seed", "epochs", "body"}.

    "regime" is "words" (a bag of words), "scratch" (from random weights), "head" or "full", "n" the
    number of labels and "body" a folder or "tinyworld". Returns the cell with "slices", the
    accuracy on each, and "typos", the accuracy at each of ``TYPO_RATES``.
    """
    seed = cell["seed"]
    train = TinyWorld(seed).task("topic", cell["n"], seed=1, test=False)
    tests = slices(train, seed)
    with threads(1):
        accuracy = _judge(cell, train)
        clean = tests["clean"]
        curve = [
            accuracy(replace(clean, texts=typos(clean.texts, r, rng=np.random.default_rng(seed))))
            for r in TYPO_RATES
        ]
        return cell | {
            "slices": {name: accuracy(test) for name, test in tests.items()}, "typos": curve
        }


def _judge(cell: dict[str, Any], train: Examples) -> Callable[[Examples], float]:
    """The accuracy on any test set of what the cell has trained."""
    if cell["regime"] == "words":
        return lambda test: bag_of_words(train, test).accuracy
    body, rng = load(cell["body"]).body, np.random.default_rng(cell["seed"])
    if cell["regime"] == "scratch":
        body = Encoder(body.config, tokenizer=body.tokenizer, rng=rng)
    regime = "full" if cell["regime"] == "scratch" else cell["regime"]
    model = Classifier(body, len(train.label_names), label_names=train.label_names, rng=rng)
    set_dropout(model, DROPOUT)
    set_regime(model, regime)
    fine_tune(
        model, model.batch_of(train), epochs=cell["epochs"], lr=learning_rate(regime), rng=rng
    )
    return lambda test: float(evaluate(model, model.batch_of(test)).accuracy)
