"""Examples: selection keeps the parts together; splits are exact, disjoint and honest."""

import dataclasses
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError, IdError, ShapeError
from npft.text import Examples, conflicts, drop_duplicates, split


def numbered(labels, groups=None):
    """Examples whose texts tell where they come from."""
    return Examples([f"text {i}" for i in range(len(labels))], labels, groups=groups)


def rows_of(part):
    return [int(text.split()[1]) for text in part.texts]


def rng(seed=0):
    return np.random.default_rng(seed)


@given(st.lists(st.integers(0, 3), max_size=12), st.data())
def test_rows_select_the_same_places_of_every_part(labels, data):
    n = len(labels)
    e = Examples([f"t{i}" for i in range(n)], labels, list("abcd"), [f"p{i}" for i in range(n)],
                 np.arange(n) * 10, [(-1, -1) if i % 3 else (0, 1 + i % 2) for i in range(n)])
    rows = data.draw(st.one_of(
        st.slices(n),
        st.lists(st.booleans(), min_size=n, max_size=n).map(lambda m: np.array(m, dtype=bool)),
        st.lists(st.integers(-n, n - 1), max_size=8) if n else st.just([]),
    ))
    expected = np.arange(n)[np.array(rows, dtype=int) if isinstance(rows, list) else rows]
    got = e[rows]
    assert got.texts == [f"t{i}" for i in expected]
    assert got.pairs == [f"p{i}" for i in expected]
    assert got.labels.tolist() == [labels[i] for i in expected]
    assert got.groups.tolist() == [i * 10 for i in expected]
    assert got.spans.tolist() == [[-1, -1] if i % 3 else [0, 1 + i % 2] for i in expected]
    assert got.label_names == list("abcd")


@pytest.mark.parametrize("rows, error", [
    ([0.0, 1.0], DtypeError), (["a"], DtypeError), ([3], IdError), ([-4], IdError),
    ([True, False], ShapeError), (1, ShapeError), ([[0]], ShapeError),
])
def test_rows_that_do_not_exist_are_refused(rows, error):
    with pytest.raises(error, match="Examples"):
        numbered([0, 1, 0])[rows]


@pytest.mark.parametrize("fields, error, words", [
    ({"texts": "one"}, DtypeError, "one string"),
    ({"texts": ["a", b"b"]}, DtypeError, r"texts\[1\] is bytes"),
    ({"texts": ["a", None]}, DtypeError, r"texts\[1\] is NoneType"),
    ({"texts": ["a"], "labels": [0, 1]}, ShapeError, r"labels have shape \(2,\)"),
    ({"texts": ["a", "b"], "labels": [[0], [0, 1]]}, ShapeError, "different lengths"),
    ({"texts": ["a"], "labels": ["ham"]}, DtypeError, "class numbers"),
    ({"texts": ["a"], "labels": [-1]}, DataError, "counted from 0"),
    ({"texts": ["a"], "labels": [float("nan")]}, DataError, "not finite"),
    ({"texts": ["a"], "labels": [2], "label_names": ["x", "y"]}, DataError, "label 2 has no name"),
    ({"texts": ["a"], "pairs": []}, ShapeError, "0 pairs for 1 texts"),
    ({"texts": ["a"], "groups": [1, 2]}, ShapeError, "groups"),
    ({"texts": ["a"], "groups": [0.5]}, DtypeError, "groups"),
    ({"texts": ["a"], "spans": [0, 1]}, ShapeError, r"spans have shape \(2,\), expected \(1, 2\)"),
    ({"texts": ["a", "b"], "spans": [[0], [0, 1]]}, ShapeError, "spans holds lists of different"),
    ({"texts": ["a"], "spans": [[0.0, 1.0]]}, DtypeError, "spans holds float64"),
    ({"texts": ["a"], "spans": [[0, 2]]}, DataError, r"spans\[0\] is 0 to 2 in a text of 1 char"),
    ({"texts": ["a"], "spans": [[0, 0]]}, DataError, "start < end"),
    ({"texts": ["a"], "spans": [[-1, 0]]}, DataError, "no answer"),
    ({"texts": ["abc"], "pairs": ["a"], "spans": [[0, 2]]}, DataError, "in a text of 1 char"),
])
def test_parts_that_do_not_fit_are_refused(fields, error, words):
    with pytest.raises(error, match=words):
        Examples(**fields)


def test_labels_are_a_read_only_copy():
    labels = np.array([0, 1])
    e = numbered(labels)
    labels[0] = 1
    assert e.labels.tolist() == [0, 1] and e.labels.dtype == np.int64
    with pytest.raises(ValueError):
        e.labels[0] = 1


