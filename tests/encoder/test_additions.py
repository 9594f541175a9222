"""LoRA and adapters: nothing at first, only they train, and the body of before is always there."""

import json

import numpy as np
import pytest
from scipy.special import erf

from npft import MaskedLM, load, save
from npft.autograd.gradcheck import gradcheck
from npft.encoder.additions import (
    Adapter,
    LowRank,
    add_adapters,
    add_again,
    add_lora,
    additions_of,
    merge_lora,
    switched_off,
)
from npft.encoder.checkpoint import FILE, load_as, read_arrays, write_arrays
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.hub_write import write_encoder
from npft.encoder.model import copy_of
from npft.errors import CheckpointError, ConfigError, NonFiniteError
from npft.finetune.features import Features
from npft.finetune.regimes import freeze_body
from npft.heads.classes import Classifier
from npft.nn.layers import Linear
from npft.nn.quantized import quantize
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer

BATCH = Batch([4, 5, 6, 7, 5, 6, 4], [0, 2, 3, 7], labels=[0, 1, 0])
ADD = {"lora": lambda m, rng: add_lora(m, 2, 3.0, rng=rng),
       "adapter": lambda m, rng: add_adapters(m, 3, rng=rng)}
both = pytest.mark.parametrize("kind", ADD)
norms = pytest.mark.parametrize("norm", ["pre", "post"])


def body(norm="pre", layers=2, tokenizer=None, dropout=0.0):
    rng = np.random.default_rng(0)
    config = EncoderConfig(
        vocab_size=260, hidden_size=6, num_layers=layers, num_heads=2, intermediate_size=5,
        max_positions=16, norm=norm, init_std=0.4, dropout=dropout)
    return Encoder(config, tokenizer=tokenizer, rng=rng).eval()


def moved(model, seed=1):
    """The additions with numbers as training could leave them."""
    rng = np.random.default_rng(seed)
    for name, p in model.named_parameters():
        if ".additions." in name:
            p.assign(0.5 * rng.standard_normal(p.shape))
    return model


def with_all(norm="pre", **options):
    encoder, rng = body(norm, **options), np.random.default_rng(3)
    for add in ADD.values():
        add(encoder, rng)
    return moved(encoder)


@both
@norms
def test_what_was_added_says_nothing_until_it_is_trained(kind, norm):
    encoder = body(norm, dropout=0.2)
    before = encoder(BATCH).data.copy()
    maps = encoder.attentions(BATCH)
    noisy = encoder.train()(BATCH, np.random.default_rng(5)).data.copy()
    ADD[kind](encoder, np.random.default_rng(1))
    assert np.array_equal(encoder.train()(BATCH, np.random.default_rng(5)).data, noisy)
    assert np.array_equal(encoder.eval()(BATCH).data, before)
    moved(encoder)
    assert np.abs(encoder(BATCH).data - before).max() > 0.01
    changed = np.abs(encoder.attentions(BATCH)[1][2] - maps[1][2]).max()
    assert changed > 1e-4  # and what is shown of attention is what is computed


@both
@norms
def test_switched_off_the_body_of_before_is_back_to_the_bit(kind, norm):
    encoder = body(norm)
    before, names = encoder(BATCH).data.copy(), list(encoder.state_dict())
    ADD[kind](encoder, np.random.default_rng(1))
    after = moved(encoder)(BATCH).data.copy()
    with switched_off(encoder):
        assert np.array_equal(encoder(BATCH).data, before)
        assert list(encoder.state_dict()) == names
    assert np.array_equal(encoder(BATCH).data, after)
    with pytest.raises(KeyError), switched_off(encoder):
        raise KeyError
    assert np.array_equal(encoder(BATCH).data, after)


