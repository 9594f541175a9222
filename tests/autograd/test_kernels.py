"""The fused kernels: equal to compositions of small ops, and exact in closed forms."""

import math
import tracemalloc

import fit_normal_cdf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from op_table import TABLE, cases, plain_attention
from scipy.special import ndtr

from npft.autograd import Tensor, kernels, losses, ops, primitive, segments
from npft.autograd.attention import attention, attention_maps, blocks_by_length, strips
from npft.autograd.relative import disentangled_attention, disentangled_maps
from npft.autograd.segments import segment_max, segment_mean
from npft.errors import (
    ConfigError,
    DataError,
    DtypeError,
    IdError,
    NonFiniteError,
    ShapeError,
)
from npft.testing import generators

# --- fused equals composed ----------------------------------------------------------------------


@primitive
def normal_cdf(x):
    return ndtr(x), lambda g: g * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def composed_layer_norm(x, gamma, beta, *, eps):
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    return centred / (variance + eps).sqrt() * gamma + beta


def composed_softmax(x):
    e = (x - x.max(axis=-1, keepdims=True).detach()).exp()
    return e / e.sum(axis=-1, keepdims=True)


def composed_cross_entropy(logits, *, targets):
    picked = composed_softmax(logits)[np.arange(len(targets)), targets]
    return -(picked.log().mean())


def composed_weighted_cross_entropy(logits, *, targets, weights, smoothing):
    picked = (np.arange(logits.shape[1]) == targets[:, None]) * (1 - smoothing)
    wt = weights * (picked + smoothing / logits.shape[1])
    return -(composed_softmax(logits).log() * wt).sum() / weights[targets].sum()


def composed_kl(logits, *, targets):
    known = np.sum(targets * np.log(np.where(targets > 0, targets, 1)))
    return (known - (composed_softmax(logits).log() * targets).sum()) / len(targets)


def composed_bce(logits, *, targets):
    q = logits.exp() / (1 + logits.exp())
    return -(q.log() * targets + (1 - q).log() * (1 - targets)).mean()


def composed_segment_softmax(x, *, offsets):
    return ops.concatenate(
        *(composed_softmax(x[a:b].T).T for a, b in zip(offsets[:-1], offsets[1:]))
    )


def composed_cosine(a, b, *, tau):
    u = a / (a * a).sum(axis=1, keepdims=True).sqrt()
    v = b / (b * b).sum(axis=1, keepdims=True).sqrt()
    return u @ v.T / tau


def composed_attention(qkv, *, blocks, num_heads, causal):
    """Each sequence and head alone, by small ops; later tokens get a score of -1e30."""
    width = qkv.shape[1] // 3
    d = width // num_heads
    pieces, order = [], []
    for block in blocks:
        rows = np.arange(len(qkv))[block.rows].reshape(block.number, block.length)
        for i in range(block.number):
            members = rows[i] if block.real is None else rows[i][block.real[i]]
            heads = []
            for h in range(num_heads):
                q, k, v = (
                    qkv[members][:, s * width + h * d : s * width + (h + 1) * d] for s in range(3)
                )
                scores = q @ k.T / math.sqrt(d)
                if causal:
                    scores = scores + np.triu(np.full(scores.shape, -1e30), 1)
                heads.append(composed_softmax(scores) @ v)
            pieces.append(ops.concatenate(*heads, axis=1))
            order.extend(members)
    return ops.concatenate(*pieces)[np.argsort(order)]


def composed_segments(reduce):
    def composed(x, *, offsets):
        return ops.concatenate(
            *(reduce(x[a:b], axis=0, keepdims=True) for a, b in zip(offsets[:-1], offsets[1:]))
        )

    return composed


COMPOSED = {
    "linear": lambda x, w, b: x @ w.T + b,
    "gelu": lambda x: x * normal_cdf(x),
    "layer_norm": composed_layer_norm,
    "softmax": composed_softmax,
    "log_softmax": lambda x: composed_softmax(x).log(),
    "kl_divergence": composed_kl,
    "bce_with_logits": composed_bce,
    "softmax_cross_entropy": composed_cross_entropy,
    "weighted_cross_entropy": composed_weighted_cross_entropy,
    "cosine_logits": composed_cosine,
    "attention": composed_attention,
    "segment_sum": composed_segments(ops.sum),
    "segment_softmax": composed_segment_softmax,
    "segment_mean": composed_segments(ops.mean),
    "segment_max": composed_segments(ops.max),
    "embedding": lambda table, ids: table[ids],
    "take_rows": lambda x, rows: x[rows],
}


@pytest.mark.parametrize("name", COMPOSED)
@given(st.data(), generators())
def test_a_fused_kernel_equals_its_composition(name, data, rng):
    case = data.draw(cases(name))
    cotangent, results = None, []
    for fn in (TABLE[name].op, COMPOSED[name]):
        leaves = [Tensor(a, requires_grad=True) for a in case.arrays]
        out = fn(*leaves, **case.constants)
        cotangent = rng.standard_normal(out.shape) if cotangent is None else cotangent
        out.backward(cotangent)
        results.append([out.data, *(leaf.grad for leaf in leaves)])
    for fused, composed in zip(*results):
        np.testing.assert_allclose(fused, composed, rtol=1e-9, atol=1e-11)


# --- attention ----------------------------------------------------------------------------------