def test_lesson_split_of_400_and_400_is_exact():
    train, test = split(numbered(np.repeat([0, 1], 400)), 0.2, rng=rng())
    assert np.bincount(train.labels).tolist() == [320, 320]
    assert np.bincount(test.labels).tolist() == [80, 80]


@given(st.lists(st.integers(2, 30), min_size=2, max_size=4), st.floats(0.01, 0.99),
       st.integers(0, 99))
def test_stratified_split_is_disjoint_complete_and_exact_in_every_class(sizes, share, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    train, test = split(numbered(labels), share, rng=rng(seed))
    assert sorted(rows_of(train) + rows_of(test)) == list(range(len(labels)))
    for k, size in enumerate(sizes):
        in_test = int((test.labels == k).sum())
        assert 1 <= in_test <= size - 1
        assert abs(in_test - share * size) <= 0.5 + 1e-9 or in_test in (1, size - 1)


@given(st.integers(2, 60), st.floats(0.01, 0.99), st.integers(0, 99))
def test_plain_split_takes_the_share_of_all_rows(n, share, seed):
    train, test = split(Examples(["t"] * n), share, stratify=False, rng=rng(seed))
    assert len(train) + len(test) == n
    assert len(test) == min(max(int(share * n + 0.5), 1), n - 1)


def test_split_keeps_the_order_and_follows_the_generator():
    e = numbered(np.arange(100) % 2)
    first, again, other = (split(e, rng=rng(seed)) for seed in (0, 0, 1))
    assert rows_of(first[1]) == sorted(rows_of(first[1]))
    assert rows_of(first[1]) == rows_of(again[1]) != rows_of(other[1])


def test_every_row_is_in_the_test_part_with_the_same_probability():
    e = numbered(np.arange(20) % 2)
    hits = np.zeros(20)
    for seed in range(400):
        hits[rows_of(split(e, 0.5, rng=rng(seed))[1])] += 1
    assert np.abs(hits / 400 - 0.5).max() < 0.125  # five standard deviations


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 1)), min_size=8, max_size=60),
       st.integers(0, 99))
def test_groups_are_never_shared_and_both_parts_have_every_class(rows, seed):
    # Two pure groups of each class make a division possible whatever the others are.
    rows = rows + [(100, 0), (101, 0), (102, 1), (103, 1)]
    groups, labels = np.array(rows).T
    train, test = split(numbered(labels, groups), rng=rng(seed))
    assert sorted(rows_of(train) + rows_of(test)) == list(range(len(rows)))
    assert not set(train.groups) & set(test.groups)
    assert set(train.labels) == set(test.labels) == {0, 1}


def test_whole_groups_reach_the_exact_share_where_they_can():
    labels = np.repeat([0, 1], 400)
    groups = np.arange(800) // 10  # 40 groups of ten in each class
    for seed in range(5):
        train, test = split(numbered(labels), groups=groups, rng=rng(seed))
        assert np.bincount(test.labels).tolist() == [80, 80]
        assert not set(groups[rows_of(train)]) & set(groups[rows_of(test)])


def test_mixed_groups_of_odd_sizes_come_within_one_percent():
    draw = rng(3)
    groups = draw.integers(0, 60, 1000)
    labels = (draw.random(1000) < 0.3 + 0.01 * (groups % 7)).astype(int)
    _, test = split(numbered(labels), groups=groups, rng=rng(0))
    assert np.abs(np.bincount(test.labels) - 0.2 * np.bincount(labels)).max() <= 10


def test_groups_change_places_when_placing_the_largest_first_misses_the_share():
    # The target is 10 of 50 rows. Largest first takes 7 and 5; changing 7 for the other 5 is exact.
    groups = np.repeat([0, 1, 2, 3], [33, 7, 5, 5])
    _, test = split(Examples(["t"] * 50), stratify=False, groups=groups, rng=rng())
    assert len(test) == 10


def test_a_class_in_two_large_groups_is_still_in_both_parts():
    # 50 rows are far above the share of 20, and none at all would be nearer to it.
    labels = np.repeat([0, 1], [300, 100])
    groups = np.concatenate([np.arange(300), np.repeat([1000, 1001], 50)])
    _, test = split(numbered(labels), groups=groups, rng=rng())
    assert np.bincount(test.labels).tolist() == [60, 50]


