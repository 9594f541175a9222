"""Which hidden states a head reads: those of the last block, or of the last k as one.

    mean     their mean                 (N, D)
    sum      their sum                  (N, D), k times the mean: of the same direction
    concat   all of them side by side   (N, k D)

A frozen body that was pretrained to predict words says more in its last four blocks than in the
last one alone (Devlin et al. 2019, section 5.3). In a pre-norm body only the last state has gone
through the final layer norm; the others are as they left their blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

from npft.autograd.ops import concatenate
from npft.autograd.tensor import Tensor
from npft.encoder.config import EncoderConfig
from npft.errors import ConfigError, check_choice, check_count
COMBINE = ("mean", "sum", "concat")


def width_of_layers(config: EncoderConfig, layers: int, combine: str) -> int:
    """How many columns the last ``layers`` blocks have together.

    Raises ``ConfigError`` for more blocks than there are, or an unknown way to combine them.

    >>> width_of_layers(EncoderConfig.lesson(), 2, "mean")
    64
    >>> width_of_layers(EncoderConfig.lesson(), 2, "concat")
    128
    """
    check_count("layers", layers)
    check_choice("combine", combine, COMBINE)
    if layers > max(1, config.num_layers):
        raise ConfigError(
            f"layers is {layers}, the encoder has {config.num_layers} blocks; read fewer of them"
        )
    return layers * config.hidden_size if combine == "concat" else config.hidden_size


def combined(states: Sequence[Tensor], combine: str) -> Tensor:
    """Hidden states (N, D) of several blocks as one tensor.

    >>> one, two = Tensor([[1.0, 0.0]]), Tensor([[3.0, 2.0]])
    >>> [combined([one, two], way).data.tolist() for way in COMBINE]
    [[[2.0, 1.0]], [[4.0, 2.0]], [[1.0, 0.0, 3.0, 2.0]]]
    """
    if len(states) == 1:
        return states[0]
    if combine == "concat":
        return concatenate(*states, axis=1)
    total = states[0]
    for state in states[1:]:
        total = total + state
    return total if combine == "sum" else total * (1 / len(states))
