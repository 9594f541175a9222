"""Windows: every word once and whole, in the order of the text, as many as fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import DataError
from npft.text.batch import Batch
from npft.text.bpe import BPE
from npft.text.bytes import ByteTokenizer
from npft.text.windows import read_in_windows, texts_of

BYTES = ByteTokenizer()
PIECES = BPE.train(["the red fox ran home"] * 3, 300)  # " fox" is one token, "fox" is not
WORDS = st.lists(st.sampled_from(["fox", "red", "home", "a", "the", "ran", "xyz"]), max_size=12)


def parts(batch):
    return zip(batch.offsets[:-1], batch.offsets[1:])


def test_windows_worked_by_hand():
    texts = [["go", "on", "to"], ["I"], [], ["abcdefgh", "x"]]
    b = read_in_windows(BYTES, texts, max_length=7)  # five tokens of text
    assert [b.words[i:j].tolist() for i, j in parts(b)] == [
        [-1, 0, 0, 1, 1, 1, -1], [-1, 2, 2, -1], [-1, 0, -1], [-1, -1],
        [-1, 0, 0, 0, 0, 0, -1], [-1, 1, -1]]
    assert [BYTES.decode(b.ids[i:j]) for i, j in parts(b)] == ["go on", "to", "I", "", "abcde", "x"]
    assert texts_of(b).tolist() == [0, 0, 1, 2, 3, 3]
    assert b.tokens_cut.tolist() == [0, 0, 0, 0, 3, 0]  # a word that fits into no window


@given(st.lists(WORDS, max_size=5), st.integers(6, 30), st.sampled_from([BYTES, PIECES]))
def test_every_word_stands_once_and_whole_in_the_order_of_its_text(texts, length, tok):
    b = read_in_windows(tok, texts, length)
    assert max(b.lengths, default=0) <= length and b.n_truncated == 0  # no word is longer than 4
    read = [[] for _ in texts]
    for (i, j), text in zip(parts(b), texts_of(b)):
        own = b.words[i + 1 : j - 1]
        for word in range(own.min(), own.max() + 1) if len(own) else []:
            assert word == len(read[text])
            read[text].append(tok.decode(b.ids[i + 1 : j - 1][own == word]).strip())
    assert read == texts
    assert (np.diff(texts_of(b)) <= 1).all() and (np.diff(texts_of(b)) >= 0).all()


@given(WORDS, st.integers(6, 30), st.sampled_from([BYTES, PIECES]))
def test_a_window_takes_as_many_words_as_fit(words, length, tok):
    b = read_in_windows(tok, [words], length)
    ends = [int(b.words[i:j].max()) + 1 for i, j in parts(b)]
    for start, end in zip([0, *ends], ends[:-1]):
        assert len(tok.encode_words(words[start : end + 1])[0]) > length - 2


@given(st.lists(WORDS, max_size=5))
def test_texts_that_fit_are_read_as_the_tokenizer_reads_them(texts):
    b, plain = read_in_windows(BYTES, texts, 100), BYTES(texts, max_length=100)
    assert b.ids.tobytes() == plain.ids.tobytes() and b.offsets.tolist() == plain.offsets.tolist()
    assert (b.words is None) == (plain.words is None) and texts_of(b).tolist() == [*range(len(b))]
    if texts:
        assert b.words.tobytes() == plain.words.tobytes()


def test_sequences_that_go_on_nothing_are_texts_of_their_own():
    b = read_in_windows(BYTES, [["ab", "cd", "ef", "gh"], ["ij", "kl"]], max_length=7)
    assert texts_of(b).tolist() == [0, 0, 1]
    assert texts_of(b[1:]).tolist() == [0, 1] and texts_of(b[[0, 0, 2]]).tolist() == [0, 1, 2]
    assert texts_of(b[:0]).tolist() == [] and texts_of(Batch([1, 2], [0, 1, 2])).tolist() == [0, 1]


def test_what_a_tokenizer_refuses_is_refused():
    with pytest.raises(DataError, match="expected a word: not empty"):
        read_in_windows(BYTES, [["a", " "]], 8)
