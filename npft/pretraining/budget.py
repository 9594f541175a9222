"""What a training step costs in floating-point operations, so that objectives compare fairly.

A product of (n, a) with (a, b) takes 2 n a b operations. Forward, for one batch:

    body          8 D² + 4 D F for each token and block, 4 T² D for each sequence and block,
                  with relative positions 8 k D more for each token and block
    masked rows   2 M D (D + V)          only they meet the vocabulary (causal: 2 M D V)
    pairs         4 B D                  next sentence, order; through BERT's pooler 2 B D² more
    borders       2 M D (4 D + V)        the second prediction of the span boundary objective
    generator     a body and masked rows of its own width
    detector      2 n D (D + 1)          every text token is asked
    additions     8 D rank, 8 D width    LoRA, adapters: for each token and block

The way back takes twice as much: each product has a gradient for what enters it and one for its
weights, also where a part is frozen and would need but one or none. Left out, for all objectives
alike: look-ups, layer norms, softmax, GELU, draws, AdamW.
A causal mask hides half of the attention weights, but all are computed, and so counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npft.encoder.additions import additions_of
from npft.encoder.config import EncoderConfig
from npft.encoder.head import Head
from npft.encoder.model import Model
from npft.encoder.pooling import POOLERS
from npft.encoder.profile import flops
from npft.errors import ConfigError, check_count, check_positive, check_rng
from npft.pretraining.catalogue import Objective
from npft.pretraining.electra import text_tokens
from npft.pretraining.pairs import Corpus, Documents
from npft.pretraining.source import Feed, Source
from npft.text.batch import Batch

BACKWARD = 2  # times the forward pass


def _body(config: EncoderConfig, batch: Batch) -> int:
    lengths, counts = np.unique(batch.lengths, return_counts=True)
    return sum(int(n) * sum(flops(config, int(t)).values()) for t, n in zip(lengths, counts))


def _additions(model: Model, batch: Batch) -> int:
    c = model.encoder.config
    widths = sum(part.get("rank", 0) + part.get("width", 0) for part in additions_of(model))
    return 8 * len(batch.ids) * c.num_layers * c.hidden_size * widths


def _masked_rows(head: Head, model: Model, batch: Batch) -> int:
    c = model.encoder.config
    return 2 * batch.n_targets * c.hidden_size * (c.hidden_size + c.vocab_size)


def _rows(head: Head, model: Model, batch: Batch) -> int:
    return 2 * batch.n_targets * model.encoder.config.hidden_size * model.encoder.config.vocab_size


def _pairs(head: Any, model: Model, batch: Batch) -> int:
    d = model.encoder.config.hidden_size
    return len(batch) * (4 * d + (2 * d * d if head.pool.kind in POOLERS else 0))


def _borders(head: Head, model: Model, batch: Batch) -> int:
    c = model.encoder.config
    return 2 * batch.n_targets * c.hidden_size * (4 * c.hidden_size + c.vocab_size)


def _detector(head: Head, model: Model, batch: Batch) -> int:
    d = model.encoder.config.hidden_size
    return 2 * int(text_tokens(batch, model.tokenizer).sum()) * d * (d + 1)


# What the kinds of heads are called in the table above, and what they cost.
HEADS: dict[str, tuple[str, Callable[[Any, Model, Batch], int]]] = {
    "words": ("masked rows", _masked_rows),
    "next_words": ("rows", _rows),
    "pairs": ("pairs", _pairs),
    "boundary": ("borders", _borders),
    "detector": ("detector", _detector),
}


def forward_flops(model: Model, batch: Batch) -> dict[str, int]:
    """Multiplications and additions of one forward pass over a corrupted batch, by part.

    Raises ``ConfigError`` for a model with other heads than those of ``OBJECTIVES``.

    >>> from npft.encoder.encoder import Encoder
    >>> from npft.heads.words import MaskedLM
    >>> rng = np.random.default_rng(0)
    >>> config = EncoderConfig(vocab_size=10, hidden_size=4, num_layers=0)
    >>> model = MaskedLM(Encoder(config, rng=rng), rng=rng)
    >>> batch = Batch([2, 5, 6, 7, 3], [0, 5], token_labels=[-100, 5, -100, 7, -100])
    >>> forward_flops(model, batch)
    {'body': 0, 'masked rows': 224, 'pairs': 16}
    """
    parts = {"body": _body(model.encoder.config, batch)}
    generator = getattr(model, "generator", None)
    if generator is not None:
        parts["generator"] = sum(forward_flops(generator, batch).values())
    for head in model.heads.values():
        if head.kind not in HEADS:
            raise ConfigError(f"forward_flops: no count for a head of kind {head.kind!r}")
        name, cost = HEADS[head.kind]
        parts[name] = parts.get(name, 0) + cost(head, model, batch)
    if additions_of(model):
        parts["additions"] = _additions(model, batch)
    return parts


def step_flops(model: Model, batch: Batch) -> int:
    """The operations of one training step on a batch: forward and back."""
    return (1 + BACKWARD) * sum(forward_flops(model, batch).values())


def steps_within(
    budget: float,
    model: Model,
    documents: Documents,
    objective: Objective,
    *,
    batch_size: int = 32,
    samples: int = 20,
    rng: np.random.Generator,
) -> int:
    """How many training steps of an objective a budget of operations buys, to the nearest step.

    So up to half a step more than the budget may be spent. The cost of a step is the mean over
    ``samples`` batches, for rows differ in length. Raises ``ConfigError`` for a budget below one
    step, numbers that are none or an encoder without a tokenizer.
    """
    check_rng("steps_within: rng", rng)
    check_count("steps_within: batch_size", batch_size)
    check_count("steps_within: samples", samples)
    budget = check_positive("steps_within: budget", budget)
    tokenizer = model.encoder.need_tokenizer("steps_within")
    positions = model.encoder.config.max_positions
    source = Source(Corpus(documents, tokenizer), objective.layout, positions)
    feed = Feed(source, objective.corrupt, batch_size, order=rng, masks=rng)
    cost = float(np.mean([step_flops(model, next(feed)) for _ in range(samples)]))
    if cost > budget:
        raise ConfigError(f"steps_within: a step costs {cost:.3g}, the budget is {budget:.3g}")
    return round(budget / cost)
