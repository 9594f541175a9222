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
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.head import Rng
from npft.errors import DataError
from npft.heads.words import MaskedLM, TokenTargets
from npft.nn.layers import Embedding, LayerNorm, Linear
from npft.nn.module import Parameter
from npft.nn.quantized import affine
from npft.text.batch import Batch


def borders(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each masked row (M,): the row before its span, the row behind it, and its place in it.

    Spans never touch, so a run of neighbouring rows is a span. Places count from 1. The worked
    case of the chapter: of a span over the tokens 3 to 5, token 4 is predicted from the tokens 2
    and 6 and from place 2.

    >>> borders(np.array([3, 4, 5, 9]))
    (array([2, 2, 2, 8]), array([ 6,  6,  6, 10]), array([1, 2, 3, 1]))
    """
    first = np.flatnonzero(np.append(True, rows[1:] != rows[:-1] + 1)) if len(rows) else rows
    sizes = np.diff(np.append(first, len(rows)))
    start = np.repeat(rows[first], sizes)
    return start - 1, start + np.repeat(sizes, sizes), rows - start + 1


class Boundary(TokenTargets):
    """Two layers, each with GELU and a layer norm, on the two borders and the place: (M, V)."""

    kind = "boundary"

    def __init__(self, encoder: Encoder, *, rng: np.random.Generator) -> None:
        c = encoder.config
        d, std = c.hidden_size, c.init_std
        self.places = Embedding(c.max_positions, d, std=std, rng=rng)
        self.first = Linear(3 * d, d, std=std, rng=rng)
        self.first_norm = LayerNorm(d, eps=c.layer_norm_eps)
        self.second = Linear(d, d, std=std, rng=rng)
        self.second_norm = LayerNorm(d, eps=c.layer_norm_eps)
        self.bias = Parameter(np.zeros(c.vocab_size, np.float32))
        self.table = encoder.embeddings.word_embeddings.weight  # shared, not copied

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        """Scores (M, V) for the masked rows from the borders of their spans.

        Raises ``DataError`` for a span without a token before or behind it in its sequence.
        """
        rows = batch.target_rows
        ends = np.append(batch.offsets[:-1], batch.offsets[1:] - 1)
        if np.isin(rows, ends).any():
            raise DataError(
                "Boundary: a span reaches the first or the last token of a sequence; it needs a "
                "token before and behind it, such as [CLS] and [SEP]"
            )
        left, right, place = borders(rows)
        z = ops.concatenate(
            kernels.embedding(hidden, ids=left),  # a border serves several tokens
            kernels.embedding(hidden, ids=right),
            self.places(place - 1),
            axis=1,
        )  # (M, 3 D)
        s = self.first_norm(kernels.gelu(self.first(z)))  # (M, D)
        s = self.second_norm(kernels.gelu(self.second(s)))
        return affine(s, self.table, self.bias)  # (M, V)


class SpanLM(MaskedLM):
    """A masked language model with the span boundary objective; train it on ``mask_spans``.

    There is no next-sentence prediction, as in SpanBERT.

    >>> from npft import load, mask_spans
    >>> rng, body = np.random.default_rng(0), load("tinyworld").body
    >>> batch = mask_spans(body.tokenizer(["the teller counts the money"]), body.tokenizer, rng=rng)
    >>> sorted(SpanLM(body, rng=rng).loss(batch).parts)
    ['mlm', 'sbo']
    """

    kind = "span_lm"
    needs = {"mlm": "words", "sbo": "boundary"}

    def __init__(self, encoder: Encoder, tied: bool = True, *, rng: np.random.Generator) -> None:
        super().__init__(encoder, nsp=False, tied=tied, rng=rng)
        self.heads["sbo"] = Boundary(encoder, rng=rng)
        self.loss_weights["sbo"] = 1.0
