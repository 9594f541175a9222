"""The encoder: from a ragged batch of ids to one vector for each token.

Symbols: B sequences, N tokens in all, D width, L blocks, H heads, T tokens of one sequence.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.attention import Block, blocks_by_length
from npft.autograd.tensor import Tensor
from npft.encoder.blocks import TransformerBlock
from npft.encoder.config import EncoderConfig
from npft.errors import (
    CheckpointError, ConfigError, DataError, ShapeError, check_count, quoted,
)
from npft.nn.layers import Dropout, Embedding, LayerNorm
from npft.nn.module import Module, evaluating
from npft.text.batch import Batch
from npft.text.tokenizer import Tokenizer


class Embeddings(Module):
    """The sum of three tables: of the token, of its position, of its segment.

    (Devlin et al. 2019, figure 2; Jurafsky & Martin, section 11.2.2.) With relative positions the
    second is left out: attention itself asks for distances.
    """

    def __init__(self, config: EncoderConfig, *, rng: np.random.Generator) -> None:
        d, std = config.hidden_size, config.init_std
        self.word_embeddings = Embedding(config.vocab_size, d, std=std, rng=rng)
        if config.positions == "absolute":
            self.position_embeddings = Embedding(config.max_positions, d, std=std, rng=rng)
        if config.type_vocab_size:
            self.token_type_embeddings = Embedding(config.type_vocab_size, d, std=std, rng=rng)
        if config.norm == "post":
            self.LayerNorm = LayerNorm(d, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.dropout)
        self.config = config

    def forward(self, batch: Batch, rng: np.random.Generator | None) -> Tensor:
        x = self.word_embeddings(batch.ids)  # (N, D)
        if self.config.positions == "absolute":
            x = x + self.position_embeddings(batch.places)
        if self.config.type_vocab_size:
            x = x + self.token_type_embeddings(batch.token_types)
        if self.config.norm == "post":
            x = self.LayerNorm(x)
        return self.dropout(x, rng)


class Stack(Module):
    """The L blocks, under the names ``layer.0``, ``layer.1``, ..."""

    def __init__(self, config: EncoderConfig, *, rng: np.random.Generator) -> None:
        self.layer = [TransformerBlock(config, rng=rng) for _ in range(config.num_layers)]


class Encoder(Module):
    """A transformer encoder over ragged batches.

    ``encoder(batch, rng=None)`` returns the hidden states (N, D); ``rng`` draws dropout and is
    needed in training mode only. The tokenizer, if given, travels with the encoder into files.

    Raises ``ShapeError`` for a sequence longer than the positions, ``IdError`` for an id outside
    the vocabulary, ``DataError`` for what is no ``Batch``.

    >>> encoder = Encoder(EncoderConfig.lesson(), rng=np.random.default_rng(0)).eval()
    >>> batch = Batch([104, 105, 104], [0, 2, 3])
    >>> encoder(batch).shape, encoder.num_parameters()
    ((3, 64), 118784)
    """

    kind = "encoder"

    def __init__(
        self,
        config: EncoderConfig,
        *,
        tokenizer: Tokenizer | None = None,
        rng: np.random.Generator,
    ) -> None:
        if not isinstance(config, EncoderConfig):
            raise ConfigError(
                f"Encoder: config is {type(config).__name__}, expected an EncoderConfig"
            )
        if tokenizer is not None and not isinstance(tokenizer, Tokenizer):
            raise ConfigError(f"Encoder: tokenizer is {quoted(tokenizer)}, expected a Tokenizer")
        if tokenizer is not None and tokenizer.vocab_size > config.vocab_size:
            raise ConfigError(
                f"Encoder: the tokenizer has {tokenizer.vocab_size} tokens, "
                f"config.vocab_size is {config.vocab_size}; make it at least as large"
            )
        self.config = config
        self.tokenizer = tokenizer
        self.embeddings = Embeddings(config, rng=rng)
        self.encoder = Stack(config, rng=rng)
        if config.norm == "pre":
            self.layernorm = LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    @property
    def body(self) -> Encoder:
        """The encoder of a model: of an encoder, itself."""
        return self

    def need_tokenizer(self, caller: str) -> Tokenizer:
        """The tokenizer; raises ``ConfigError`` that names the caller if there is none."""
        if self.tokenizer is None:
            raise ConfigError(f"{caller}: the encoder has no tokenizer; pass one to Encoder")
        return self.tokenizer

    def options(self) -> dict[str, Any]:
        """What a file must hold beside configuration, tokenizer and weights: nothing."""
        return {}

    @classmethod
    def from_options(
        cls, encoder: Encoder, options: dict[str, Any], *, rng: np.random.Generator
    ) -> Encoder:
        """The inverse of ``options``. Raises ``CheckpointError`` for others."""
        if options != {}:
            raise CheckpointError(f"its options are {quoted(options)}, an encoder has none")
        return encoder

    def _start(self, batch: Batch, rng: np.random.Generator | None) -> tuple[Tensor, list[Block]]:
        check_batch("encoder", batch)
        longest = int(batch.places.max(initial=-1)) + 1
        if longest == 0 or longest > self.config.max_positions:
            raise ShapeError(
                f"encoder: the batch has {len(batch)} sequences, the longest of {longest} tokens; "
                f"expected 1 to {self.config.max_positions}; tokenize with "
                f"max_length={self.config.max_positions}"
            )
        sight = None if batch.sight is None else batch.sight[:, 1:]
        if sight is not None and (self.config.causal or self.config.positions != "absolute"):
            raise ConfigError(
                "encoder: the batch says which tokens see one another; it needs an encoder with "
                "positions='absolute' and causal=False"
            )
        return self.embeddings(batch, rng), blocks_by_length(batch.offsets, sight)

    def _finish(self, x: Tensor) -> Tensor:
        return self.layernorm(x) if self.config.norm == "pre" else x

    def forward(self, batch: Batch, rng: np.random.Generator | None = None) -> Tensor:
        return self.states(batch, rng)[0]

    def states(
        self, batch: Batch, rng: np.random.Generator | None = None, last: int = 1
    ) -> list[Tensor]:
        """The outputs of the ``last`` blocks, the lowest first: tensors (N, D) in the graph.

        The last one is what the encoder returns. Of ``last`` = L + 1 the first is the embeddings.
        Raises ``ConfigError`` for a ``last`` that is not from 1 to L + 1.
        """
        if check_count("states: last", last) > self.config.num_layers + 1:
            raise ConfigError(
                f"states: last is {last}, expected at most {self.config.num_layers + 1}: the "
                "outputs of all blocks, and the embeddings"
            )
        x, blocks = self._start(batch, rng)
        kept = [x]
        for layer in self.encoder.layer:
            x = layer(x, blocks, rng)
            kept = [*kept, x][-last:]
        return [*kept[:-1], self._finish(x)]

    def hidden_states(self, batch: Batch) -> list[np.ndarray]:
        """The embeddings and the output of each block, without dropout: L + 1 arrays (N, D).

        The last one is what the encoder returns.
        """
        with evaluating(self):
            states = self.states(batch, last=self.config.num_layers + 1)
        return [s.numpy() for s in states]

    def attentions(self, batch: Batch) -> list[list[np.ndarray]]:
        """The attention weights, without dropout: for each block B arrays (H, T, T).

        Entry [h, i, j] says how much token i looks at token j; each row sums to 1.
        """
        with evaluating(self):
            x, blocks = self._start(batch, None)
            maps = []
            for layer in self.encoder.layer:
                maps.append(layer.attention.self.maps(layer.before_attention(x), blocks))
                x = layer(x, blocks, None)
        return maps


def check_batch(caller: str, batch: Any) -> None:
    """Raise ``DataError`` that names the caller for what is no batch, such as texts.

    >>> check_batch("encoder", ["a text"])
    Traceback (most recent call last):
        ...
    npft.errors.DataError: encoder: the batch is a list, expected a Batch: encoder.tokenizer(texts)
    """
    if not isinstance(batch, Batch):
        raise DataError(
            f"{caller}: the batch is a {type(batch).__name__}, expected a Batch: "
            "encoder.tokenizer(texts)"
        )


def check_encoder(caller: str, encoder: Any) -> Tokenizer:
    """The tokenizer of an encoder.

    Raises ``ConfigError`` that names the caller for one without, and for what is no encoder, such
    as a model that has one.

    >>> from npft.loading import load
    >>> check_encoder("word_states", load("tinyworld"))
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: word_states: encoder is MaskedLM, expected an Encoder: give its .body
    """
    if not isinstance(encoder, Encoder):
        mend = ": give its .body" if isinstance(getattr(encoder, "body", None), Encoder) else ""
        raise ConfigError(
            f"{caller}: encoder is {type(encoder).__name__}, expected an Encoder{mend}"
        )
    return encoder.need_tokenizer(caller)
