"""How far heads look: known attention gives its known exponent, reach and cost."""

import numpy as np
import pytest

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.profile import (
    attention_profile, decay_exponent, flops, kv_bytes, regime_of,
)
from npft.errors import ConfigError, DataError
from npft.heads.words import MaskedLM
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()


def encoder(tokenizer=TOK, layers=2, causal=False):
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_layers=layers, num_heads=2,
                           intermediate_size=8, max_positions=40, type_vocab_size=0, init_std=0.3,
                           causal=causal)
    return Encoder(config, tokenizer=tokenizer, rng=np.random.default_rng(0)).eval()


def with_attention(rule, lengths=(12, 7, 20), layers=1, causal=False):
    """An encoder whose heads attend by ``rule(head, i, j)``, up to normalisation, and a batch."""
    body = encoder(layers=layers, causal=causal)
    batch = TOK(["a" * n for n in lengths])

    def maps(batch):
        found = []
        for t in batch.lengths:
            i, j = np.indices((t, t))
            found.append(np.stack([rule(h, i, j) for h in range(2)]))
        return [found] * layers

    body.attentions = maps
    return body, batch


def test_attention_that_falls_as_a_power_gives_the_exponent():
    body, batch = with_attention(lambda h, i, j: np.maximum(np.abs(i - j), 1.0) ** -(0.3 + h))
    profile = attention_profile(body, batch)
    np.testing.assert_allclose(profile.gamma, [[0.3, 1.3]], atol=1e-12)
    assert profile.regime == [["wide", "local"]]
    assert profile.distance.tolist() == list(range(1, 20))
    np.testing.assert_allclose(profile.attention[0, 1], profile.distance**-1.3)


def test_reach_is_the_mean_distance_of_what_is_seen():
    body, batch = with_attention(lambda h, i, j: (j == i - 1 - h) * 1.0)
    # token i sees i - 1 (head 0) or i - 2 (head 1); the first text token sees [CLS], left out
    n = np.array([12, 7, 20])
    profile = attention_profile(body, batch)
    want = [(n - 1).sum() / n.sum(), 2 * (n - 2).sum() / n.sum()]
    np.testing.assert_allclose(profile.reach[0], want)


def test_even_attention_has_no_decay_and_reaches_a_third_of_the_text():
    body, batch = with_attention(lambda h, i, j: np.ones(i.shape) / len(i), lengths=(30,))
    profile = attention_profile(body, batch)
    np.testing.assert_allclose(profile.gamma, 0, atol=1e-12)
    t = 30
    np.testing.assert_allclose(profile.reach, (t * t - 1) / 3 / (t + 2))  # mean |i - j|, with specials
    assert profile.regime == [["wide", "wide"]]


def test_of_a_causal_encoder_only_pairs_count_that_may_attend():
    """A token that sees what stands before it with weight 1 / d has A(d) = 1 / d, not half of it."""
    def rule(h, i, j):
        return np.where(j <= i, np.maximum(np.abs(i - j), 1.0) ** -(1.0 + h), 0.0)

    profile = attention_profile(*with_attention(rule, causal=True))
    np.testing.assert_allclose(profile.attention[0, 0], 1 / profile.distance)
    np.testing.assert_allclose(profile.gamma, [[1.0, 2.0]], atol=1e-12)
    real = encoder(causal=True)
    batch = TOK(["abcdefg"])
    seen = real.attentions(batch)[0][0][:, 1:-1, 1:-1]  # (H, 7, 7)
    want = [[np.mean([a[i, i - d] for i in range(d, 7)]) for d in range(1, 7)] for a in seen]
    np.testing.assert_allclose(attention_profile(real, batch).attention[0], want, rtol=1e-6)


def test_special_tokens_do_not_count():
    def rule(h, i, j):
        weights = np.maximum(np.abs(i - j), 1.0) ** -1.0
        weights[:, [0, -1]] = 1e6  # a head that looks at [CLS] and [SEP]
        return weights

    profile = attention_profile(*with_attention(rule))
    np.testing.assert_allclose(profile.gamma, 1.0, atol=1e-12)


