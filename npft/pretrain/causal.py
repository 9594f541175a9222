"""The causal language model: every token predicts the next one, and sees only what came before.

    L = -(1/M) Σ log P(x_(i+1) | x_1 ... x_i)        perplexity = exp(L)

A masked model learns from 15 % of the tokens of a text, this one from all of them; but a token
never learns from what stands behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npft.autograd import kernels
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError, check_count, check_rng
from npft.nn.module import Parameter, evaluating
from npft.pretrain.masking import Masked, ordinary_tokens
from npft.pretrain.objectives import tally
from npft.pretrain.source import Pretrainable
from npft.text.batch import Batch
from npft.text.tokenizer import Tokenizer


def predict_next(
    batch: Batch, tokenizer: Tokenizer, *, rng: np.random.Generator | None = None
) -> Masked:
    """Every token but the last of a sequence must give the one behind it; nothing is hidden.

    ``rng`` is not used; it is there so that this can be given to ``pretrain`` as ``corrupt``.

    >>> task = predict_next(Batch([257, 97, 98, 258, 257, 99], [0, 4, 6]), None)
    >>> task.rows, task.targets
    (array([0, 1, 2, 4]), array([ 97,  98, 258,  99]))
    """
    rows = np.delete(np.arange(len(batch.ids)), batch.offsets[1:] - 1)
    return Masked(batch, rows, batch.ids[rows + 1])


class CausalLM(Pretrainable):
    """A decoder: an encoder with ``causal=True`` and tied scores for the next token.

    Raises ``ConfigError`` for an encoder in which tokens see what stands behind them.
    """

    kind = "causal_lm"

    def __init__(self, encoder: Encoder, *, rng: np.random.Generator) -> None:
        if not encoder.config.causal:
            raise ConfigError(
                "CausalLM: the encoder lets a token see the one it must predict; "
                "make it with EncoderConfig(..., causal=True)"
            )
        self.encoder = encoder
        self.bias = Parameter(np.zeros(encoder.config.vocab_size, np.float32))

    def logits(self, task: Masked, rng: np.random.Generator | None = None) -> Tensor:
        """Scores (M, V) of all words for what stands behind each row."""
        hidden = self.encoder(task.batch, rng)  # (N, D)
        z = kernels.take_rows(hidden, rows=task.rows)  # (M, D)
        return kernels.linear(z, self.encoder.embeddings.word_embeddings.weight, self.bias)

    def loss(
        self,
        masked: Masked,
        *,
        whole: Masked | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss in nats per token, and {"clm": ...}. Raises ``DataError`` for no targets."""
        if len(masked.rows) == 0:
            raise DataError("CausalLM: no token has a next one; give sequences of at least two")
        loss = softmax_cross_entropy(self.logits(masked, rng), targets=masked.targets)
        if whole is not None:
            loss = loss * (len(masked.rows) / len(whole.rows))
        return loss, {"clm": loss.item()}

    def measure(self, masked: Masked) -> dict[str, tuple[float, int]]:
        """Loss and hits on the words, as sums: [SEP] has no frequency to compare with."""
        tok = self.encoder.tokenizer
        word = ~np.isin(masked.targets, () if tok is None else tok.special_ids)
        words = Masked(masked.batch, masked.rows[word], masked.targets[word])
        return tally("clm", self.logits(words), words.targets)

    def perplexity(self, texts: Sequence[str]) -> float:
        """exp of the mean loss per token, ends included: among how many it is as if in doubt.

        Raises ``DataError`` for a text longer than the encoder reads: cut it into parts.
        """
        tok = self._tokenizer()
        room = self.encoder.config.max_positions
        batch = tok(texts, max_length=room)
        if batch.n_truncated:
            raise DataError(
                f"perplexity: {batch.n_truncated} texts are longer than the {room} positions of "
                "the encoder; cut them into parts"
            )
        with evaluating(self):
            return float(np.exp(self.loss(predict_next(batch, tok))[0].item()))

    def generate(
        self,
        text: str = "",
        tokens: int = 20,
        *,
        temperature: float = 1.0,
        rng: np.random.Generator,
    ) -> str:
        """Continue a text by up to ``tokens`` tokens, each drawn from the model's probabilities.

        A ``temperature`` below 1 sharpens them, 0 takes the likeliest. It ends at [SEP], or when
        the positions are used up. Raises ``ConfigError`` for a negative temperature or number of
        tokens, ``DataError`` for a text longer than the encoder reads; one that just fits comes
        back as it is.
        """
        check_count("generate: tokens", tokens, least=0)
        check_rng("generate: rng", rng)
        if not 0 <= temperature < np.inf:
            raise ConfigError(f"generate: temperature is {temperature}, expected 0 or more")
        tok = self._tokenizer()
        ids = [tok.cls_id, *tok.encode(text)]
        if len(ids) > self.encoder.config.max_positions:
            raise DataError(
                f"generate: the text has {len(ids) - 1} tokens, the encoder has room for "
                f"{self.encoder.config.max_positions - 1}; give a shorter text"
            )
        may = ordinary_tokens(tok)
        may[tok.sep_id] = True  # the end of the text
        with evaluating(self):
            for _ in range(min(tokens, self.encoder.config.max_positions - len(ids))):
                batch = Batch(ids, [0, len(ids)])
                last = Masked(batch, np.array([len(ids) - 1]), np.array([0]))
                scores = np.where(may, self.logits(last).data[0, : len(may)], -np.inf)
                chosen = int(scores.argmax())
                if temperature > 0:
                    z = (scores - scores.max()).astype(np.float64)
                    with np.errstate(over="ignore"):  # -inf is right where z / 0.0000... overflows
                        p = np.exp(np.where(z < 0, z / temperature, 0.0))
                    steps = np.cumsum(p / p.sum())
                    chosen = int(np.searchsorted(steps, rng.random() * steps[-1], side="right"))
                if chosen == tok.sep_id:
                    break
                ids.append(chosen)
        return tok.decode(ids)

    def _tokenizer(self) -> Tokenizer:
        if self.encoder.tokenizer is None:
            raise ConfigError("CausalLM: the encoder has no tokenizer; pass one to Encoder")
        return self.encoder.tokenizer
