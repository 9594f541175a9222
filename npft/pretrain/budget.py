"""What a training step costs in floating-point operations, so that objectives compare fairly.

A product of (n, a) with (a, b) takes 2 n a b operations. Forward, for one batch:

    body          8 D² + 4 D F for each token and block, 4 T² D for each sequence and block
    masked rows   2 M D (D + V)          only they meet the vocabulary (causal: 2 M D V)
    pairs         4 B D                  next sentence, order
    borders       2 M D (4 D + V)        the second prediction of the span boundary objective
    generator     a body and masked rows of its own width
    detector      2 n D (D + 1)          every text token is asked

The way back takes twice as much: each product has a gradient for what enters it and one for its
weights. Left out, for all objectives alike: look-ups, layer norms, softmax, GELU, draws, AdamW.
A causal mask hides half of the attention weights, but all are computed, and so counted.
"""

from __future__ import annotations

import numpy as np

from npft.encoder.config import EncoderConfig
from npft.encoder.profile import flops
from npft.errors import ConfigError
from npft.pretrain.boundary import SpanLM
from npft.pretrain.catalogue import Objective
from npft.pretrain.causal import CausalLM
from npft.pretrain.electra import ReplacedTokens
from npft.pretrain.masking import Masked
from npft.pretrain.objectives import MaskedLM
from npft.pretrain.pairs import Corpus, Documents
from npft.pretrain.source import Feed, Pretrainable, Source
from npft.text.batch import Batch

BACKWARD = 2  # times the forward pass


def _body(config: EncoderConfig, batch: Batch) -> int:
    lengths, counts = np.unique(batch.lengths, return_counts=True)
    return sum(int(n) * sum(flops(config, int(t)).values()) for t, n in zip(lengths, counts))


def _masked_rows(config: EncoderConfig, rows: int) -> int:
    d = config.hidden_size
    return 2 * rows * d * (d + config.vocab_size)


def forward_flops(model: Pretrainable, masked: Masked) -> dict[str, int]:
    """Multiplications and additions of one forward pass over a batch, by part.

    Raises ``ConfigError`` for a model of another kind than those of ``OBJECTIVES``.

    >>> from npft.encoder.encoder import Encoder
    >>> rng = np.random.default_rng(0)
    >>> config = EncoderConfig(vocab_size=10, hidden_size=4, num_layers=0)
    >>> model = MaskedLM(Encoder(config, rng=rng), rng=rng)
    >>> batch = Batch([2, 5, 6, 7, 3], [0, 5])
    >>> forward_flops(model, Masked(batch, np.array([1, 3]), np.array([5, 7])))
    {'body': 0, 'masked rows': 224, 'pairs': 16}
    """
    c, rows = model.encoder.config, len(masked.rows)
    parts = {"body": _body(c, masked.batch)}
    if isinstance(model, ReplacedTokens):
        small = model.generator.encoder.config
        parts["generator"] = _body(small, masked.batch) + _masked_rows(small, rows)
        asked = len(model.text_rows(masked))
        return parts | {"detector": 2 * asked * c.hidden_size * (c.hidden_size + 1)}
    if isinstance(model, CausalLM):
        return parts | {"rows": 2 * rows * c.hidden_size * c.vocab_size}
    if not isinstance(model, MaskedLM):
        raise ConfigError(f"forward_flops: no count for a {type(model).__name__}")
    parts["masked rows"] = _masked_rows(c, rows)
    if model.nsp:
        parts["pairs"] = 4 * len(masked.batch) * c.hidden_size
    if isinstance(model, SpanLM):
        parts["borders"] = 2 * rows * c.hidden_size * (4 * c.hidden_size + c.vocab_size)
    return parts


def step_flops(model: Pretrainable, masked: Masked) -> int:
    """The operations of one training step on a batch: forward and back."""
    return (1 + BACKWARD) * sum(forward_flops(model, masked).values())


def steps_within(
    budget: float,
    model: Pretrainable,
    documents: Documents,
    objective: Objective,
    *,
    batch_size: int = 32,
    samples: int = 20,
    rng: np.random.Generator,
) -> int:
    """How many training steps of an objective a budget of operations buys.

    The cost of a step is the mean over ``samples`` batches, for rows differ in length. Raises
    ``ConfigError`` for a budget below one step or an encoder without a tokenizer.
    """
    encoder = model.encoder
    if encoder.tokenizer is None:
        raise ConfigError("steps_within: the encoder has no tokenizer; pass one to Encoder")
    source = Source(
        Corpus(documents, encoder.tokenizer), objective.layout, encoder.config.max_positions
    )
    feed = Feed(source, objective.corrupt, batch_size, order=rng, masks=rng)
    cost = float(np.mean([step_flops(model, next(feed)) for _ in range(samples)]))
    if not cost <= budget < np.inf:
        raise ConfigError(f"steps_within: a step costs {cost:.3g}, the budget is {budget:.3g}")
    return round(budget / cost)
