"""Pooling: one vector a sequence, against loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd import gradcheck
from npft.autograd.tensor import Tensor
from npft.encoder.pooling import HEAD_POOLS, POOLERS, POOLS, Pool, check_pool, pool
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


# ---- the pool a head learns ----


def attention_pool(query, dtype=np.float64):
    made = Pool("attention", len(query)).astype(dtype)
    made.query.assign(np.array(query)[:, None])
    return made


@given(lengths, st.integers(0, 99))
def test_an_attention_pool_agrees_with_a_loop_over_sequences(lengths, seed):
    hidden, batch = ragged(lengths, seed)
    query = 3 * np.random.default_rng(seed + 100).standard_normal(3)
    expected = []
    for rows in np.split(hidden, batch.offsets[1:-1]):
        weights = np.exp([row @ query for row in rows])
        expected.append(sum(w * row for w, row in zip(weights / weights.sum(), rows)))
    got = attention_pool(query)(Tensor(hidden), batch).data
    assert np.allclose(got, expected, rtol=0, atol=1e-12)


@given(lengths, st.integers(0, 99))
def test_with_the_query_0_it_is_the_mean_and_a_new_one_is_0(lengths, seed):
    hidden, batch = ragged(lengths, seed)
    new = Pool("attention", 3).astype(np.float64)
    assert (new.query.data == 0).all() and new.query.shape == (3, 1)
    mean = pool(Tensor(hidden), batch, "mean").data
    assert np.allclose(new(Tensor(hidden), batch).data, mean, rtol=0, atol=1e-15)


@given(lengths, st.integers(0, 99))
def test_with_a_long_query_it_takes_the_token_that_points_along_it_most(lengths, seed):
    hidden, batch = ragged(lengths, seed)
    best = [rows[np.argmax(rows[:, 1])] for rows in np.split(hidden, batch.offsets[1:-1])]
    got = attention_pool([0.0, 1e9, 0.0])(Tensor(hidden), batch).data
    assert np.allclose(got, best, rtol=0, atol=1e-12)


def test_the_gradient_of_an_attention_pool_is_right_for_states_and_query():
    hidden, batch = ragged([3, 1, 2], seed=0)
    made = attention_pool([0.5, -1.0, 2.0])

    def both(x, q):
        made.query = q
        return made(x, batch)

    gradcheck(both, hidden, np.array([[0.5], [-1.0], [2.0]]), rng=np.random.default_rng(1))
    one = attention_pool([0.5, -1.0, 2.0])  # of a single token there is nothing to choose
    one(Tensor(hidden[:1]), Batch([0], [0, 1])).sum().backward()
    assert np.abs(one.query.grad).max() < 1e-15


def test_a_batch_may_be_cut_anywhere_before_an_attention_pool():
    hidden, batch = ragged([3, 1, 2, 5], seed=0)
    made = attention_pool([0.5, -1.0, 2.0])
    whole = made(Tensor(hidden), batch).data
    for cut in (1, 2, 3):
        row = batch.offsets[cut]
        parts = [made(Tensor(h), b).data for h, b in (
            (hidden[:row], batch[:cut]), (hidden[row:], batch[cut:]))]
        assert np.allclose(np.concatenate(parts), whole, rtol=0, atol=1e-15)


def test_a_pool_without_a_weight_is_the_function_of_its_name_and_has_nothing_to_save():
    hidden, batch = ragged([3, 1, 2], seed=0)
    for kind in POOLS:
        made = Pool(kind, 3)
        assert made(Tensor(hidden), batch).data.tobytes() == (
            pool(Tensor(hidden), batch, kind).data.tobytes())
        assert made.state_dict() == {}
    assert list(Pool("attention", 3).state_dict()) == ["query"]
    with pytest.raises(ConfigError, match="kind is 'sum', expected one of mean, .*, attention"):
        Pool("sum", 3)
    assert list(HEAD_POOLS) == [*POOLS, "attention", "pooler", "relu_pooler"]
    for kind in POOLERS:
        assert list(Pool(kind, 3).state_dict()) == ["weight", "bias"]
    with pytest.raises(ConfigError, match="kind is 'attention', expected one of mean, cls, max"):
        check_pool("attention")  # a pool of its own has no head to learn the query with


def test_an_unknown_pool_is_refused_with_the_known_ones():
    hidden, batch = ragged([2], seed=0)
    with pytest.raises(ConfigError, match="kind is 'sum', expected one of mean, cls, max, last"):
        pool(Tensor(hidden), batch, "sum")
    assert [check_pool(kind) for kind in POOLS] == list(POOLS)
