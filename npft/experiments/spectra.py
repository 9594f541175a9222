"""The spectrum of a body's vectors while it is pretrained: do they degenerate into a narrow cone?

Gao et al. (2019) found that the word vectors of a model with tied weights drift into a narrow cone,
with a spectrum that falls fast. Here both are looked at, at some steps of pretraining: the words of
held-out sentences after the last block, and the table of token vectors itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.embed.contexts import word_states
from npft.embed.geometry import mean_cosine
from npft.embed.spectrum import effective_rank, iso_score, singular_values
from npft.encoder.encoder import Encoder
from npft.experiments.bodies import DOCUMENTS, STEPS, pretrain_tinyworld
from npft.heads.words import MaskedLM
from npft.worlds import TinyWorld

LOOKS = (0, 10, 35, 70, 140, 280, 560, 1120, STEPS)  # steps
SENTENCES = 500


def spectra_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Pretrain a body on TinyWorld and look at its vectors on the way.

    A cell holds "seed"; perhaps "steps", "documents", "looks" (at which steps) and "sentences". It
    is returned with "words" and "table": for each look {"step", "spectrum" (singular values as
    shares of their sum), "effective_rank", "iso_score", "mean_cosine"}.
    """
    documents = cell.get("documents", DOCUMENTS)
    n = cell.get("sentences", SENTENCES)
    held_out = TinyWorld(cell["seed"]).documents(n, start=documents)
    texts = [[token.word for token in s] for d in held_out for s in d.tokens][:n]
    found: dict[str, list[dict[str, Any]]] = {"words": [], "table": []}

    def look(mlm: MaskedLM, step: int) -> None:
        if step in cell.get("looks", LOOKS):
            for name, x in _vectors(mlm.body, texts).items():
                found[name].append({"step": step, **_measured(x)})

    with threads(1):
        pretrain_tinyworld(
            cell["seed"], steps=cell.get("steps", STEPS), documents=documents, look=look
        )
    return cell | found


def _vectors(encoder: Encoder, texts: list[list[str]]) -> dict[str, np.ndarray]:
    return {
        "words": word_states(encoder, texts).layers[-1],
        "table": encoder.embeddings.word_embeddings.weight.numpy(),
    }


def _measured(x: np.ndarray) -> dict[str, Any]:
    s = singular_values(x)
    return {
        "spectrum": (s / s.sum()).tolist(),
        "effective_rank": effective_rank(x),
        "iso_score": iso_score(x),
        "mean_cosine": mean_cosine(x),
    }
