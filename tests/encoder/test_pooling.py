"""Pooling: one vector a sequence, against loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd import gradcheck
from npft.autograd.tensor import Tensor
from npft.encoder.pooling import POOLS, check_pool, pool
from npft.errors import ConfigError
from npft.text.batch import Batch

LOOPS = {
    "mean": lambda rows: sum(rows) / len(rows),
    "cls": lambda rows: rows[0],
    "max": lambda rows: [max(column) for column in zip(*rows)],
    "last": lambda rows: rows[-1],
}
lengths = st.lists(st.integers(1, 5), min_size=1, max_size=6)


def ragged(lengths, seed, width=3):
    hidden = np.random.default_rng(seed).standard_normal((sum(lengths), width))
    return hidden, Batch(np.zeros(len(hidden), int), np.append(0, np.cumsum(lengths)))


@given(lengths, st.integers(0, 99), st.sampled_from(POOLS))
def test_a_pool_agrees_with_a_loop_over_sequences(lengths, seed, kind):
    hidden, batch = ragged(lengths, seed)
    expected = [LOOPS[kind](rows) for rows in np.split(hidden, batch.offsets[1:-1])]
    assert np.allclose(pool(Tensor(hidden), batch, kind).data, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("kind", POOLS)
def test_the_gradient_of_a_pool_is_right(kind):
    hidden, batch = ragged([3, 1, 2], seed=0)
    rng = np.random.default_rng(1)
    gradcheck(lambda x: pool(x, batch, kind), hidden, rng=rng)


@pytest.mark.parametrize("kind", POOLS)
def test_pads_of_either_side_do_not_leak_into_a_pool(kind):
    # the last token is the last real one, the first the first real one
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 9, (2, 5))
    right = Batch.from_padded(ids, [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    left = Batch.from_padded(np.roll(ids, 2, axis=1) * [[1], [0]] + ids * [[0], [1]],
                             [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    table = Tensor(-1 - rng.random((9, 4)))  # all negative: a pad of zeros would win a maximum
    a, b = (pool(Tensor(table.data[x.ids]), x, kind).data for x in (right, left))
    assert a.tobytes() == b.tobytes() and (a < 0).all()


def test_an_unknown_pool_is_refused_with_the_known_ones():
    hidden, batch = ragged([2], seed=0)
    with pytest.raises(ConfigError, match="kind is 'sum', expected one of mean, cls, max, last"):
        pool(Tensor(hidden), batch, "sum")
    assert [check_pool(kind) for kind in POOLS] == list(POOLS)
