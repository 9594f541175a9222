"""The regimes of fine-tuning: which part of a model trains, and how fast.

    head     the body is frozen; only the head learns
    last     the last block learns as well
    full     everything learns
    gradual  the head at first, then one layer more from the top in each epoch (``gradual.py``)
    ulmfit   gradual, lower layers more slowly, on a slanted triangular schedule
    lp-ft    the head alone at first, then everything
    lora     the body stays; a low-rank change beside its attention learns, and the head
    adapter  the body stays; bottlenecks between its layers learn, and the head

Three change on the way; ``recipes.py`` runs each in one call, and adds what "lora" and "adapter"
train (``encoder/additions.py``).

Freezing the lower layers (``freeze_first``, ``freeze_body``) against forgetting:

Idea        What does not move cannot forget. The lower layers hold what is common to all tasks.
Equation    θ_l stays for all layers l up to n; a frozen body forgets exactly 0
When        where the task is near to pretraining, so that the upper layers are enough for it
Cost        less than nothing: a frozen layer records no graph, and has no gradient or moments
Source      Lee et al. 2019, "What Would Elsa Do? Freezing Layers During Transformer Fine-Tuning"
"""

from __future__ import annotations

from typing import Any

from npft.encoder.additions import ADDITIONS, added, kinds_of
from npft.encoder.model import Model
from npft.errors import ConfigError, check_count, quoted
from npft.nn.module import Module, freeze, unfreeze

# The learning rates of a small body of 10^5 weights; rates of large models (2e-5 for all weights of
# BERT) would hardly move one, and these would undo what a large one has learnt.
LEARNING_RATES = {
    "head": 1e-2, "last": 3e-3, "full": 2e-3, "gradual": 4e-3, "ulmfit": 1e-2, "lp-ft": 2e-3,
    "lora": 5e-3, "adapter": 1e-2,
}  # fmt: skip
LARGE_WIDTH = 256  # from so many columns on a body was pretrained elsewhere, and on much text
LARGE_RATES = {
    "head": 1e-2, "last": 2e-4, "full": 5e-5, "gradual": 1e-4, "ulmfit": 2.5e-4, "lp-ft": 5e-5,
    "lora": 5e-4, "adapter": 1e-3,
}  # fmt: skip
DROPOUT = 0.1  # labelled data are few


def learning_rate(regime: str, width: int = 0) -> float:
    """The rate a regime trains at, in a body of so many columns; 0 stands for a small body.

    Raises ``ConfigError`` for an unknown regime, or a width that is no count.

    >>> learning_rate("full"), learning_rate("full", 384)
    (0.002, 5e-05)
    """
    if not isinstance(regime, str) or regime not in LEARNING_RATES:
        raise ConfigError(
            f"regime is {quoted(regime)}, expected one of {', '.join(LEARNING_RATES)}"
        )
    check_count("learning_rate: width", width, least=0)
    return (LARGE_RATES if width >= LARGE_WIDTH else LEARNING_RATES)[regime]


def set_regime(model: Model, regime: str) -> None:
    """Freeze what of the body the regime keeps fixed (at first, if it changes); its rest trains.

    Heads stay as they are, also frozen ones. Where both LoRA and adapters were added, "lora" and
    "adapter" each train both.

    Raises ``ConfigError`` for an unknown regime, or "lora" or "adapter" where none was added.
    """
    learning_rate(regime)
    check_model("set_regime", model)
    if regime in ADDITIONS and regime not in kinds_of(model):
        raise ConfigError(
            f"{regime}: nothing of the kind was added to the body; call "
            f"{ADDITIONS[regime].__name__}(model, rng=rng) first, or fine_tune_as, which does"
        )
    if regime == "full":
        unfreeze_body(model)
    else:
        freeze_body(model, last=1 if regime == "last" else 0)
    if regime in ADDITIONS:
        unfreeze(model, added)


def layers_of(model: Model) -> dict[str, tuple[str, ...]]:
    """The layers of a model from the top down, each with the beginnings of its weights' names.

    The normalisation after the last block, if there is one, belongs to that block.

    >>> import numpy as np
    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.encoder.encoder import Encoder
    >>> from npft.heads.classes import Classifier
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    >>> list(layers_of(model))
    ['heads', 'block 1', 'block 0', 'embeddings']
    """
    check_model("layers_of", model)
    numbers = reversed(range(model.encoder.config.num_layers))
    body = {f"block {i}": (f"encoder.encoder.layer.{i}.",) for i in numbers}
    body |= {"embeddings": ("encoder.embeddings.",)}
    top = next(iter(body))
    return {"heads": ("heads.",)} | body | {top: (*body[top], "encoder.layernorm.")}


def check_model(name: str, model: Any) -> None:
    """Raise ``ConfigError`` for what is no ``Model``, such as an encoder: it has no heads."""
    if not isinstance(model, Model):
        raise ConfigError(
            f"{name}: model is {type(model).__name__}, expected an encoder with heads, such as a "
            "Classifier; npft.freeze(module) freezes a module of any kind"
        )


def freeze_body(model: Model, last: int = 0) -> None:
    """Train the heads alone, or, with ``last`` = n, the last n blocks as well.

    A frozen part records no graph and runs without dropout, so its weights cannot move.
    Raises ``ConfigError`` if the encoder has fewer than ``last`` blocks.

    >>> import numpy as np
    >>> from npft import Classifier, Encoder, EncoderConfig, num_trainable
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    >>> freeze_body(model)
    >>> num_trainable(model)  # 2 classes of 64 weights and a bias each
    130
    """
    check_model("freeze_body", model)
    layers = model.encoder.config.num_layers
    if check_count("freeze_body: last", last, least=0) > layers:
        raise ConfigError(f"freeze_body: last is {last}, the encoder has {layers} blocks")
    unfreeze_body(model)
    trained = sum(list(layers_of(model).values())[1 : last + 1], ())
    freeze(model, lambda name: name.startswith("encoder.") and not name.startswith(trained))


def freeze_first(model: Model, blocks: int) -> None:
    """Freeze the embeddings and the first ``blocks`` blocks; what lies above them trains.

    Raises ``ConfigError`` if the encoder has fewer blocks.

    >>> import numpy as np
    >>> from npft import Classifier, Encoder, EncoderConfig, num_trainable
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    >>> for blocks in (0, 1, 2):  # the last 128 weights of the body are those of its last norm
    ...     freeze_first(model, blocks)
    ...     num_trainable(model)
    100226
    50242
    130
    """
    check_model("freeze_first", model)
    layers = model.encoder.config.num_layers
    if check_count("freeze_first: blocks", blocks, least=0) > layers:
        raise ConfigError(f"freeze_first: blocks is {blocks}, the encoder has {layers} blocks")
    freeze_body(model, last=layers - blocks)


def unfreeze_body(model: Model) -> None:
    """Train the body again; the heads stay as they are.

    >>> import numpy as np
    >>> from npft import Classifier, Encoder, EncoderConfig, num_trainable
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    >>> freeze_body(model)
    >>> unfreeze_body(model)
    >>> num_trainable(model) == model.num_parameters()
    True
    """
    check_model("unfreeze_body", model)
    unfreeze(model, "encoder.")


def num_trainable(model: Module) -> int:
    """How many weights training would change.

    >>> import numpy as np
    >>> from npft import Linear
    >>> layer = Linear(3, 2, rng=np.random.default_rng(0))
    >>> num_trainable(layer), freeze(layer, "bias"), num_trainable(layer)
    (8, 1, 6)
    """
    return sum(p.size for p in model.parameters() if p.requires_grad)
