"""Bodies pretrained on TinyWorld: what every experiment starts from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npft.heads.words import MaskedLM
from npft.nn.history import History
from npft.nn.progress import ProgressFn
from npft.pretraining.start import PRETRAIN_LR, Text, new_masked_lm
from npft.pretraining.train import pretrain
from npft.text import WordPiece
from npft.worlds import TinyWorld, hard_sms_fixture

DOCUMENTS, HELD_OUT = 4000, 200
VOCAB_SIZE, MAX_POSITIONS = 2000, 64
STEPS, BATCH_SIZE = 2800, 32


def world_text(seed: int, documents: int = DOCUMENTS, held_out: int = HELD_OUT) -> Text:
    """4,000 documents of ``TinyWorld(seed)``, and 200 held out.

    The vocabulary also knows the words of the hard SMS training texts.
    """
    sentences = [d.sentences for d in TinyWorld(seed).documents(documents + held_out)]
    train, apart = sentences[:documents], sentences[documents:]
    texts = [s for d in train for s in d] + hard_sms_fixture()[0].texts
    return Text(train, apart, texts, VOCAB_SIZE, MAX_POSITIONS, STEPS)


def pretrain_tinyworld(
    seed: int,
    steps: int = STEPS,
    documents: int = DOCUMENTS,
    held_out: int = HELD_OUT,
    progress: ProgressFn | None = None,
    look: Callable[[MaskedLM, int], None] | None = None,
    vocab_size: int | None = None,
) -> tuple[MaskedLM, History]:
    """Pretrain a new body of lesson size on 4,000 documents of ``TinyWorld(seed)``.

    The vocabulary is a WordPiece of 2,000 or ``vocab_size`` pieces, trained on the documents and
    the hard SMS training texts; the history measures 200 further documents, 20 times.
    ``look(mlm, step)`` is called before the first step and after each one.
    """
    text = world_text(seed, documents, held_out)
    rng = np.random.default_rng(seed)
    tok = WordPiece.train(text.vocabulary, vocab_size=vocab_size or text.vocab_size)
    mlm = new_masked_lm(tok, text.max_positions, True, rng)

    def watched(step: int, total: int, said: str) -> None:
        if progress is not None:
            progress(step, total, said)
        if look is not None:
            look(mlm, step)

    if look is not None:
        look(mlm, 0)
    history = pretrain(
        mlm,
        text.train,
        steps=steps,
        batch_size=BATCH_SIZE,
        lr=PRETRAIN_LR,
        every=max(1, steps // 20),
        held_out=text.held_out,
        progress=watched,
        rng=rng,
    )
    return mlm, history
