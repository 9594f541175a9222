"""Small trained parts beside the weights of a body, which stay as they are: LoRA and adapters.

    LoRA      W x  becomes  W x + (scale / rank) B A x        A (rank, D), B (3 D, rank)
    adapter   h    becomes  h + up gelu(down h)               down (width, D), up (D, width)

B and ``up`` are 0 at first, so that a model says what it said before, to the bit. What is trained
later is only these, and the heads: the body cannot forget, it is only spoken over. Switched off,
they leave the body that was there before; a low-rank change can also be merged into the weights,
and then costs nothing.

Added weights, of L blocks of width D:

    LoRA      L · 4 D · rank
    adapter   2 L (2 D · width + width + D)

Source: Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models", equation 3. There
query and value have an A and a B of their own; here query, key and value are one matrix (3 D, D)
and share one A, with as many weights at the same rank. Houlsby et al. 2019, "Parameter-Efficient
Transfer Learning for NLP", section 2.1, who also train the layer norms; here they stay as well.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from npft.autograd import kernels, ops
from npft.autograd.tensor import Tensor
from npft.encoder.blocks import Output, SelfAttention
from npft.encoder.encoder import Encoder
from npft.errors import (
    CheckpointError, ConfigError, check_count, check_finite, check_positive, quoted,
)
from npft.nn.layers import Linear, normal
from npft.nn.module import Module, Parameter
from npft.nn.quantized import need_floats

RANK, SCALE = 4, 8.0
WIDTH = 4  # as many weights, but for biases, as LoRA of this rank


class LowRank(Module):
    """A change of a matrix W (F, D) of rank r: ``(scale / r) B A x`` of x (N, D), 0 at first.

    A (r, D) is drawn with standard deviation 1 / √D, so that A x is about as large as x.

    >>> part = LowRank(2, 1, rank=1, scale=3.0, rng=np.random.default_rng(0))
    >>> part.A.assign([[1.0, -1.0]])
    >>> part.B.assign([[2.0]])
    >>> part(np.array([[5.0, 1.0]], np.float32)).item(), part.matrix().tolist()  # 3 * 2 * (5 - 1)
    (24.0, [[6.0, -6.0]])
    """

    kind = "lora"

    def __init__(
        self, inputs: int, outputs: int, rank: int, scale: float, *, rng: np.random.Generator
    ) -> None:
        self.rank, self.scale = rank, scale
        self.A = Parameter(normal((rank, inputs), 1 / float(np.sqrt(inputs)), rng))
        self.B = Parameter(np.zeros((outputs, rank), np.float32))

    def forward(self, x: Tensor) -> Tensor:
        small = x @ ops.transpose(self.A)  # (N, r)
        return (small @ ops.transpose(self.B)) * (self.scale / self.rank)  # (N, F)

    def matrix(self) -> np.ndarray:
        """The change of W as a whole matrix, (F, D), in float64."""
        a, b = (p.data.astype(np.float64) for p in (self.A, self.B))
        return b @ a * (self.scale / self.rank)

    def options(self) -> dict[str, Any]:
        """What ``add_lora`` was told."""
        return {"kind": self.kind, "rank": self.rank, "scale": self.scale}


class Adapter(Module):
    """A bottleneck after a sub-layer: ``up gelu(down h)`` of h (N, D), 0 at first.

    >>> part = Adapter(4, width=2, std=0.1, rng=np.random.default_rng(0))
    >>> part(np.ones((1, 4), np.float32)).data.tolist(), part.num_parameters()
    ([[0.0, 0.0, 0.0, 0.0]], 22)
    """

    kind = "adapter"

    def __init__(self, inputs: int, width: int, std: float, *, rng: np.random.Generator) -> None:
        self.down = Linear(inputs, width, std=std, rng=rng)
        self.up = Linear(width, inputs, std=0.0, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(kernels.gelu(self.down(x)))

    def options(self) -> dict[str, Any]:
        """What ``add_adapters`` was told."""
        return {"kind": self.kind, "width": self.down.weight.shape[0]}


def add_lora(
    model: Any, rank: int = RANK, scale: float = SCALE, *, rng: np.random.Generator
) -> None:
    """Add a low-rank change beside the queries, keys and values of every block.

    model: an ``Encoder`` or a model with one. rank: 1 to D - 1, for at D the change would be no
    smaller than what it changes. scale: what B A is multiplied by, divided by the rank; it acts as
    a rate does. The outputs stay the same to the bit until B is trained; ``set_regime(model,
    "lora")`` lets only the additions and the heads train.

    Raises ``ConfigError`` for an encoder without blocks or with such a change, or other numbers.

    >>> from npft.encoder.config import EncoderConfig
    >>> rng = np.random.default_rng(0)
    >>> encoder = Encoder(EncoderConfig.lesson(), rng=rng)
    >>> add_lora(encoder, rank=4, rng=rng)
    >>> encoder.num_parameters() - EncoderConfig.lesson().num_parameters()  # 2 · 4 · 64 · 4
    2048
    """
    body = _body_to_add_to("add_lora", model, LowRank.kind)
    rank = _checked_smaller("add_lora: rank", rank, body)
    scale = check_positive("add_lora: scale", scale)
    if scale > 1e6:  # float32 numbers times it would soon be infinite
        raise ConfigError(f"add_lora: scale is {scale}, expected at most 1e6")
    for seam in _attentions(body):
        rows, columns = seam.qkv_weight.shape
        part = LowRank(columns, rows, rank, scale, rng=rng)
        seam.additions.append(_like(seam.qkv_weight, part))


def add_adapters(model: Any, width: int = WIDTH, *, rng: np.random.Generator) -> None:
    """Add a bottleneck of ``width`` numbers after the attention and the feed-forward layer.

    In every block, before the sum with what entered the layer. model: an ``Encoder`` or a model
    with one. width: 1 to D - 1. The outputs stay the same to the bit until the adapters are
    trained; ``set_regime(model, "adapter")`` lets only the additions and the heads train.

    Raises ``ConfigError`` for an encoder without blocks or with adapters, or another width.

    >>> from npft.encoder.config import EncoderConfig
    >>> rng = np.random.default_rng(0)
    >>> encoder = Encoder(EncoderConfig.lesson(), rng=rng)
    >>> add_adapters(encoder, width=8, rng=rng)
    >>> encoder.num_parameters() - EncoderConfig.lesson().num_parameters()  # 4 (2 · 64 · 8 + 72)
    4384
    """
    body = _body_to_add_to("add_adapters", model, Adapter.kind)
    width = _checked_smaller("add_adapters: width", width, body)
    for seam in _outputs(body):
        part = Adapter(body.config.hidden_size, width, body.config.init_std, rng=rng)
        seam.additions.append(_like(seam.dense.weight, part))


def merge_lora(model: Any) -> None:
    """Put the low-rank change into the weights, W + (scale / rank) B A, and take it away.

    The outputs stay the same but for rounding (float32: about 1e-6), the weights are those of a
    plain body. It cannot be switched off any more. Raises ``ConfigError`` if there is none,
    ``NonFiniteError`` for a change that is not finite; the model then stays as it is.

    >>> from npft.encoder.config import EncoderConfig
    >>> rng = np.random.default_rng(0)
    >>> encoder = Encoder(EncoderConfig.lesson(), rng=rng)
    >>> add_lora(encoder, rng=rng)
    >>> merge_lora(encoder)
    >>> encoder.num_parameters()
    118784
    """
    body = _checked_body("merge_lora", model)
    need_floats("merge_lora", body)
    if LowRank.kind not in kinds_of(body):
        raise ConfigError("merge_lora: the model has no low-rank change; add_lora adds one")
    seams: list[Any] = list(_attentions(body))
    merged = []
    with np.errstate(over="ignore", invalid="ignore"):  # told below
        for seam in seams:
            changes = sum(part.matrix() for part in seam.additions)
            merged.append((seam.qkv_weight.data + changes).astype(seam.qkv_weight.dtype))
    for number, weight in enumerate(merged):
        check_finite(f"merge_lora: the merged weight of block {number}", weight)
    for seam, weight in zip(seams, merged):
        seam.qkv_weight.assign(weight)
        seam.additions = []


@contextlib.contextmanager
def switched_off(model: Any) -> Iterator[None]:
    """Inside this block the model is without its additions: the body of before, to the bit.

    So what the body has forgotten, measured here, is exactly 0. Also ``save`` then writes a plain
    model. Raises ``ConfigError`` for what has no encoder, and at the end if something was added
    meanwhile: it is taken away, for the additions of before come back to its place.

    >>> from npft.encoder.config import EncoderConfig
    >>> rng = np.random.default_rng(0)
    >>> encoder = Encoder(EncoderConfig.lesson(), rng=rng)
    >>> add_adapters(encoder, rng=rng)
    >>> with switched_off(encoder):
    ...     encoder.num_parameters()
    118784
    """
    body = _checked_body("switched_off", model)
    seams = _seams(body)
    kept = [seam.additions for seam in seams]
    for seam in seams:
        seam.additions = []
    new = False
    try:
        yield
        new = any(seam.additions for seam in seams)
    finally:
        for seam, additions in zip(seams, kept):
            seam.additions = additions
    if new:
        raise ConfigError(
            "switched_off: something was added to the model while its additions were off, and was "
            "taken away again; add it before or behind the block"
        )


def additions_of(model: Any) -> list[dict[str, Any]]:
    """What was added to the encoder of a model, as ``add_again`` takes it; of most models nothing.

    >>> from npft.encoder.config import EncoderConfig
    >>> rng = np.random.default_rng(0)
    >>> encoder = Encoder(EncoderConfig.lesson(), rng=rng)
    >>> add_lora(encoder, rank=2, rng=rng)
    >>> additions_of(encoder)
    [{'kind': 'lora', 'rank': 2, 'scale': 8.0}]
    """
    body = _checked_body("additions_of", model)
    if not body.encoder.layer:
        return []
    attention, output, *_ = _seams(body)  # all blocks have the same
    return [part.options() for part in [*attention.additions, *output.additions]]


def kinds_of(model: Any) -> list[str]:
    """The kinds of what was added: of "lora" and "adapter"."""
    return [options["kind"] for options in additions_of(model)]


ADDITIONS: dict[str, Callable[..., None]] = {LowRank.kind: add_lora, Adapter.kind: add_adapters}


def add_again(encoder: Encoder, additions: Any, *, rng: np.random.Generator) -> None:
    """Add what ``additions_of`` has told of another encoder; raises ``CheckpointError`` for others.

    The numbers are new: those of the other encoder come with its weights.
    """
    if not isinstance(additions, list) or not all(isinstance(part, dict) for part in additions):
        raise CheckpointError(f"its additions are {quoted(additions)}, expected a list of objects")
    for part in additions:
        kind, options = part.get("kind"), {k: v for k, v in part.items() if k != "kind"}
        wanted = {LowRank.kind: {"rank", "scale"}, Adapter.kind: {"width"}}
        if kind not in list(wanted) or set(options) != wanted[kind]:
            raise CheckpointError(f"an addition is {quoted(part)}, which is not how npft saves it")
        ADDITIONS[kind](encoder, **options, rng=rng)


def added(name: str) -> bool:
    """Whether a weight of this name is one of an addition.

    >>> added("encoder.encoder.layer.0.attention.self.additions.0.A")
    True
    """
    return ".additions." in name


def _checked_body(caller: str, model: Any) -> Encoder:
    """The encoder of a model."""
    body = getattr(model, "body", None)
    if not isinstance(body, Encoder):
        raise ConfigError(
            f"{caller}: model is {type(model).__name__}, expected an Encoder or a model with one"
        )
    return body


def _body_to_add_to(caller: str, model: Any, kind: str) -> Encoder:
    """The encoder of a model, if it has blocks and nothing of this kind."""
    body = _checked_body(caller, model)
    need_floats(caller, body)  # no gradient goes through rounded weights
    if not body.encoder.layer:
        raise ConfigError(f"{caller}: the encoder has no blocks to add to")
    if kind in kinds_of(body):
        more = "; merge_lora puts it into the weights" if kind == LowRank.kind else ""
        raise ConfigError(f"{caller}: the model has such an addition already{more}")
    return body


def _checked_smaller(name: str, number: int, body: Encoder) -> int:
    """A plain int, which JSON can hold; raises ``ConfigError`` unless 1 <= number < D."""
    width, number = body.config.hidden_size, check_count(name, number)
    if number >= width:
        raise ConfigError(
            f"{name} is {number}, expected 1 to {width - 1}: less than the width of the encoder, "
            "or the addition is no smaller than what it adds to"
        )
    return number


def _attentions(body: Encoder) -> list[SelfAttention]:
    """The attention of each block."""
    return [block.attention.self for block in body.encoder.layer]


def _outputs(body: Encoder) -> list[Output]:
    """The ends of both sub-layers of each block."""
    blocks = body.encoder.layer
    return [output for block in blocks for output in (block.attention.output, block.output)]


def _seams(body: Encoder) -> list[Any]:
    """All places for additions, block after block."""
    places = zip(_attentions(body), _outputs(body)[::2], _outputs(body)[1::2])
    return [seam for of_block in places for seam in of_block]


def _like(weight: Parameter, part: Module) -> Module:
    """The part in the dtype of the weights it stands beside, and in evaluation mode."""
    part.astype(weight.dtype)
    return part.eval()