def test_groups_of_the_examples_are_used_by_default_and_an_argument_replaces_them():
    e = numbered(np.arange(40) % 2, groups=np.arange(40) // 4)
    train, test = split(e, rng=rng())
    assert not set(train.groups) & set(test.groups)
    train, test = split(e, groups=np.arange(40), rng=rng())
    assert set(train.groups) & set(test.groups)


@pytest.mark.parametrize("labels, options, error, words", [
    ([0, 0, 0], {}, DataError, "all examples have the label 0"),
    ([0, 0, 1], {}, DataError, "label 1 has one example"),
    ([0.5, 1.5], {}, DataError, "grades"),
    (None, {}, DataError, "no labels"),
    ([0], {"stratify": False}, DataError, "two parts"),
    ([0, 1, 0, 1], {"test_size": 0.0}, ConfigError, "test_size is 0.0"),
    ([0, 1, 0, 1], {"test_size": 1}, ConfigError, "test_size is 1"),
    ([0, 1, 0, 1], {"test_size": float("nan")}, ConfigError, "test_size is nan"),
    ([0, 1, 0, 1], {"groups": [1, 2]}, ShapeError, "groups"),
    ([0, 1, 0, 1], {"groups": [5, 5, 5, 5]}, DataError, "groups cannot be divided"),
    ([0, 1, 0, 1], {"groups": [5, 6, 5, 6]}, DataError, "groups cannot be divided"),
])
def test_splits_that_would_mislead_are_refused(labels, options, error, words):
    n = 2 if labels is None else len(labels)
    with pytest.raises(error, match=words):
        split(Examples(["t"] * n, labels), rng=rng(), **options)


def test_refusal_names_the_class():
    with pytest.raises(DataError, match="label 'spam' has one example"):
        split(Examples(["a", "b", "c"], [0, 0, 1], ["ham", "spam"]), rng=rng())


def test_duplicates_are_exact_repeats_of_stripped_texts_and_the_first_label_stays():
    e = Examples(["a", " a ", "A", "b", "a\n"], [0, 1, 1, 0, 1])
    assert drop_duplicates(e).texts == ["a", "A", "b"]
    assert drop_duplicates(e).labels.tolist() == [0, 1, 0]
    assert e.texts == ["a", " a ", "A", "b", "a\n"]


def test_pairs_are_repeats_only_when_both_texts_are():
    e = Examples(["a", "a", "a"], pairs=["x", "y", " x"])
    assert drop_duplicates(e).pairs == ["x", "y"]


@given(st.lists(st.text(" ab", min_size=1, max_size=6), min_size=1, max_size=6), st.booleans(),
       st.data())
def test_stripping_moves_answers_with_their_text(passages, paired, data):
    spans = []
    for passage in passages:
        start = data.draw(st.integers(0, len(passage) - 1))
        spans.append((start, data.draw(st.integers(start + 1, len(passage)))))
    spans[0] = (-1, -1)
    e = (Examples([" q"] * len(passages), pairs=passages, spans=spans) if paired
         else Examples(passages, spans=spans))
    got = e.stripped()
    texts = got.pairs if paired else got.texts
    assert texts == [p.strip() for p in passages] and (not paired or set(got.texts) == {"q"})
    for (start, end), passage, text, span in zip(spans, passages, texts, got.spans.tolist()):
        left = len(passage) - len(passage.lstrip())
        kept = [i - left for i in range(start, end) if start >= 0 and 0 <= i - left < len(text)]
        assert span == ([kept[0], kept[-1] + 1] if kept else [-1, -1])
    assert e.spans.tolist() == [list(span) for span in spans]


@given(st.lists(st.text(" ab", max_size=3), max_size=10))
def test_dropping_twice_drops_nothing_more(texts):
    once = drop_duplicates(Examples(texts))
    assert drop_duplicates(once).texts == once.texts
    assert set(once.texts) == {text.strip() for text in texts}
    assert len(once.texts) == len(set(once.texts))


def test_conflicts_are_repeats_with_another_label_by_hand():
    e = Examples(["a", "b", " a", "a", "b ", "c"], [0, 1, 1, 0, 2, 0])
    assert conflicts(e) == [(0, 2), (1, 4)]
    assert conflicts(Examples(["a", "a", "a"], [0, 1, 1])) == [(0, 1), (0, 2)]  # with the row kept
    assert conflicts(Examples(["a", "a"], [0.5, 0.25])) == [(0, 1)]
    assert conflicts(Examples(["a", "a"])) == conflicts(Examples([])) == []
    assert conflicts(Examples(["a", "a"], [0, 1], pairs=["x", "y"])) == []  # another pair
    answers = Examples(["q"] * 3, pairs=["ab", "ab ", " ab"], spans=[(0, 1), (0, 2), (1, 2)])
    assert conflicts(answers) == [(0, 1)]  # the third has the same answer once it is stripped


@given(st.lists(st.tuples(st.sampled_from(["a", "b", " a", "c "]), st.integers(0, 2)), max_size=9))
def test_without_conflicts_every_dropped_repeat_has_the_label_that_is_kept(rows):
    e = Examples([text for text, _ in rows], [label for _, label in rows])
    found, kept = conflicts(e), drop_duplicates(e)
    label_of = dict(zip(kept.texts, np.asarray(kept.labels).tolist()))
    wrong = [i for i, (text, label) in enumerate(rows) if label_of[text.strip()] != label]
    assert [row for _, row in found] == wrong and len(found) <= len(e) - len(kept)
    for first, row in found:
        assert first < row and rows[first][0].strip() == rows[row][0].strip()


def test_examples_fields_can_be_replaced():
    e = dataclasses.replace(numbered([0, 1], groups=[1, 1]), groups=None)
    assert e.groups is None and e.texts == ["text 0", "text 1"]


# ---- the closest division ----


@given(st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=2), min_size=3, max_size=8),
       st.floats(0.1, 0.9))
