"""The last k blocks as one: against the hidden states, in every head that can read them."""

import numpy as np
import pytest

from npft.autograd.tensor import Tensor
from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.layers import COMBINE, combined, width_of_layers
from npft.encoder.model import Model
from npft.encoder.pooling import HEAD_POOLS, Pool
from npft.errors import ConfigError
from npft.heads.classes import Classes, Classifier
from npft.heads.grades import Regressor
from npft.loading import load
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
TEXTS = ["to be", "or", "not to be that", "is"]


def body(layers=3, norm="pre", dropout=0.0):
    config = EncoderConfig(
        vocab_size=260, hidden_size=8, num_layers=layers, num_heads=2, intermediate_size=8,
        max_positions=20, dropout=dropout, norm=norm, init_std=0.3)
    return Encoder(config, tokenizer=TOK, rng=np.random.default_rng(0))


def rng(seed=1):
    return np.random.default_rng(seed)


def cosines(a, b):
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("last", [1, 2, 3, 4])
def test_the_last_states_are_the_end_of_all_hidden_states(norm, last):
    encoder, batch = body(norm=norm).eval(), TOK(TEXTS)
    everything = encoder.hidden_states(batch)
    states = encoder.states(batch, last=last)
    assert [s.data.tobytes() for s in states] == [s.tobytes() for s in everything[-last:]]
    assert encoder(batch).data.tobytes() == states[-1].data.tobytes()


def test_dropout_draws_the_same_however_many_states_are_asked_for():
    encoder, batch = body(dropout=0.3).train(), TOK(TEXTS)
    states = [encoder.states(batch, rng(), last)[-1].data.tobytes() for last in (1, 3)]
    assert states[0] == states[1] == encoder(batch, rng()).data.tobytes()


def test_mean_and_sum_have_the_same_direction_and_a_concatenation_has_every_column():
    states = body().eval().states(TOK(TEXTS), last=3)
    mean, total, side = (combined(states, way).data for way in COMBINE)
    assert np.allclose(cosines(mean, total), 1, rtol=0, atol=1e-6)
    assert np.allclose(total, 3 * mean, rtol=1e-6)
    assert mean.shape == total.shape == (len(mean), 8) and side.shape == (len(mean), 24)
    assert side.tobytes() == np.concatenate([s.data for s in states], axis=1).tobytes()
    loop = [[sum(s.data[i, j] for s in states) / 3 for j in range(8)] for i in range(len(mean))]
    assert np.allclose(mean, loop, rtol=0, atol=1e-6)


@pytest.mark.parametrize("combine", COMBINE)
def test_a_head_reads_what_the_combination_says(combine):
    encoder, batch = body(), TOK(TEXTS)
    for layers in (1, 2, 3):
        width = width_of_layers(encoder.config, layers, combine)
        for pool in HEAD_POOLS:
            model = Classifier(encoder, 2, pool, layers=layers, combine=combine, rng=rng()).eval()
            states = [Tensor(s) for s in encoder.hidden_states(batch)[-layers:]]
            read = combined(states, combine)
            linear = model.head().linear
            assert linear.weight.shape == (2, width) and read.shape[1] == width
            pooled = Pool(pool, width)(read, batch).data
            expected = pooled @ linear.weight.data.T + linear.bias.data
            assert np.allclose(model(batch).data, expected, rtol=0, atol=1e-5)


def test_one_layer_is_the_last_one_to_the_bit_whatever_the_way():
    plain = Classifier(body(), 2, rng=rng()).eval()
    for combine in COMBINE:
        model = Classifier(body(), 2, layers=1, combine=combine, rng=rng()).eval()
        assert model(TOK(TEXTS)).data.tobytes() == plain(TOK(TEXTS)).data.tobytes()
        assert model.options() == plain.options()  # so files of old look as they did


def test_every_block_that_is_read_gets_a_gradient_and_heads_may_read_differently():
    encoder = body()
    heads = {"a": Classes(encoder, ["x", "y"], layers=3, combine="concat", rng=rng()),
             "b": Classes(encoder, ["x", "y"], rng=rng(2))}
    model = Model(encoder, heads)
    batch = TOK(TEXTS, labels=[0, 1, 0, 1])
    alone = Model(encoder, {"b": heads["b"]}).eval().scores(batch)["b"].data.tobytes()
    assert model.eval().scores(batch)["b"].data.tobytes() == alone
    model.loss(batch).total.backward()
    grads = heads["a"].linear.weight.grad
    assert grads.shape == (2, 24) and (np.abs(grads).reshape(2, 3, 8).max(axis=(0, 2)) > 0).all()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("combine", COMBINE)
@pytest.mark.parametrize("pool", ["mean", "attention"])
def test_a_model_that_reads_several_layers_is_saved_and_loaded(combine, pool, tmp_path):
    batch = TOK(TEXTS)
    made = [Classifier(body(), 2, pool, layers=2, combine=combine, rng=rng()),
            Regressor(body(), 0, 1, pool, layers=2, combine=combine, rng=rng())]
    for i, model in enumerate(made):
        if pool == "attention":
            query = model.head().pool.query
            query.assign(rng(5).standard_normal(query.shape).astype(np.float32))
        save(tmp_path / str(i), model.eval())
        again = load(tmp_path / str(i))
        assert again(batch).data.tobytes() == model(batch).data.tobytes()
        assert again.options() == model.options()
        assert ("heads.classes.pool.query" in again.state_dict()) == (pool == "attention" and i == 0)


@pytest.mark.parametrize("options, words", [
    ({"layers": 4}, "layers is 4, the encoder has 3 blocks; read fewer of them"),
    ({"layers": 0}, "layers is 0, expected a whole number, 1 or more"),
    ({"layers": True}, "layers is True"),
    ({"layers": "2"}, "layers is '2'"),
    ({"layers": 2, "combine": "max"}, "combine is 'max', expected one of mean, sum, concat"),
    ({"combine": ["mean"]}, r"combine is \['mean'\], expected one of"),
])
def test_layers_that_are_not_there_are_refused_in_words(options, words):
    for make in (lambda: Classifier(body(), 2, **options, rng=rng()),
                 lambda: Regressor(body(), **options, rng=rng())):
        with pytest.raises(ConfigError, match=words):
            make()


def test_a_body_without_blocks_has_its_embeddings_to_read():
    model = Classifier(body(layers=0), 2, rng=rng())
    assert model(TOK(TEXTS)).shape == (4, 2)
    with pytest.raises(ConfigError, match="layers is 2, the encoder has 0 blocks"):
        Classifier(body(layers=0), 2, layers=2, rng=rng())