LENGTHS = st.lists(st.sampled_from([1, 2, 3, 7, 8, 9, 16, 17]), min_size=1, max_size=6)


def ragged_qkv(lengths, rng, heads=2, d=3):
    offsets = np.append(0, np.cumsum(lengths))
    return rng.standard_normal((offsets[-1], 3 * heads * d)), offsets


@given(LENGTHS, st.booleans(), generators())
def test_a_batch_gives_each_sequence_what_it_gets_alone(lengths, causal, rng):
    qkv, offsets = ragged_qkv(lengths, rng)
    x = Tensor(qkv, requires_grad=True)
    out = attention(x, blocks=blocks_by_length(offsets), num_heads=2, causal=causal)
    cotangent = rng.standard_normal(out.shape)
    out.backward(cotangent)
    maps = attention_maps(qkv, blocks_by_length(offsets), 2, causal)
    assert len(maps) == len(lengths)
    for i, (a, b) in enumerate(zip(offsets[:-1], offsets[1:])):
        y = Tensor(qkv[a:b], requires_grad=True)
        one = blocks_by_length(np.array([0, b - a]))
        alone = attention(y, blocks=one, num_heads=2, causal=causal)
        alone.backward(cotangent[a:b])
        np.testing.assert_allclose(out.data[a:b], alone.data, rtol=0, atol=1e-12)
        np.testing.assert_allclose(x.grad[a:b], y.grad, rtol=0, atol=1e-12)
        np.testing.assert_allclose(maps[i], attention_maps(qkv[a:b], one, 2, causal)[0], atol=1e-13)
        # row t of the map mixes the values: that is the output
        v = qkv[a:b, 12:].reshape(-1, 2, 3)
        mixed = np.einsum("hqk,khd->qhd", maps[i], v).reshape(b - a, 6)
        np.testing.assert_allclose(mixed, out.data[a:b], atol=1e-12)


@given(LENGTHS)
def test_blocks_hold_every_token_once_and_few_lengths(lengths):
    offsets = np.append(0, np.cumsum(lengths))
    blocks = blocks_by_length(offsets)
    seen = []
    for block in blocks:
        rows = np.arange(offsets[-1])[block.rows].reshape(block.number, block.length)
        seen += rows.ravel().tolist() if block.real is None else rows[block.real].tolist()
        assert block.length == max(lengths[s] for s in block.sequences)
        assert block.length - min(lengths[s] for s in block.sequences) < 8
    assert sorted(seen) == list(range(offsets[-1]))
    assert len(blocks) == len({-(-n // 8) for n in lengths})


@given(LENGTHS, generators())
def test_the_order_of_the_sequences_changes_nothing(lengths, rng):
    qkv, offsets = ragged_qkv(lengths, rng)
    order = rng.permutation(len(lengths))
    rows = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in order])
    moved = np.append(0, np.cumsum(np.array(lengths)[order]))
    out = attention(qkv, blocks=blocks_by_length(offsets), num_heads=2).data
    again = attention(qkv[rows], blocks=blocks_by_length(moved), num_heads=2).data
    np.testing.assert_allclose(again, out[rows], rtol=0, atol=1e-12)


@given(LENGTHS, generators())
def test_causal_a_later_token_changes_nothing_before_it(lengths, rng):
    qkv, offsets = ragged_qkv(lengths, rng)
    blocks = blocks_by_length(offsets)
    before = attention(qkv, blocks=blocks, num_heads=2, causal=True).data
    changed = qkv.copy()
    at = int(rng.integers(offsets[-1]))
    changed[at] += 50 * rng.standard_normal(qkv.shape[1])
    after = attention(changed, blocks=blocks, num_heads=2, causal=True).data
    end = offsets[offsets > at][0]
    same = np.r_[0:at, end : offsets[-1]]
    np.testing.assert_array_equal(before[same], after[same])
    assert not np.array_equal(before[at], after[at])
    for weights in attention_maps(qkv, blocks, 2, causal=True):
        assert not np.triu(weights, 1).any()


@given(LENGTHS, st.booleans(), generators())
def test_rows_of_attention_maps_are_probabilities(lengths, causal, rng):
    qkv, offsets = ragged_qkv(lengths, rng)
    maps = attention_maps(3 * qkv, blocks_by_length(offsets), 2, causal)
    assert [m.shape for m in maps] == [(2, n, n) for n in lengths]
    for weights in maps:
        assert (weights >= 0).all()
        np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=0, atol=1e-14)


@given(LENGTHS, st.booleans(), generators())
def test_equal_values_come_back(lengths, causal, rng):
    qkv, offsets = ragged_qkv(lengths, rng)
    value = rng.standard_normal(6)
    qkv[:, 12:] = value
    out = attention(qkv, blocks=blocks_by_length(offsets), num_heads=2, causal=causal).data
    np.testing.assert_allclose(out, np.tile(value, (len(qkv), 1)), rtol=0, atol=1e-14)


def test_equal_keys_give_the_mean_of_the_values_seen():
    qkv = np.zeros((3, 3))
    qkv[:, 2] = [3.0, 6.0, 0.0]
    blocks = blocks_by_length(np.array([0, 3]))
    assert attention(qkv, blocks=blocks, num_heads=1).data.ravel().tolist() == [3.0] * 3
    out = attention(qkv, blocks=blocks, num_heads=1, causal=True).data.ravel()
    np.testing.assert_allclose(out, [3.0, 4.5, 3.0])