@norms
def test_lora_merged_says_the_same_with_the_weights_of_a_plain_body(norm, tmp_path):
    encoder = body(norm)
    plain = encoder.state_dict()
    add_lora(encoder, 2, 3.0, rng=np.random.default_rng(1))
    before = moved(encoder)(BATCH).data.copy()
    merge_lora(encoder)
    assert np.abs(encoder(BATCH).data - before).max() < 1e-5
    state = encoder.state_dict()
    assert list(state) == list(plain)
    differ = {name for name in plain if not np.array_equal(state[name], plain[name])}
    maps = ("query.weight", "key.weight", "value.weight")
    assert differ == {name for name in plain if name.endswith(maps)}
    save(tmp_path, encoder)
    assert np.array_equal(load(tmp_path)(BATCH).data, encoder(BATCH).data)
    with pytest.raises(ConfigError, match="no low-rank change"):
        merge_lora(encoder)


def test_merging_in_float64_is_exact_but_for_rounding_and_leaves_adapters():
    encoder = with_all().astype(np.float64)
    before = encoder(BATCH).data.copy()
    merge_lora(encoder)
    assert np.abs(encoder(BATCH).data - before).max() < 1e-13
    assert additions_of(encoder) == [{"kind": "adapter", "width": 3}]


def test_lora_is_a_linear_layer_of_the_changed_matrix():
    rng = np.random.default_rng(0)
    part = LowRank(4, 5, 2, 3.0, rng=rng).astype(np.float64)
    part.B.assign(rng.standard_normal((5, 2)))
    x = rng.standard_normal((3, 4))
    a, b = part.A.data, part.B.data
    expected = np.array([[1.5 * sum(b[f, r] * sum(a[r, d] * row[d] for d in range(4))
                                    for r in range(2)) for f in range(5)] for row in x])
    assert np.allclose(part(x).data, expected, rtol=1e-12)
    assert np.allclose(x @ part.matrix().T, expected, rtol=1e-12)


@norms
def test_gradients_of_a_body_with_additions_are_right(norm):
    encoder = with_all(norm, layers=1).astype(np.float64)
    freeze_body(Classifier(encoder, 2, rng=np.random.default_rng(0)))
    names = [n for n, _ in encoder.named_parameters() if ".additions." in n]
    assert len(names) == 2 + 2 * 4  # A, B; of two adapters two weights and two biases each
    own = dict(encoder.named_parameters())

    def run(*values):
        """The encoder with these tensors in the places of its additions."""
        block = encoder.encoder.layer[0]
        lora = block.attention.self.additions[0]
        lora.A, lora.B = values[:2]
        outputs = (block.attention.output, block.output)
        for i, output in enumerate(outputs):
            part = output.additions[0]
            part.down.weight, part.down.bias, part.up.weight, part.up.bias = values[2 + 4 * i :][:4]
        return encoder(BATCH)

    gradcheck(run, *[own[n].numpy() for n in names], rng=np.random.default_rng(0))


@pytest.mark.parametrize("layers", [1, 3])
def test_the_weights_that_are_added_are_those_of_the_formulas(layers):
    d, rank, width = 6, 2, 3
    plain = body(layers=layers).num_parameters()
    for kind, expected in (("lora", layers * 4 * d * rank),
                           ("adapter", 2 * layers * (2 * d * width + width + d))):
        encoder = body(layers=layers)
        ADD[kind](encoder, np.random.default_rng(0))
        assert encoder.num_parameters() - plain == expected


def test_additions_are_saved_and_come_back_bit_for_bit(tmp_path):
    encoder = with_all(tokenizer=ByteTokenizer())
    models = [encoder, Classifier(encoder, 2, rng=np.random.default_rng(0)).eval(),
              MaskedLM(encoder, rng=np.random.default_rng(0)).eval()]
    for i, model in enumerate(models):
        save(tmp_path / str(i), model)
        again = load(tmp_path / str(i))
        assert additions_of(again) == additions_of(encoder) != []
        assert np.array_equal(again.body(BATCH).data, encoder(BATCH).data)
        state, other = model.state_dict(), again.state_dict()
        assert list(state) == list(other)
        assert all(np.array_equal(state[n], other[n]) for n in state)
    with switched_off(encoder):
        save(tmp_path / "plain", encoder)
        expected = encoder(BATCH).data
    assert additions_of(load(tmp_path / "plain")) == []
    assert np.array_equal(load(tmp_path / "plain")(BATCH).data, expected)


