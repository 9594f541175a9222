"""The cone of one encoder, seen again and again from its first weights to the end of SimCSE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.contrast.simcse import train_contrastive
from npft.encoder.encoder import Encoder
from npft.experiments.bodies import BATCH_SIZE, STEPS
from npft.experiments.cone import EmbeddingTest
from npft.finetune.regimes import DROPOUT
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.nn.progress import ProgressFn
from npft.pretraining.start import PRETRAIN_LR, new_masked_lm
from npft.pretraining.train import pretrain
from npft.worlds import TinyWorld


class Film:
    """Cones of an encoder at some of its steps, each turned to the one before."""

    def __init__(self, test: EmbeddingTest) -> None:
        self.test, self.frames = test, []  # type: tuple[EmbeddingTest, list[dict[str, Any]]]

    def take(self, encoder: Encoder, phase: str, step: int) -> None:
        """Add the cone as it is now."""
        before = self.frames[-1] if self.frames else None
        seen = self.test.cone(encoder, before=before)
        self.frames.append({"phase": phase, "step": step, **seen})

    def at(self, steps: Sequence[int], encoder: Encoder, phase: str) -> ProgressFn:
        """A progress function that takes a frame at these steps."""

        def progress(step: int, total: int, message: str = "") -> None:
            if step in steps:
                self.take(encoder, phase, step)

        return progress


def opening_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """The film of one seed.

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of the
    TinyWorld it was pretrained on, and how many documents), "pretrain" and "contrast": the steps at
    which a frame is taken, the last one the end. Without steps of "pretrain" the body is not
    pretrained again, and seen at its start and at its end. It is returned with "frames": cones
    (``EmbeddingTest.cone``) with a "phase" (random, mlm, simcse) and a "step".
    """
    with threads(1):
        return cell | {"frames": _frames(cell)}


def _frames(cell: dict[str, Any]) -> list[dict[str, Any]]:
    seed, world = cell["seed"], TinyWorld(cell["world"])
    sizes = {name: cell[name] for name in ("sentences", "pairs") if name in cell}
    film = Film(EmbeddingTest(world, cell["documents"], **sizes))
    mlm = MaskedLM.load(cell["body"])
    tok = mlm.encoder.need_tokenizer("opening_cell")
    rng = np.random.default_rng(seed)
    new = new_masked_lm(tok, mlm.encoder.config.max_positions, mlm.nsp, rng)
    film.take(new.encoder, "random", 0)
    documents = [d.sentences for d in world.documents(cell["documents"])]
    if steps := cell["pretrain"]:
        pretrain(
            new,
            documents,
            steps=steps[-1],
            batch_size=BATCH_SIZE,
            lr=PRETRAIN_LR,
            progress=film.at(steps, new.encoder, "mlm"),
            rng=rng,
        )
        mlm = new
    else:
        film.take(mlm.encoder, "mlm", STEPS)
    set_dropout(mlm.encoder, DROPOUT)
    train_contrastive(
        mlm.encoder,
        [sentence for sentences in documents for sentence in sentences],
        steps=cell["contrast"][-1],
        progress=film.at(cell["contrast"], mlm.encoder, "simcse"),
        rng=np.random.default_rng(seed),
    )
    return film.frames