def test_huge_scores_choose_one_key_without_overflow():
    for dtype in (np.float32, np.float64):
        qkv = np.array([[1e3, 1e3, 1.0], [1e3, -1e3, 2.0]], dtype)
        out = attention(qkv, blocks=blocks_by_length(np.array([0, 2])), num_heads=1).data
        assert out.ravel().tolist() == [1.0, 1.0]


@pytest.mark.parametrize("causal", [False, True])
def test_what_may_not_be_seen_has_no_weight_however_low_the_scores(causal):
    qkv = np.ones((5, 3))
    qkv[:, 0], qkv[:, 1] = 2e8, -2e8  # scores of -4e16
    qkv[1, 2], qkv[4, 2] = 3.0, 100.0  # the first sequence is filled up to three tokens
    blocks = blocks_by_length(np.array([0, 2, 5]))
    out = attention(qkv, blocks=blocks, num_heads=1, causal=causal).data[:, 0]
    last = 34.0  # (1 + 1 + 100) / 3
    np.testing.assert_allclose(out, [1, 2, 1, 1, last] if causal else [2, 2, last, last, last])


def test_attention_is_that_of_the_slow_loop_over_tokens():
    rng = np.random.default_rng(3)
    qkv, offsets = ragged_qkv([5, 1, 12, 12, 3], rng, heads=3, d=4)
    for causal in (False, True):
        blocks = blocks_by_length(offsets)
        out = attention(qkv, blocks=blocks, num_heads=3, causal=causal).data
        want = plain_attention(qkv, blocks, 3, causal)
        np.testing.assert_allclose(out, want, rtol=0, atol=1e-13)


@pytest.mark.parametrize("causal", [False, True])
def test_long_sequences_in_strips_are_as_their_parts_composed(causal, rng=np.random.default_rng(4)):
    qkv, offsets = ragged_qkv([523, 9, 526, 523], rng, heads=2, d=2)
    blocks = blocks_by_length(offsets)
    assert [len(strips(b, 2)) for b in blocks] == [1, 6 * 2]
    g = rng.standard_normal((len(qkv), 4))
    found = []
    for op in (attention, composed_attention):
        x = Tensor(qkv, requires_grad=True)
        out = op(x, blocks=blocks, num_heads=2, causal=causal)
        out.backward(g)
        found.append((out.data, x.grad))
    for ours, plain in zip(*found):
        np.testing.assert_allclose(ours, plain, rtol=0, atol=1e-12)


def test_memory_of_attention_grows_with_the_length_and_not_with_its_square():
    peaks = []
    for length in (2048, 8192):
        qkv = np.ones((length, 3), np.float32)
        blocks = blocks_by_length(np.array([0, length]))
        tracemalloc.start()
        _, vjp = attention.raw(qkv, blocks=blocks, num_heads=1)
        vjp(qkv[:, :1])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0] < 2 * 2048**2 * 4  # the weights of 8,192 would take 268 MB


@pytest.mark.parametrize("causal", [False, True])
def test_sight_of_ones_own_and_causal_exclude_each_other(causal):
    blocks = blocks_by_length([0, 2], sight=np.array([[5, 0, 1], [0, 5, 6]]))
    qkv, far = np.array([[1.0, 1.0, 2.0], [1.0, 1.0, 3.0]]), np.ones((2, 2))
    calls = [
        lambda: attention(qkv, blocks=blocks, num_heads=1, causal=causal).data,
        lambda: attention_maps(qkv, blocks, 1, causal)[0][0] @ qkv[:, 2:],
        lambda: disentangled_attention(qkv, far, blocks=blocks, num_heads=1, causal=causal).data,
        lambda: disentangled_maps(qkv, far, blocks, 1, causal)[0][0] @ qkv[:, 2:],
    ]
    for call in calls:
        if causal:  # the first token would see nothing
            with pytest.raises(ConfigError, match="given sight, expected one of the two"):
                call()
        else:
            assert call().tolist() == [[3.0], [2.0]]  # each sees the other one alone


def test_attention_refuses_what_does_not_fit():
    blocks = blocks_by_length(np.array([0, 2]))
    for heads in (0, 2, -1):
        with pytest.raises(ConfigError, match="columns"):
            attention(np.ones((2, 9)), blocks=blocks, num_heads=heads)
    with pytest.raises(ConfigError, match="8 columns"):
        attention(np.ones((2, 8)), blocks=blocks, num_heads=1)
    with pytest.raises(ShapeError, match="blocks hold 2 tokens but qkv has 3 rows"):
        attention(np.ones((3, 3)), blocks=blocks, num_heads=1)
    with pytest.raises(ShapeError, match="attention: qkv has shape"):
        attention(np.ones((1, 2, 3)), blocks=blocks, num_heads=1)
    with pytest.raises(ShapeError, match="blocks hold"):
        attention_maps(np.ones((3, 3)), blocks, 1)


# --- softmax and cross-entropy ------------------------------------------------------------------


