"""Why unsupervised SimCSE does not raise similarity here: what was tried, and what it looks at.

Each trial changes one thing of the usual run. Each is measured on three readings of the same graded
pairs, for a grade sees less of a sentence than its vector does:

    whole      the sentences as they are
    no names   without names of people, organisations and towns, which no grade counts
    content    the words of the topics alone: without names and without the frame of the sentence
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.contrast.simcse import train_contrastive
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import bag_of_words_encoder, similarity_score
from npft.encoder.encoder import Encoder
from npft.experiments.cone import GOLDS, PAIRS
from npft.finetune.regimes import DROPOUT
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.text.examples import Examples
from npft.worlds import TinyWorld
from npft.worlds.lexicon import FAMILY_NAMES, GIVEN_NAMES, ORGANISATIONS, TOWNS

STEPS = 150
TRIALS: dict[str, dict[str, Any]] = {
    "usual": {},
    "[CLS] in place of the mean": {"pool": "cls"},
    "a tenth of the rate": {"lr": 3e-5},
    "three times the rate": {"lr": 1e-3},
    "ten times the rate": {"lr": 3e-3},
    "each sentence once": {"text": "once"},
    "trained without names": {"text": "no names"},
    "trained on content words": {"text": "content"},
    "from random weights": {"body": "random"},
}
ON_ALL_SEEDS = ("usual", "three times the rate", "ten times the rate")
READINGS = ("whole", "no names", "content")


def reader(world: TinyWorld, reading: str) -> Callable[[str], str]:
    """How a sentence is read: a text to a text. What would be left empty stays whole."""
    names = {*GIVEN_NAMES, *FAMILY_NAMES, *TOWNS, *ORGANISATIONS.replace("|", " ").split()}
    topical = {
        word
        for t in world.topics
        for group in (*t.agents, *t.nouns, *t.adjectives, *t.verbs, t.places)
        for word in group
    }

    def read(text: str) -> str:
        words = text.split()
        if reading == "no names":
            words = [w for w in words if w not in names]
        elif reading == "content":
            words = [w for w in words if w in topical]
        return " ".join(words) or text

    return read


def simcse_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """The trials of one seed, each from the pretrained body.

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of the
    TinyWorld it was pretrained on, and how many documents), "steps" and "trials" (names of
    ``TRIALS``); perhaps "pairs", how many are measured. It is returned with "found": for "before",
    each trial, and "bag of words", by reading and gold standard the rank correlation with grades.
    """
    with threads(1):
        world = TinyWorld(cell["world"])
        readers = {name: reader(world, name) for name in READINGS}
        golds = {name: world.task(name, cell.get("pairs", PAIRS)) for name in GOLDS}
        texts = [s for d in world.documents(cell["documents"]) for s in d.sentences]

        def measured(encode: Any) -> dict[str, dict[str, float]]:
            return {
                reading: {
                    name: similarity_score(encode, _read(pairs, read))
                    for name, pairs in golds.items()
                }
                for reading, read in readers.items()
            }

        body = MaskedLM.load(cell["body"]).body
        found = {
            "bag of words": measured(bag_of_words_encoder(texts)),
            "before": measured(SentenceEncoder(body, normalize=False).encode),
        }
        for name in cell["trials"]:
            found[name] = measured(_trained(cell, TRIALS[name], texts, readers))
        return cell | {"found": found}


def _read(pairs: Examples, read: Callable[[str], str]) -> Examples:
    return Examples(
        texts=[read(text) for text in pairs.texts],
        pairs=[read(text) for text in pairs.pairs or []],
        labels=pairs.labels,
    )


def _trained(
    cell: dict[str, Any],
    trial: dict[str, Any],
    texts: Sequence[str],
    readers: dict[str, Callable[[str], str]],
) -> Any:
    """The body after one trial, as a function from texts to vectors."""
    encoder = MaskedLM.load(cell["body"]).body
    rng = np.random.default_rng(cell["seed"])
    if trial.get("body") == "random":
        encoder = Encoder(encoder.config, tokenizer=encoder.tokenizer, rng=rng)
    set_dropout(encoder, DROPOUT)
    if text := trial.get("text"):
        read = readers.get(text, str)
        texts = list(dict.fromkeys(read(t) for t in texts))  # each once
    options = {k: trial[k] for k in ("pool", "lr") if k in trial}
    steps = cell["steps"]
    train_contrastive(encoder, texts, steps=steps, every=steps, rng=rng, **options)
    return SentenceEncoder(encoder, trial.get("pool", "mean"), normalize=False).encode


def simcse_table(cells: Sequence[dict[str, Any]]) -> str:
    """Mean correlations over the seeds that have a trial, words / synonyms, as Markdown."""
    lines = ["| trial (seeds) | " + " | ".join(READINGS) + " |", "|---" * (1 + len(READINGS)) + "|"]
    for trial in dict.fromkeys(name for cell in cells for name in cell["found"]):
        runs = [cell["found"][trial] for cell in cells if trial in cell["found"]]
        means = [
            " / ".join(f"{np.mean([run[reading][gold] for run in runs]):.2f}" for gold in GOLDS)
            for reading in READINGS
        ]
        lines.append(f"| {trial} ({len(runs)}) | " + " | ".join(means) + " |")
    return "\n".join(lines)
