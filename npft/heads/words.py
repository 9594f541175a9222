"""Restoring hidden words: the head of a masked language model.

    L_MLM = -(1/M) Σ log P(x_i | z_i)  over the M masked tokens      (chapter 11, section 11.2.1)

A masked language model is a tagger whose tags are words: the batch says at which tokens something
is asked (``token_labels``), and only these M rows meet the vocabulary. At 15 % that saves 85 % of
the largest product.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd import kernels
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.head import Head, Rng
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, DtypeError, check_count
from npft.heads.pairs import Pairs
from npft.metrics.score import Hits
from npft.nn.layers import LayerNorm, Linear
from npft.nn.module import Parameter
from npft.nn.quantized import affine
from npft.text.batch import IGNORE, Batch
from npft.text.pieces import PieceTokenizer


class TokenTargets(Head):
    """What heads have in common that give one of V words at each token that has a label."""

    tokens = True

    def count(self, batch: Batch) -> int:
        """How many tokens have a label."""
        return batch.n_targets

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` if nothing is asked."""
        if batch.n_targets == 0:
            raise DataError(
                f"{type(self).__name__}: no token of the batch has a label: nothing is masked, or "
                "nothing can be, for there is no text (or, to reorder, no two tokens of it side by "
                "side)"
            )

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        return softmax_cross_entropy(scores, targets=batch.token_targets()[1])

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """The likeliest word at each token with a label, ``IGNORE`` elsewhere (N,)."""
        words = np.full(len(batch.ids), IGNORE)
        words[batch.target_rows] = scores.argmax(axis=1)
        return words

    def score(self, decisions: np.ndarray, batch: Batch) -> Hits:
        rows, targets = batch.token_targets()
        return Hits(float((decisions[rows] == targets).mean()))


class Words(TokenTargets):
    """BERT's head for masked tokens: dense, GELU, layer norm, then a score for each word.

    Tied, the scores are products with the word embeddings of the encoder, plus a bias.
    """

    kind = "words"

    def __init__(self, encoder: Encoder, tied: bool = True, *, rng: np.random.Generator) -> None:
        if not isinstance(tied, bool):
            raise ConfigError(f"Words: tied is {tied!r}, expected True or False")
        c = encoder.config
        self.dense = Linear(c.hidden_size, c.hidden_size, std=c.init_std, rng=rng)
        self.LayerNorm = LayerNorm(c.hidden_size, eps=c.layer_norm_eps)
        if tied:
            self.bias = Parameter(np.zeros(c.vocab_size, np.float32))
            self.table = encoder.embeddings.word_embeddings.weight  # shared, not copied
        else:
            self.decoder = Linear(c.hidden_size, c.vocab_size, std=c.init_std, rng=rng)
        self.tied = tied

    def options(self) -> dict[str, Any]:
        return {"tied": self.tied}

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        z = kernels.take_rows(hidden, rows=batch.target_rows)  # (N, D) -> (M, D)
        z = self.LayerNorm(kernels.gelu(self.dense(z)))
        return affine(z, self.table, self.bias) if self.tied else self.decoder(z)  # (M, V)


class MaskedLM(Model):
    """An encoder that restores masked tokens and, with ``nsp``, tells true pairs from random ones.

        L = L_MLM + L_NSP

    nsp_pool: what the pairs are told by, [CLS] or BERT's "pooler" of it (``pairs.py``).
    Raises ``ConfigError`` for nsp with an encoder without two token types, or an unknown pool.

    >>> from npft import load
    >>> mlm = load("tinyworld")
    >>> isinstance(mlm, MaskedLM), mlm.nsp
    (True, True)
    >>> [word for word, _ in mlm.fill_mask("the teller counts the money [MASK] emil", k=2)[0]]
    ['with', 'for']
    """

    kind = "masked_lm"
    needs = {"mlm": "words"}

    def __init__(
        self,
        encoder: Encoder,
        nsp: bool = True,
        tied: bool = True,
        nsp_pool: str = "cls",
        *,
        rng: np.random.Generator,
    ) -> None:
        if not isinstance(nsp, bool):
            raise ConfigError(f"MaskedLM: nsp is {nsp!r}, expected True or False")
        heads: dict[str, Head] = {"mlm": Words(encoder, tied, rng=rng)}
        if nsp:
            heads["nsp"] = Pairs(encoder, nsp_pool, rng=rng)
        super().__init__(encoder, heads)

    @property
    def nsp(self) -> bool:
        """Whether it also learns pairs."""
        return "nsp" in self.heads

    def fill_mask(self, text: str, k: int = 5) -> list[list[tuple[str, float]]]:
        """For each ``[MASK]`` in the text, the k likeliest tokens with their probabilities.

        Raises ``ConfigError`` if the encoder has no tokenizer or k < 1, ``DataError`` without a
        mask or for a text longer than the encoder reads.
        """
        check_count("fill_mask: k", k)
        tok = self.encoder.need_tokenizer("fill_mask")
        batch = self._with_masks(text)

        def probabilities(part: Batch) -> np.ndarray:
            return kernels.softmax(self.scores(part, heads=("mlm",))["mlm"]).data

        slices, _ = self.read(batch, probabilities)
        p = slices[0][:, : tok.vocab_size]  # (M, V)
        best = np.argsort(-p, axis=1, kind="stable")[:, :k]
        return [[(tok.decode([i]), float(p[m, i])) for i in row] for m, row in enumerate(best)]

    def _with_masks(self, text: str) -> Batch:
        """The text as a batch in which every [MASK] is asked for."""
        if not isinstance(text, str):
            raise DtypeError(f"fill_mask: the text is a {type(text).__name__}, expected one string")
        tok = self.encoder.need_tokenizer("fill_mask")
        parts = text.split("[MASK]")
        if isinstance(tok, PieceTokenizer):  # there the space belongs to the word that is hidden
            parts = [part.removesuffix(" ") for part in parts[:-1]] + parts[-1:]
        pieces = [tok.encode(part) for part in parts]
        if len(pieces) == 1:
            raise DataError("fill_mask: the text holds no [MASK]")
        ids = [tok.cls_id] + pieces[0]
        for piece in pieces[1:]:
            ids += [tok.mask_id] + piece
        ids += [tok.sep_id]
        if len(ids) > self.encoder.config.max_positions:
            raise DataError(
                f"fill_mask: the text has {len(ids) - 2} tokens, the encoder has room for "
                f"{self.encoder.config.max_positions - 2}; give a shorter text"
            )
        asked = np.where(np.array(ids) == tok.mask_id, tok.mask_id, IGNORE)
        return Batch(ids, [0, len(ids)], token_labels=asked)