@pytest.mark.parametrize("classes", [1, 2, 10, 1000])
def test_equal_logits_give_the_logarithm_of_the_number_of_classes(classes):
    for level in (0.0, 1000.0, -1000.0):
        logits = np.full((3, classes), level)
        loss = losses.softmax_cross_entropy(
            logits, targets=np.array([0, classes // 2, classes - 1])
        )
        assert math.isclose(loss.item(), math.log(classes), abs_tol=1e-12)


@given(generators(), st.integers(1, 5), st.floats(0.1, 40))
def test_the_cross_entropy_of_float32_has_all_its_digits_however_small_it_is(rng, classes, size):
    logits = (size * rng.standard_normal((1, classes))).astype(np.float32)
    targets = logits.argmax(axis=1)
    narrow, exact = (
        losses.softmax_cross_entropy(logits.astype(dtype), targets=targets).item()
        for dtype in (np.float32, np.float64)
    )
    assert narrow >= 0
    assert narrow == pytest.approx(exact, rel=1e-5, abs=1e-37)  # exp of 30 has six digits


@pytest.mark.parametrize("gap", [0.0, 1.0, 15.0, 40.0, 80.0])
def test_a_log_probability_next_to_0_has_all_its_digits(gap):
    z, y, one = np.array([[60.0, 60.0 - gap]], np.float32), np.array([0]), np.ones(2)
    want = np.log1p(np.exp(-gap))
    for loss in (
        losses.weighted_cross_entropy(z, targets=y, weights=one),
        losses.kl_divergence(z, targets=[[1.0, 0.0]]),
        -kernels.log_softmax(z)[0, 0],
        -kernels.log_softmax(z[0])[0],
    ):
        assert loss.item() == pytest.approx(want, rel=1e-6) and loss.dtype == np.float32


@pytest.mark.parametrize("logits, loss", [
    ([2.4537218, -50], 1.6582047e-23), ([40, 25], 3.0590225e-07), ([90, 75], 3.0590225e-07),
])  # fmt: skip
def test_a_small_cross_entropy_is_neither_negative_nor_zero(logits, loss):
    logits = np.array([logits], np.float32)
    found = losses.softmax_cross_entropy(logits, targets=np.array([0])).item()
    assert found == pytest.approx(loss, rel=1e-6)


def test_the_gradient_of_cross_entropy_is_p_minus_onehot_over_n():
    rng = np.random.default_rng(0)
    logits, targets = (
        Tensor(rng.standard_normal((4, 5)), requires_grad=True),
        np.array([1, 1, 4, 0]),
    )
    losses.softmax_cross_entropy(logits, targets=targets).backward()
    want = (kernels.softmax(logits).data - np.eye(5)[targets]) / 4
    np.testing.assert_allclose(logits.grad, want, atol=1e-15)
    np.testing.assert_allclose(logits.grad.sum(axis=1), 0, atol=1e-15)


@pytest.mark.parametrize("smoothing, expected", [(0.0, np.log(2)), (0.3, np.inf)])
def test_a_class_that_a_logit_rules_out_costs_nothing_unless_a_target_asks_for_it(
    smoothing, expected
):
    logits, y, w = Tensor([[5.0, 5.0, -np.inf]], requires_grad=True), [1], [1.0, 2.0, 3.0]
    loss = losses.weighted_cross_entropy(logits, targets=y, weights=w, smoothing=smoothing)
    assert loss.item() == pytest.approx(expected)
    if smoothing == 0:
        loss.backward()
        np.testing.assert_allclose(logits.grad, [[0.5, -0.5, 0.0]], atol=1e-15)


def test_cross_entropy_of_far_apart_logits_is_their_distance():
    loss = losses.softmax_cross_entropy(np.array([[1000.0, -1000.0]]), targets=np.array([1]))
    assert loss.item() == 2000.0
    loss = losses.softmax_cross_entropy(np.array([[1000.0, -1000.0]]), targets=np.array([0]))
    assert loss.item() == 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_of_far_apart_scores_is_exact(dtype):
    p = kernels.softmax(np.array([[1000.0, 0.0], [-1000.0, -1000.0], [0.0, -1000.0]], dtype))
    assert p.data.tolist() == [[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]]
    assert p.dtype == dtype


def test_raising_all_scores_alike_changes_nothing():
    x = np.random.default_rng(0).standard_normal((3, 4))
    np.testing.assert_allclose(kernels.softmax(x + 7.5).data, kernels.softmax(x).data, rtol=1e-13)
    a, b = (losses.softmax_cross_entropy(z, targets=np.zeros(3, int)).item() for z in (x, x - 99))
    assert math.isclose(a, b, rel_tol=1e-12)


@pytest.mark.parametrize(
    "targets, error, message",
    [
        ([0, 3], IdError, r"3 at position 1 is outside 0\.\.2"),
        ([-1, 0], IdError, "-1 at position 0 is outside"),
        ([0.0, 1.0], DtypeError, "dtype float64, expected integers"),
        ([True, False], DtypeError, "dtype bool"),
        ([0], ShapeError, r"2 rows of logits and targets of shape \(1,\)"),
        ([[0], [1]], ShapeError, r"targets of shape \(2, 1\)"),
    ],
)
def test_targets_that_do_not_fit_are_refused(targets, error, message):
    with pytest.raises(error, match=f"softmax_cross_entropy.*{message}"):
        losses.softmax_cross_entropy(np.zeros((2, 3)), targets=np.array(targets))


def test_cross_entropy_of_no_rows_is_refused():
    with pytest.raises(ShapeError, match="at least one row"):
        losses.softmax_cross_entropy(np.zeros((0, 3)), targets=np.zeros(0, int))


# --- sums as products ---------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 65_535, 65_536, 65_537, 100_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_sums_are_sums_at_every_length(n, dtype):
    column = np.full((n, 1), 3, dtype)
    for total in (kernels.column_sums(column), kernels.row_sums(column.T)):
        assert total.tolist() == [3 * n] and total.dtype == dtype
    with pytest.raises(ValueError, match="read-only"):
        kernels.ones(5, np.dtype(dtype))[0] = 2


def test_sums_of_many_lengths_hold_no_memory():
    x = np.ones((80_000, 1), np.float32)
    kernels.column_sums(x)
    tracemalloc.start()
    for n in range(60_000, 80_000, 200):
        kernels.column_sums(x[:n])
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 100_000  # bytes; ones for each length would take 28 MB


# --- layer norm ---------------------------------------------------------------------------------


@given(generators())
def test_rows_have_mean_0_and_variance_1_wherever_they_began(rng):
    x = 100 + 3 * rng.standard_normal((4, 16))
    y = kernels.layer_norm(x, np.ones(16), np.zeros(16), eps=0.0).data
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=1), 1, atol=1e-12)
    again = kernels.layer_norm(5 * x - 3, np.ones(16), np.zeros(16), eps=0.0).data
    np.testing.assert_allclose(again, y, atol=1e-11)


