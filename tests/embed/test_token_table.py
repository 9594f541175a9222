"""The table of tokens, read as static vectors."""

import numpy as np
import pytest

from npft.embed.token_table import token_table_encoder
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DtypeError
from npft.loading import load
from npft.text.bytes import ByteTokenizer


def test_a_tokenizer_without_words_is_as_good_as_any():
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_layers=1, num_heads=1,
                           intermediate_size=8, max_positions=8)
    encoder = Encoder(config, tokenizer=ByteTokenizer(), rng=np.random.default_rng(0))
    table = encoder.embeddings.word_embeddings.weight.data.astype(np.float64)
    x = token_table_encoder(encoder)(["ab", ""])
    np.testing.assert_allclose(x[0], (table[ord("a")] + table[ord("b")]) / 2, rtol=1e-12)
    np.testing.assert_array_equal(x[1], table.mean(axis=0))


def test_what_is_no_encoder_or_no_list_of_strings_is_refused():
    with pytest.raises(ConfigError, match="token_table_encoder: encoder is MaskedLM"):
        token_table_encoder(load("tinyworld"))
    with pytest.raises(DtypeError, match="token_table_encoder: texts is one string"):
        token_table_encoder(load("tinyworld").body)("win cash")
