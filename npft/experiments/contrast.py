"""What decides whether contrastive learning helps: temperature, dropout and batch size.

One of them at a time is changed in unsupervised SimCSE. Measured are the rank correlations with
both gold standards, which say what the vectors are worth, and the figures of where they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.contrast.in_batch import hardest_share
from npft.contrast.simcse import train_contrastive
from npft.embed.rows import unit_rows
from npft.embed.sentences import SentenceEncoder
from npft.encoder.encoder import Encoder
from npft.experiments.cone import PAIRS as GRADED
from npft.experiments.cone import SENTENCES, EmbeddingTest
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.worlds import TinyWorld

STEPS, BATCH_SIZE, TAU, DROPOUT = 300, 64, 0.05, 0.1
TAUS = (0.01, 0.02, 0.05, 0.1, 0.5)
DROPOUTS = (0.0, 0.02, 0.05, 0.1, 0.3)
BATCH_SIZES = (16, 64, 128)
USUAL = {"tau": TAU, "dropout": DROPOUT, "batch_size": BATCH_SIZE}


def runs() -> list[dict[str, Any]]:
    """The usual run, and all that differ from it in one option."""
    asked = {"tau": TAUS, "dropout": DROPOUTS, "batch_size": BATCH_SIZES}
    return [USUAL] + [
        USUAL | {option: value}
        for option, values in asked.items()
        for value in values
        if value != USUAL[option]
    ]


def contrast_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train one pretrained body in several ways, each from its start.

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of its
    TinyWorld, and how many documents), "runs" (options as in ``USUAL``) and "steps"; perhaps
    "sentences" and "graded", how many sentences and graded pairs are measured. It is
    returned with "before", what ``EmbeddingTest`` measures of the body, and in each run "after",
    the same then. Both have the "hardest_share" at the temperature of the run, "before" as a list.
    """
    with threads(1):
        world = TinyWorld(cell["world"])
        sizes = cell.get("sentences", SENTENCES), cell.get("graded", GRADED)
        test = EmbeddingTest(world, cell["documents"], *sizes)
        texts = [s for d in world.documents(cell["documents"]) for s in d.sentences]
        body = MaskedLM.load(cell["body"]).body
        shares = [_hardest_share(body, test, run["tau"]) for run in cell["runs"]]
        found = {"before": {"hardest_share": shares, **test.measure(body)}}
        done = []
        for run in cell["runs"]:
            encoder = MaskedLM.load(cell["body"]).body
            set_dropout(encoder, run["dropout"])
            train_contrastive(
                encoder,
                texts,
                steps=cell["steps"],
                every=cell["steps"],
                batch_size=run["batch_size"],
                tau=run["tau"],
                rng=np.random.default_rng(cell["seed"]),
            )
            share = _hardest_share(encoder, test, run["tau"])
            done.append(run | {"after": {"hardest_share": share, **test.measure(encoder)}})
        return cell | found | {"runs": done}


def _hardest_share(encoder: Encoder, test: EmbeddingTest, tau: float) -> float:
    """The mean share of the hardest negative among held-out sentences, ``BATCH_SIZE`` at a time."""
    u = unit_rows("vectors", SentenceEncoder(encoder).encode(test.sentences))
    size = min(BATCH_SIZE, len(u))
    parts = np.split(u[: len(u) // size * size], len(u) // size)
    return float(np.mean([hardest_share(part @ part.T, tau) for part in parts]))


def figures_of(
    cells: Sequence[dict[str, Any]], option: str, figure: str
) -> dict[Any, np.ndarray]:
    """{value of the option: a figure after training, over the seeds} of the runs that differ from
    the usual one in nothing else; values from small to large.
    """
    others = {k: v for k, v in USUAL.items() if k != option}
    found: dict[Any, list[float]] = {}
    for cell in cells:
        for run in cell["runs"]:
            if others.items() <= run.items():
                found.setdefault(run[option], []).append(run["after"][figure])
    return {value: np.array(found[value]) for value in sorted(found)}