def test_a_constant_row_gives_beta():
    y = kernels.layer_norm(np.full((1, 3), 7.0), np.ones(3), np.array([1.0, 2.0, 3.0]))
    assert y.data.tolist() == [[1.0, 2.0, 3.0]]


def test_the_gradient_of_a_normalised_row_is_free_of_shift_and_stretch():
    rng = np.random.default_rng(0)
    x = Tensor(rng.standard_normal((5, 8)), requires_grad=True)
    kernels.layer_norm(x, np.ones(8), np.zeros(8), eps=0.0).backward(rng.standard_normal((5, 8)))
    np.testing.assert_allclose(x.grad.sum(axis=1), 0, atol=1e-13)
    np.testing.assert_allclose((x.grad * x.data).sum(axis=1), 0, atol=1e-13)


@pytest.mark.parametrize(
    "bad, message",
    [
        (lambda: kernels.linear(np.ones((2, 3)), np.ones((4, 2)), np.ones(4)), "linear: weight"),
        (lambda: kernels.linear(np.ones((2, 3)), np.ones((4, 3)), np.ones(3)), "linear: weight"),
        (lambda: kernels.linear(np.ones(3), np.ones((4, 3)), np.ones(4)), "linear: x"),
        (lambda: kernels.linear(np.ones((2, 3)), np.ones((1, 3)), 1.0), "linear: bias"),
        (lambda: kernels.layer_norm(np.ones(3), np.ones(3), np.ones(3)), "layer_norm: x"),
        (lambda: kernels.layer_norm(np.ones((2, 3)), np.ones(2), np.ones(3)), "layer_norm: gamma"),
        (lambda: kernels.layer_norm(np.ones((2, 3)), np.ones(3), np.ones((1, 3))), "norm: beta"),
        (lambda: kernels.cosine_logits(np.ones((2, 3)), np.ones((2, 4))), "cosine_logits: b"),
        (lambda: kernels.cosine_logits(np.ones(3), np.ones((2, 3))), "cosine_logits: a"),
    ],
)
def test_widths_that_differ_are_named(bad, message):
    with pytest.raises(ShapeError, match=message):
        bad()


# --- gelu ---------------------------------------------------------------------------------------

GRID = np.r_[np.linspace(-12, 12, 48_001), np.linspace(-1e4, 1e4, 2_001), 0.0, -0.0, 1e-30, -1e-30]


def gelu_and_slope(x, dtype):
    leaf = Tensor(x, requires_grad=True, dtype=dtype)
    y = kernels.gelu(leaf)
    y.backward(np.ones(len(x)))
    assert y.dtype == leaf.grad.dtype == dtype
    return y.data, leaf.grad


def test_the_fast_gelu_of_float32_is_the_exact_one_to_rounding():
    narrow = GRID.astype(np.float32)
    value, slope = gelu_and_slope(narrow, np.float32)
    exact_value, exact_slope = gelu_and_slope(narrow, np.float64)
    size = np.maximum(1, np.abs(narrow.astype(np.float64)))
    assert (np.abs(value - exact_value) / size).max() < 2e-7
    assert np.abs(slope - exact_slope).max() < 4e-7


def test_gelu_of_a_number_whose_square_is_too_large_for_float32():
    with np.errstate(all="raise"):
        value, slope = gelu_and_slope(np.array([1e30, -1e30]), np.float32)
    assert value.tolist() == [np.float32(1e30), 0.0] and slope.tolist() == [1.0, 0.0]


def test_gelu_in_closed_form():
    x = np.linspace(-6, 6, 101)
    y = kernels.gelu(x).data
    np.testing.assert_allclose(y - kernels.gelu(-x).data, x, atol=1e-14)  # Φ(x) + Φ(-x) = 1
    assert kernels.gelu(np.array([0.0])).item() == 0.0
    t = Tensor([0.0], requires_grad=True)
    kernels.gelu(t).backward()
    assert t.grad.tolist() == [0.5]
    np.testing.assert_allclose(kernels.gelu(np.array([40.0, -40.0])).data, [40.0, 0.0], atol=1e-300)


