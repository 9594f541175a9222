"""An encoder with relative positions: its size, its symmetries, its files."""

import json

import numpy as np
import pytest

from npft import load, save
from npft.encoder.checkpoint import read_arrays, write_arrays
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.hub_write import write_encoder
from npft.errors import ConfigError
from npft.text.batch import Batch


def relative(norm="pre", causal=False, layers=2, k=3):
    config = EncoderConfig(
        vocab_size=20, hidden_size=6, num_layers=layers, num_heads=2, intermediate_size=10,
        max_positions=11, type_vocab_size=2, norm=norm, causal=causal, dropout=0.0,
        positions="relative", max_distance=k, init_std=0.4,
    )  # fmt: skip
    encoder = Encoder(config, rng=np.random.default_rng(0))
    encoder.astype(np.float64)
    return encoder.eval()


def batch_of(lengths, seed=0):
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    return Batch(rng.integers(0, 20, n), np.append(0, np.cumsum(lengths)), rng.integers(0, 2, n))


@pytest.mark.parametrize("k, layers", [(1, 0), (3, 2), (16, 1)])
def test_the_size_formula_counts_the_weights_there_are(k, layers):
    encoder = relative(k=k, layers=layers)
    stored = encoder.state_dict()
    assert encoder.config.num_parameters() == sum(a.size for a in stored.values())
    assert not any("position_embeddings" in name for name in stored)
    tables = [a.shape for name, a in stored.items() if name.endswith("self.distances")]
    assert tables == [(2 * k, 12)] * layers


@pytest.mark.parametrize("norm, causal", [("pre", False), ("post", False), ("pre", True)])
def test_a_batch_gives_each_sequence_what_it_gets_alone(norm, causal):
    encoder, batch = relative(norm, causal), batch_of([3, 11, 1, 9, 3])
    out, maps = encoder(batch).data, encoder.attentions(batch)
    for i, (a, b) in enumerate(zip(batch.offsets[:-1], batch.offsets[1:])):
        np.testing.assert_allclose(out[a:b], encoder(batch[[i]]).data, rtol=0, atol=1e-12)
        assert maps[1][i].shape == (2, b - a, b - a)
        np.testing.assert_allclose(maps[1][i].sum(axis=-1), 1, atol=1e-12)


def test_the_order_of_tokens_matters_and_only_by_distances():
    encoder = relative()
    said, turned = Batch([5, 6, 7], [0, 3]), Batch([7, 6, 5], [0, 3])
    assert np.abs(encoder(said).data - encoder(turned).data[::-1]).max() > 0.05
    for layer in encoder.encoder.layer:
        layer.attention.self.distances.assign(np.zeros((6, 12)))
    np.testing.assert_allclose(encoder(said).data, encoder(turned).data[::-1], atol=1e-12)


def test_the_gradient_of_every_weight_is_right():
    encoder, batch = relative(), batch_of([5, 2])
    weights = [p for name, p in encoder.named_parameters() if "attention.self" in name]
    assert len(weights) == 2 * 3
    g = np.random.default_rng(1).standard_normal((7, 6))
    (encoder(batch) * g).sum().backward()
    for p in weights:
        at = np.unravel_index(np.argmax(np.abs(p.grad)), p.shape)
        kept, step = p.data.copy(), 1e-6
        ends = []
        for sign in (1, -1):
            moved = kept.copy()
            moved[at] += sign * step
            p.assign(moved)
            ends.append(float((encoder(batch).data * g).sum()))
        p.assign(kept)
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(p.grad[at], rel=1e-6)


def test_it_is_saved_and_loaded_to_the_bit(tmp_path):
    encoder, batch = relative(k=5), batch_of([4, 7])
    encoder.astype(np.float32)
    save(tmp_path, encoder)
    again = load(tmp_path)
    assert again.config == encoder.config and again.config.positions == "relative"
    assert again(batch).data.tobytes() == encoder(batch).data.tobytes()


def test_a_file_from_before_relative_positions_is_read_as_absolute(tmp_path):
    config = EncoderConfig(vocab_size=9, hidden_size=4, num_layers=1, num_heads=2)
    encoder = Encoder(config, rng=np.random.default_rng(0)).eval()
    path = save(tmp_path, encoder)
    arrays = read_arrays(path)
    manifest = json.loads(arrays["manifest"].tobytes())
    del manifest["config"]["positions"], manifest["config"]["max_distance"]
    arrays["manifest"] = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    write_arrays(path, arrays)
    assert load(tmp_path).config == config


def test_what_cannot_be_relative_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="positions is 'rotary', expected one of absolute, rel"):
        EncoderConfig(vocab_size=9, positions="rotary")
    with pytest.raises(ConfigError, match="max_distance is 0, expected a whole number, 1 or more"):
        EncoderConfig(vocab_size=9, positions="relative", max_distance=0)
    with pytest.raises(ConfigError, match="has relative positions; BERT adds"):
        write_encoder(tmp_path, relative("post"))
