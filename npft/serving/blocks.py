"""Leaving out whole blocks: what a deep model loses when it is made shallow.

In a residual stack each block adds to what came before, so a stack without some of its blocks still
says something, if worse; it is cheaper by their share. Trained on from there, alone or beside the
whole model as its teacher (``students.py``), it gets most of the loss back.

Source: Sanh et al. 2019, "DistilBERT", section 3 (every second block as a start); Sajjad et al.
2023, "On the effect of dropping layers of pre-trained transformer models" (which to leave out).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from npft.encoder.additions import add_again, additions_of
from npft.encoder.checkpoint import Blank
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, check_items
from npft.nn.quantized import need_floats

M = TypeVar("M", bound=Any)
BLOCK_NAME = re.compile(r"((?:encoder\.)?encoder\.layer\.)(\d+)(\..*)")


def keep_blocks(model: M, blocks: Sequence[int]) -> M:
    """A copy of a model with only some of its blocks, which trains and is saved like any other.

    model: an ``Encoder`` or a model with one. blocks: the numbers of those that stay, rising, from
    0 on; their weights are copied, as are the tables and the heads. In evaluation mode.

    Raises ``ConfigError`` for blocks that are none or not in order, a head that reads more blocks
    than are left, or a quantized model; ``DtypeError`` for what is no list.

    >>> from npft.encoder.config import EncoderConfig
    >>> encoder = Encoder(EncoderConfig.lesson(), rng=np.random.default_rng(0))
    >>> half = keep_blocks(encoder, [0])
    >>> half.config.num_layers, encoder.num_parameters() - half.num_parameters()
    (1, 49984)
    """
    body = getattr(model, "body", None)
    if not isinstance(body, Encoder):
        raise ConfigError(
            f"keep_blocks: model is {type(model).__name__}, expected an Encoder or a model with one"
        )
    need_floats("keep_blocks", model)
    there = body.config.num_layers
    kept = list(check_items("keep_blocks: blocks", blocks, "numbers of blocks"))
    whole = all(isinstance(i, (int, np.integer)) and not isinstance(i, bool) for i in kept)
    if not kept or not whole or kept != sorted(set(kept)) or not set(kept) <= set(range(there)):
        raise ConfigError(
            f"keep_blocks: blocks are {kept!s:.60}, expected some of 0 to {there - 1}, rising"
        )
    state = {}
    for name, array in model.state_dict().items():
        if found := BLOCK_NAME.fullmatch(name):
            before, number, after = found.groups()
            if int(number) not in kept:
                continue
            name = f"{before}{kept.index(int(number))}{after}"
        state[name] = array
    rng = Blank(state)
    config = replace(body.config, num_layers=len(kept))
    encoder = Encoder(config, tokenizer=body.tokenizer, rng=rng)
    add_again(encoder, additions_of(body), rng=rng)
    new = type(model).from_options(encoder, model.options(), rng=rng)
    new.load_state_dict(state)
    return new.eval()