def test_the_distribution_function_in_float32_stays_between_0_and_1():
    x = np.linspace(-40, 40, 80_001, dtype=np.float32)
    p = np.empty_like(x)
    kernels.normal_cdf(x, out=p)
    assert p.min() == 0 and p.max() == 1
    assert p[0] == 0 and p[-1] == 1 and p[40_000] == 0.5


def test_the_committed_coefficients_come_from_the_fit_and_are_accurate():
    x = np.linspace(-12, 12, 100_001)
    committed = fit_normal_cdf.cdf(x, np.array(kernels.ERF_AS_TANH))
    assert (np.maximum(1, np.abs(x)) * np.abs(committed - ndtr(x))).max() <= 7e-8
    fitted = fit_normal_cdf.cdf(x, fit_normal_cdf.fit())
    assert np.abs(x * (committed - fitted)).max() <= 1e-7
    assert np.abs(committed - fitted).max() <= 1e-7


# --- dropout ------------------------------------------------------------------------------------


def rng_of(seed):
    return np.random.default_rng(seed)


def test_dropout_of_nothing_is_the_tensor_itself():
    x = Tensor([1.0, 2.0])
    assert kernels.dropout(x, 0, rng=None) is x


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dropout_keeps_the_mean_and_drops_its_share(p, dtype):
    n = 200_000
    y = kernels.dropout(Tensor(np.ones(n), dtype=dtype), p, rng=rng_of(0)).data
    assert y.dtype == dtype
    chance = round(p * 65536) / 65536
    assert abs((y == 0).mean() - p) < 5 * math.sqrt(p * (1 - p) / n)
    assert set(np.unique(y)) == {0.0, dtype(1 / (1 - chance))}
    assert abs(y.mean() - 1) < 5 * math.sqrt(p / (1 - p) / n)


def test_dropout_gives_the_same_bits_for_the_same_seed_and_others_for_another():
    x = Tensor(np.ones((50, 20)))
    a, b, c = (kernels.dropout(x, 0.3, rng=rng_of(s)).data for s in (1, 1, 2))
    assert a.tobytes() == b.tobytes() != c.tobytes()
    same = rng_of(1)
    again = [kernels.dropout(x, 0.3, rng=same).data for _ in range(2)]
    assert again[0].tobytes() != again[1].tobytes()


def test_sixteen_bits_decide_and_the_threshold_itself_is_kept():
    class Bits(np.random.Generator):
        def bytes(self, n):
            assert n == 6
            return np.array([32767, 32768, 65535], "<u2").tobytes()

    y = kernels.dropout(Tensor([1.0, 2.0, 3.0]), 0.5, rng=Bits(np.random.PCG64()))
    assert y.data.tolist() == [0.0, 4.0, 6.0]


@pytest.mark.parametrize("p, threshold", [(50_000 / 65_536, 50_000), (0.9999999, 65_535)])
def test_the_chance_is_counted_in_steps_of_two_to_the_minus_16(p, threshold):
    class Bits(np.random.Generator):
        def bytes(self, n):
            return np.array([threshold - 1, threshold], "<u2").tobytes()

    y = kernels.dropout(Tensor([1.0, 1.0]), p, rng=Bits(np.random.PCG64()))
    assert y.data.tolist() == [0.0, 65_536 / (65_536 - threshold)]


def test_dropout_drops_the_gradient_of_what_it_dropped():
    x = Tensor(np.full((30, 4), 2.0), requires_grad=True)
    y = kernels.dropout(x, 0.25, rng=rng_of(0))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad * 2, y.data)


@pytest.mark.parametrize("p", [0.0, 0.5])
@pytest.mark.parametrize("x", [np.array([1, 2, 3]), [1, 2, 3], np.array([1.0, 2.0, 3.0], np.float32)])
def test_dropout_of_an_array_is_a_tensor_of_floats_as_of_every_op(x, p):
    y = kernels.dropout(x, p, rng=rng_of(0))
    assert type(y) is Tensor and y.dtype == ops.negative(x).dtype
    assert set(y.data.tolist()) <= ({1, 2, 3} if p == 0 else {0, 2, 4, 6})


@pytest.mark.parametrize("rng", [np.random, np.random.RandomState(0), 3])
def test_dropout_draws_from_a_generator_and_not_from_a_state_that_all_share(rng):
    with pytest.raises(ConfigError, match="dropout: rng is .*, expected a generator: np.random.def"):
        kernels.dropout(Tensor([1.0]), 0.5, rng=rng)


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, float("nan")])
def test_dropout_refuses_a_chance_outside(p):
    with pytest.raises(ConfigError, match="expected 0 <= p < 1"):
        kernels.dropout(Tensor([1.0]), p, rng=rng_of(0))


def test_dropout_without_a_generator_is_refused():
    with pytest.raises(ConfigError, match=r"rng=np.random.default_rng\(seed\)"):
        kernels.dropout(Tensor([1.0]), 0.1, rng=None)


# --- tables and rows ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 300, 70_000])
def test_repeated_ids_add_up_as_with_add_at(size):
    rng = rng_of(size)
    ids = rng.integers(0, size, 500)
    ids[:7] = size - 1
    table = Tensor(np.zeros((size, 2)), requires_grad=True)
    g = rng.standard_normal((500, 2))
    kernels.embedding(table, ids=ids).backward(g)
    want = np.zeros((size, 2))
    np.add.at(want, ids, g)
    np.testing.assert_allclose(table.grad, want, atol=1e-12)