def test_a_real_encoder_gives_what_a_slow_loop_gives():
    body, batch = encoder(), TOK(["to be or not", "to be"])
    profile = attention_profile(body, batch, longest=6)
    sums, counts = {}, {}
    for layer, maps in enumerate(body.attentions(batch)):
        for weights in maps:
            t = weights.shape[1]
            for h in range(2):
                for i in range(1, t - 1):
                    for j in range(1, t - 1):
                        key = layer, h, abs(i - j)
                        sums[key] = sums.get(key, 0) + weights[h, i, j]
                        counts[key] = counts.get(key, 0) + 1
    assert profile.distance.tolist() == [1, 2, 3, 4, 5, 6]
    for (layer, h, d), total in sums.items():
        if 1 <= d <= 6:
            got = profile.attention[layer, h, d - 1]
            assert got == pytest.approx(total / counts[layer, h, d], rel=1e-6)


def test_the_fit_weighs_distances_by_their_pairs():
    d = np.array([1.0, 2.0, 4.0])
    bent = np.array([1.0, 0.5, 1e-9])
    assert decay_exponent(d, bent, np.array([1, 1, 0])) == pytest.approx(1.0)
    assert decay_exponent(d, bent, np.array([1, 1, 1])) > 5


def test_distances_without_attention_are_left_out_of_the_fit():
    d, a = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 0.0, 0.0, 0.25])
    assert decay_exponent(d, a, np.ones(4)) == pytest.approx(1.0)
    assert np.isnan(decay_exponent(d, np.array([1.0, 0, 0, 0]), np.ones(4)))


def test_regimes_have_stated_borders():
    assert [regime_of(g) for g in (-0.11, -0.1, 0.49, 0.5, 1.0, 1.01)] == [
        "growing", "wide", "wide", "middle", "middle", "local"]  # fmt: skip


def test_what_cannot_be_profiled_is_refused():
    with pytest.raises(ConfigError, match="no tokenizer"):
        attention_profile(encoder(tokenizer=None), TOK(["abcdef"]))
    with pytest.raises(ConfigError, match="the encoder has no blocks"):
        attention_profile(encoder(layers=0), TOK(["abcdef"]))
    mlm = MaskedLM(encoder(), nsp=False, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="encoder is MaskedLM, expected an Encoder: give its .bo"):
        attention_profile(mlm, TOK(["abcdef"]))
    with pytest.raises(DataError, match="attention_profile: the batch is a list, expected a Batch"):
        attention_profile(encoder(), ["abcdef"])
    for batch in (TOK(["abc", "a"]), Batch([257, 258], [0, 2])):
        with pytest.raises(DataError, match="no two text tokens are three apart"):
            attention_profile(encoder(), batch)


def test_the_number_of_weights_of_known_models():
    assert EncoderConfig.bert_base().num_parameters() == pytest.approx(109e6, rel=0.01)
    assert EncoderConfig.xlm_r().num_parameters() == pytest.approx(550e6, rel=0.02)


def test_attention_is_quadratic_in_the_length_and_the_rest_linear():
    c = EncoderConfig.bert_base()
    lengths = np.array([128, 256, 512, 1024])
    for part, exponent in (("projections", 1), ("feed-forward", 1), ("attention", 2)):
        cost = [flops(c, int(t))[part] for t in lengths]
        assert np.polyfit(np.log(lengths), np.log(cost), 1)[0] == pytest.approx(exponent)
    # by hand, a lesson body on 32 tokens: 2 flops for each weight of a matrix and token
    small = flops(EncoderConfig.lesson(), 32)
    assert small["projections"] == 2 * 32 * (4 * 64 * 64) * 2
    assert small["feed-forward"] == 2 * 32 * (2 * 64 * 256) * 2
    assert small["attention"] == 2 * 2 * 32 * 32 * 64 * 2
    assert "distances" not in small
    relative = EncoderConfig(vocab_size=9, positions="relative", max_distance=3)
    assert flops(relative, 10)["distances"] == 2 * (2 * 10 * 6 * 64) * 2  # two products, two blocks
    assert kv_bytes(c, 512, bytes_per_number=2) == 2 * 12 * 512 * 768 * 2
