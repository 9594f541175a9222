"""Gradient caching: the loss and gradients of the whole graph, with the memory of a piece."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.machine import threads
from npft.autograd.ops import concatenate, tanh
from npft.autograd.tensor import Tensor, no_grad
from npft.contrast.gradient_cache import cached_loss
from npft.contrast.in_batch import in_batch_loss
from npft.errors import DataError, GraphError
from npft.nn.layers import Dropout, Linear
from npft.nn.module import Module, freeze
from npft.nn.optim import SGD


class Net(Module):
    """Encodes a piece (rows, seed): two layers with dropout drawn from the seed."""

    def __init__(self, seed=0, dtype=np.float64, width=8):
        rng = np.random.default_rng(seed)
        self.first = Linear(3, width, std=0.7, rng=rng)
        self.dropout = Dropout(0.4)
        self.last = Linear(width, 4, std=0.7, rng=rng)
        self.scale = Linear(4, 4, std=0.7, rng=rng)  # of the loss, not of the encoder
        self.astype(dtype)

    def forward(self, piece):
        rows, seed = piece
        return self.last(self.dropout(tanh(self.first(rows)), np.random.default_rng(seed)))

    def judge(self, vectors):
        half = len(vectors) // 2
        a, b = (concatenate(*part, axis=0) for part in (vectors[:half], vectors[half:]))
        return in_batch_loss(self.scale(a), self.scale(b), 0.5)


def pieces_of(seed, n=3, rows=2, dtype=np.float64):
    rng = np.random.default_rng(seed)
    views = rng.standard_normal((n, rows, 3)).astype(dtype)
    return [(view, 10 * k + i) for k in range(2) for i, view in enumerate(views)]


def gradients(net):
    return [None if p.grad is None else p.grad.copy() for p in net.parameters()]


def plain(net, pieces):
    net.zero_grad()
    total = net.judge([net(piece) for piece in pieces])
    total.backward()
    return total.item(), gradients(net)


def cached(net, pieces):
    net.zero_grad()
    total = cached_loss(net, net, pieces, net.judge)
    total.backward()
    return total.item(), gradients(net)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 4), rows=st.integers(2, 4))
def test_the_loss_and_every_gradient_are_those_of_the_whole_graph_with_dropout_on(seed, n, rows):
    net, pieces = Net(seed), pieces_of(seed, n, rows)
    loss, expected = plain(net, pieces)
    found_loss, found = cached(net, pieces)
    assert found_loss == loss
    for g, e in zip(found, expected):
        np.testing.assert_allclose(g, e, atol=1e-12)
    assert all(np.abs(g).max() > 0 for g in found)


def test_the_loss_may_be_part_of_a_larger_one():
    net, pieces = Net(), pieces_of(0)
    net.zero_grad()
    (net.judge([net(p) for p in pieces]) * 3.0 + net.last.weight.sum()).backward()
    expected = gradients(net)
    net.zero_grad()
    (cached_loss(net, net, pieces, net.judge) * 3.0 + net.last.weight.sum()).backward()
    for g, e in zip(gradients(net), expected):
        np.testing.assert_allclose(g, e, atol=1e-12)


def test_frozen_weights_get_no_gradient():
    net, pieces = Net(), pieces_of(0)
    freeze(net, "first")
    _, expected = plain(net, pieces)
    _, found = cached(net, pieces)
    assert [g is None for g in found] == [g is None for g in expected]
    assert [g is None for g in found][:2] == [True, True]


def test_any_number_of_threads_gives_the_same_bits():
    def bits(n):
        with threads(n):
            loss, found = cached(Net(1), pieces_of(1, n=5))
        return loss, b"".join(g.tobytes() for g in found)

    assert bits(1) == bits(3) == bits(1)


def test_memory_holds_the_graph_of_a_piece_and_not_of_all():
    net = Net(dtype=np.float32, width=256)

    def judge(vectors):
        return concatenate(*vectors, axis=0).mean()

    def peak(total, n):
        pieces = pieces_of(0, n, rows=64, dtype=np.float32)
        tracemalloc.start()
        total(pieces).backward()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    def growth(total):
        return peak(total, 10) - peak(total, 2)

    with threads(1):
        plain = growth(lambda pieces: judge([net(piece) for piece in pieces]))
        cached = growth(lambda pieces: cached_loss(net, net, pieces, judge))
    # 16 more pieces: of each the whole graph keeps three arrays (64, 256) and more
    assert plain > 16 * 3 * 64 * 256 * 4 > 10 * cached


def test_without_a_graph_there_is_the_value_alone():
    net, pieces = Net(), pieces_of(0)
    with no_grad():
        total = cached_loss(net, net, pieces, net.judge)
    assert not total.requires_grad and total.item() == plain(net, pieces)[0]


def test_weights_that_were_changed_meanwhile_are_noticed():
    net, pieces = Net(), pieces_of(0)
    total = cached_loss(net, net, pieces, net.judge)
    plain(net, pieces)
    SGD(net.parameters(), lr=0.1).step()
    with pytest.raises(GraphError, match="was changed after this graph was recorded"):
        total.backward()


def test_pieces_that_are_encoded_otherwise_the_second_time_are_refused():
    net, rng = Net(), np.random.default_rng(0)
    total = cached_loss(net, lambda p: net((p[0], int(rng.integers(99)))), pieces_of(0), net.judge)
    with pytest.raises(GraphError, match="piece 0 was encoded to other vectors the second time"):
        total.backward()


def test_a_way_back_without_a_graph_and_no_pieces_are_refused():
    net, pieces = Net(), pieces_of(0)
    total = cached_loss(net, net, pieces, net.judge)
    with no_grad(), pytest.raises(GraphError, match="call backward outside"):
        total.backward()
    with pytest.raises(DataError, match="no pieces"):
        cached_loss(net, net, [], lambda v: Tensor(0.0))
