"""Keeping some blocks: which weights stay, what is computed, and what is refused."""

import numpy as np
import pytest

from npft import Classifier, Encoder, EncoderConfig, MaskedLM, SentenceEncoder, load, quantize, save
from npft.encoder.additions import add_adapters
from npft.errors import ConfigError
from npft.nn.layers import Linear
from npft.serving.blocks import keep_blocks
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
TEXTS = ["win a prize", "see you at noon"]


def body(norm="pre", layers=4):
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_layers=layers, num_heads=2,
                           intermediate_size=12, max_positions=30, norm=norm, init_std=0.3)
    return Encoder(config, tokenizer=TOK, rng=np.random.default_rng(0)).eval()


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_first_blocks_compute_what_the_whole_stack_has_computed_so_far(norm):
    encoder, batch = body(norm), TOK(TEXTS)
    states = encoder.states(batch, last=5)
    found = keep_blocks(encoder, [0, 1])(batch)
    want = states[2] if norm == "post" else encoder.layernorm(states[2])
    np.testing.assert_array_equal(found.data, want.data)


def test_blocks_that_do_nothing_can_be_left_out():
    encoder, batch = body("pre"), TOK(TEXTS)
    for block in (encoder.encoder.layer[1], encoder.encoder.layer[3]):
        for output in (block.attention.output, block.output):
            output.dense.weight.assign(0 * output.dense.weight.data)
    found = keep_blocks(encoder, [0, 2])(batch).data
    np.testing.assert_allclose(found, encoder(batch).data, atol=1e-6)


def test_weights_of_blocks_that_stay_are_copied_under_their_new_numbers():
    encoder = body()
    new = keep_blocks(encoder, [1, 3])
    old, state = encoder.state_dict(), new.state_dict()
    assert new.config.num_layers == 2 and len(state) < len(old)
    for name, array in state.items():
        source = name.replace("layer.1.", "layer.3.").replace("layer.0.", "layer.1.")
        assert (array == old[source]).all()
    new.encoder.layer[0].output.dense.bias.assign(np.ones(8))  # a copy, not a view
    assert (encoder.state_dict()["encoder.layer.1.output.dense.bias"] == 0).all()


@pytest.mark.parametrize("make", [
    lambda e: e, lambda e: SentenceEncoder(e), lambda e: MaskedLM(e, rng=np.random.default_rng(1)),
    lambda e: Classifier(e, 3, rng=np.random.default_rng(1)),
])  # fmt: skip
def test_every_kind_of_model_keeps_its_heads_and_its_file(make, tmp_path):
    model = make(body())
    new = keep_blocks(model, [0, 2])
    assert type(new) is type(model) and not new.training
    assert all(p.requires_grad for p in new.parameters())
    for name, array in model.state_dict().items():
        if "layer." not in name:
            assert (new.state_dict()[name] == array).all()
    save(tmp_path, new)
    again = load(tmp_path)
    assert (again.body(TOK(TEXTS)).data == new.body(TOK(TEXTS)).data).all()
    assert again.body.config.num_layers == 2


def test_all_blocks_are_the_model_itself():
    encoder = body()
    assert (keep_blocks(encoder, range(4))(TOK(TEXTS)).data == encoder(TOK(TEXTS)).data).all()


def test_additions_stay_with_their_blocks():
    encoder = body(layers=2)
    add_adapters(encoder, width=3, rng=np.random.default_rng(0))
    for block in encoder.encoder.layer:
        block.output.additions[0].up.weight.assign(np.ones((8, 3)))
    new = keep_blocks(encoder, [1])
    kept = new.encoder.layer[0].output.additions[0].down.weight.data
    assert (kept == encoder.encoder.layer[1].output.additions[0].down.weight.data).all()


@pytest.mark.parametrize("blocks", [[], [1, 0], [0, 0], [4], [-1], [0, 9], [0, True]])
def test_blocks_that_are_none_are_refused(blocks):
    with pytest.raises(ConfigError, match=r"keep_blocks: blocks are \[.*expected some of 0 to 3"):
        keep_blocks(body(), blocks)


def test_what_has_no_blocks_to_keep_is_refused():
    with pytest.raises(ConfigError, match="expected an Encoder or a model with one"):
        keep_blocks(Linear(2, 2, rng=np.random.default_rng(0)), [0])
    with pytest.raises(ConfigError, match="keep_blocks: the weights of the model are int8"):
        keep_blocks(quantize(body()), [0])
