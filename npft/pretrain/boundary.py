"""The span boundary objective: the two tokens around a span must know what is inside it.

With a span over the tokens s to e, token i inside it is predicted a second time, from the hidden
states of its borders and its place in the span alone:

    s_i = FFN₂([z_(s-1) ; z_(e+1) ; p_(i-s+1)])        softmax(E s_i) gives P(x_i)
    L   = L_MLM + L_SBO = -(1/M) Σ log P(x_i | z_i) - (1/M) Σ log P(x_i | s_i)

(Joshi et al. 2020, section 3.2; Jurafsky & Martin, eqs. 11.17 to 11.20.) So what a span says is
stored at its ends, where a tagger of spans will look for it.
"""

from __future__ import annotations

import numpy as np

from npft.autograd import kernels, ops
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.errors import DataError
from npft.nn.layers import Embedding, LayerNorm, Linear
from npft.nn.module import Module, Parameter
from npft.pretrain.masking import Masked
from npft.pretrain.objectives import MaskedLM, tally
from npft.pretrain.spans import borders


class BoundaryHead(Module):
    """Two layers, each with GELU and a layer norm, on the two borders and the place: (M, V)."""

    def __init__(self, encoder: Encoder, *, rng: np.random.Generator) -> None:
        c = encoder.config
        d, std = c.hidden_size, c.init_std
        self.places = Embedding(c.max_positions, d, std=std, rng=rng)
        self.first = Linear(3 * d, d, std=std, rng=rng)
        self.first_norm = LayerNorm(d, eps=c.layer_norm_eps)
        self.second = Linear(d, d, std=std, rng=rng)
        self.second_norm = LayerNorm(d, eps=c.layer_norm_eps)
        self.bias = Parameter(np.zeros(c.vocab_size, np.float32))

    def forward(self, hidden: Tensor, rows: np.ndarray, words: Parameter) -> Tensor:
        left, right, place = borders(rows)
        z = ops.concatenate(
            kernels.embedding(hidden, ids=left),  # a border serves several tokens
            kernels.embedding(hidden, ids=right),
            self.places(place - 1),
            axis=1,
        )  # (M, 3 D)
        s = self.first_norm(kernels.gelu(self.first(z)))  # (M, D)
        s = self.second_norm(kernels.gelu(self.second(s)))
        return kernels.linear(s, words, self.bias)  # (M, V)


class SpanLM(MaskedLM):
    """A masked language model with the span boundary objective; train it on ``mask_spans``.

    There is no next-sentence prediction, as in SpanBERT.
    """

    kind = "span_lm"

    def __init__(self, encoder: Encoder, tied: bool = True, *, rng: np.random.Generator) -> None:
        super().__init__(encoder, nsp=False, tied=tied, rng=rng)
        self.boundary = BoundaryHead(encoder, rng=rng)

    def options(self) -> dict:
        return {"tied": self.predictions.tied}

    def boundary_scores(self, hidden: Tensor, masked: Masked) -> Tensor:
        """Scores (M, V) for the masked rows from the borders of their spans.

        Raises ``DataError`` for a span without a token before or behind it in its sequence.
        """
        ends = np.append(masked.batch.offsets[:-1], masked.batch.offsets[1:] - 1)
        if np.isin(masked.rows, ends).any():
            raise DataError(
                "SpanLM: a span reaches the first or the last token of a sequence; it needs a "
                "token before and behind it, such as [CLS] and [SEP]"
            )
        return self.boundary(hidden, masked.rows, self.encoder.embeddings.word_embeddings.weight)

    def loss(
        self,
        masked: Masked,
        *,
        whole: Masked | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Tensor, dict[str, float]]:
        """The total loss in nats, and {"mlm": ..., "sbo": ...}, whose sum it is."""
        if len(masked.rows) == 0:
            raise DataError("SpanLM: no token of the batch can be masked; it has no text")
        hidden = self.encoder(masked.batch, rng)  # (N, D)
        share = 1.0 if whole is None else len(masked.rows) / len(whole.rows)
        mlm = softmax_cross_entropy(self.token_scores(hidden, masked), targets=masked.targets)
        sbo = softmax_cross_entropy(self.boundary_scores(hidden, masked), targets=masked.targets)
        mlm, sbo = mlm * share, sbo * share
        return mlm + sbo, {"mlm": mlm.item(), "sbo": sbo.item()}

    def measure(self, masked: Masked) -> dict[str, tuple[float, int]]:
        hidden = self.encoder(masked.batch)
        found = tally("mlm", self.token_scores(hidden, masked), masked.targets)
        return found | tally("sbo", self.boundary_scores(hidden, masked), masked.targets)
