"""Replaced-token detection: a small generator fills the masks, and the encoder finds what is false.

    L = L_MLM(generator) + λ L_RTD
    L_RTD = the mean over all text tokens of BCE(σ(w · h_i), false_i)

(Clark et al. 2020, "ELECTRA", section 2; λ = 50.) A masked model learns from 15 % of the tokens;
here every token asks a question: is this the one that stood here? What the generator draws is a
constant to the encoder: no gradient goes through the draw.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from npft.autograd import kernels
from npft.autograd.losses import bce_with_logits, softmax_cross_entropy
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError
from npft.nn.layers import Linear
from npft.pretrain.masking import Masked, ordinary_tokens
from npft.pretrain.objectives import MaskedLM
from npft.pretrain.source import Pretrainable
from npft.text.batch import Batch

WEIGHT = 50.0  # λ: the loss of a yes-or-no question is small beside that of a choice of words


class ReplacedTokens(Pretrainable):
    """An encoder with a score for each token, and a generator of half its width and one block.

    ``encoder`` is the discriminator, the part that is kept.
    """

    kind = "replaced_tokens"

    def __init__(self, encoder: Encoder, *, rng: np.random.Generator) -> None:
        c = encoder.config
        if encoder.tokenizer is None:
            raise ConfigError("ReplacedTokens: the encoder has no tokenizer; pass one to Encoder")
        small = replace(
            c,
            hidden_size=max(c.num_heads, c.hidden_size // 2 // c.num_heads * c.num_heads),
            intermediate_size=max(1, c.intermediate_size // 2),
            num_layers=1,
        )
        self.encoder = encoder
        self.dense = Linear(c.hidden_size, c.hidden_size, std=c.init_std, rng=rng)
        self.detector = Linear(c.hidden_size, 1, std=c.init_std, rng=rng)
        body = Encoder(small, tokenizer=encoder.tokenizer, rng=rng)
        self.generator = MaskedLM(body, nsp=False, rng=rng)

    def replaced(self, masked: Masked, scores: np.ndarray, rng: np.random.Generator) -> Batch:
        """The batch with a token drawn from the generator's scores (M, V) in place of each mask."""
        may = ordinary_tokens(self.encoder.tokenizer)
        z = np.where(may, scores[:, : len(may)].astype(np.float64), -np.inf)
        p = np.exp(z - z.max(axis=1, keepdims=True)).cumsum(axis=1)  # (M, V)
        draw = rng.random((len(p), 1)) * p[:, -1:]
        ids = masked.batch.ids.copy()
        ids[masked.rows] = (p <= draw).sum(axis=1)
        return Batch(ids, masked.batch.offsets, masked.batch.token_types)

    def text_rows(self, masked: Masked) -> np.ndarray:
        """The rows (n,) of all tokens that are text, masked or not."""
        text = ~np.isin(masked.batch.ids, self.encoder.tokenizer.special_ids)
        text[masked.rows] = True
        return np.flatnonzero(text)

    def detect(
        self, masked: Masked, batch: Batch, rng: np.random.Generator | None = None
    ) -> tuple[Tensor, np.ndarray]:
        """A score for each text token (n, 1), and whether it is false, as 0.0 and 1.0 (n, 1)."""
        truth = batch.ids.copy()
        truth[masked.rows] = masked.targets
        rows = self.text_rows(masked)
        hidden = kernels.take_rows(self.encoder(batch, rng), rows=rows)  # (n, D)
        scores = self.detector(kernels.gelu(self.dense(hidden)))
        return scores, (batch.ids != truth)[rows, None].astype(np.float32)

    def loss(
        self,
        masked: Masked,
        *,
        whole: Masked | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Tensor, dict[str, float]]:
        """The total loss, and {"rtd": ..., "mlm": ...}: the detector's, without λ, and the
        generator's. ``rng`` draws the replacements and dropout."""
        rng = np.random.default_rng(0) if rng is None else rng
        if len(masked.rows) == 0:
            raise DataError("ReplacedTokens: no token of the batch can be masked; it has no text")
        scores, _ = self.generator.logits(masked, rng)
        mlm = softmax_cross_entropy(scores, targets=masked.targets)
        batch = self.replaced(masked, scores.data, rng)
        found, false = self.detect(masked, batch, rng)
        rtd = bce_with_logits(found, targets=false)
        if whole is not None:
            mlm = mlm * (len(masked.rows) / len(whole.rows))
            rtd = rtd * (len(false) / len(self.text_rows(whole)))
        return mlm + rtd * WEIGHT, {"rtd": rtd.item(), "mlm": mlm.item()}

    def measure(self, masked: Masked) -> dict[str, tuple[float, int]]:
        """Figures of both parts; replacements are drawn anew for each slice, from one seed."""
        scores, _ = self.generator.logits(masked)
        batch = self.replaced(masked, scores.data, np.random.default_rng(0))
        found, false = self.detect(masked, batch)
        n = len(false)
        hits = float(((found.data > 0) == (false > 0)).sum())
        return {
            "rtd_loss": (bce_with_logits(found, targets=false).item() * n, n),
            "rtd_acc": (hits, n),
            "rtd_true": (float(n - false.sum()), n),  # the accuracy of calling everything true
            **self.generator.measure(masked),
        }
