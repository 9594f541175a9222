"""Static vectors out of an encoder: its table of tokens, read without any context.

    u = mean over the tokens of a text of E[token]        E (V, D), special tokens left out

The first layer of every encoder is such a table. A token has one vector there, wherever it stands,
so that word order and neighbours change nothing: what the blocks add to it is all the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.encoder.encoder import Encoder, check_encoder
from npft.errors import check_strings


def token_table_encoder(encoder: Encoder) -> Any:
    """The mean of the token vectors of a text; returns an encode function, (n, D) float64.

    A text without a token gets the mean of the whole table. Raises ``ConfigError`` for what is no
    encoder with a tokenizer; the function raises ``DtypeError`` for what is no list of strings.

    >>> from npft.loading import load
    >>> encode = token_table_encoder(load("tinyworld").body)
    >>> x = encode(["win cash", "cash win"])
    >>> x.shape, bool((x[0] == x[1]).all())
    ((2, 64), True)
    """
    tokenizer = check_encoder("token_table_encoder", encoder)
    table = encoder.embeddings.word_embeddings.weight.data.astype(np.float64)

    def encode(texts: Sequence[str]) -> np.ndarray:
        batch = tokenizer(check_strings("token_table_encoder: texts", texts))
        text = np.repeat(np.arange(len(batch)), batch.lengths)  # (N,) of which text a token is
        real = ~np.isin(batch.ids, tokenizer.special_ids)
        sums = np.zeros((len(batch), table.shape[1]))
        np.add.at(sums, text[real], table[batch.ids[real]])
        counts = np.bincount(text[real], minlength=len(batch))
        sums[counts == 0] = table.mean(axis=0)
        return sums / np.maximum(counts, 1)[:, None]

    return encode
