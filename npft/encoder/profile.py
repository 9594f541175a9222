"""How far the heads of an encoder look, and what attention costs.

For each head, the mean attention weight of tokens d apart is fitted by a power of the distance:

    A(d) = mean of α_ij over all pairs with |i - j| = d,       A(d) ≈ c d^-γ
           (of a causal encoder over the pairs with j ≤ i, for no token sees those behind it)

    γ       how fast attention falls with distance: 0 is the same everywhere
    reach   Σ α_ij |i - j| per token: how far away it looks, on the average
    regime  "local" for γ > 1 (what lies far away adds up to little), "wide" for γ < 0.5, else
            "middle"; "growing" for γ < -0.1, where attention rises with distance; "unknown" for
            a head that attends to one distance only

These definitions are ours. Special tokens are left out: many heads rest their eyes on [SEP], and
that says nothing about distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder, check_batch, check_encoder
from npft.errors import ConfigError, DataError, check_count
from npft.text.batch import Batch


@dataclass(frozen=True)
class Profile:
    """distance (n,) 1, 2, ...; attention (L, H, n) means; gamma, reach (L, H); regime by head."""

    distance: np.ndarray
    attention: np.ndarray
    gamma: np.ndarray
    reach: np.ndarray

    @property
    def regime(self) -> list[list[str]]:
        """The label of each head, by block."""
        return [[regime_of(g) for g in row] for row in self.gamma]


def regime_of(gamma: float) -> str:
    """The label of a decay exponent.

    >>> [regime_of(g) for g in (-0.5, 0.0, 0.7, 1.5, float("nan"))]
    ['growing', 'wide', 'middle', 'local', 'unknown']
    """
    if np.isnan(gamma):
        return "unknown"
    if gamma < -0.1:
        return "growing"
    return "wide" if gamma < 0.5 else "middle" if gamma <= 1 else "local"


def decay_exponent(distance: np.ndarray, attention: np.ndarray, pairs: np.ndarray) -> float:
    """γ of A(d) ≈ c d^-γ, by least squares of log A on log d, each distance weighted by its pairs.

    Distances without any attention are left out; with fewer than two others γ is NaN.

    >>> d = np.arange(1, 6)
    >>> round(decay_exponent(d, 0.3 * d**-1.5, np.ones(5)), 6)
    1.5
    """
    some = attention > 0
    if some.sum() < 2:
        return float("nan")
    x, y, pairs = np.log(distance[some]), np.log(attention[some]), pairs[some]
    dx, dy = x - np.average(x, weights=pairs), y - np.average(y, weights=pairs)
    return float(-np.sum(pairs * dx * dy) / np.sum(pairs * dx * dx))


def attention_profile(encoder: Encoder, batch: Batch, longest: int | None = None) -> Profile:
    """The profile of every head over the text tokens of a batch, for distances 1 to ``longest``.

    Raises ``ConfigError`` if the encoder has no tokenizer (which knows the special tokens) or no
    blocks, or ``longest`` is below 3, ``DataError`` if no two text tokens are three apart.

    >>> from npft import load
    >>> encoder = load("tinyworld").body
    >>> batch = encoder.tokenizer(["the teller counts the money at noon"])
    >>> profile = attention_profile(encoder, batch, longest=4)
    >>> profile.distance.tolist(), profile.attention.shape  # of 2 blocks with 4 heads each
    ([1, 2, 3, 4], (2, 4, 4))
    """
    special = check_encoder("attention_profile", encoder).special_ids
    check_batch("attention_profile", batch)
    c = encoder.config
    if not c.num_layers:
        raise ConfigError("attention_profile: the encoder has no blocks, so nothing attends")
    text = ~np.isin(batch.ids, special)
    places = [np.flatnonzero(text[a:b]) for a, b in zip(batch.offsets[:-1], batch.offsets[1:])]
    most = max((int(p[-1] - p[0]) for p in places if len(p)), default=0)
    longest = most if longest is None else min(check_count("longest", longest, least=3), most)
    if longest < 3:
        raise DataError("attention_profile: no two text tokens are three apart; give longer texts")
    shape = (c.num_layers, c.num_heads)
    total = np.zeros((*shape, longest + 1))
    pairs = np.zeros(longest + 1)
    reach, tokens = np.zeros(shape), 0
    for layer, maps in enumerate(encoder.attentions(batch)):
        for place, weights in zip(places, maps):
            apart = np.abs(place[:, None] - place)  # (t, t)
            seen = np.asarray(weights[:, place][:, :, place], np.float64)  # (H, t, t)
            reach[layer] += (seen * apart).sum(axis=(1, 2))
            near = apart <= longest
            if c.causal:
                near &= place <= place[:, None]
            for head in range(c.num_heads):
                total[layer, head] += np.bincount(
                    apart[near], weights=seen[head][near], minlength=longest + 1
                )
            if layer == 0:
                pairs += np.bincount(apart[near], minlength=longest + 1)
                tokens += len(place)
    distance = np.flatnonzero(pairs[1:]) + 1
    attention = total[..., distance] / pairs[distance]
    gamma = np.array(
        [[decay_exponent(distance, head, pairs[distance]) for head in row] for row in attention]
    )
    return Profile(distance, attention, gamma, reach / tokens)


def flops(config: EncoderConfig, length: int) -> dict[str, int]:
    """Multiplications and additions of one pass over a sequence of ``length`` tokens, by part.

        projections    8 T D² L     queries, keys, values, output
        feed-forward   4 T D F L
        attention      4 T² D L     scores and weighted sums: the only part quadratic in T
        distances      8 T k D L    relative positions: each token with 2k queries and 2k keys

    >>> c = EncoderConfig.bert_base()
    >>> flops(c, 1024)["attention"] // flops(c, 512)["attention"]
    4
    """
    check_count("flops: length", length)
    t, d, f, n = length, config.hidden_size, config.intermediate_size, config.num_layers
    relative = {"distances": 8 * t * config.max_distance * d * n}
    return {
        "projections": 8 * t * d * d * n,
        "feed-forward": 4 * t * d * f * n,
        "attention": 4 * t * t * d * n,
    } | (relative if config.positions == "relative" else {})


def kv_bytes(config: EncoderConfig, tokens: int, bytes_per_number: int = 4) -> int:
    """Memory of the keys and values of ``tokens`` tokens in all blocks: 2 L N D numbers.

    >>> kv_bytes(EncoderConfig.lesson(), 32)
    32768
    """
    check_count("kv_bytes: tokens", tokens, least=0)
    return 2 * config.num_layers * tokens * config.hidden_size * bytes_per_number
