"""Batch: the ragged form, its rows, and exact doors to the padded form and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError, IdError, ShapeError
from npft.text import Batch, batches_of

sequences = st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=6), max_size=7)


def batch_of(rows, **parts):
    ids = [i for row in rows for i in row]
    return Batch(ids, np.append(0, np.cumsum([len(row) for row in rows])).astype(int), **parts)


def full_batch(rows):
    """A batch with every part, each part made from the ids so that a mix-up shows."""
    n = sum(map(len, rows))
    return batch_of(
        rows,
        token_types=np.arange(n) % 2,
        labels=np.arange(len(rows)),
        words=np.arange(n) - 1,
        truncated=np.arange(len(rows)) % 3 == 0,
    )


def rows_in(batch, array):
    return [array[a:b].tolist() for a, b in zip(batch.offsets[:-1], batch.offsets[1:])]


def assert_same(a, b):
    for name in ("ids", "offsets", "token_types", "labels", "words", "truncated"):
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None), name
        assert x is None or (x.dtype == y.dtype and x.tolist() == y.tolist()), name


@given(sequences)
def test_derived_arrays_agree_with_a_loop(rows):
    b = batch_of(rows)
    assert len(b) == len(rows)
    assert b.lengths.tolist() == [len(row) for row in rows]
    assert b.sequence.tolist() == [s for s, row in enumerate(rows) for _ in row]
    assert b.positions.tolist() == [p for row in rows for p in range(len(row))]
    assert rows_in(b, b.ids) == rows
    assert b.n_truncated == 0 and not b.token_types.any()


@given(sequences, st.data())
def test_rows_take_every_part_along(rows, data):
    b, n = full_batch(rows), len(rows)
    choice = data.draw(st.one_of(
        st.slices(n),
        st.lists(st.booleans(), min_size=n, max_size=n).map(lambda m: np.array(m, dtype=bool)),
        st.lists(st.integers(-n, n - 1), max_size=9) if n else st.just([]),
    ))
    picked = np.arange(n)[np.array(choice, dtype=int) if isinstance(choice, list) else choice]
    got = b[choice]
    for name in ("ids", "token_types", "words"):
        whole = rows_in(b, getattr(b, name))
        assert rows_in(got, getattr(got, name)) == [whole[i] for i in picked]
    assert got.labels.tolist() == picked.tolist()
    assert got.truncated.tolist() == [i % 3 == 0 for i in picked]
    assert got.n_truncated == sum(i % 3 == 0 for i in picked)
    assert got.positions.tolist() == [p for i in picked for p in range(len(rows[i]))]


def test_neighbouring_rows_are_views_and_equal_the_gathered_ones():
    b = full_batch([[1, 2], [3], [4, 5, 6], [7]])
    assert np.shares_memory(b[1:3].ids, b.ids)
    assert_same(b[1:3], b[[1, 2]])
    assert len(b[3:1]) == 0


@given(sequences, st.integers(0, 99))
def test_padded_and_ragged_forms_are_exact_inverses(rows, pad_id):
    b = batch_of(rows)
    ids, mask = b.to_padded(pad_id)
    assert mask.sum(1).tolist() == b.lengths.tolist()
    assert (ids[mask == 0] == pad_id).all()
    assert_same(Batch.from_padded(ids, mask), b)


@given(sequences, st.integers(0, 4), st.integers(0, 4))
def test_number_and_side_of_pads_change_nothing(rows, left, right):
    b = full_batch(rows)
    ids, mask = (np.pad(a, ((0, 0), (left, right))) for a in b.to_padded(7))
    types = np.pad(b.pad(b.token_types[:, None])[..., 0], ((0, 0), (left, right)))
    got = Batch.from_padded(ids, mask.astype(bool), token_types=types, labels=b.labels)
    assert got.ids.tolist() == b.ids.tolist()
    assert got.token_types.tolist() == b.token_types.tolist()
    assert got.labels.tolist() == b.labels.tolist()


@given(sequences.filter(len), st.integers(1, 3))
def test_pad_puts_each_row_at_its_place_and_zeros_elsewhere(rows, width):
    b = batch_of(rows)
    hidden = np.arange(1, len(b.ids) * width + 1, dtype=np.float32).reshape(-1, width)
    out = b.pad(hidden)
    assert out.shape == (len(b), b.lengths.max(), width) and out.dtype == np.float32
    assert (out[b.sequence, b.positions] == hidden).all()
    assert np.count_nonzero(out) == hidden.size


@given(sequences, sequences)
def test_concat_then_slice_gives_the_parts_back(first, second):
    a, b = full_batch(first), full_batch(second)
    both = Batch.concat([a, b])
    assert_same(both[: len(a)], a)
    assert_same(both[len(a) :], b)


def test_concat_refuses_batches_of_different_kinds():
    plain, labelled = batch_of([[1]]), batch_of([[1]], labels=[0])
    with pytest.raises(DataError, match="labels are int64 and none"):
        Batch.concat([plain, labelled])
    with pytest.raises(DataError, match="float64 and int64"):
        Batch.concat([labelled, batch_of([[1]], labels=[0.5])])
    with pytest.raises(DataError, match="words"):
        Batch.concat([plain, batch_of([[1]], words=[0])])
    with pytest.raises(DataError, match="no batch"):
        Batch.concat([])


@pytest.mark.parametrize("ids, offsets, parts, error, words", [
    ([1.0, 2.0], [0, 2], {}, DtypeError, "ids is float64"),
    ([True], [0, 1], {}, DtypeError, "ids is bool"),
    (["a"], [0, 1], {}, DtypeError, "ids"),
    ([1, -1], [0, 2], {}, IdError, r"ids\[1\] is -1"),
    ([[1, 2]], [0, 1], {}, ShapeError, "ids has shape"),
    ([[1, 2], [3]], [0, 2, 3], {}, ShapeError, "different lengths"),
    ([1, 2], [0, 1], {}, ShapeError, "to end with the number of ids, 2"),
    ([1, 2], [1, 2], {}, ShapeError, "begin with 0"),
    ([], [], {}, ShapeError, "begin with 0"),
    ([1, 2], [0, 1, 1, 2], {}, DataError, "sequence 1 has no token"),
    ([1, 2], [0, 2, 1, 2], {}, DataError, "sequence 1 has no token"),
    ([1, 2], [0.0, 2.0], {}, DtypeError, "offsets is float64"),
    ([1, 2], [0, 2], {"token_types": [0]}, ShapeError, "token_types"),
    ([1, 2], [0, 2], {"token_types": [0, -1]}, IdError, "token_types"),
    ([1, 2], [0, 2], {"labels": [0, 1]}, ShapeError, "labels"),
    ([1, 2], [0, 2], {"labels": ["ham"]}, DtypeError, "labels"),
    ([1, 2], [0, 2], {"words": [0]}, ShapeError, "words"),
    ([1, 2], [0, 2], {"words": [-2, 0]}, IdError, "words"),
    ([1, 2], [0, 2], {"truncated": [0]}, ShapeError, "truncated"),
])
def test_parts_that_do_not_fit_are_refused(ids, offsets, parts, error, words):
    with pytest.raises(error, match=words):
        Batch(ids, offsets, **parts)


@pytest.mark.parametrize("ids, mask, error, words", [
    ([1, 2], [1, 1], ShapeError, "ids has shape"),
    ([[1, 2]], [[1]], ShapeError, "attention_mask has shape"),
    ([[1, 2]], [[1, 2]], DataError, "other values than 0 and 1"),
    ([[1, 2], [3, 4]], [[1, 1], [0, 0]], DataError, "row 1 has no real token"),
    ([[1, 2, 3]], [[1, 0, 1]], DataError, "row 0 has pads between"),
    ([[1.5, 2.0]], [[1, 1]], DtypeError, "ids is float64"),
])
def test_padded_forms_that_mean_nothing_are_refused(ids, mask, error, words):
    with pytest.raises(error, match=words):
        Batch.from_padded(ids, mask)


def test_pad_refuses_rows_of_another_batch():
    with pytest.raises(ShapeError, match=r"pad: hidden has shape \(2, 4\)"):
        batch_of([[1, 2, 3]]).pad(np.zeros((2, 4)))


def test_arrays_are_read_only_copies_everywhere():
    ids = np.array([1, 2, 3])
    b = Batch(ids, [0, 1, 3], labels=[0, 1], words=[0, 0, 1])
    ids[0] = 9
    assert b.ids.tolist() == [1, 2, 3]
    for batch in (b, b[:1], b[[1]], Batch.concat([b, b])):
        for name in ("ids", "offsets", "token_types", "labels", "words", "truncated", "lengths",
                     "positions", "sequence"):
            with pytest.raises(ValueError, match="read-only"):
                getattr(batch, name)[0] = 0


@given(sequences, st.integers(1, 4), st.one_of(st.none(), st.integers(0, 99)))
def test_an_epoch_holds_every_sequence_once_sorted_by_length_inside_a_batch(rows, size, seed):
    data = batch_of(rows, labels=np.arange(len(rows)))
    rng = None if seed is None else np.random.default_rng(seed)
    epoch = list(batches_of(data, size, rng=rng))
    assert sorted(label for b in epoch for label in b.labels) == list(range(len(rows)))
    assert [len(b) for b in epoch[:-1]] == [size] * (len(epoch) - 1)
    for number, b in enumerate(epoch):
        assert (np.diff(b.lengths) >= 0).all()
        assert rows_in(b, b.ids) == [rows[label] for label in b.labels]
        if rng is None:
            chunk = range(number * size, min((number + 1) * size, len(rows)))
            assert b.labels.tolist() == sorted(chunk, key=lambda i: len(rows[i]))  # stable


def test_shuffled_epochs_follow_the_generator_and_differ_from_each_other():
    data = batch_of([[i] for i in range(50)])
    rng = np.random.default_rng(0)
    first, second = ([i for b in batches_of(data, 8, rng=rng) for i in b.ids] for _ in range(2))
    again = [i for b in batches_of(data, 8, rng=np.random.default_rng(0)) for i in b.ids]
    assert first == again != second


@pytest.mark.parametrize("size", [0, -1, 2.0, None])
def test_a_batch_size_that_is_no_count_is_refused_at_once(size):
    with pytest.raises(ConfigError, match="batch_size"):
        batches_of(batch_of([[1]]), size)


def test_repr_says_the_sizes():
    assert repr(batch_of([[1, 2], [3]])) == "Batch(2 sequences, 3 tokens, longest 2)"
