"""The causal language model: every token predicts the next one, and sees only what came before.

    L = -(1/M) Σ log P(x_(i+1) | x_1 ... x_i)        perplexity = exp(L)

A masked model learns from 15 % of the tokens of a text, this one from all of them; but a token
never learns from what stands behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npft.autograd import kernels
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder, check_batch
from npft.encoder.head import Rng
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, check_count, check_positive, check_rng
from npft.heads.words import TokenTargets
from npft.nn.module import Parameter, evaluating
from npft.nn.quantized import affine
from npft.pretraining.masking import ordinary_tokens
from npft.text.batch import IGNORE, Batch
from npft.text.tokenizer import Tokenizer


def predict_next(
    batch: Batch, tokenizer: Tokenizer, *, rng: np.random.Generator | None = None
) -> Batch:
    """Every token but the last of a sequence must give the one behind it; nothing is hidden.

    ``rng`` is not used; it is there so that this can be given to ``pretrain`` as ``corrupt``.
    Raises ``DataError`` for what is no ``Batch``.

    >>> task = predict_next(Batch([257, 97, 98, 258, 257, 99], [0, 4, 6]), None)
    >>> task.token_labels
    array([  97,   98,  258, -100,   99, -100])
    """
    check_batch("predict_next", batch)
    if len(batch) == 0:
        return batch.replace(token_labels=batch.ids)
    labels = np.append(batch.ids[1:], IGNORE)
    labels[batch.offsets[1:] - 1] = IGNORE
    return batch.replace(token_labels=labels)


class NextWords(TokenTargets):
    """Scores for the next token: products with the word embeddings, plus a bias.

    Raises ``ConfigError`` for an encoder in which tokens see what stands behind them.
    """

    kind = "next_words"

    def __init__(self, encoder: Encoder, *, rng: Rng = None) -> None:
        if not encoder.config.causal:
            raise ConfigError(
                "NextWords: the encoder lets a token see the one it must predict; "
                "make it with EncoderConfig(..., causal=True)"
            )
        self.bias = Parameter(np.zeros(encoder.config.vocab_size, np.float32))
        self.table = encoder.embeddings.word_embeddings.weight  # shared, not copied

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        z = kernels.take_rows(hidden, rows=batch.target_rows)  # (N, D) -> (M, D)
        return affine(z, self.table, self.bias)  # (M, V)


class CausalLM(Model):
    """A decoder: an encoder with ``causal=True`` and tied scores for the next token.

    Raises ``ConfigError`` for an encoder in which tokens see what stands behind them.

    >>> from npft import EncoderConfig
    >>> from npft.text.bytes import ByteTokenizer
    >>> rng, tok = np.random.default_rng(0), ByteTokenizer()
    >>> config = EncoderConfig(vocab_size=tok.vocab_size, causal=True, init_std=1e-9)
    >>> model = CausalLM(Encoder(config, tokenizer=tok, rng=rng), rng=rng)
    >>> tok.vocab_size, round(model.perplexity(["it rains"]), 3)  # all tokens are as likely
    (260, 260.0)
    """

    kind = "causal_lm"
    needs = {"clm": "next_words"}

    def __init__(self, encoder: Encoder, *, rng: np.random.Generator) -> None:
        super().__init__(encoder, {"clm": NextWords(encoder, rng=rng)})

    def measure(self, batch: Batch) -> dict[str, float]:
        """Loss and accuracy on the words: [SEP] has no frequency to compare with."""
        tok = self.encoder.tokenizer
        if tok is not None and batch.token_labels is not None:
            special = np.isin(batch.token_labels, tok.special_ids)
            batch = batch.replace(token_labels=np.where(special, IGNORE, batch.token_labels))
        return super().measure(batch)

    def perplexity(self, texts: Sequence[str]) -> float:
        """exp of the mean loss per token, ends included: among how many it is as if in doubt.

        Raises ``DataError`` for no texts, or one longer than the encoder reads: cut it into parts.
        """
        tok = self.encoder.need_tokenizer("perplexity")
        room = self.encoder.config.max_positions
        batch = tok(texts, max_length=room)
        if not len(batch):
            raise DataError("perplexity: there are no texts, expected at least one")
        if batch.n_truncated:
            raise DataError(
                f"perplexity: {batch.n_truncated} texts are longer than the {room} positions of "
                "the encoder; cut them into parts"
            )
        return float(np.exp(self.judge(predict_next(batch, tok))["clm"].loss))

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
        the positions are used up. Raises ``ConfigError`` for a temperature or number of tokens that
        is negative or no number, ``DataError`` for a text longer than the encoder reads; one that
        just fits comes back as it is.
        """
        check_count("generate: tokens", tokens, least=0)
        check_rng("generate: rng", rng)
        check_positive("generate: temperature", temperature, zero=True)
        tok = self.encoder.need_tokenizer("generate")
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
                last = [IGNORE] * (len(ids) - 1) + [0]  # only the last token is asked
                batch = Batch(ids, [0, len(ids)], token_labels=last)
                scores = np.where(may, self(batch).data[0, : len(may)], -np.inf)
                chosen = _drawn(scores, temperature, rng)
                if chosen == tok.sep_id:
                    break
                ids.append(chosen)
        return tok.decode(ids)


def _drawn(scores: np.ndarray, temperature: float, rng: np.random.Generator) -> int:
    """A token drawn with probability ~ exp(score / temperature); at 0 the likeliest."""
    if temperature == 0:
        return int(scores.argmax())
    z = (scores - scores.max()).astype(np.float64)
    with np.errstate(over="ignore"):  # -inf is right where z / 0.0000... overflows
        p = np.exp(np.where(z < 0, z / temperature, 0.0))
    steps = np.cumsum(p / p.sum())
    return int(np.searchsorted(steps, rng.random() * steps[-1], side="right"))
