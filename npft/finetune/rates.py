"""Rates and schedules for each layer: what lies lower is more general, and may learn more slowly.

    heads        η
    last block   η_body               by default η / ratio
    below it     η^{l-1} = η^l / ratio    down to the embeddings

With ratio 1 all of the body learns at one rate. Howard & Ruder (2018, section 3.2) take 2.6, and
call it discriminative fine-tuning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from npft.encoder.model import Model
from npft.errors import ConfigError, check_positive
from npft.finetune.regimes import layers_of
from npft.nn.fit import WEIGHT_DECAY
from npft.nn.optim import Schedule, decay_groups
from npft.nn.schedules import schedule_of

RATIO = 2.6  # of the rates of two layers, in ULMFiT
WARMUP = 0.05  # share of the steps

Group = dict[str, Any]  # parameters of one rate, as an optimiser takes them


def rate_groups(
    model: Model,
    lr: float,
    body_lr: float | None = None,
    ratio: float = 1.0,
    *,
    body_decay: float = WEIGHT_DECAY,
) -> list[Group]:
    """The weights of a model in groups of one rate, the body's first, then those of each head.

    lr: the rate of the heads; body_lr: that of the last block, by default lr / ratio; each layer
    below learns ``ratio`` times more slowly. body_decay: the weight decay of the body's matrices.
    Raises ``ConfigError`` for rates that are not above 0, or a ratio below 1.

    >>> import numpy as np
    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.encoder.encoder import Encoder
    >>> from npft.heads.classes import Classifier
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    >>> sorted({group["lr"] for group in rate_groups(model, 0.8, ratio=2.0)})
    [0.1, 0.2, 0.4, 0.8]
    """
    if check_positive("fine-tuning: ratio", ratio) < 1:
        raise ConfigError(
            f"fine-tuning: ratio is {ratio}, expected 1 or more: no layer learns faster than the "
            "one above it"
        )
    check_positive("fine-tuning: lr", lr)
    rate = lr / ratio if body_lr is None else check_positive("fine-tuning: body_lr", body_lr)
    groups = []
    if ratio == 1:
        groups += decay_groups(model, lr=rate, weight_decay=body_decay, prefix="encoder.")
    else:
        for begins in list(layers_of(model).values())[1:]:
            groups += decay_groups(model, lr=rate, weight_decay=body_decay, prefix=begins)
            rate = rate / ratio
    for name in model.heads:  # a step without examples for a head leaves its groups alone
        groups += decay_groups(model, lr=lr, weight_decay=WEIGHT_DECAY, prefix=f"heads.{name}.")
    return groups


def scheduled(
    model: Model, groups: list[Group], schedule: str | Mapping[str, str], steps: int
) -> tuple[list[Group], Schedule]:
    """The groups with their own schedules, and the schedule that all of them share.

    schedule: a name of ``SCHEDULES`` for all, or one for each part:
    {"heads": "cosine", "body": "constant"}; a part that is left out has "linear".
    Raises ``ConfigError`` for other names.
    """
    if isinstance(schedule, str):
        return groups, schedule_of(schedule, steps, WARMUP)
    if not isinstance(schedule, Mapping) or not set(schedule) <= {"heads", "body"}:
        raise ConfigError(
            f"fine-tuning: schedule is {schedule!r}, expected a name, or a name for each part: "
            "{'heads': 'cosine', 'body': 'constant'}"
        )
    parts = {p: schedule_of(schedule.get(p, "linear"), steps, WARMUP) for p in ("heads", "body")}
    body = {id(p) for p in model.encoder.parameters()}
    own = [
        g | {"schedule": parts["body" if any(id(p) in body for p in g["params"]) else "heads"]}
        for g in groups
    ]
    return own, schedule_of("constant", steps)