def test_a_copy_has_the_additions():
    model = Classifier(with_all(), 2, rng=np.random.default_rng(0)).eval()
    copied = copy_of(model)
    assert np.array_equal(copied(BATCH).data, model(BATCH).data)
    moved(copied, seed=9)
    assert not np.array_equal(copied(BATCH).data, model(BATCH).data)


@pytest.mark.parametrize("wrong", [
    "lora", 3, [1], [{}], [{"kind": "lora", "rank": 2}], [{"kind": ["lora"], "width": 2}],
    [{"kind": "adapter", "width": 3, "more": 1}], [{"kind": "prefix", "width": 3}],
    [{"kind": "lora", "rank": 10**9, "scale": 1.0}], [{"kind": "lora", "rank": 2, "scale": 1e300}],
    [{"kind": "adapter", "width": "3"}], [{"kind": "adapter", "width": 3}] * 2,
    [{"kind": "adapter", "width": 4}],
])
def test_a_file_with_other_additions_is_refused(tmp_path, wrong):
    encoder = body()
    add_adapters(encoder, 3, rng=np.random.default_rng(0))
    arrays = read_arrays(save(tmp_path, encoder))
    manifest = json.loads(arrays["manifest"].tobytes())
    manifest["additions"] = wrong
    arrays["manifest"] = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    write_arrays(tmp_path / FILE, arrays)
    with pytest.raises(CheckpointError, match=FILE):
        load_as(Encoder, tmp_path)


def test_a_plain_model_is_saved_as_before(tmp_path):
    manifest = json.loads(read_arrays(save(tmp_path, body()))["manifest"].tobytes())
    assert "additions" not in manifest


@pytest.mark.parametrize("call, message", [
    (lambda e, rng: add_lora(e, 6, rng=rng), "rank is 6, expected 1 to 5: less than the width"),
    (lambda e, rng: add_lora(e, 0, rng=rng), "rank is 0"),
    (lambda e, rng: add_lora(e, 2.0, rng=rng), "rank is 2.0"),
    (lambda e, rng: add_lora(e, 2, 0.0, rng=rng), "scale is 0"),
    (lambda e, rng: add_lora(e, 2, np.nan, rng=rng), "scale is nan"),
    (lambda e, rng: add_lora(e, 2, 1e7, rng=rng), "at most 1e6"),
    (lambda e, rng: add_lora(e, 2, rng=7), "rng"),
    (lambda e, rng: add_lora(Linear(2, 2, rng=rng), 2, rng=rng), "model is Linear, expected an E"),
    (lambda e, rng: add_lora(body(layers=0), 2, rng=rng), "no blocks"),
    (lambda e, rng: [add_lora(e, 2, rng=rng), add_lora(e, 2, rng=rng)], "merge_lora puts it"),
    (lambda e, rng: add_adapters(e, 6, rng=rng), "width is 6, expected 1 to 5"),
    (lambda e, rng: [add_adapters(e, 2, rng=rng), add_adapters(e, 2, rng=rng)], "already"),
    (lambda e, rng: switched_off(rng).__enter__(), "model is Generator"),
    (lambda e, rng: merge_lora(e), "no low-rank change; add_lora adds one"),
])
def test_what_cannot_be_added_is_refused_and_nothing_is_added(call, message):
    encoder = body()
    with pytest.raises(ConfigError, match=message):
        call(encoder, np.random.default_rng(0))
    assert len({part["kind"] for part in additions_of(encoder)}) == len(additions_of(encoder))


def test_additions_that_are_no_list_are_refused():
    with pytest.raises(CheckpointError, match="expected a list"):
        add_again(body(), None, rng=np.random.default_rng(0))


