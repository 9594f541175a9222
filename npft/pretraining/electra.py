"""Replaced-token detection: a small generator fills the masks, and the encoder finds what is false.

    L = L_MLM(generator) + λ L_RTD
    L_RTD = the mean over all text tokens of BCE(σ(w · h_i), false_i)

(Clark et al. 2020, "ELECTRA", section 2; λ = 50.) A masked model learns from 15 % of the tokens;
here every token asks a question: is this the one that stood here? What the generator draws is a
constant to the encoder: no gradient goes through the draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from npft.autograd import kernels
from npft.autograd.losses import bce_with_logits
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.head import Rng
from npft.encoder.model import WHOLE, Model, Part
from npft.errors import check_rng
from npft.heads.words import MaskedLM, TokenTargets
from npft.nn.layers import Linear
from npft.nn.loop import Loss
from npft.pretraining.masking import ordinary_tokens, text_rows
from npft.text.batch import IGNORE, Batch
from npft.text.tokenizer import Tokenizer

WEIGHT = 50.0  # λ: the loss of a yes-or-no question is small beside that of a choice of words


class Detector(TokenTargets):
    """A score for each token with a label: above 0 it is called false (1), else true (0)."""

    kind = "detector"

    def __init__(self, encoder: Encoder, *, rng: np.random.Generator) -> None:
        c = encoder.config
        self.dense = Linear(c.hidden_size, c.hidden_size, std=c.init_std, rng=rng)
        self.detector = Linear(c.hidden_size, 1, std=c.init_std, rng=rng)

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        z = kernels.take_rows(hidden, rows=batch.target_rows)  # (N, D) -> (n, D)
        return self.detector(kernels.gelu(self.dense(z)))  # (n, 1)

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        false = batch.token_targets()[1].astype(np.float32)
        return bce_with_logits(scores, targets=false[:, None])

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """1 where a token seems false, 0 where true, ``IGNORE`` where nothing is asked: (N,)."""
        said = np.full(len(batch.ids), IGNORE)
        said[batch.target_rows] = scores[:, 0] > 0
        return said


def half_width(encoder: Encoder, rng: np.random.Generator) -> Encoder:
    """A new encoder of half the width and one block, for the same tokens."""
    c = encoder.config
    small = replace(
        c,
        hidden_size=max(c.num_heads, c.hidden_size // 2 // c.num_heads * c.num_heads),
        intermediate_size=max(1, c.intermediate_size // 2),
        num_layers=1,
    )
    return Encoder(small, tokenizer=encoder.tokenizer, rng=rng)


class ReplacedTokens(Model):
    """An encoder with a score for each token, and a generator of half its width and one block.

    ``encoder`` is the discriminator, the part that is kept. It trains on what ``mask_tokens``
    makes: the generator fills the masks, and its draws become the labels of the detector.

    >>> from npft import load, mask_tokens
    >>> rng, body = np.random.default_rng(0), load("tinyworld").body
    >>> batch = mask_tokens(body.tokenizer(["the bank lends"]), body.tokenizer, rng=rng)
    >>> sorted(ReplacedTokens(body, rng=rng).loss(batch, rng).parts)
    ['mlm', 'rtd']
    """

    kind = "replaced_tokens"
    needs = {"rtd": "detector"}

    def __init__(self, encoder: Encoder, *, rng: np.random.Generator) -> None:
        encoder.need_tokenizer("ReplacedTokens")
        super().__init__(encoder, {"rtd": Detector(encoder, rng=rng)}, {"rtd": WEIGHT})
        self.generator = MaskedLM(half_width(encoder, rng), nsp=False, rng=rng)

    @classmethod
    def from_options(
        cls, encoder: Encoder, options: dict[str, Any], *, rng: np.random.Generator
    ) -> ReplacedTokens:
        model: Any = super().from_options(encoder, options, rng=rng)
        model.generator = MaskedLM(half_width(encoder, rng), nsp=False, rng=rng)
        return model

    def replaced(self, masked: Batch, scores: np.ndarray, rng: Any) -> Batch:
        """What the detector reads: at each mask a token drawn from the generator's scores (M, V).

        The label of every text token is 1 if another token stood there, else 0.
        """
        rows, truth = masked.token_targets()
        may = ordinary_tokens(self.tokenizer)
        z = np.where(may, scores[:, : len(may)].astype(np.float64), -np.inf)
        ids = masked.ids.copy()
        ids[rows] = sample_rows(z, rng.random(len(z)))
        labels = np.where(text_tokens(masked, self.tokenizer), 0, IGNORE)
        labels[rows] = ids[rows] != truth
        return masked.replace(ids=ids, labels=None, token_labels=labels)

    def packs(self, batch: Batch | Mapping[str, Batch], size: int | None = None) -> list[Part]:
        """Parts with shares of both losses: of the masked tokens and of all text tokens."""
        parts = self.generator.packs(batch, size)
        asked = [int(text_tokens(part.batch, self.tokenizer).sum()) for part in parts]
        return [
            part._replace(shares=part.shares | {"rtd": n / sum(asked)})
            for part, n in zip(parts, asked)
        ]

    def loss(
        self, batch: Part | Batch | Mapping[str, Batch], rng: Rng = None
    ) -> Loss:
        """The total, and the parts "rtd", without λ, and "mlm", the generator's.

        ``rng`` draws the replacements and dropout. Raises ``ConfigError`` without one.
        """
        check_rng("ReplacedTokens: rng, which draws what replaces the masks,", rng)
        if not isinstance(batch, Part):
            (batch,) = self.packs(batch, size=WHOLE)
        shares = {"mlm": batch.shares["mlm"]}
        filled = self.generator.loss(batch._replace(shares=shares), rng)
        read = self.replaced(batch.batch, filled.scores["mlm"].data, rng)
        found = super().loss(Part(read, {"rtd": batch.shares["rtd"]}), rng)
        return Loss(
            filled.total + found.total, found.parts | filled.parts, found.scores | filled.scores
        )

    def measure(self, batch: Batch) -> dict[str, float]:
        """Figures of both parts; replacements are drawn anew for each slice, from one seed.

        "rtd_true" is the accuracy of calling every token true.
        """

        def filled(part: Batch) -> Batch | None:
            if part.n_targets == 0:
                return None
            scores = self.generator.scores(part)["mlm"].data
            return self.replaced(part, scores, np.random.default_rng(0))

        slices, _ = self.generator.read(batch, filled)
        read = Batch.concat([part for part in slices if part is not None])
        true = float((read.token_targets()[1] == 0).mean())
        return super().measure(read) | {"rtd_true": true} | self.generator.measure(batch)


def text_tokens(masked: Batch, tokenizer: Tokenizer) -> np.ndarray:
    """(N,) bool: all tokens that are text, masked or not, of the sequences that have a mask.

    The generator does not read a sequence without one, so the detector learns nothing from it, and
    a loss does not depend on which sequences share a part.
    """
    text = text_rows(masked, tokenizer)
    text[masked.target_rows] = True
    has_mask = np.zeros(len(masked), dtype=bool)
    has_mask[masked.sequence[masked.target_rows]] = True  # (B,)
    return text & has_mask[masked.sequence]


def sample_rows(scores: np.ndarray, u: np.ndarray) -> np.ndarray:
    """A class for each row, drawn by softmax(scores) with uniform random numbers u in [0, 1).

    scores (M, V) float64, -inf for what may not be drawn; u (M,). Returns (M,) whole numbers.

    >>> scores = np.log([[0.5, 0.25, 0.25]] * 3)
    >>> sample_rows(scores, np.array([0.4, 0.6, 0.9])).tolist()
    [0, 1, 2]
    """
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    up_to = np.cumsum(p, axis=1)
    return (up_to <= u[:, None] * up_to[:, -1:]).sum(axis=1)
