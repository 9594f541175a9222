"""The regimes of fine-tuning: which part of a model trains, and how fast.

    head    the body is frozen; only the head learns
    last    the last block learns as well
    full    everything learns
"""

from __future__ import annotations

from npft.encoder.model import Model
from npft.errors import ConfigError
from npft.nn.module import Module, freeze, unfreeze

# The learning rates of a small body of 10^5 weights; rates of large models (2e-5 for all weights of
# BERT) would hardly move one.
LEARNING_RATES = {"head": 1e-2, "last": 3e-3, "full": 2e-3}
DROPOUT = 0.1  # labelled data are few


def learning_rate(regime: str) -> float:
    """The rate a regime trains at; raises ``ConfigError`` for an unknown regime."""
    if regime not in LEARNING_RATES:
        raise ConfigError(f"regime is {regime!r}, expected one of {', '.join(LEARNING_RATES)}")
    return LEARNING_RATES[regime]


def set_regime(model: Model, regime: str) -> None:
    """Freeze what the regime keeps fixed, and let the rest train.

    Raises ``ConfigError`` for an unknown regime.
    """
    learning_rate(regime)
    if regime == "full":
        unfreeze_body(model)
    else:
        freeze_body(model, last=1 if regime == "last" else 0)


def freeze_body(model: Model, last: int = 0) -> None:
    """Train the heads alone, or, with ``last`` = n, the last n blocks as well.

    A frozen part records no graph and runs without dropout, so its weights cannot move.
    Raises ``ConfigError`` if the encoder has fewer than ``last`` blocks.
    """
    layers = model.encoder.config.num_layers
    if not 0 <= last <= layers:
        raise ConfigError(f"freeze_body: last is {last}, the encoder has {layers} blocks")
    unfreeze_body(model)
    trained = tuple(f"encoder.encoder.layer.{i}." for i in range(layers - last, layers))
    if last:
        trained += ("encoder.layernorm.",)  # the normalisation after the last block
    freeze(model, lambda name: name.startswith("encoder.") and not name.startswith(trained))


def unfreeze_body(model: Model) -> None:
    """Train the body again; the heads stay as they are."""
    unfreeze(model, "encoder.")


def num_trainable(model: Module) -> int:
    """How many weights training would change."""
    return sum(p.size for p in model.parameters() if p.requires_grad)
