"""Batch: the ragged form, its rows, and exact doors to the padded form and back."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.attention import blocks_by_length
from npft.errors import ConfigError, DataError, DtypeError, IdError, ShapeError
from npft.text import ByteTokenizer
from npft.text.batch import IGNORE, Batch, batches_by_length, batches_of

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
        token_labels=np.where(np.arange(n) % 4 == 3, IGNORE, np.arange(n)),
        spans=[(-1, -1) if i % 4 == 3 else (0, len(row) - 1) for i, row in enumerate(rows)],
        tokens_cut=np.arange(len(rows)) % 3,
    )


def rows_in(batch, array):
    return [array[a:b].tolist() for a, b in zip(batch.offsets[:-1], batch.offsets[1:])]


def assert_same(a, b):
    for name in ("ids", "offsets", "token_types", "labels", "words", "token_labels", "spans",
                 "tokens_cut"):
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
    for name in ("ids", "token_types", "words", "token_labels"):
        whole = rows_in(b, getattr(b, name))
        assert rows_in(got, getattr(got, name)) == [whole[i] for i in picked]
    assert got.labels.tolist() == picked.tolist()
    assert got.spans.tolist() == [[-1, -1] if i % 4 == 3 else [0, len(rows[i]) - 1] for i in picked]
    assert got.tokens_cut.tolist() == [i % 3 for i in picked]
    assert got.truncated.tolist() == [i % 3 > 0 for i in picked]
    assert got.n_truncated == sum(i % 3 > 0 for i in picked)
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
    sides = ((0, 0), (left, right))
    ids, mask = (np.pad(a, sides) for a in b.to_padded(7))
    parts = {name: np.pad(b.pad(getattr(b, name), 55), sides, constant_values=55)
             for name in ("token_types", "words", "token_labels")}
    spans = np.where(b.spans == -1, -1, b.spans + left)
    got = Batch.from_padded(ids, mask.astype(bool), labels=b.labels, spans=spans, **parts)
    assert_same(got.replace(tokens_cut=b.tokens_cut), b)


@given(sequences.filter(len), st.integers(1, 3))
def test_pad_puts_each_row_at_its_place_and_zeros_elsewhere(rows, width):
    b = batch_of(rows)
    hidden = np.arange(1, len(b.ids) * width + 1, dtype=np.float32).reshape(-1, width)
    out = b.pad(hidden)
    assert out.shape == (len(b), b.lengths.max(), width) and out.dtype == np.float32
    assert (out[b.sequence, b.positions] == hidden).all()
    assert np.count_nonzero(out) == hidden.size
    assert (b.pad(hidden[:, 0]) == out[..., 0]).all()
    filled = b.pad(hidden[:, 0], -5)
    assert (filled == -5).sum() == filled.size - len(b.ids)


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
    for part in ({"words": [0]}, {"token_labels": [0]}, {"spans": [[0, 0]]}):
        with pytest.raises(DataError, match=next(iter(part))):
            Batch.concat([plain, batch_of([[1]], **part)])
    with pytest.raises(DataError, match="no batch"):
        Batch.concat([])


@pytest.mark.parametrize("ids, offsets, parts, error, words", [
    ([1.0, 2.0], [0, 2], {}, DtypeError, "ids holds float64"),
    ([True], [0, 1], {}, DtypeError, "ids holds bool"),
    (["a"], [0, 1], {}, DtypeError, "ids"),
    ([1, -1], [0, 2], {}, IdError, r"ids\[1\] is -1"),
    ([[1, 2]], [0, 1], {}, ShapeError, "ids has shape"),
    ([[1, 2], [3]], [0, 2, 3], {}, ShapeError, "different lengths"),
    ([1, 2], [0, 1], {}, ShapeError, "to end with the number of ids, 2"),
    ([1, 2], [1, 2], {}, ShapeError, "begin with 0"),
    ([], [], {}, ShapeError, "begin with 0"),
    ([1, 2], [0, 1, 1, 2], {}, DataError, "sequence 1 has no token"),
    ([1, 2], [0, 2, 1, 2], {}, DataError, "sequence 1 has no token"),
    ([1, 2], [0.0, 2.0], {}, DtypeError, "offsets holds float64"),
    ([1, 2], [0, 2], {"token_types": [0]}, ShapeError, "token_types"),
    ([1, 2], [0, 2], {"token_types": [0, -1]}, IdError, "token_types"),
    ([1, 2], [0, 2], {"labels": [0, 1]}, ShapeError, "labels"),
    ([1, 2], [0, 2], {"labels": ["ham"]}, DtypeError, "labels"),
    ([1, 2], [0, 2], {"words": [0]}, ShapeError, "words"),
    ([1, 2], [0, 2], {"words": [-2, 0]}, IdError, "words"),
    ([1, 2], [0, 2], {"tokens_cut": [0, 0]}, ShapeError, "tokens_cut"),
    ([1, 2], [0, 2], {"tokens_cut": [-1]}, IdError, "tokens_cut"),
    ([1, 2], [0, 2], {"tokens_cut": [True]}, DtypeError, "tokens_cut"),
    ([1, 2], [0, 2], {"token_labels": [0]}, ShapeError, "token_labels"),
    ([1, 2], [0, 2], {"token_labels": [0.0, 1.0]}, DtypeError, "token_labels"),
    ([1, 2], [0, 2], {"token_labels": [-100, -1]}, IdError,
     r"token_labels\[1\] is -1, expected .*-100"),
    ([1, 2], [0, 2], {"token_labels": [0, -101]}, IdError, "token_labels"),
    ([1, 2], [0, 2], {"spans": [0, 1]}, ShapeError, r"spans have shape \(2,\), expected \(1, 2\)"),
    ([1, 2], [0, 2], {"spans": [[0.0, 1.0]]}, DtypeError, "spans holds float64"),
    ([1, 2], [0, 1, 2], {"spans": [[0, 0], [0, 1]]}, DataError,
     r"spans\[1\] is \[0, 1\] in a sequence of 1"),
    ([1, 2], [0, 1, 2], {"spans": [[0], [0, 1]]}, ShapeError, "different lengths"),
    ([1, 2], [0, 2], {"spans": [[1, 0]]}, DataError, "first <= last"),
    ([1, 2], [0, 2], {"spans": [[-1, 0]]}, DataError, "no answer"),
    ([1, 2], [0, 2], {"spans": [[-2, -1]]}, DataError, "no answer"),
    ([1, 2], [0, 2], {"spans": [[-3, -3]]}, DataError, r"\(-2, -2\) for one that was cut off"),
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
    ([[1.5, 2.0]], [[1, 1]], DtypeError, "ids holds float64"),
])
def test_padded_forms_that_mean_nothing_are_refused(ids, mask, error, words):
    with pytest.raises(error, match=words):
        Batch.from_padded(ids, mask)


def test_pad_refuses_rows_of_another_batch():
    with pytest.raises(ShapeError, match=r"pad: values has shape \(2, 4\)"):
        batch_of([[1, 2, 3]]).pad(np.zeros((2, 4)))
    with pytest.raises(ShapeError, match=r"pad: values has shape \(4,\)"):
        batch_of([[1, 2, 3]]).pad(np.zeros(4))


@pytest.mark.parametrize("parts, error, words", [
    ({"words": [0, 1]}, ShapeError, "words has shape"),
    ({"token_labels": [[0], [1]]}, ShapeError, "token_labels has shape"),
    ({"spans": [[1, 1]]}, ShapeError, "spans have shape"),
    ({"spans": [[0, 1], [1, 1]]}, DataError, "begins in the pads"),
    ({"spans": [[1, 2], [0, 1]]}, DataError, "in a sequence of 1 tokens"),
])
def test_padded_parts_that_do_not_fit_are_refused(parts, error, words):
    with pytest.raises(error, match=words):
        Batch.from_padded([[0, 1], [2, 3]], [[0, 1], [1, 1]], **parts)


def test_replace_changes_one_part_and_checks_it():
    b = full_batch([[1, 2], [3]])
    assert_same(b.replace(), b)
    other = b.replace(labels=None, spans=[[1, 1], [0, 0]])
    assert other.labels is None and other.spans.tolist() == [[1, 1], [0, 0]]
    assert_same(other.replace(labels=b.labels, spans=b.spans), b)
    with pytest.raises(ShapeError, match="words"):
        b.replace(words=[0])


@given(st.lists(st.tuples(st.text("ab", max_size=9), st.text("ab", max_size=9)), max_size=5),
       st.integers(5, 16), st.booleans())
def test_tokens_cut_counts_what_a_maximum_length_took_from_each_sequence(rows, most, paired):
    texts = [x for x, _ in rows], *([[y for _, y in rows]] if paired else [])
    whole, cut = (ByteTokenizer()(*texts, max_length=m) for m in (None, most))
    assert cut.tokens_cut.tolist() == (whole.lengths - cut.lengths).tolist()
    assert cut.tokens_cut.tolist() == [max(0, n - most) for n in whole.lengths]
    assert cut.n_truncated == sum(n > most for n in whole.lengths)


@given(sequences, st.data())
def test_token_targets_are_the_labelled_tokens(rows, data):
    n = sum(map(len, rows))
    labels = data.draw(st.lists(st.sampled_from([IGNORE, 0, 1, 7]), min_size=n, max_size=n))
    b = batch_of(rows, token_labels=labels)
    if set(labels) <= {IGNORE}:
        with pytest.raises(DataError, match="no token of this batch has a label"):
            b.token_targets()
    else:
        found, targets = b.token_targets()
        assert [(i, k) for i, k in enumerate(labels) if k != IGNORE] == list(zip(found, targets))


def test_a_batch_without_token_labels_has_no_token_targets():
    with pytest.raises(DataError, match="give token_labels"):
        batch_of([[1]]).token_targets()


def test_arrays_are_read_only_copies_everywhere():
    ids = np.array([1, 2, 3])
    b = Batch(ids, [0, 1, 3], labels=[0, 1], words=[0, 0, 1], token_labels=[0, 1, -100],
              spans=[[0, 0], [0, 1]])
    ids[0] = 9
    assert b.ids.tolist() == [1, 2, 3]
    for batch in (b, b[:1], b[[1]], Batch.concat([b, b])):
        for name in ("ids", "offsets", "token_types", "labels", "words", "token_labels", "spans",
                     "tokens_cut", "truncated", "lengths", "positions", "sequence"):
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


@pytest.mark.parametrize("size", [0, -1, 2.0, None, True])
def test_a_batch_size_that_is_no_count_is_refused_at_once(size):
    data, rng = batch_of([[1]]), np.random.default_rng(0)
    with pytest.raises(ConfigError, match="batches_of: batch_size"):
        batches_of(data, size)
    with pytest.raises(ConfigError, match="batches_by_length: batch_size"):
        batches_by_length(data, size, rng=rng)
    with pytest.raises(ConfigError, match="pool"):
        batches_by_length(data, 1, pool=size, rng=rng)


@given(sequences, st.integers(1, 3), st.integers(1, 3), st.integers(0, 99))
def test_an_epoch_by_length_holds_every_sequence_once_and_follows_the_generator(
    rows, size, pool, seed
):
    data = batch_of(rows, labels=np.arange(len(rows)))
    epoch, again = ([b.labels.tolist() for b in batches_by_length(
        data, size, pool=pool, rng=np.random.default_rng(seed))] for _ in range(2))
    assert epoch == again
    assert sorted(i for labels in epoch for i in labels) == list(range(len(rows)))
    assert sorted(map(len, epoch))[1:] == [size] * (len(epoch) - 1)  # at most one is shorter
    for labels in epoch:
        lengths = [len(rows[i]) for i in labels]
        assert lengths == sorted(lengths)


@given(st.integers(1, 5), st.integers(1, 9), st.integers(0, 99))
def test_the_batches_of_one_pool_do_not_overlap_in_length(size, pool, seed):
    lengths = np.random.default_rng(seed).integers(1, 40, size * pool)
    data = Batch(np.zeros(lengths.sum(), int), np.append(0, np.cumsum(lengths)))
    epoch = batches_by_length(data, size, pool=pool, rng=np.random.default_rng(seed))
    ranges = sorted((b.lengths.min(), b.lengths.max()) for b in epoch)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(ranges))


def test_mini_batches_by_length_come_in_random_order_and_new_company_each_epoch():
    lengths = np.repeat([1, 2, 3, 4], 25)
    data = Batch(np.zeros(lengths.sum(), int), np.append(0, np.cumsum(lengths)),
                 labels=np.arange(100))
    rng = np.random.default_rng(0)
    first, second = (list(batches_by_length(data, 5, pool=20, rng=rng)) for _ in range(2))
    assert [b.lengths[0] for b in first] != sorted(b.lengths[0] for b in first)
    assert {frozenset(b.labels) for b in first} != {frozenset(b.labels) for b in second}


def test_batches_by_length_have_fewer_pads_and_fewer_attention_blocks():
    lengths = np.random.default_rng(0).geometric(0.05, 640)
    data = Batch(np.zeros(lengths.sum(), int), np.append(0, np.cumsum(lengths)))

    def cost(epoch):
        cells = sum(len(b) * b.lengths.max() for b in epoch)
        return 1 - lengths.sum() / cells, sum(len(blocks_by_length(b.offsets)) for b in epoch)

    plain = cost(list(batches_of(data, 32, rng=np.random.default_rng(1))))
    alike = cost(list(batches_by_length(data, 32, rng=np.random.default_rng(1))))
    assert plain[0] > 0.6 and alike[0] < 0.25  # shares of pads
    assert alike[1] < plain[1] / 2


def test_repr_says_the_sizes():
    assert repr(batch_of([[1, 2], [3]])) == "Batch(2 sequences, 3 tokens, longest 2)"


@pytest.mark.parametrize("fill", [0.5, np.nan, 1.0, 1e30])
def test_a_pad_among_whole_numbers_is_one(fill):
    batch = Batch([5, 8, 9], [0, 2, 3])
    with pytest.raises(DtypeError, match="pad: fill is"):
        batch.pad(batch.ids, fill)
    assert batch.pad(batch.ids.astype(float), fill)[1, 1] == pytest.approx(fill, nan_ok=True)
    assert batch.pad(batch.ids > 5, False).tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize("make", [
    lambda: Batch.from_padded([[1, 2], [3]], [[1, 1], [1]]),
    lambda: Batch.from_padded([[1, 2], [3, 4]], [[1, 1], [1]]),
    lambda: Batch.from_padded([[1, 2]], [[1, 1]], words=[[0], [0, 1]]),
    lambda: Batch([1, 2], [0, 2], sight=[[1, 2], [1]]),
    lambda: Batch([1, 2], [0, 1, 2])[[[0], [0, 1]]],
    lambda: Batch([1, 2], [0, 2]).pad([[1], [1, 2]]),
])
def test_ragged_lists_are_refused_in_words(make):
    with pytest.raises(ShapeError, match="lists of different lengths"):
        make()


@pytest.mark.parametrize("rows", [slice(None, None, 0), slice("a", None), slice(0, 1.5)])
def test_a_slice_that_is_none_is_refused(rows):
    with pytest.raises(DtypeError, match="Batch: rows are slice.*expected a slice of whole"):
        Batch([1, 2], [0, 1, 2])[rows]


def test_numbers_too_large_for_int64_do_not_become_negative():
    large = np.array([2**64 - 100, 1], np.uint64)  # as an int64 it would be IGNORE
    for name in ("ids", "token_labels"):
        with pytest.raises(DtypeError, match=f"{name} holds 18446744073709551516, which is too"):
            Batch(**{"ids": [1, 2], "offsets": [0, 2], name: large})


def test_a_seed_is_no_generator():
    for cut in (batches_of, batches_by_length):
        with pytest.raises(ConfigError, match=f"{cut.__name__}: rng is 3, expected a generator"):
            cut(Batch([1, 2], [0, 1, 2]), 2, rng=3)


def test_what_fits_into_no_padded_array_is_refused():
    batch = Batch([5, 8], [0, 2])
    for values, fill in ((np.zeros(2, np.int8), 300), (np.zeros(2), "a"), (batch.ids, None)):
        with pytest.raises(DtypeError, match="pad: fill is"):
            batch.pad(values, fill)


@pytest.mark.parametrize("batches", [3, [Batch([5], [0, 1]), 3]])
def test_what_are_no_batches_is_not_put_together(batches):
    with pytest.raises(DtypeError, match="Batch.concat: batches"):
        Batch.concat(batches)
