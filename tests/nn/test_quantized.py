"""Weights of int8 and float16: how near they are, what they cost, and what they refuse."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npft import (
    Classifier, Encoder, EncoderConfig, MaskedLM, SentenceEncoder, Tensor, copy_of, fine_tune, load,
    quantize, save,
)  # fmt: skip
from npft.encoder.additions import add_adapters, add_lora, merge_lora
from npft.encoder.hub_write import write_encoder
from npft.errors import (
    CheckpointError, ConfigError, GraphError, IdError, NonFiniteError, ShapeError,
)
from npft.nn import quantized
from npft.nn.layers import Linear
from npft.nn.module import freeze, unfreeze
from npft.nn.quantized import QuantizedWeight, kind_of_weights, quantized_linear, rows_of
from npft.text.bytes import ByteTokenizer

KINDS = ("int8", "float16")
every_kind = pytest.mark.parametrize("kind", KINDS)
TEXTS = ["win a prize now", "see you at noon", "call me"]


def normal(*shape, seed=0, scale=1.0):
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def encoder(norm="pre", tokenizer=None):
    config = EncoderConfig(vocab_size=260, hidden_size=16, num_layers=2, num_heads=2,
                           intermediate_size=32, max_positions=40, norm=norm, init_std=0.3)
    return Encoder(config, tokenizer=tokenizer or ByteTokenizer(), rng=np.random.default_rng(0))


matrices = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6),
    elements=st.floats(-1e6, 1e6, width=32).map(lambda x: 0.0 if abs(x) < 1e-6 else x),
)  # fmt: skip


@given(matrices)
def test_int8_is_never_farther_than_half_a_step_and_the_largest_of_a_row_is_kept(w):
    made = QuantizedWeight.of(w, "int8")
    assert made.values.dtype == np.int8 and made.scales.dtype == np.float32
    scales = made.scales.astype(np.float64)[:, None]
    error = np.abs(w - made.values * scales)
    # half a step, and what float32 loses in the quotient w / s (of up to 127 steps)
    assert (error <= scales * (0.5 + 127 * 2.0**-22)).all()
    if w.size:
        largest = np.abs(w).max(axis=1)
        np.testing.assert_allclose(np.abs(made.data).max(axis=1), largest, rtol=1e-6)
        assert (np.abs(made.values).max(axis=1) == np.where(largest > 0, 127, 0)).all()


@given(matrices)
def test_a_matrix_and_its_negative_are_stored_alike(w):
    one, other = QuantizedWeight.of(w, "int8"), QuantizedWeight.of(-w, "int8")
    assert (one.values == -other.values).all() and (one.scales == other.scales).all()


def test_float16_rounds_to_eleven_binary_digits():
    w = normal(20, 30)
    error = np.abs(QuantizedWeight.of(w, "float16").data - w)
    assert (error <= np.abs(w) * 2.0**-11).all() and error.max() > 0


def test_a_scale_for_each_row_keeps_small_rows_beside_a_large_one():
    w = normal(4, 8, scale=0.01)
    w[0] *= 1000
    error = np.abs(QuantizedWeight.of(w, "int8").data - w)
    assert error[1:].max() < 0.01 / 127 * 4  # with one scale it would be up to 0.1


@every_kind
@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (700, 300), (3, 70_000)])  # many, few blocks
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_product_is_that_of_the_matrix_made_float(kind, shape, dtype):
    weight = QuantizedWeight.of(normal(*shape, scale=0.05), kind)
    x, b = normal(4, shape[1], seed=1).astype(dtype), normal(shape[0], seed=2).astype(dtype)
    y = quantized_linear(x, b, weight=weight).data
    assert y.dtype == dtype
    np.testing.assert_allclose(y, x @ weight.data.T.astype(dtype) + b, atol=2e-4)


@every_kind
def test_a_product_never_holds_the_whole_matrix_as_floats(kind, monkeypatch):
    weight, seen = QuantizedWeight.of(normal(5000, 64), kind), []
    floats = QuantizedWeight.floats

    def watched(self, rows, dtype=np.float32):
        seen.append(floats(self, rows, dtype))
        return seen[-1]

    monkeypatch.setattr(QuantizedWeight, "floats", watched)
    quantized_linear(normal(3, 64), normal(5000), weight=weight)
    assert max(block.size for block in seen) <= quantized.STRETCH
    assert sum(len(block) for block in seen) == 5000


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("kind, near", [("int8", 0.05), ("float16", 0.003)])
def test_hidden_states_stay_close_and_the_model_itself_is_left_alone(norm, kind, near):
    body = encoder(norm).eval()
    before = body.state_dict()
    batch = body.tokenizer(TEXTS)
    want, got = body(batch).data, quantize(body, kind)(batch).data
    assert got.dtype == np.float32 and 0 < np.abs(got - want).max() < near * np.abs(want).max()
    assert all((before[name] == array).all() for name, array in body.state_dict().items())
    assert all(p.requires_grad for p in body.parameters())


def test_bytes_fall_to_a_quarter_and_a_half():
    body = Encoder(EncoderConfig.tiny(2000), rng=np.random.default_rng(0))
    full = body.num_bytes()
    assert full == 4 * body.num_parameters()
    assert 0.25 < quantize(body, "int8").num_bytes() / full < 0.28
    assert 0.5 < quantize(body, "float16").num_bytes() / full < 0.51


@every_kind
def test_tied_weights_stay_one(kind):
    mlm = quantize(MaskedLM(encoder(), rng=np.random.default_rng(0)), kind)
    table = mlm.heads["mlm"].table
    assert isinstance(table, QuantizedWeight)
    assert table is mlm.encoder.embeddings.word_embeddings.weight
    assert sum(name.endswith("word_embeddings.weight.values") for name in mlm.state_dict()) == 1
    assert not any("table" in name for name in mlm.state_dict())


@every_kind
@pytest.mark.parametrize("make", [
    lambda body, rng: body, lambda body, rng: MaskedLM(body, rng=rng),
    lambda body, rng: Classifier(body, 3, rng=rng), lambda body, rng: SentenceEncoder(body),
])  # fmt: skip
def test_a_quantized_model_comes_back_from_its_file_to_the_bit(kind, make, tmp_path):
    model = quantize(make(encoder(), np.random.default_rng(0)), kind)
    save(tmp_path, model)
    again = load(tmp_path)
    assert type(again) is type(model) and kind_of_weights(again) == kind
    mine, theirs = model.state_dict(), again.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(mine[n].dtype == theirs[n].dtype and (mine[n] == theirs[n]).all() for n in mine)
    batch = model.body.tokenizer(TEXTS)
    assert (model.body(batch).data == again.body(batch).data).all()
    assert not any(p.requires_grad for p in again.parameters())


def test_the_file_of_a_quantized_model_is_smaller(tmp_path):
    body = Encoder(EncoderConfig.tiny(2000), rng=np.random.default_rng(0))
    sizes = [save(tmp_path / kind, model).stat().st_size
             for kind, model in [("f", body), *((k, quantize(body, k)) for k in KINDS)]]
    assert sizes[1] < 0.3 * sizes[0] and sizes[2] < 0.53 * sizes[0]


def test_what_a_quantized_model_says_is_nearly_what_the_model_says():
    mlm = load("tinyworld")
    batch = mlm.tokenizer(["[MASK] can win cash today", "see you at noon"])
    p = [m.encoder(batch).data for m in (mlm.eval(), quantize(mlm), quantize(mlm, "float16"))]
    assert np.abs(p[1] - p[0]).max() < 0.15 and np.abs(p[2] - p[0]).max() < 0.01
    best = [m.fill_mask("please [MASK] now")[0][0][0] for m in (mlm, quantize(mlm))]
    assert best[0] == best[1]


def test_a_gradient_through_rounded_weights_is_refused_and_a_head_on_them_trains():
    body = quantize(encoder())
    model = Classifier(body, 2, rng=np.random.default_rng(0))
    batch = model.tokenize(TEXTS, labels=np.array([1, 0, 0]))
    before = body.state_dict()
    history = fine_tune(model, batch, epochs=8, lr=0.1, rng=np.random.default_rng(0))
    assert history["loss"][-1] < history["loss"][0]
    assert all((before[n] == a).all() for n, a in body.state_dict().items())
    unfreeze(model)
    with pytest.raises(GraphError, match="int8 only reads.*train the float32 model and quantize"):
        fine_tune(model, batch, epochs=1, rng=np.random.default_rng(0))
    x = Tensor(normal(2, 3), requires_grad=True)
    layer = quantize(Linear(3, 2, rng=np.random.default_rng(0)), "float16")
    with pytest.raises(GraphError, match="float16 only reads"):
        layer(x)


def test_a_quantized_model_is_frozen_and_evaluates():
    mlm = MaskedLM(encoder(), rng=np.random.default_rng(0))
    mlm.train()
    small = quantize(mlm)
    assert not small.training and not any(p.requires_grad for p in small.parameters())
    assert mlm.training
    assert "fixed numbers" in repr(small) and "fixed" not in repr(mlm)
    assert "int8" in repr(small.encoder.embeddings.word_embeddings.weight)
    assert "int8" in small._repr_html_()


def test_what_cannot_be_quantized_is_refused_in_words():
    layer = Linear(3, 2, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="kind is 'int4', expected int8 or float16"):
        quantize(layer, "int4")
    with pytest.raises(ConfigError, match="quantize: the weights of the model are int8, "):
        quantize(quantize(layer))
    with pytest.raises(ConfigError, match="float64, expected float32"):
        quantize(copy.deepcopy(layer).astype(np.float64))
    layer.weight.assign(np.array([[1, 2, 3], [4, 7e4, 6]], np.float32))
    quantize(layer, "int8")
    with pytest.raises(NonFiniteError, match="70000, float16 holds up to 65504"):
        quantize(layer, "float16")
    for wrong in (np.nan, np.inf):
        layer.weight.assign(np.full((2, 3), wrong, np.float32))
        for kind in KINDS:
            with pytest.raises(NonFiniteError, match="the largest weight is"):
                quantize(layer, kind)


@every_kind
def test_the_bare_function_takes_gradients_to_be_asked_for_as_every_op_does(kind):
    with pytest.raises(GraphError, match="only reads"):
        quantized_linear.raw(normal(5, 3), normal(2), weight=QuantizedWeight.of(normal(2, 3), kind))


@every_kind
def test_wrong_shapes_and_ids_are_refused_as_for_floats(kind):
    weight = QuantizedWeight.of(normal(2, 3), kind)
    with pytest.raises(ShapeError, match=r"expected \(F, D\) = \(2, 4\)"):
        quantized_linear(normal(5, 4), normal(2), weight=weight)
    with pytest.raises(ShapeError, match="bias"):
        quantized_linear(normal(5, 3), normal(2, 1), weight=weight)
    with pytest.raises(IdError, match="2 at position 1"):
        rows_of(weight, np.array([0, 2]))
    with pytest.raises(ShapeError, match="a weight"):
        QuantizedWeight.of(normal(3), kind)


@pytest.mark.parametrize("kind", ["floats", "int8", "float16"])
def test_ids_on_two_axes_are_refused_by_every_kind_of_table(kind):
    table = np.array([[1, 2], [30, 40]], np.float32)
    with pytest.raises(ShapeError, match=r"ids has shape \(2, 2\), expected 1 axes \(N,\)"):
        rows_of(table if kind == "floats" else QuantizedWeight.of(table, kind), [[0, 1], [1, 0]])


@every_kind
def test_float_weights_are_not_poured_into_quantized_ones_nor_the_other_way(kind):
    body = encoder()
    small = quantize(body, kind)
    with pytest.raises(CheckpointError, match="missing .*weight.values"):
        small.load_state_dict(body.state_dict())
    state = {n: a.astype("f4") if "values" in n else a for n, a in small.state_dict().items()}
    with pytest.raises(CheckpointError, match=f"has dtype float32, expected {kind}"):
        small.load_state_dict(state)
    with pytest.raises(CheckpointError, match="unexpected .*weight.values"):
        body.load_state_dict(small.state_dict())


def test_a_quantized_model_is_not_copied_to_train_nor_exported(tmp_path):
    with pytest.raises(ConfigError, match="copy_of: the weights of the model are int8"):
        copy_of(quantize(MaskedLM(encoder(), rng=np.random.default_rng(0))))
    bert = Encoder(EncoderConfig.tiny(300), rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="write_encoder: the weights of the model are float16"):
        write_encoder(tmp_path, quantize(bert, "float16"))


def test_additions_are_kept_and_none_is_added_or_merged_afterwards(tmp_path):
    body, rng = encoder().eval(), np.random.default_rng(0)
    add_lora(body, rank=2, rng=rng)
    add_adapters(body, width=3, rng=rng)
    for part in body.encoder.layer[0].attention.self.additions:
        part.B.assign(normal(48, 2))
    small = quantize(body)
    save(tmp_path, small)
    batch = body.tokenizer(TEXTS)
    assert np.abs(small(batch).data - body(batch).data).max() < 0.2
    assert (load(tmp_path)(batch).data == small(batch).data).all()
    for change in (merge_lora, lambda m: add_lora(quantize(encoder()), rng=rng)):
        with pytest.raises(ConfigError, match="_lora: the weights of the model are int8"):
            change(small)


def test_a_file_that_lies_about_its_weights_is_refused(tmp_path):
    save(tmp_path, quantize(encoder()))
    path = tmp_path / "model.npz"
    with np.load(path) as file:
        arrays = dict(file)
    manifest = bytes(arrays["manifest"]).decode()
    for lie, message in [('"int4"', "its weights are 'int4', which npft has not"),
                         ('"float16"', "holds no finite float32"), ("null", "no finite float32")]:
        told = manifest.replace('"quantized": "int8"', f'"quantized": {lie}')
        assert told != manifest
        arrays["manifest"] = np.frombuffer(told.encode(), np.uint8)
        np.savez(path, **arrays)
        with pytest.raises(CheckpointError, match=message):
            load(tmp_path)


def test_a_file_whose_scales_would_make_infinite_weights_is_refused(tmp_path):
    save(tmp_path, quantize(encoder()))
    path = tmp_path / "model.npz"
    with np.load(path) as file:
        arrays = dict(file)
    name = next(name for name in arrays if name.endswith(".scales"))
    arrays[name][0] = 3e38
    np.savez(path, **arrays)
    with pytest.raises(CheckpointError, match=f"the weight {name} holds no finite float32"):
        load(tmp_path)


def test_a_quantized_weight_is_finite_or_refused():
    most = np.finfo(np.float32).max
    with pytest.raises(NonFiniteError, match="the largest weight is"):
        QuantizedWeight.of(np.full((1, 2), most, np.float32), "int8")
    near = most * np.float32(1 - 1e-6)
    assert np.isfinite(QuantizedWeight.of(np.full((1, 2), near, np.float32), "int8").data).all()


def test_a_quantized_body_reads_in_several_threads_alike():
    from npft.autograd.machine import threads

    model = SentenceEncoder(quantize(encoder()))
    texts = [f"text number {i} of many" for i in range(200)]
    with threads(1):
        one = model.encode(texts)
    with threads(2):
        assert (model.encode(texts) == one).all()
    freeze(model)  # nothing is left to freeze, and nothing breaks
