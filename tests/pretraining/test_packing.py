"""Packed rows against a slow construction, and what they keep of the text.

A sentence is a string of numbers that occur nowhere else, so that each token says where it is from.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError
from npft.pretraining.packing import pack
from npft.pretraining.pairs import Corpus
from npft.text.tokenizer import Tokenizer

PAD, CLS, SEP, MASK = range(4)


class Numbers(Tokenizer):
    """A text of numbers is those numbers."""

    kind, vocab_size = "numbers", 10**6
    pad_id, cls_id, sep_id, mask_id = PAD, CLS, SEP, MASK

    def _ids(self, text):
        return [int(word) for word in text.split()]


def corpus_of(sizes):
    """From the lengths of the sentences of each document, with tokens 4, 5, 6, ..."""
    tokens = itertools.count(4)
    documents = [[" ".join(str(next(tokens)) for _ in range(n)) for n in d] for d in sizes]
    return Corpus(documents, Numbers())


def rows_of(batch):
    return [row.tolist() for row in np.split(batch.ids, batch.offsets[1:-1])]


sizes = st.lists(st.lists(st.integers(0, 7), max_size=5), min_size=1, max_size=8).filter(
    lambda s: any(n for d in s for n in d))


@given(sizes, st.integers(4, 20))
def test_rows_are_the_documents_end_to_end_cut_into_equal_pieces(sizes, max_length):
    tokens, stream = itertools.count(4), []
    for document in sizes:
        if sum(document):
            stream += [SEP] * bool(stream) + list(itertools.islice(tokens, sum(document)))
    room = max_length - 2
    expected = [[CLS, *stream[i : i + room], SEP] for i in range(0, len(stream), room)]
    batch = pack(corpus_of(sizes), max_length)
    assert rows_of(batch) == expected
    assert not batch.token_types.any() and batch.labels is None


@given(sizes, st.integers(4, 20))
def test_every_row_but_the_last_is_full_and_each_holds_text(sizes, max_length):
    batch = pack(corpus_of(sizes), max_length)
    assert (batch.lengths[:-1] == max_length).all() and 3 <= batch.lengths[-1] <= max_length
    assert all(max(row) > MASK for row in rows_of(batch))


@given(sizes, st.integers(4, 20))
def test_no_token_is_lost_or_moved_and_each_border_of_documents_has_one_more_sep(sizes, max_length):
    rows = rows_of(pack(corpus_of(sizes), max_length))
    stream = [token for row in rows for token in row[1:-1]]
    text = [token for token in stream if token != SEP]
    n = sum(sum(d) for d in sizes)
    assert text == list(range(4, 4 + n))
    with_text = [sum(d) for d in sizes if sum(d)]
    borders = np.cumsum(with_text)[:-1] + np.arange(len(with_text) - 1)
    assert np.flatnonzero(np.array(stream) == SEP).tolist() == borders.tolist()
    assert sum(row.count(SEP) for row in rows) == len(rows) + len(with_text) - 1
    assert all(row.count(CLS) == 1 and row[0] == CLS for row in rows)


def test_a_border_may_fall_on_the_edge_of_a_row():
    assert rows_of(pack(corpus_of([[2], [3]]), 4)) == [[1, 4, 5, 2], [1, 2, 6, 2], [1, 7, 8, 2]]
    assert rows_of(pack(corpus_of([[3], [1]]), 6)) == [[1, 4, 5, 6, 2, 2], [1, 7, 2]]


def test_a_row_of_one_length_holds_as_many_tokens_as_there_is_room_for():
    for n in (9, 10, 11):
        batch = pack(corpus_of([[1] * n]), 12)
        assert batch.lengths.tolist() == [min(n, 10) + 2] + [3] * (n > 10)


def test_a_length_without_room_for_text_is_refused():
    with pytest.raises(ConfigError, match="max_length is 3, expected at least 4"):
        pack(corpus_of([[4]]), 3)
