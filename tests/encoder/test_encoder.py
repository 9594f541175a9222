"""The encoder against a padded reference, and the symmetries it must have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erf

from npft.autograd.attention import blocks_by_length
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError, IdError, ShapeError
from npft.heads.words import MaskedLM
from npft.nn.module import freeze
from npft.text.batch import IGNORE, Batch
from npft.text.bytes import ByteTokenizer

V, POSITIONS = 20, 11
KINDS = [("pre", False), ("post", False), ("pre", True), ("post", True)]


def small(norm="pre", causal=False, types=2, dropout=0.0, layers=2):
    return EncoderConfig(
        vocab_size=V, hidden_size=6, num_layers=layers, num_heads=2, intermediate_size=10,
        max_positions=POSITIONS, type_vocab_size=types, norm=norm, causal=causal, dropout=dropout,
    )


def jiggled(model, seed=0):
    """The model in float64 with weights so large that every formula matters; also the ones and
    zeros of layer norms and biases are moved."""
    model.astype(np.float64)
    rng = np.random.default_rng(seed)
    for name, p in model.named_parameters():
        scaled = "LayerNorm.weight" in name or "layernorm" in name and name.endswith("weight")
        p.assign(0.4 * rng.standard_normal(p.shape) + scaled)
    return model.eval()


def encoder_of(*args, seed=0, **kwargs):
    return jiggled(Encoder(small(*args, **kwargs), rng=np.random.default_rng(seed)), seed)


def batch_of(lengths, seed=0):
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    return Batch(rng.integers(0, V, n), np.append(0, np.cumsum(lengths)), rng.integers(0, 2, n))


def changed(batch, row, value):
    ids = batch.ids.copy()
    ids[row] = value
    return Batch(ids, batch.offsets, batch.token_types)


# ---- a slow encoder in the textbook's form: a rectangle, and a mask that is added ----


def reference_norm(x, weight, bias, eps):
    mean = x.mean(-1, keepdims=True)
    var = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + eps) * weight + bias


def reference(encoder, ids, types, mask):
    """(B, T) -> (B, T, D), from the weights by their Hugging Face names."""
    c, w = encoder.config, encoder.state_dict()
    b, t = ids.shape
    d = c.hidden_size // c.num_heads

    def norm(x, name):
        return reference_norm(x, w[name + ".weight"], w[name + ".bias"], c.layer_norm_eps)

    def dense(x, name):
        return x @ w[name + ".weight"].T + w[name + ".bias"]

    def heads(x):  # (B, T, D) -> (B, H, T, d)
        return x.reshape(b, t, c.num_heads, d).transpose(0, 2, 1, 3)

    added = np.where(mask[:, None, None, :] == 1, 0.0, -np.inf)  # (B, 1, 1, T)
    if c.causal:
        added = added + np.triu(np.full((t, t), -np.inf), 1)
    # a pad that may see nothing at all would be NaN; what pads become is cut off in the end
    added = np.where(np.isinf(added).all(-1, keepdims=True), 0.0, added)

    def attend(x, name):
        q, k, v = (heads(dense(x, f"{name}.attention.self.{part}"))
                   for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(d) + added
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        joined = (p @ v).transpose(0, 2, 1, 3).reshape(b, t, -1)
        return dense(joined, f"{name}.attention.output.dense")

    def feed(x, name):
        inner = dense(x, f"{name}.intermediate.dense")
        return dense(inner * (1 + erf(inner / np.sqrt(2))) / 2, f"{name}.output.dense")

    x = (w["embeddings.word_embeddings.weight"][ids]
         + w["embeddings.position_embeddings.weight"][:t])
    if c.type_vocab_size:
        x = x + w["embeddings.token_type_embeddings.weight"][types]
    if c.norm == "post":
        x = norm(x, "embeddings.LayerNorm")
    for i in range(c.num_layers):
        name = f"encoder.layer.{i}"
        if c.norm == "pre":
            x = x + attend(norm(x, f"{name}.layernorm_before"), name)
            x = x + feed(norm(x, f"{name}.layernorm_after"), name)
        else:
            x = norm(x + attend(x, name), f"{name}.attention.output.LayerNorm")
            x = norm(x + feed(x, name), f"{name}.output.LayerNorm")
    return norm(x, "layernorm") if c.norm == "pre" else x


@pytest.mark.parametrize("norm, causal", KINDS)
@pytest.mark.parametrize("types", [0, 2])
def test_the_ragged_encoder_equals_the_padded_textbook_form(norm, causal, types):
    encoder = encoder_of(norm, causal, types)
    batch = batch_of([3, 11, 1, 9, 3, 10], seed=1)
    ids, mask = batch.to_padded(pad_id=0)
    kinds = batch.pad(batch.token_types[:, None]).astype(int)[..., 0]
    expected = reference(encoder, ids, kinds, mask)[mask == 1]
    got = encoder(batch).data
    assert np.abs(got).max() > 0.5
    assert np.allclose(got, expected, rtol=0, atol=1e-12)


# ---- gradients of the whole model ----


@pytest.mark.parametrize("norm, causal", KINDS)
@pytest.mark.parametrize("tied", [True, False])
def test_the_gradient_of_the_pretraining_loss_is_right_for_every_parameter(norm, causal, tied):
    rng = np.random.default_rng(3)
    model = jiggled(MaskedLM(Encoder(small(norm, causal), rng=rng), tied=tied, rng=rng), seed=4)
    batch = batch_of([5, 11, 2, 9, 2, 8], seed=5)
    batch = Batch(batch.ids, batch.offsets, batch.token_types, rng.integers(0, 2, len(batch)))
    rows = np.sort(rng.permutation(len(batch.ids))[:14])
    asked = np.full(len(batch.ids), IGNORE)
    asked[rows] = rng.integers(0, V, len(rows))
    masked = batch.replace(token_labels=asked)
    model.zero_grad()
    model.loss(masked).total.backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}
    weights = {name: p.numpy() for name, p in model.named_parameters()}
    scale = max(np.abs(g).max() for g in gradients.values())
    model.astype(np.complex128)
    for name, p in model.named_parameters():
        for _ in range(2):
            direction = rng.standard_normal(p.shape)
            p.assign(weights[name] + 1e-30j * direction)
            derivative = model.loss(masked).total.data.imag / 1e-30
            p.assign(weights[name])
            assert abs((gradients[name] * direction).sum() - derivative) < 1e-12 * scale, name
    assert all(np.abs(g).max() > 1e-6 for g in gradients.values())


def test_a_frozen_body_records_nothing():
    encoder = encoder_of()
    batch = batch_of([3, 4])
    assert encoder(batch).requires_grad
    freeze(encoder)
    hidden = encoder(batch)
    assert not hidden.requires_grad and "op=" not in repr(hidden)


# ---- what changes the output, and what must not ----


@given(st.lists(st.integers(1, POSITIONS), min_size=1, max_size=5), st.integers(0, 9),
       st.booleans(), st.sampled_from(["pre", "post"]))
def test_pads_change_no_bit(lengths, pads, left, norm):
    encoder, batch = encoder_of(norm), batch_of(lengths)
    encoder.astype(np.float32)
    ids, mask = batch.to_padded(pad_id=7)
    types = batch.pad(batch.token_types[:, None]).astype(int)[..., 0]
    side = (pads, 0) if left else (0, pads)
    if left:  # move each sequence to the right end
        for rectangle in (ids, mask, types):
            for row, n in enumerate(lengths):
                rectangle[row] = np.roll(rectangle[row], rectangle.shape[1] - n)
    ids, mask, types = (np.pad(x, ((0, 0), side)) for x in (ids, mask, types))
    padded = Batch.from_padded(ids, mask, token_types=types)
    assert encoder(padded).data.tobytes() == encoder(batch).data.tobytes()


@pytest.mark.parametrize("norm, causal", KINDS)
def test_the_company_of_a_sequence_changes_only_its_rounding(norm, causal):
    encoder = encoder_of(norm, causal)
    batch = batch_of([4, 11, 1, 8, 9, 3, 8], seed=2)
    together = encoder(batch).data
    shuffled = np.random.default_rng(0).permutation(len(batch))
    for rows in ([0], [5, 2], [3, 6, 4, 1], shuffled):
        part = batch[rows]
        expected = np.concatenate(
            [together[batch.offsets[r] : batch.offsets[r + 1]] for r in rows]
        )
        assert np.allclose(encoder(part).data, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_bidirectional_token_sees_what_follows_and_a_causal_one_does_not(norm):
    batch = batch_of([9, 7], seed=3)
    j = 6  # in the first sequence
    other = changed(batch, j, (batch.ids[j] + 1) % V)
    for causal in (False, True):
        encoder = encoder_of(norm, causal)
        moved = np.abs(encoder(other).data - encoder(batch).data).max(axis=1)
        before, after, elsewhere = moved[:j], moved[j:9], moved[9:]
        assert (after > 1e-6).all() and (elsewhere == 0).all()
        assert (before == 0).all() if causal else (before > 1e-6).all()


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_without_positions_a_permuted_sequence_gives_permuted_states(norm):
    encoder, batch = encoder_of(norm), batch_of([9])
    order = np.random.default_rng(1).permutation(9)
    permuted = Batch(batch.ids[order], batch.offsets, batch.token_types[order])
    def gap():
        return np.abs(encoder(permuted).data - encoder(batch).data[order]).max()
    assert gap() > 0.01  # with positions, order matters
    table = encoder.embeddings.position_embeddings.weight
    table.assign(np.zeros(table.shape))
    assert gap() < 1e-12


def test_token_types_matter_where_there_are_any():
    batch = batch_of([6])
    swapped = Batch(batch.ids, batch.offsets, 1 - batch.token_types)
    with_types, without = encoder_of(types=2), encoder_of(types=0)
    assert np.abs(with_types(batch).data - with_types(swapped).data).min(axis=1).max() > 1e-3
    assert without(batch).data.tobytes() == without(swapped).data.tobytes()


# ---- looking inside ----


@pytest.mark.parametrize("norm, causal", KINDS)
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_hidden_states_end_with_what_the_encoder_returns(norm, causal, layers):
    encoder, batch = encoder_of(norm, causal, layers=layers), batch_of([4, 2])
    states = encoder.hidden_states(batch)
    assert [s.shape for s in states] == [(6, 6)] * (layers + 1)
    assert states[-1].tobytes() == encoder(batch).data.tobytes()
    if layers > 1:  # each state is that of the encoder that has only the first blocks
        encoder.encoder.layer = encoder.encoder.layer[:1]
        assert encoder.hidden_states(batch)[0].tobytes() == states[0].tobytes()
        x = states[1] if norm == "post" else reference_norm(
            states[1], encoder.layernorm.weight.data, encoder.layernorm.bias.data, 1e-5)
        assert np.allclose(encoder(batch).data, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("norm, causal", KINDS)
def test_attention_maps_are_distributions_over_the_own_sequence(norm, causal):
    encoder, lengths = encoder_of(norm, causal), [3, 11, 1, 7, 3]
    maps = encoder.attentions(batch_of(lengths))
    assert len(maps) == 2
    for layer in maps:
        assert [m.shape for m in layer] == [(2, t, t) for t in lengths]
        for m in layer:
            assert np.allclose(m.sum(axis=-1), 1, rtol=0, atol=1e-12)
            assert ((np.triu(m, 1) == 0).all() or not causal) and (np.tril(m)[m > 0] >= 0).all()
    if causal:
        assert all((m[:, 0, 0] == 1).all() for layer in maps for m in layer)
    else:
        assert (maps[0][1] > 0).all()


def test_attention_maps_are_those_the_output_is_made_of():
    # one block, one head, and a value that is constant 1 but for one token
    config = EncoderConfig(vocab_size=V, hidden_size=4, num_layers=1, num_heads=1,
                           intermediate_size=4, max_positions=9, dropout=0.0)
    encoder = jiggled(Encoder(config, rng=np.random.default_rng(0)))
    batch = batch_of([7, 5])
    x = encoder.embeddings(batch, None)
    block = encoder.encoder.layer[0]
    inner = block.before_attention(x)
    maps = encoder.attentions(batch)[0]
    w, b = block.attention.self.qkv_weight.data[8:], block.attention.self.qkv_bias.data[8:]
    values = np.split(inner.data @ w.T + b, [7])
    expected = np.concatenate([m[0] @ v for m, v in zip(maps, values)])
    got = block.attention.self(inner, blocks_by_length(batch.offsets)).data
    assert np.allclose(got, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("look", ["hidden_states", "attentions"])
def test_looking_inside_is_without_dropout_and_leaves_each_part_in_its_mode(look):
    encoder = encoder_of(dropout=0.5).train()
    encoder.embeddings.eval()  # as a frozen part is
    modes = [m.training for m in encoder.modules()]
    batch = batch_of([4, 2])

    def bits():
        return [part.tobytes() for layer in getattr(encoder, look)(batch) for part in layer]

    assert bits() == bits()
    assert [m.training for m in encoder.modules()] == modes
    with pytest.raises(ShapeError):
        getattr(encoder, look)(batch_of([POSITIONS + 1]))
    assert [m.training for m in encoder.modules()] == modes


# ---- dropout ----


def test_training_with_dropout_needs_a_generator_and_follows_it():
    encoder, batch = encoder_of(dropout=0.3).train(), batch_of([5, 3])
    with pytest.raises(ConfigError, match="rng"):
        encoder(batch)
    same = [encoder(batch, np.random.default_rng(0)).data.tobytes() for _ in range(2)]
    other = encoder(batch, np.random.default_rng(1)).data.tobytes()
    assert same[0] == same[1] != other
    rng = np.random.default_rng(0)
    assert encoder(batch, rng).data.tobytes() != encoder(batch, rng).data.tobytes()


def test_evaluation_draws_nothing_and_repeats_its_bits():
    encoder, batch = encoder_of(dropout=0.3), batch_of([5, 3])
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    first = encoder(batch, rng).data.tobytes()
    assert first == encoder(batch).data.tobytes() and rng.bit_generator.state == before
    assert encoder_of(dropout=0.0).train()(batch).data.tobytes() == first


def test_dropout_reaches_the_embeddings_and_both_layers_of_every_block():
    encoder, batch = encoder_of(dropout=0.3), batch_of([8])
    plain = encoder(batch).data
    dropouts = [m for m in encoder.modules() if type(m).__name__ == "Dropout"]
    assert len(dropouts) == 1 + 2 * 2
    for one in dropouts:
        one.training = True
        moved = encoder(batch, np.random.default_rng(0)).data
        one.training = False
        assert np.abs(moved - plain).max() > 1e-3


# ---- what is refused ----


def test_a_sequence_longer_than_the_positions_is_refused_with_the_mend():
    encoder = encoder_of()
    assert encoder(batch_of([POSITIONS])).shape == (POSITIONS, 6)
    with pytest.raises(ShapeError, match="of 12 tokens; expected 1 to 11; .*max_length=11"):
        encoder(batch_of([3, POSITIONS + 1]))


def test_an_empty_batch_is_refused():
    with pytest.raises(ShapeError, match="0 sequences"):
        encoder_of()(Batch([], [0]))


@pytest.mark.parametrize("given", [["abc"], "abc", np.zeros((1, 2), int), None])
def test_what_is_no_batch_is_refused(given):
    kind = type(given).__name__
    with pytest.raises(DataError, match=f"encoder: the batch is a {kind}, expected a Batch"):
        encoder_of()(given)


@pytest.mark.parametrize("last, words", [
    (0, "last is 0, expected a whole number, 1 or more"), (-1, "last is -1"), (1.0, "last is 1.0"),
    (99, "last is 99, expected at most"),
])
def test_states_of_blocks_that_are_not_there_are_refused(last, words):
    with pytest.raises(ConfigError, match=f"states: {words}"):
        encoder_of().states(batch_of([3]), last=last)


def test_a_configuration_and_a_tokenizer_are_of_their_classes():
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="config is dict, expected an EncoderConfig"):
        Encoder({"vocab_size": 9}, rng=rng)
    with pytest.raises(ConfigError, match="tokenizer is 'x', expected a Tokenizer"):
        Encoder(small(), tokenizer="x", rng=rng)


@pytest.mark.parametrize("batch, words", [
    (Batch([1, V, 2], [0, 3]), r"ids: 20 at position 1 is outside 0..19"),
    (Batch([1, 2], [0, 2], [0, 2]), r"ids: 2 at position 1 is outside 0..1"),
])
def test_an_id_outside_its_table_is_refused(batch, words):
    with pytest.raises(IdError, match=words):
        encoder_of()(batch)


def test_a_tokenizer_larger_than_the_vocabulary_is_refused():
    with pytest.raises(ConfigError, match="tokenizer has 260 tokens, config.vocab_size is 20"):
        Encoder(small(), tokenizer=ByteTokenizer(), rng=np.random.default_rng(0))


def test_the_same_seed_makes_the_same_weights():
    def weights(seed):
        encoder = Encoder(small(), rng=np.random.default_rng(seed))
        return b"".join(a.tobytes() for a in encoder.state_dict().values())
    assert weights(0) == weights(0) != weights(1)


def test_new_weights_have_the_configured_spread():
    config = EncoderConfig(vocab_size=500, init_std=0.05)
    for name, array in Encoder(config, rng=np.random.default_rng(0)).state_dict().items():
        if array.ndim > 1 and array.size > 1000:
            assert abs(array.std() / 0.05 - 1) < 0.1, name
        elif array.ndim == 1:
            assert (array == float(name.lower().endswith("norm.weight")
                                   or "layernorm_" in name and name.endswith("weight"))).all(), name
