"""EncoderConfig: published sizes, the size formula, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.nn.layers import Linear


@st.composite
def configs(draw):
    heads, width = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    return EncoderConfig(
        vocab_size=draw(st.integers(1, 9)),
        hidden_size=heads * width,
        num_layers=draw(st.integers(0, 3)),
        num_heads=heads,
        intermediate_size=draw(st.integers(1, 9)),
        max_positions=draw(st.integers(1, 9)),
        type_vocab_size=draw(st.integers(0, 3)),
        norm=draw(st.sampled_from(["pre", "post"])),
    )


@given(configs())
def test_the_size_formula_counts_the_weights_there_are(config):
    encoder = Encoder(config, rng=np.random.default_rng(0))
    stored = sum(array.size for array in encoder.state_dict().values())
    assert config.num_parameters() == encoder.num_parameters() == stored


def test_the_lesson_body_has_118784_weights_its_head_130_and_a_block_49984():
    config, rng = EncoderConfig.lesson(), np.random.default_rng(0)
    encoder = Encoder(config, rng=rng)
    assert config.num_parameters() == encoder.num_parameters() == 118_784
    assert [block.num_parameters() for block in encoder.encoder.layer] == [49_984] * 2
    assert Linear(config.hidden_size, 2, rng=rng).num_parameters() == 130


def test_bert_base_has_its_published_size():
    config = EncoderConfig.bert_base()
    pooler = config.hidden_size * config.hidden_size + config.hidden_size
    assert config.num_parameters() == 108_891_648
    assert config.num_parameters() + pooler == 109_482_240


def test_bert_tiny_has_its_published_size_but_for_positions_and_pooler():
    # google/bert_uncased_L-2_H-128_A-2: 4,385,920 with 512 positions and a pooler
    config = EncoderConfig.tiny(vocab_size=30522)
    pooler = 128 * 128 + 128
    assert config.num_parameters() + (512 - 128) * 128 + pooler == 4_385_920


@given(configs())
def test_the_fields_go_through_json_and_back(config):
    assert EncoderConfig(**json.loads(json.dumps(config.as_dict()))) == config


@pytest.mark.parametrize("field, value, words", [
    ("vocab_size", 0, "vocab_size is 0, expected a whole number, 1 or more"),
    ("vocab_size", 8.0, "vocab_size is 8.0"),
    ("vocab_size", "8", "vocab_size is '8'"),
    ("vocab_size", None, "vocab_size is None"),
    ("vocab_size", True, "vocab_size is True"),
    ("hidden_size", 0, "hidden_size is 0"),
    ("hidden_size", 10, "hidden_size 10 is not a multiple of num_heads 4"),
    ("num_layers", -1, "num_layers is -1, expected a whole number, 0 or more"),
    ("num_heads", 0, "num_heads is 0"),
    ("intermediate_size", 0, "intermediate_size is 0"),
    ("max_positions", 0, "max_positions is 0"),
    ("type_vocab_size", -1, "type_vocab_size is -1, expected a whole number, 0 or more"),
    ("dropout", 1.0, "dropout is 1.0"),
    ("dropout", -0.1, "dropout is -0.1"),
    ("dropout", float("nan"), "dropout is nan"),
    ("dropout", 10**400, "dropout is 1000.*, expected a share, at least 0 and less than 1"),
    ("dropout", False, "dropout is False"),
    ("dropout", "0.1", "dropout is '0.1'"),
    ("dropout", None, "dropout is None"),
    ("norm", "both", "norm is 'both', expected one of pre, post"),
    ("norm", None, "norm is None"),
    ("causal", "no", "causal is 'no'"),
    ("layer_norm_eps", 0.0, "layer_norm_eps is 0.0"),
    ("layer_norm_eps", float("nan"), "layer_norm_eps is nan"),
    ("layer_norm_eps", float("inf"), "layer_norm_eps is inf"),
    ("init_std", -1.0, "init_std is -1.0"),
    ("init_std", float("inf"), "init_std is inf"),
    ("init_std", "small", "init_std is 'small'"),
    ("init_std", 10**400, "init_std is 1000.*, expected a finite number, more than 0"),
    ("init_std", -(10**400), "init_std is -1000.*, expected a finite number, more than 0"),
    ("layer_norm_eps", 10**400, "layer_norm_eps is 1000.*, expected a finite number, more than 0"),
    ("layer_norm_eps", True, "layer_norm_eps is True"),
])
def test_a_value_that_cannot_work_is_refused_in_words(field, value, words):
    with pytest.raises(ConfigError, match=words):
        EncoderConfig(**{"vocab_size": 8, field: value})


def test_numpy_numbers_are_kept_as_plain_floats():
    config = EncoderConfig(vocab_size=8, dropout=np.float32(0.5), init_std=np.float64(0.25))
    assert json.loads(json.dumps(config.as_dict())) == config.as_dict()
    assert type(config.dropout) is type(config.init_std) is float


def test_whole_numbers_of_numpy_are_kept_as_plain_ones():
    config = EncoderConfig(vocab_size=np.int64(9), num_layers=np.uint8(0))
    assert config == EncoderConfig(vocab_size=9, num_layers=0)
    assert type(config.vocab_size) is type(config.num_layers) is int


def test_a_config_cannot_be_changed_under_an_encoder():
    with pytest.raises(AttributeError):
        EncoderConfig.lesson().hidden_size = 32