def test_transformers_is_given_no_body_with_additions(tmp_path):
    encoder = body("post")
    add_lora(encoder, 2, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="additions .lora., which BERT has not"):
        write_encoder(tmp_path, encoder)
    merge_lora(encoder)
    write_encoder(tmp_path, encoder)


def test_remembered_states_are_not_those_of_a_body_that_was_switched_off():
    model = Classifier(with_all(tokenizer=ByteTokenizer()), 2, rng=np.random.default_rng(0)).eval()
    freeze_body(model)
    features = Features(model)
    features.read(BATCH)
    assert features(BATCH, 1) is not None
    with switched_off(model):
        assert features(BATCH, 1) is None
    assert features(BATCH, 1) is not None


def test_a_quantized_body_keeps_its_additions_and_takes_no_new_ones(tmp_path):
    encoder = with_all(tokenizer=ByteTokenizer())
    small = quantize(encoder)
    assert np.abs(small(BATCH).data - encoder(BATCH).data).max() < 0.1
    save(tmp_path, small)
    assert np.array_equal(load(tmp_path)(BATCH).data, small(BATCH).data)
    with switched_off(encoder), switched_off(small):
        assert np.abs(small(BATCH).data - encoder(BATCH).data).max() < 0.1
        for call in (add_lora, add_adapters):
            with pytest.raises(ConfigError, match="quantized"):
                call(small, 2, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="quantized"):
        merge_lora(small)


def test_an_adapter_is_its_formula():
    rng = np.random.default_rng(0)
    part = Adapter(3, 2, 1.0, rng=rng).astype(np.float64)
    part.up.weight.assign(rng.standard_normal((3, 2)))
    part.up.bias.assign(rng.standard_normal(3))
    h = rng.standard_normal((4, 3))
    inner = h @ part.down.weight.data.T + part.down.bias.data
    gelu = inner * (1 + erf(inner / np.sqrt(2))) / 2
    expected = gelu @ part.up.weight.data.T + part.up.bias.data
    assert np.allclose(part(h).data, expected, rtol=1e-12)


@both
def test_numpy_numbers_are_taken_and_saved_as_plain_ones(kind, tmp_path):
    encoder, rng = body(), np.random.default_rng(0)
    if kind == "lora":
        add_lora(encoder, np.int64(2), np.float32(3), rng=rng)
    else:
        add_adapters(encoder, np.int64(2), rng=rng)
    save(tmp_path, encoder)
    assert additions_of(load(tmp_path)) == additions_of(encoder)


def test_what_is_added_while_the_additions_are_off_is_told_and_not_mixed_in():
    encoder, rng = body(), np.random.default_rng(0)
    add_lora(encoder, 2, rng=rng)
    before = additions_of(encoder)
    with pytest.raises(ConfigError, match="while its additions were off"):
        with switched_off(encoder):
            add_lora(encoder, 3, rng=rng)
    assert additions_of(encoder) == before
    with pytest.raises(KeyError):  # an error inside comes out as it is
        with switched_off(encoder):
            add_adapters(encoder, 3, rng=rng)
            raise KeyError
    assert additions_of(encoder) == before


@pytest.mark.parametrize("number", [np.nan, np.inf, 3e38])
def test_a_change_that_is_not_finite_is_not_merged_and_leaves_the_model_as_it_was(number):
    encoder = body()
    add_lora(encoder, 2, rng=np.random.default_rng(0))
    part = encoder.encoder.layer[1].attention.self.additions[0]
    part.A.assign(np.ones(part.A.shape))
    part.B.assign(np.full(part.B.shape, number))
    before = encoder.state_dict()
    with pytest.raises(NonFiniteError, match="merge_lora: .*block 1"):
        merge_lora(encoder)
    assert {n: a.tobytes() for n, a in before.items()} == {
        n: a.tobytes() for n, a in encoder.state_dict().items()}