def test_no_ids_give_no_rows_and_a_gradient_of_zeros():
    table = Tensor(np.ones((3, 2)), requires_grad=True)
    out = kernels.embedding(table, ids=np.zeros(0, int))
    assert out.shape == (0, 2)
    out.sum().backward()
    assert not table.grad.any() and table.grad.shape == (3, 2)


@pytest.mark.parametrize("op, name", [(kernels.embedding, "ids"), (kernels.take_rows, "rows")])
def test_ids_outside_are_refused(op, name):
    for ids, error, message in [
        (np.array([0, 5]), IdError, "5 at position 1"),
        (np.array([-1, 0]), IdError, "-1 at position 0"),
        (np.array([0.0]), DtypeError, "float64"),
        (np.array([True, False, True]), DtypeError, "bool"),
    ]:
        with pytest.raises(error, match=message):
            op(np.ones((3, 2)), **{name: ids})
    with pytest.raises(ShapeError):
        op(
            np.ones((3, 2)),
            **{name: np.array([0, 1, 0]) if name == "rows" else np.ones((1, 1), int)},
        )


# --- cosines ------------------------------------------------------------------------------------


@given(generators())
def test_cosines_are_bounded_and_blind_to_length(rng):
    a, b = rng.standard_normal((3, 5)), rng.standard_normal((4, 5))
    s = kernels.cosine_logits(a, b, tau=0.5).data
    assert (np.abs(s) <= 2 + 1e-12).all()
    np.testing.assert_allclose(kernels.cosine_logits(1e6 * a, 1e-6 * b, tau=0.5).data, s, rtol=1e-9)
    np.testing.assert_allclose(np.diag(kernels.cosine_logits(a, a).data), 1, rtol=1e-14)


def test_cosine_refuses_no_temperature_and_no_length():
    a = np.ones((2, 3))
    for tau in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="expected a finite number above 0"):
            kernels.cosine_logits(a, a, tau=tau)
    for bad in (0.0, np.nan):
        b = np.ones((2, 3))
        b[1] = bad
        with pytest.raises(NonFiniteError, match="row 1 of b"):
            kernels.cosine_logits(a, b)


@pytest.mark.parametrize(
    "dtype, tiny, short", [(np.float32, 1e-18, 3e-23), (np.float64, 1e-153, 3e-162)]
)
def test_a_vector_too_short_to_be_squared_is_refused_and_one_just_long_enough_is_right(
    dtype, tiny, short
):
    a = np.array([[2.0, 1.0]], dtype)
    assert kernels.cosine_logits(a, a * dtype(tiny)).item() == pytest.approx(1, abs=1e-6)
    with pytest.raises(NonFiniteError, match="row 0 of b has length 0, one too small"):
        kernels.cosine_logits(a, a * dtype(short))


def test_a_temperature_that_is_a_numpy_number_keeps_float32():
    a = Tensor(np.ones((2, 3)), requires_grad=True, dtype=np.float32)
    out = kernels.cosine_logits(a, a, tau=np.float64(0.1))
    out.sum().backward()
    assert out.dtype == a.grad.dtype == np.float32


# --- segments -----------------------------------------------------------------------------------


@given(LENGTHS, generators())
def test_segments_agree_with_a_loop(lengths, rng):
    offsets = np.append(0, np.cumsum(lengths))
    x = rng.standard_normal((offsets[-1], 3))
    parts = [x[a:b] for a, b in zip(offsets[:-1], offsets[1:])]
    mean, largest = segment_mean(x, offsets=offsets).data, segment_max(x, offsets=offsets).data
    np.testing.assert_allclose(mean, [p.mean(axis=0) for p in parts], atol=1e-14)
    np.testing.assert_array_equal(largest, [p.max(axis=0) for p in parts])


def test_ties_within_a_segment_share_evenly():
    x = Tensor([[1.0], [1.0], [0.0], [1.0]], requires_grad=True)
    segment_max(x, offsets=np.array([0, 3, 4])).backward([[6.0], [5.0]])
    assert x.grad.ravel().tolist() == [3.0, 3.0, 0.0, 5.0]


@pytest.mark.parametrize("op", [segment_mean, segment_max])
@pytest.mark.parametrize("offsets", [[0, 2], [1, 3], [0, 2, 2, 3], [0, 3, 2, 3], [0, 4], [0], []])
@pytest.mark.parametrize("dtype", [np.int64, np.uint32])
def test_offsets_that_do_not_fit_are_refused(op, offsets, dtype):
    with pytest.raises(ShapeError, match="offsets must rise from 0 to N = 3"):
        op(np.ones((3, 2)), offsets=np.array(offsets, dtype))


def test_offsets_that_are_no_integers_are_refused():
    with pytest.raises(DtypeError, match="offsets have dtype float64"):
        segment_mean(np.ones((3, 2)), offsets=np.array([0.0, 3.0]))


# --- edges found by a reader --------------------------------------------------------------------


def test_the_largest_of_a_segment_is_exactly_one_of_its_numbers():
    x = np.array([[-np.inf], [3.0], [0.1], [0.1], [0.1], [-np.inf]])
    offsets = np.array([0, 2, 5, 6])
    assert segments.segment_max(x, offsets=offsets).data.ravel().tolist() == [3.0, 0.1, -np.inf]
    with pytest.raises(NonFiniteError, match="NaN"):
        segments.segment_max(np.array([[np.nan]]), offsets=np.array([0, 1]))