def test_few_groups_are_divided_as_closely_as_any_choice_of_them(counts, share):
    labels = [k for row in counts for k, n in enumerate(row) for _ in range(n)]
    groups = [g for g, row in enumerate(counts) for n in row for _ in range(n)]
    sizes = np.bincount(labels, minlength=2)
    target = np.clip(np.floor(share * sizes + 0.5), 1, sizes - 1)

    def away(chosen):
        inside = np.bincount(np.array(labels, int)[np.isin(groups, chosen)], minlength=2)
        if (inside == 0).any() or (inside == sizes).any():
            return np.inf
        return ((inside - target) ** 2).sum()

    names = sorted(set(groups))
    every = [away(c) for n in range(len(names) + 1) for c in combinations(names, n)]
    examples = Examples(["x"] * len(labels), labels, ["a", "b"], groups=groups)
    if min(sizes) < 2 or min(every) == np.inf:
        with pytest.raises(DataError):
            split(examples, share, rng=np.random.default_rng(0))
        return
    _, test = split(examples, share, rng=np.random.default_rng(0))
    assert away(sorted(set(test.groups.tolist()))) == min(every)


def test_one_group_that_is_the_test_part_is_found():
    counts = [[1, 2, 1], [0, 5, 3], [5, 5, 0]]
    rows = [(k, g) for g, row in enumerate(counts) for k, n in enumerate(row) for _ in range(n)]
    examples = Examples(["x"] * 22, [k for k, _ in rows], groups=[g for _, g in rows])
    train, test = split(examples, 0.2, rng=np.random.default_rng(0))
    assert len(test) == 4 and set(test.groups.tolist()) == {0}


@pytest.mark.parametrize("options, words", [
    ({"test_size": "0.5"}, "test_size is '0.5'"), ({"rng": 0}, "rng is 0, expected a generator"),
])  # fmt: skip
def test_what_is_no_share_or_generator_is_refused(options, words):
    examples = Examples(["a"] * 8, [0, 1] * 4, ["no", "yes"])
    with pytest.raises(ConfigError, match=words):
        split(examples, **{"rng": np.random.default_rng(0), **options})


def test_the_first_wrong_label_is_named_with_its_value():
    with pytest.raises(DataError, match="label 1 is -1"):
        Examples(["a"] * 3, [0, -1, -7])


def test_a_row_too_large_for_int64_does_not_exist():
    e = Examples(["a", "b"])
    with pytest.raises(IdError, match="row 18446744073709551615 does not exist"):
        e[np.array([2**64 - 1], np.uint64)]
    with pytest.raises(DtypeError, match="whose step is not 0"):
        e[::0]


@pytest.mark.parametrize("groups, error, message", [
    ([1, "1"], DtypeError, r"groups\[0\] is int among strings"),
    (["a", "a\0"], DataError, r"groups\[1\] has a NUL at its end"),
    ([[1], [1, 2]], ShapeError, "groups holds lists of different lengths"),
])
def test_groups_that_an_array_would_make_one_are_refused(groups, error, message):
    with pytest.raises(error, match=f"Examples: {message}"):
        Examples(["x", "y"], groups=groups)
    with pytest.raises(error, match=f"split: {message}"):
        split(Examples(["x", "y"]), groups=groups, stratify=False, rng=np.random.default_rng(0))


def test_two_labels_of_one_name_are_refused():
    with pytest.raises(DataError, match="Examples: label_names has 'ham' twice"):
        Examples(["a"], [0], ["ham", "ham", "spam"])


@pytest.mark.parametrize("use", [
    drop_duplicates, conflicts, lambda e: split(e, rng=np.random.default_rng(0)),
])
def test_what_are_no_examples_is_refused(use):
    with pytest.raises(DtypeError, match="the examples are a list, expected Examples or Tagged"):
        use(["a", "b"])
