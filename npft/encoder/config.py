"""The shape of an encoder, and how many weights it has."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from npft.errors import ConfigError, check_choice, check_count, check_positive, check_share

@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """All that defines an encoder but its weights.

    vocab_size: V, ids 0..V-1. hidden_size: D. num_layers: L. num_heads: H, which divides D.
    intermediate_size: F, the width inside the feed-forward layer. max_positions: the longest
    sequence. type_vocab_size: 2 for sentence pairs, 0 for no token types.
    dropout: the chance that a number is dropped, after the embeddings and at the end of each
    attention and feed-forward layer, while training.
    norm: "pre" normalises what enters a layer, and once more at the very end; "post"
    normalises the sum after each layer, and after the embeddings, as in BERT.
    causal: a token sees only itself and what stands before it.
    positions: "absolute" adds a vector of its place to each token, as in BERT; "relative" lets
    attention ask how far apart two tokens are, as in DeBERTa (``autograd/relative.py``), where
    all farther apart than max_distance are alike.
    init_std: the standard deviation of new weights.

    A configuration of BERT in Hugging Face's transformers has five of these fields under the same
    names (vocab_size, hidden_size, intermediate_size, type_vocab_size, layer_norm_eps) and five
    under others:

        Hugging Face                here
        num_hidden_layers           num_layers
        num_attention_heads         num_heads
        max_position_embeddings     max_positions
        hidden_dropout_prob         dropout
        initializer_range           init_std

    The others are ours: that BERT is norm="post", and causal with is_decoder=True. Its
    attention_probs_dropout_prob is not here, for no attention weight is ever dropped.

    Raises ``ConfigError`` for a value that cannot work.

    >>> EncoderConfig.lesson().num_parameters()
    118784
    """

    vocab_size: int
    hidden_size: int = 64
    num_layers: int = 2
    num_heads: int = 4
    intermediate_size: int = 256
    max_positions: int = 64
    type_vocab_size: int = 2
    dropout: float = 0.1
    norm: str = "pre"
    causal: bool = False
    layer_norm_eps: float = 1e-5
    init_std: float = 0.02
    positions: str = "absolute"
    max_distance: int = 16

    def __post_init__(self) -> None:
        least = {"type_vocab_size": 0, "num_layers": 0}
        for name, value in asdict(self).items():
            if name.endswith("_size") or name.startswith(("num_", "max_")):
                count = check_count(f"EncoderConfig: {name}", value, least.get(name, 1))
                object.__setattr__(self, name, count)  # a plain int, which JSON can hold
        if self.hidden_size % self.num_heads:
            raise ConfigError(
                f"EncoderConfig: hidden_size {self.hidden_size} is not a multiple of num_heads "
                f"{self.num_heads}; heads share the width evenly"
            )
        # Kept as plain floats, too; a frozen class is filled only this way.
        dropout = check_share("EncoderConfig: dropout", self.dropout, zero=True)
        object.__setattr__(self, "dropout", dropout)
        for name in ("layer_norm_eps", "init_std"):
            number = check_positive(f"EncoderConfig: {name}", getattr(self, name))
            if number > 1e6:  # float32 numbers times it would soon be infinite
                raise ConfigError(f"EncoderConfig: {name} is {number}, expected at most 1e6")
            object.__setattr__(self, name, number)
        check_choice("EncoderConfig: norm", self.norm, ("pre", "post"))
        if not isinstance(self.causal, bool):
            raise ConfigError(f"EncoderConfig: causal is {self.causal!r}, expected True or False")
        check_choice("EncoderConfig: positions", self.positions, ("absolute", "relative"))

    @classmethod
    def lesson(cls) -> EncoderConfig:
        """The body of the head-swap lesson: bytes, 32 positions, no token types.

        Its weights start at 0.1: BERT's 0.02 suits a width of 768, and a width of 64 would learn
        next to nothing from it in the few steps of a lesson.
        """
        return cls(vocab_size=260, max_positions=32, type_vocab_size=0, init_std=0.1)

    @classmethod
    def tiny(cls, vocab_size: int = 8192) -> EncoderConfig:
        """BERT-tiny's width and depth with 128 positions (Turc et al. 2019)."""
        return cls(
            vocab_size=vocab_size,
            hidden_size=128,
            num_heads=2,
            intermediate_size=512,
            max_positions=128,
            norm="post",
            layer_norm_eps=1e-12,
        )

    @classmethod
    def bert_base(cls) -> EncoderConfig:
        """BERT-base, uncased (Devlin et al. 2019, section 3).

        >>> EncoderConfig.bert_base().num_parameters()  # BERT's pooler would add 590,592
        108891648
        """
        return cls(
            vocab_size=30522,
            hidden_size=768,
            num_layers=12,
            num_heads=12,
            intermediate_size=3072,
            max_positions=512,
            norm="post",
            layer_norm_eps=1e-12,
        )

    @classmethod
    def xlm_r(cls) -> EncoderConfig:
        """XLM-R large: a hundred languages (Conneau et al. 2020); nearly half are word vectors.

        >>> EncoderConfig.xlm_r().num_parameters()
        558840832
        """
        return cls(
            vocab_size=250002,
            hidden_size=1024,
            num_layers=24,
            num_heads=16,
            intermediate_size=4096,
            max_positions=514,
            type_vocab_size=1,
            norm="post",
        )

    def num_parameters(self) -> int:
        """The number of weights of the body, by formula.

            tables      (V + positions + token types) D
            each layer  4 (D² + D)  attention,  2 D F + F + D  feed-forward,  4 D  two layer norms
            one more    2 D         layer norm
            relative positions: no table of positions, but 4 k D distances in each layer
        """
        d, f = self.hidden_size, self.intermediate_size
        relative = self.positions == "relative"
        places = 0 if relative else self.max_positions
        tables = (self.vocab_size + places + self.type_vocab_size) * d
        layer = 4 * (d * d + d) + (2 * d * f + f + d) + 4 * d
        layer += 4 * self.max_distance * d if relative else 0
        return tables + self.num_layers * layer + 2 * d

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return asdict(self)
