"""Pools on longer and longer texts, of which one sentence decides: what a learnt query is worth.

A text has 1 to 12 sentences. One of them, at any place, is about money, a river, music or sport,
and that is the class; all others are about a farm, a kitchen, travel or an office. A mean over the
tokens of 12 sentences is made of that one by a twelfth; a query can look for it.

    head    the body is frozen: only the pool's query, if it has one, and a linear layer train
    full    all weights train: the body can carry what decides to where the pool looks

The bundled body has 64 places. Its table is repeated for more, so that the place 64 is the place 0
again; up to six sentences hardly ever need it. A run is a cell: a plain dict (see ``sweep.py``).
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.experiments.regimes import WHOLE_RUN
from npft.finetune.baselines import bag_of_words
from npft.finetune.features import cached
from npft.finetune.regimes import DROPOUT, freeze_body
from npft.finetune.train import evaluate, fine_tune
from npft.heads.classes import Classifier
from npft.loading import load
from npft.nn.layers import set_dropout
from npft.text.examples import Examples
from npft.worlds import TinyWorld
from npft.worlds.draws import choose, shuffled, stream

NAMES = {"cls": "first token", "mean": "mean", "max": "maximum", "attention": "attention pool"}
POOLS = tuple(NAMES)
SENTENCES = (1, 3, 6, 12)
DECIDE = 4  # topics that name a class; the others fill
LABELS, TEST = 200, 400
PLACES = 192  # more than the tokens of any text here
TRAINING: dict[str, dict[str, Any]] = {
    "head": {"epochs": 40, "lr": 1e-2}, "full": {"epochs": 8, "lr": 2e-3},
}  # fmt: skip


def long_texts(world: TinyWorld, n: int, sentences: int, seed: int, test: bool) -> Examples:
    """``n`` texts of so many sentences, one of which, at any place, is about the topic asked for.

    Classes are as equal in number as ``n`` allows; groups are the places of the sentence.

    >>> e = long_texts(TinyWorld(noise=0), 2, 2, seed=1, test=False)
    >>> e.texts[0][:68], e.label_names[e.labels[0]], e.groups[0].item()
    ('emil silva and marta talk about the muddy riverside and the lily . m', 'river', 0)
    """
    draw = stream(world.seed, 16, seed)
    labels = shuffled(draw, [i % DECIDE for i in range(n)])
    texts, places = [], []
    for label in labels:
        place = int(draw() * sentences)
        topics = [choose(draw, range(DECIDE, len(world.topics))) for _ in range(sentences)]
        topics[place] = label
        said = [world.sentence(topic, draw, test) for topic in topics]
        texts.append(" . ".join(" ".join(token.word for token in tokens) for tokens in said))
        places.append(place)
    names = world.topic_names[:DECIDE]
    return Examples(texts, np.array(labels), list(names), groups=np.array(places))


def roomy(body: Encoder, places: int) -> Encoder:
    """The same body for texts of so many tokens: its table of places begins anew after its end.

    >>> body = load("tinyworld").body
    >>> table = roomy(body, 100).embeddings.position_embeddings.weight.data
    >>> table.shape, bool((table[64:] == table[:36]).all())
    ((100, 64), True)
    """
    config = replace(body.config, max_positions=places)
    twin = Encoder(config, tokenizer=body.tokenizer, rng=np.random.default_rng(0))
    state = body.state_dict()
    name = "embeddings.position_embeddings.weight"
    state[name] = np.resize(state[name], (places, config.hidden_size))
    twin.load_state_dict(state)
    return twin


def pool_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train the bundled body with each pool, in one cell {"regime", "sentences", "n", "seed"}.

    Adds "accuracy" of each pool on 400 texts of the test side, that of "words" (a bag of them), and
    "tokens", the mean length. Raises ``ConfigError`` for an unknown regime.
    """
    if cell["regime"] not in TRAINING:
        raise ConfigError(
            f"regime is {cell['regime']!r}, expected one of {', '.join(TRAINING)}"
        )
    world, length = TinyWorld(cell["seed"]), cell["sentences"]
    train = long_texts(world, cell["n"], length, seed=1, test=False)
    test = long_texts(world, TEST, length, seed=2, test=True)
    body = roomy(load("tinyworld").body, PLACES)
    state, accuracy = body.state_dict(), {}
    for pool in POOLS:
        body.load_state_dict(state)
        rng = np.random.default_rng(cell["seed"])
        model = Classifier(body, DECIDE, pool, train.label_names, rng=rng)
        batch, exam = model.batch_of(train), model.batch_of(test)
        frozen = cell["regime"] == "head"
        if frozen:
            freeze_body(model)
        else:
            set_dropout(model, DROPOUT)
        with threads(1), cached(model, batch, exam) if frozen else nullcontext():
            fine_tune(model, batch, every=WHOLE_RUN, rng=rng, **TRAINING[cell["regime"]])
            accuracy[pool] = evaluate(model, exam).accuracy
    return cell | {
        "accuracy": accuracy, "words": bag_of_words(train, test).accuracy,
        "tokens": float(batch.lengths.mean()),
    }  # fmt: skip


def pool_curve(cells: Any, regime: str, pool: str) -> np.ndarray:
    """Accuracy of a pool, or of "words", by the number of sentences and seed: (L, seeds).

    >>> cell = {"regime": "head", "accuracy": {"mean": 0.5}, "words": 0.7}
    >>> cells = [cell | {"sentences": n, "seed": s} for s in (0, 1) for n in SENTENCES]
    >>> pool_curve(cells, "head", "mean").shape
    (4, 2)
    """
    return np.array([
        [c["words"] if pool == "words" else c["accuracy"][pool] for c in cells
         if (c["regime"], c["sentences"]) == (regime, length)]
        for length in SENTENCES
    ])  # fmt: skip


def pool_table(cells: Any) -> str:
    """The table of the gallery: accuracy by regime, pool and length, mean and range."""
    tokens = [np.mean([c["tokens"] for c in cells if c["sentences"] == n]) for n in SENTENCES]
    heads = (f"{n} ({t:.0f})" for n, t in zip(SENTENCES, tokens))
    lines = [f"| sentences (tokens) | {' | '.join(heads)} |", "|---" * 5 + "|"]
    for regime, said in (("head", "frozen, "), ("full", "full, ")):
        for pool in POOLS:
            rows = pool_curve(cells, regime, pool)
            lines.append(f"| {said}{NAMES[pool]} | {_shown(rows)} |")
    return "\n".join([*lines, f"| bag of words | {_shown(pool_curve(cells, 'full', 'words'))} |"])


def _shown(rows: np.ndarray) -> str:
    return " | ".join(f"{v.mean():.2f} ({v.min():.2f}-{v.max():.2f})" for v in rows)
