"""Entities inside entities: what a tag for each word cannot say, and a class for each span can.

    token                      a BIO tag for each word: outer entities alone
    chain                      the same, the tags of a text chosen together (``heads/crf.py``)
    mean, startend, attention  a class for each span, by the three summaries of ``heads/span_tags``

TinyWorld's "selby titan company" is an ORG, and holds "selby", a LOC, and the ORGs "titan company"
and "titan". Training texts and test texts have other names and other forms of sentences. A run is a
cell: a plain dict with all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import ConfigError
from npft.finetune.regimes import DROPOUT
from npft.finetune.train import evaluate, fine_tune
from npft.heads.crf import ChainTagger
from npft.heads.span_tags import SUMMARIES, SpanTagger
from npft.heads.tags import TokenClassifier
from npft.heads.thresholds import calibrate
from npft.loading import load
from npft.metrics.entities import entities
from npft.metrics.spans import span_metrics
from npft.nn.layers import set_dropout
from npft.text.tagged import TaggedTexts
from npft.worlds import TinyWorld

LABELS, EPOCHS, LR = 120, 40, 3e-3
HELD_OUT, TEST = 100, 1000


def token_tagger(encoder: Encoder, train: TaggedTexts, rng: np.random.Generator) -> Model:
    return TokenClassifier(encoder, train.tag_names, rng=rng)


def chain_tagger(encoder: Encoder, train: TaggedTexts, rng: np.random.Generator) -> Model:
    return ChainTagger(encoder, train.tag_names, rng=rng)


def span_tagger(
    encoder: Encoder, train: TaggedTexts, rng: np.random.Generator, summary: str
) -> Model:
    kinds = sorted({kind for row in train.spans or () for _, _, kind in row})
    return SpanTagger(encoder, kinds, summary, rng=rng)


TAGGERS: dict[str, Callable[..., Model]] = {
    "token": token_tagger,
    "chain": chain_tagger,
    **{summary: partial(span_tagger, summary=summary) for summary in SUMMARIES},
}


def run_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train the bundled body and measure one cell {"tagger", "seed", "n", "epochs"}.

    Adds "precision", "recall", "f1", "outer_f1", "inner_f1" against all gold spans, nested ones as
    well, and for a span tagger "threshold", chosen on 100 further texts of the training side, and
    "uncalibrated", the F1 at threshold 0. Raises ``ConfigError`` for an unknown tagger.
    """
    if cell["tagger"] not in TAGGERS:
        raise ConfigError(f"tagger is {cell['tagger']!r}, expected one of {', '.join(TAGGERS)}")
    world = TinyWorld(cell["seed"])
    train = world.task("entities", cell["n"], seed=1)
    test = world.task("entities", TEST, seed=2, test=True)
    rng = np.random.default_rng(cell["seed"])
    with threads(1):
        model = TAGGERS[cell["tagger"]](load("tinyworld").body, train, rng)
        set_dropout(model, DROPOUT)
        fine_tune(model, model.batch_of(train), epochs=cell["epochs"], lr=LR, rng=rng)
        found: dict[str, Any] = {}
        if cell["tagger"] in SUMMARIES:
            found["uncalibrated"] = evaluate(model, model.batch_of(test)).f1
            held_out = world.task("entities", HELD_OUT, seed=3)
            found["threshold"] = calibrate(model, model.batch_of(held_out))
        score = asdict(span_metrics(test.spans, spans_said(model, test.words)))
    figures = ("precision", "recall", "f1", "outer_f1", "inner_f1")
    return cell | found | {name: score[name] for name in figures}


def spans_said(model: Model, texts: list[list[str]]) -> list[Any]:
    """What a tagger says of each text, as spans: of tags the entities that they mark."""
    said = model.predict(texts)
    return [entities(row, "bio") if row and isinstance(row[0], str) else row for row in said]
