"""What a body finds alike, before and after fine-tuning: tables of dissimilarity, and their gold.

Sentences of eight topics stand in order of topic, so a body to which topics matter shows blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.embed.likeness import rdm, rsa
from npft.embed.sentences import SentenceEncoder
from npft.experiments.cone import finetuned
from npft.heads.words import MaskedLM
from npft.worlds import TinyWorld

EACH = 8  # sentences of each topic
TUNINGS = {"mlm": None, "topic": "topic", "sms": "hard sms"}  # state: task of fine-tuning


def categories_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Compare a body before and after fine-tuning on topics, and on messages that have none.

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" (the seed of its TinyWorld) and
    "epochs"; perhaps "each", sentences of a topic. The sentences are not those trained on. It is
    returned with "names" (of the topics), "rdm" (the table of each state), "gold" (RSA of each
    state with the table of topics: 0 within one, 1 between two), "most" (the highest it can be:
    a body finds no two pairs exactly alike, the table of topics many) and "before" (RSA with the
    pretrained body).
    """
    with threads(1):
        return cell | _compared(cell)


def _compared(cell: dict[str, Any]) -> dict[str, Any]:
    world, each = TinyWorld(cell["world"]), cell.get("each", EACH)
    stimuli = world.task("topic", each * len(world.topic_names), seed=2)
    labels = np.asarray(stimuli.labels)
    order = np.argsort(labels, kind="stable")
    texts = [stimuli.texts[i] for i in order]
    topics = labels[order]
    gold = (topics[:, None] != topics[None, :]).astype(float)
    tables = {}
    for state, task in TUNINGS.items():
        encoder = MaskedLM.load(cell["body"]).body
        if task is not None:
            encoder = finetuned(encoder, cell["epochs"], cell["seed"], task)
        tables[state] = rdm(SentenceEncoder(encoder, normalize=False).encode(texts))
    return {
        "names": list(world.topic_names),
        "rdm": {state: table.round(3).tolist() for state, table in tables.items()},
        "most": rsa(gold + _distinct(len(gold)), gold),
        "gold": {state: rsa(table, gold) for state, table in tables.items()},
        "before": {s: rsa(table, tables["mlm"]) for s, table in tables.items() if s != "mlm"},
    }


def _distinct(n: int) -> np.ndarray:
    """A symmetric table (n, n) of different numbers below 1."""
    numbers = np.triu(np.arange(n * n).reshape(n, n) / (n * n))
    return numbers + np.triu(numbers, 1).T
