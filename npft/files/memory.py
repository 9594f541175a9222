"""What fine-tuning makes a model forget of the text that it was pretrained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from npft.files.pretrain import read_parts
from npft.heads.words import MaskedLM
from npft.pretraining.pairs import Corpus
from npft.pretraining.probe import make_probe, unigram_loss
from npft.pretraining.source import layout_for


class Memory:
    """What a pretrained model knows of its text: held-out loss with frozen masks, then and now."""

    def __init__(
        self, mlm: MaskedLM, text: list[Path], seed: int, encoding: str | None = None
    ) -> None:
        self.mlm = mlm
        self.train, held_out = read_parts(text, encoding)
        tok, positions = mlm.tokenizer, mlm.encoder.config.max_positions
        rng = np.random.default_rng(seed)
        layout = layout_for(mlm)
        self.probe = make_probe(held_out, tok, layout=layout, max_length=positions, rng=rng)
        self.unigram = unigram_loss(Corpus(self.train, tok), self.probe)
        self.before = mlm.measure(self.probe)["mlm_loss"]

    def rise(self) -> dict[str, float]:
        """The loss before and now, its rise, and the loss of guessing by frequency."""
        after = self.mlm.measure(self.probe)["mlm_loss"]
        return {
            "mlm_loss_before": self.before,
            "mlm_loss_after": after,
            "rise": after - self.before,
            "unigram_loss": self.unigram,
        }
