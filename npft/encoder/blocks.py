"""The parts of a transformer block (Vaswani et al. 2017; Jurafsky & Martin, figure 11.3).

Modules are nested as in Hugging Face's BERT, so that weights have the same names there and here:
``encoder.layer.0.attention.self.query.weight``.

    post-norm  x = LN(x + attention(x));   x = LN(x + feed_forward(x))
    pre-norm   x = x + attention(LN(x));   x = x + feed_forward(LN(x))

A small trained part can be added beside a map whose weights stay (``additions.py``): what it says
of the map's input, or output, is added to what the map says.

Symbols: N tokens, D width, F feed-forward width, H heads.
"""

from __future__ import annotations

import numpy as np

from npft.autograd import kernels
from npft.autograd.attention import Block, attention, attention_maps
from npft.autograd.relative import disentangled_attention, disentangled_maps
from npft.autograd.tensor import Tensor
from npft.encoder.config import EncoderConfig
from npft.nn.layers import Dropout, LayerNorm, Linear, normal
from npft.nn.module import Module, Parameter
from npft.nn.quantized import affine


class SelfAttention(Module):
    """Queries, keys and values in one product, then attention within each sequence.

    The three weight matrices are row slices of one array (3 D, D).
    """

    def __init__(self, config: EncoderConfig, *, rng: np.random.Generator) -> None:
        d = config.hidden_size
        names = ("query", "key", "value")
        self.qkv_weight = Parameter(
            normal((3 * d, d), config.init_std, rng), parts=tuple(f"{n}.weight" for n in names)
        )
        self.qkv_bias = Parameter(
            np.zeros(3 * d, np.float32), parts=tuple(f"{n}.bias" for n in names)
        )
        self.num_heads = config.num_heads
        self.causal = config.causal
        self.additions: list[Module] = []  # from (N, D) to (N, 3 D)

    def project(self, x: Tensor) -> Tensor:
        """Queries, keys and values side by side: (N, D) to (N, 3 D)."""
        qkv = affine(x, self.qkv_weight, self.qkv_bias)
        for addition in self.additions:
            qkv = qkv + addition(x)
        return qkv

    def forward(self, x: Tensor, blocks: list[Block]) -> Tensor:
        qkv = self.project(x)  # (N, 3 D)
        return attention(qkv, blocks=blocks, num_heads=self.num_heads, causal=self.causal)

    def matrices(self) -> list[Parameter]:
        return [self.qkv_weight]

    def maps(self, x: Tensor, blocks: list[Block]) -> list[np.ndarray]:
        """The attention weights of each sequence: B arrays (H, T, T)."""
        return attention_maps(self.project(x).data, blocks, self.num_heads, self.causal)


class DisentangledSelfAttention(SelfAttention):
    """Self-attention that also has a query and a key for each of 2k distances, (2k, 2 D)."""

    def __init__(self, config: EncoderConfig, *, rng: np.random.Generator) -> None:
        super().__init__(config, rng=rng)
        rows, columns = 2 * config.max_distance, 2 * config.hidden_size
        self.distances = Parameter(normal((rows, columns), config.init_std, rng))

    def forward(self, x: Tensor, blocks: list[Block]) -> Tensor:
        return disentangled_attention(
            self.project(x), self.distances, blocks=blocks, num_heads=self.num_heads,
            causal=self.causal,
        )

    def maps(self, x: Tensor, blocks: list[Block]) -> list[np.ndarray]:
        qkv = self.project(x).data
        return disentangled_maps(qkv, self.distances.data, blocks, self.num_heads, self.causal)


BY_POSITIONS = {"absolute": SelfAttention, "relative": DisentangledSelfAttention}


class Output(Module):
    """The last map of a layer, dropout, and the sum with what entered (post-norm: normalised)."""

    def __init__(self, config: EncoderConfig, inputs: int, *, rng: np.random.Generator) -> None:
        self.dense = Linear(inputs, config.hidden_size, std=config.init_std, rng=rng)
        self.dropout = Dropout(config.dropout)
        if config.norm == "post":
            self.LayerNorm = LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.norm = config.norm
        self.additions: list[Module] = []  # from (N, D) to (N, D)

    def change(self, x: Tensor, rng: np.random.Generator | None) -> Tensor:
        """What the layer adds to what entered it: (N, D)."""
        x = self.dropout(self.dense(x), rng)
        for addition in self.additions:
            x = x + addition(x)
        return x

    def forward(self, x: Tensor, residual: Tensor, rng: np.random.Generator | None) -> Tensor:
        x = residual + self.change(x, rng)
        return self.LayerNorm(x) if self.norm == "post" else x


class Attention(Module):
    """Self-attention and its output map."""

    def __init__(self, config: EncoderConfig, *, rng: np.random.Generator) -> None:
        self.self = BY_POSITIONS[config.positions](config, rng=rng)
        self.output = Output(config, config.hidden_size, rng=rng)


class Intermediate(Module):
    """The first half of the feed-forward layer: to width F, then GELU."""

    def __init__(self, config: EncoderConfig, *, rng: np.random.Generator) -> None:
        self.dense = Linear(
            config.hidden_size, config.intermediate_size, std=config.init_std, rng=rng
        )

    def forward(self, x: Tensor) -> Tensor:
        return kernels.gelu(self.dense(x))  # (N, F)


class TransformerBlock(Module):
    """Attention, then a feed-forward layer, each added to what entered it."""

    def __init__(self, config: EncoderConfig, *, rng: np.random.Generator) -> None:
        self.norm = config.norm
        if self.norm == "pre":
            self.layernorm_before = LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attention = Attention(config, rng=rng)
        if self.norm == "pre":
            self.layernorm_after = LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.intermediate = Intermediate(config, rng=rng)
        self.output = Output(config, config.intermediate_size, rng=rng)

    def before_attention(self, x: Tensor) -> Tensor:
        """What the attention of this block looks at."""
        return self.layernorm_before(x) if self.norm == "pre" else x

    def forward(self, x: Tensor, blocks: list[Block], rng: np.random.Generator | None) -> Tensor:
        attended = self.attention.self(self.before_attention(x), blocks)
        x = self.attention.output(attended, x, rng)
        inner = self.layernorm_after(x) if self.norm == "pre" else x
        return self.output(self.intermediate(inner), x, rng)
