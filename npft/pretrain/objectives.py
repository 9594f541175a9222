"""The masked language model: an encoder with the heads that pretrain it.

    L_MLM = -(1/M) Σ log P(x_i | z_i)  over the M masked tokens      (chapter 11, section 11.2.1)
    L_NSP = -log P(label | z_CLS)      mean over the pairs           (section 11.2.2)
    L     = L_MLM + L_NSP
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd import kernels, losses
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError, DtypeError, check_count
from npft.nn.layers import LayerNorm, Linear
from npft.nn.module import Module, Parameter, evaluating
from npft.pretrain.masking import Masked
from npft.pretrain.source import Pretrainable
from npft.text.batch import Batch
from npft.text.pieces import PieceTokenizer


class PredictionHead(Module):
    """BERT's head for masked tokens: dense, GELU, layer norm, then a score for each word.

    The scores are products with the word embeddings themselves (tied), plus a bias.
    """

    def __init__(self, encoder: Encoder, tied: bool, *, rng: np.random.Generator) -> None:
        c = encoder.config
        self.dense = Linear(c.hidden_size, c.hidden_size, std=c.init_std, rng=rng)
        self.LayerNorm = LayerNorm(c.hidden_size, eps=c.layer_norm_eps)
        if not tied:
            self.decoder = Linear(c.hidden_size, c.vocab_size, std=c.init_std, rng=rng)
        else:
            self.bias = Parameter(np.zeros(c.vocab_size, np.float32))
        self.tied = tied

    def forward(self, z: Tensor, words: Parameter) -> Tensor:
        z = self.LayerNorm(kernels.gelu(self.dense(z)))  # (M, D)
        return kernels.linear(z, words, self.bias) if self.tied else self.decoder(z)  # (M, V)


def tally(name: str, scores: Tensor, targets: np.ndarray) -> dict[str, tuple[float, int]]:
    """The sums of the loss and of the hits of n predictions, each with n.

    >>> tally("mlm", Tensor(np.eye(2)), np.array([0, 0]))["mlm_acc"]
    (1.0, 2)
    """
    n = len(targets)
    loss = losses.softmax_cross_entropy(scores, targets=targets).item()
    hits = (scores.data.argmax(axis=1) == targets).sum()
    return {f"{name}_loss": (loss * n, n), f"{name}_acc": (float(hits), n)}


class MaskedLM(Pretrainable):
    """An encoder that restores masked tokens and, with ``nsp``, tells true pairs from random ones.

    ``loss(masked)`` returns the total and its parts. Only the masked rows meet the vocabulary,
    which saves 85 % of the largest product.
    Raises ``ConfigError`` for nsp with an encoder without two token types.
    """

    kind = "masked_lm"

    def __init__(
        self, encoder: Encoder, nsp: bool = True, tied: bool = True, *, rng: np.random.Generator
    ) -> None:
        if not isinstance(nsp, bool) or not isinstance(tied, bool):
            raise ConfigError(f"MaskedLM: nsp is {nsp!r}, tied {tied!r}; expected True or False")
        if nsp and encoder.config.type_vocab_size < 2:
            raise ConfigError(
                "MaskedLM: next-sentence prediction needs an encoder with type_vocab_size=2; "
                "or pass nsp=False"
            )
        self.encoder = encoder
        self.predictions = PredictionHead(encoder, tied, rng=rng)
        if nsp:
            c = encoder.config
            self.seq_relationship = Linear(c.hidden_size, 2, std=c.init_std, rng=rng)
        self.nsp = nsp

    def options(self) -> dict[str, Any]:
        """What a file must hold beside configuration, tokenizer and weights."""
        return {"nsp": self.nsp, "tied": self.predictions.tied}

    def token_scores(self, hidden: Tensor, masked: Masked) -> Tensor:
        """Scores (M, V) of all words for the masked rows of the hidden states (N, D)."""
        z = kernels.take_rows(hidden, rows=masked.rows)  # (M, D)
        return self.predictions(z, self.encoder.embeddings.word_embeddings.weight)

    def logits(
        self, masked: Masked, rng: np.random.Generator | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Scores of the masked rows (M, V) and, with nsp, of the pairs (B, 2)."""
        hidden = self.encoder(masked.batch, rng)  # (N, D)
        scores = self.token_scores(hidden, masked)
        if not self.nsp:
            return scores, None
        first = kernels.take_rows(hidden, rows=masked.batch.offsets[:-1])  # (B, D), the [CLS]
        return scores, self.seq_relationship(first)

    def loss(
        self,
        masked: Masked,
        *,
        whole: Masked | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Tensor, dict[str, float]]:
        """The total loss in nats, and {"mlm": ..., "nsp": ...}, whose sum it is.

        If ``masked`` is a slice of a ``whole`` batch, this is its share of the loss of the whole:
        the losses of all slices, and their gradients, add up to those of the whole. (The mean of
        the slices' own losses would not: one slice may have more masked tokens than another.)
        Raises ``DataError`` if nothing is masked, or if nsp finds no labels.
        """
        if len(masked.rows) == 0:
            raise DataError("MaskedLM: no token of the batch can be masked; it has no text")
        scores, pair_scores = self.logits(masked, rng)
        total = losses.softmax_cross_entropy(scores, targets=masked.targets)
        if whole is not None:
            total = total * (len(masked.rows) / len(whole.rows))
        parts = {"mlm": total.item()}
        if pair_scores is not None:
            if masked.batch.labels is None:
                raise DataError("MaskedLM: nsp needs labels; make pairs, or pass nsp=False")
            nsp = losses.softmax_cross_entropy(pair_scores, targets=masked.batch.labels)
            if whole is not None:
                nsp = nsp * (len(masked.batch) / len(whole.batch))
            parts["nsp"] = nsp.item()
            total = total + nsp
        return total, parts

    def measure(self, masked: Masked) -> dict[str, tuple[float, int]]:
        """Loss and hits as sums, with what they are sums over: see ``evaluate_mlm``."""
        scores, pair_scores = self.logits(masked)
        found = tally("mlm", scores, masked.targets)
        if pair_scores is not None:
            found |= tally("nsp", pair_scores, np.asarray(masked.batch.labels))
        return found

    def fill_mask(self, text: str, k: int = 5) -> list[list[tuple[str, float]]]:
        """For each ``[MASK]`` in the text, the k likeliest tokens with their probabilities.

        Raises ``ConfigError`` if the encoder has no tokenizer or k < 1, ``DataError`` without a
        mask or for a text longer than the encoder reads.
        """
        check_count("fill_mask: k", k)
        if not isinstance(text, str):
            raise DtypeError(f"fill_mask: the text is a {type(text).__name__}, expected one string")
        tok = self.encoder.tokenizer
        if tok is None:
            raise ConfigError("fill_mask: the encoder has no tokenizer; pass one to Encoder")
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
        batch = Batch(ids, [0, len(ids)])
        rows = np.flatnonzero(batch.ids == tok.mask_id)
        with evaluating(self):
            scores, _ = self.logits(Masked(batch, rows, batch.ids[rows]))
            p = kernels.softmax(scores).data  # (M, V)
        best = np.argsort(-p[:, : tok.vocab_size], axis=1, kind="stable")[:, :k]
        return [[(tok.decode([i]), float(p[m, i])) for i in row] for m, row in enumerate(best)]