def test_a_probability_of_zero_adds_nothing_to_the_divergence_even_where_the_model_says_never():
    loss = losses.kl_divergence(np.array([[-np.inf, 0.0]]), targets=np.array([[0.0, 1.0]]))
    assert loss.item() == 0.0


def test_something_is_kept_by_dropout_however_large_p_is():
    kept = kernels.dropout(np.ones(10**6), 0.9999999, rng=np.random.default_rng(0))
    assert np.isfinite(kept.data).all() and kept.data.max() > 1000


def test_no_ids_give_no_rows():
    assert kernels.embedding(np.ones((3, 2)), ids=[]).shape == (0, 2)


@pytest.mark.parametrize("eps", [-1e-5, np.nan, np.inf])
def test_an_eps_that_could_give_nan_is_refused(eps):
    with pytest.raises(ConfigError, match="eps is"):
        kernels.layer_norm(np.ones((1, 2)), np.ones(2), np.zeros(2), eps=eps)


def test_blocks_that_hold_a_token_twice_are_refused():
    half = blocks_by_length(np.array([0, 2]))
    with pytest.raises(ShapeError, match="hold a token twice, and not token 2"):
        attention(np.ones((4, 3)), blocks=half + half, num_heads=1)


@pytest.mark.parametrize("bad", [[0, 2, 2], [0, 3, 1], [[0, 1]], [0.0, 1.0], 3])
def test_offsets_that_do_not_rise_make_no_blocks(bad):
    with pytest.raises(ShapeError, match="expected rising whole numbers"):
        blocks_by_length(bad)


def test_blocks_removed_before_backward_change_no_gradient():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    blocks = blocks_by_length(np.array([0, 2]))
    loss = attention(x, blocks=blocks, num_heads=1).sum()
    blocks.clear()
    loss.backward()
    assert x.grad[:, 2].tolist() == [1.0, 1.0]


def test_a_stack_of_rows_times_one_matrix_takes_one_product():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 4, 5)), rng.standard_normal((5, 2))
    g = rng.standard_normal((3, 4, 2))
    out, vjp = ops.matmul.raw(a, b)
    np.testing.assert_allclose(vjp(g)[1], np.einsum("bij,bik->jk", a, g), rtol=1e-12)


def test_neighbours_of_one_length_are_a_slice_and_nothing_is_marked_where_nothing_is_filled_up():
    (block,) = blocks_by_length(np.array([0, 2, 4, 6]))
    assert block.rows == slice(0, 6) and block.real is None  # a slice is a view: no copy of rows
    apart, _ = blocks_by_length(np.array([0, 2, 12, 14]))
    assert apart.rows.tolist() == [0, 1, 12, 13] and apart.real is None
    (filled,) = blocks_by_length(np.array([0, 2, 3]))
    assert filled.rows.tolist() == [0, 1, 2, 2]  # the last token stands in
    assert filled.real.tolist() == [[True, True], [True, False]]


def test_a_table_just_too_long_for_16_bit_keys_keeps_its_ids_apart():
    ids = np.array([0, 65536, 0, 65536, 65535])
    table = Tensor(np.zeros((65537, 1)), requires_grad=True)
    kernels.embedding(table, ids=ids).backward(np.array([[1.0], [10.0], [2.0], [20.0], [5.0]]))
    assert table.grad[[0, 65535, 65536], 0].tolist() == [3.0, 5.0, 30.0]


def test_without_an_eps_layer_norm_adds_a_hundred_thousandth_to_the_variance():
    y = kernels.layer_norm(np.array([[-0.001, 0.001]]), np.ones(2), np.zeros(2))
    np.testing.assert_allclose(y.data, [[-0.001 / 1.1e-5**0.5, 0.001 / 1.1e-5**0.5]], rtol=1e-12)


def test_a_message_shows_eight_offsets_in_full_and_more_in_short():
    for count, shown in ((8, "0 1 2 3 4 5 6 7"), (9, "0 1 2 ... 6 7 8")):
        with pytest.raises(ShapeError, match=rf"got \[{shown}\]"):
            segment_mean(np.ones((99, 1)), offsets=np.arange(count))


def test_no_rows_are_no_segment():
    with pytest.raises(ShapeError, match="rise from 0 to N = 0"):
        segment_mean(np.ones((0, 1)), offsets=np.array([0]))


def test_rows_that_nearly_sum_to_one_are_probabilities_and_others_are_not():
    def divergence(total):
        targets = np.array([[total / 2, total / 2]])
        return losses.kl_divergence(np.zeros((1, 2)), targets=targets).item()

    for total in (1 - 1e-6, 1 + 1e-6):  # what float32 makes of them
        assert abs(divergence(total)) < 1e-5
    for total in (0.999, 1.001):
        with pytest.raises(DataError, match="rows of probabilities that sum to 1"):
            divergence(total)


@pytest.mark.parametrize("shape", [(2, 2), (2, 4), (3,), (1, 3), (2, 3, 1)])
def test_a_factor_of_another_shape_is_refused_smaller_and_larger(shape):
    with pytest.raises(ShapeError, match="x has shape"):
        kernels.scale(np.ones((2, 3)), factor=np.ones(shape))
