"""Typed spans: how many there are, in which order, and what a batch does with them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError, IdError, ShapeError
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer
from npft.text.typed_spans import all_spans, members
from npft.text.windows import read_in_windows, spans_in_windows

WORDS = [-1, 0, 1, 1, 2, -1, -1, 0, -1, -1, 3, 4, -1]  # of three sequences
OFFSETS = [0, 6, 9, 13]
SPANS = [[(0, 2, 1), (0, 1, 0), (-2, -2, 1)], [], [(3, 3, 2)]]


def batch(spans=SPANS, words=WORDS):
    return Batch(np.arange(13), OFFSETS, words=words, typed_spans=spans)


def lists(b):
    return [[tuple(span) for span in own.tolist()] for own in b.typed_spans]


@pytest.mark.parametrize("words, longest, expected", [
    (9, 9, 45), (32, 32, 528), (32, 10, 275), (1, 10, 1), (0, 10, 0), (5, 1, 5),
])
def test_a_text_has_as_many_spans_as_the_formula_says(words, longest, expected):
    first, last = all_spans([words], longest)
    assert len(first) == len(last) == expected


@given(st.lists(st.integers(0, 7), max_size=6), st.integers(1, 9))
def test_all_spans_are_those_of_a_loop_and_none_leaves_its_text(sizes, longest):
    expected, start = [], 0
    for size in sizes:
        expected += [(start + i, start + j) for i in range(size)
                     for j in range(i, min(i + longest, size))]
        start += size
    found = list(zip(*(part.tolist() for part in all_spans(sizes, longest))))
    assert found == expected


@given(st.lists(st.integers(0, 7), min_size=1, max_size=5))
def test_the_members_of_spans_are_those_of_a_loop(sizes):
    first, last = all_spans(sizes, 4)
    words, offsets = members(first, last)
    spans = [words[a:b].tolist() for a, b in zip(offsets, offsets[1:])]
    assert spans == [list(range(i, j + 1)) for i, j in zip(first, last)]


def test_a_batch_cuts_reorders_and_joins_its_typed_spans():
    b = batch()
    assert lists(b) == SPANS
    assert lists(b[[2, 0]]) == [SPANS[2], SPANS[0]]
    assert lists(b[1:]) == SPANS[1:]
    assert lists(b[np.array([True, False, True])]) == [SPANS[0], SPANS[2]]
    assert lists(Batch.concat([b[2:], b[:2]])) == [SPANS[2], *SPANS[:2]]
    assert lists(b.replace(labels=[0, 1, 0])) == SPANS
    assert b.replace(typed_spans=None).typed_spans is None


def test_typed_spans_go_through_a_padded_rectangle_unchanged():
    b = batch()
    ids, mask = b.to_padded(0)
    again = Batch.from_padded(ids, mask, words=b.pad(b.words, -1), typed_spans=b.typed_spans)
    assert lists(again) == SPANS


def test_typed_spans_are_read_only_copies():
    given = [np.array([[0, 1, 0]]), np.zeros((0, 3), int), np.zeros((0, 3), int)]
    b = batch(given)
    given[0][:] = 2
    assert lists(b)[0] == [(0, 1, 0)]
    for array in (b.typed_spans, b.typed_spans[0]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("spans, error, message", [
    ([[(0, 3, 0)], [], []], DataError, r"typed_spans\[0\] has \[0, 3\], expected the first and"),
    ([[(1, 0, 0)], [], []], DataError, r"typed_spans\[0\] has \[1, 0\]"),
    ([[], [], [(0, 3, 0)]], DataError, r"typed_spans\[2\] has \[0, 3\]"),  # of another window
    ([[], [(-1, -1, 0)], []], DataError, r"typed_spans\[1\] has \[-1, -1\]"),
    ([[], [(-2, 0, 0)], []], DataError, r"typed_spans\[1\] has \[-2, 0\]"),
    ([[(0, 1, 0), (0, 1, 2)], [], []], DataError, "has one span twice, expected one type"),
    ([[(0, 1, -1)], [], []], IdError, "class -1, expected 0 or more"),
    ([[(0, 1)], [], []], ShapeError, r"shape \(1, 2\), expected \(S, 3\)"),
    ([[(0.0, 1.0, 0.0)], [], []], DtypeError, "float64, expected whole numbers"),
    ([[], []], ShapeError, "typed_spans of 2 sequences, the batch has 3"),
    (3, DtypeError, "typed_spans"),
    ([3, [], []], ShapeError, "typed_spans"),
    ([[(0, 1, 0), (0, 1)], [], []], ShapeError, "typed_spans"),
])
def test_what_is_no_typed_span_of_its_sequence_is_refused(spans, error, message):
    with pytest.raises(error, match=message):
        batch(spans)


def test_typed_spans_need_word_numbers():
    with pytest.raises(ConfigError, match="the batch has no word numbers"):
        batch(words=None)


def test_a_span_is_in_the_window_that_has_all_of_it_or_is_cut_off():
    texts = [["go", "on", "to"], ["I"]]
    b = read_in_windows(ByteTokenizer(), texts, max_length=7)  # go on | to | I
    spans = [[(0, 2, 0), (0, 3, 1), (1, 3, 2), (2, 3, 3)], [(0, 1, 4)]]
    assert spans_in_windows(b, spans) == [
        [(0, 1, 0), (-2, -2, 1), (-2, -2, 2)], [(2, 2, 3)], [(0, 0, 4)],
    ]
    assert spans_in_windows(b, [[], []]) == [[], [], []]


def test_a_span_whose_word_has_no_token_left_is_cut_off():
    b = Batch([2, 7, 3, 2, 8, 3], [0, 3, 6], words=[-1, 0, -1, -1, 0, -1])
    assert spans_in_windows(b, [[(0, 1, 0), (0, 2, 1), (1, 2, 2)], []]) == [
        [(0, 0, 0), (-2, -2, 1), (-2, -2, 2)], [],
    ]
    with pytest.raises(ConfigError, match="no word numbers"):
        spans_in_windows(b.replace(words=None), [[], []])
