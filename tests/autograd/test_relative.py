"""Disentangled attention: what it shares with plain attention, and what distances do to it."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from op_table import plain_disentangled

from npft.autograd import Tensor, relative
from npft.autograd.attention import attention, blocks_by_length
from npft.autograd.relative import disentangled_attention, disentangled_maps, distances
from npft.testing import generators

LENGTHS = st.lists(st.sampled_from([1, 2, 3, 7, 8, 9, 16]), min_size=1, max_size=5)


def drawn(lengths, rng, heads=2, d=3, k=2):
    offsets = np.append(0, np.cumsum(lengths))
    qkv = rng.standard_normal((offsets[-1], 3 * heads * d))
    return qkv, rng.standard_normal((2 * k, 2 * heads * d)), offsets


def test_distances_are_clipped_at_both_ends():
    for k in (1, 2, 5):
        for i in range(9):
            for j in range(9):
                want = 0 if i - j <= -k else 2 * k - 1 if i - j >= k else i - j + k
                assert distances(9, k)[i, j] == want


@given(LENGTHS, st.booleans(), generators())
def test_a_batch_gives_each_sequence_what_it_gets_alone(lengths, causal, rng):
    qkv, far, offsets = drawn(lengths, rng)
    options = {"num_heads": 2, "causal": causal}
    x, table = Tensor(qkv, requires_grad=True), Tensor(far, requires_grad=True)
    out = disentangled_attention(x, table, blocks=blocks_by_length(offsets), **options)
    cotangent = rng.standard_normal(out.shape)
    out.backward(cotangent)
    maps = disentangled_maps(qkv, far, blocks_by_length(offsets), 2, causal)
    alone_table = Tensor(far, requires_grad=True)  # its gradient is the sum over the sequences
    for i, (a, b) in enumerate(zip(offsets[:-1], offsets[1:])):
        y, one = Tensor(qkv[a:b], requires_grad=True), blocks_by_length(np.array([0, b - a]))
        alone = disentangled_attention(y, alone_table, blocks=one, **options)
        alone.backward(cotangent[a:b])
        np.testing.assert_allclose(out.data[a:b], alone.data, rtol=0, atol=1e-12)
        np.testing.assert_allclose(x.grad[a:b], y.grad, rtol=0, atol=1e-12)
        v = qkv[a:b, 12:].reshape(-1, 2, 3)
        mixed = np.einsum("hqk,khd->qhd", maps[i], v).reshape(b - a, 6)
        np.testing.assert_allclose(mixed, out.data[a:b], atol=1e-12)
        np.testing.assert_allclose(maps[i].sum(axis=-1), 1, atol=1e-12)
    np.testing.assert_allclose(table.grad, alone_table.grad, rtol=0, atol=1e-11)


@pytest.mark.parametrize("causal", [False, True])
def test_it_is_equation_4_token_by_token(causal, rng=np.random.default_rng(3)):
    qkv, far, offsets = drawn([5, 1, 12, 12, 3], rng, heads=3, d=2, k=3)
    blocks = blocks_by_length(offsets)
    out = disentangled_attention(qkv, far, blocks=blocks, num_heads=3, causal=causal).data
    want = plain_disentangled(qkv, far, blocks, 3, causal)
    np.testing.assert_allclose(out, want, rtol=0, atol=1e-13)


@given(LENGTHS, generators())
def test_without_distances_it_is_plain_attention_with_scores_divided_by_root_3(lengths, rng):
    qkv, far, offsets = drawn(lengths, rng)
    blocks = blocks_by_length(offsets)
    scaled = qkv.copy()
    scaled[:, :6] /= np.sqrt(3)
    got = disentangled_attention(qkv, 0 * far, blocks=blocks, num_heads=2).data
    np.testing.assert_allclose(got, attention(scaled, blocks=blocks, num_heads=2).data, atol=1e-12)


def test_only_distance_counts_and_not_place(rng=np.random.default_rng(0)):
    """Tokens 0 to 8 of one kind, then 9 others: moved along, each sees the same to its sides."""
    _, far, _ = drawn([1], rng, heads=1, d=6, k=2)
    one = rng.standard_normal((1, 18))
    qkv = np.repeat(one, 12, axis=0)
    qkv[[4, 8], 12:] += 1.0  # two values that differ, at places 4 apart
    (weights,) = disentangled_maps(qkv, far, blocks_by_length(np.array([0, 12])), 1)
    inner = [weights[0, i, i - 2 : i + 3] / weights[0, i, i] for i in range(2, 10)]
    np.testing.assert_allclose(inner, np.broadcast_to(inner[0], (8, 5)), rtol=1e-12)


@pytest.mark.parametrize("table", ["queries", "keys"])
def test_both_tables_of_distances_change_the_output(table, rng=np.random.default_rng(1)):
    qkv, far, offsets = drawn([6, 4], rng)
    blocks = blocks_by_length(offsets)
    changed = far.copy()
    changed[:, slice(0, 6) if table == "queries" else slice(6, 12)] *= -1
    before, after = (disentangled_attention(qkv, f, blocks=blocks, num_heads=2).data
                     for f in (far, changed))  # fmt: skip
    assert np.abs(before - after).max() > 0.1


def test_the_gradient_of_distances_is_the_same_in_strips_and_needs_no_table_of_all(monkeypatch):
    g = np.random.default_rng(0).standard_normal((2, 2, 9, 9))
    near = distances(9, 3)
    whole = relative.put_back(g, near, 6)
    monkeypatch.setattr(relative, "STRIP", 100)  # one row, 9 times 6, at a time
    assert relative.put_back(g, near, 6).tobytes() == whole.tobytes()
    sums = [[g[:, :, i, near[i] == m].sum(-1) for m in range(6)] for i in range(9)]
    assert np.allclose(whole, np.moveaxis(np.array(sums), (0, 1), (2, 3)))

    monkeypatch.undo()
    g, near = np.ones((1, 1, 200, 200)), distances(200, 400)
    tracemalloc.start()
    relative.put_back(g, near, 800)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6  # (T, T, 2k) float64 numbers are 256 MB
