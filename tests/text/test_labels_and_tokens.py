"""Labels go from words to tokens and answers from characters to tokens, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError, IdError, ShapeError
from npft.text import (
    BPE, IGNORE, Batch, ByteTokenizer, TaggedTexts, answer_characters, answer_tokens, first_tokens,
    token_labels, word_labels,
)
from npft.text.labels_and_tokens import character_span, token_span

BYTES = ByteTokenizer()
# Each sequence as the number of tokens of each of its words.
tokens_per_word = st.lists(st.lists(st.integers(1, 3), max_size=5), min_size=1, max_size=5)


def batch_of(pieces, cut=0):
    """[CLS] words [SEP] for each sequence, of which ``cut`` tokens are cut off the end."""
    ids, offsets, words = [], [0], []
    for row in pieces:
        numbers = np.repeat(np.arange(len(row)), row)[: max(sum(row) - cut, 0)]
        words += [-1, *numbers, -1]
        ids += [2, *[7] * len(numbers), 3]
        offsets.append(len(ids))
    return Batch(ids, offsets, words=words)


def test_the_book_s_example_has_the_book_s_labels_and_comes_back():
    tags = ["B-LOC", "I-LOC", "O", "O", "B-LOC", "I-LOC", "O"]
    words = ["Mt.", "Sanitas", "is", "in", "Sunshine", "Canyon", "."]
    gold = TaggedTexts([words], [tags])
    tokens = ["[CLS]", "Mt", ".", "San", "##itas", "is", "in", "Sunshine", "Canyon", ".", "[SEP]"]
    b = Batch(range(len(tokens)), [0, len(tokens)], words=[-1, 0, 0, 1, 1, 2, 3, 4, 5, 6, -1])
    labels = token_labels(b, gold.tag_numbers())
    names = [gold.tag_names[k] if k != IGNORE else None for k in labels]
    assert names == [None, "B-LOC", "B-LOC", "I-LOC", "I-LOC", "O", "O", "B-LOC", "I-LOC", "O",
                     None]
    assert [tokens[i] for i in first_tokens(b)] == ["Mt", "San", "is", "in", "Sunshine", "Canyon",
                                                    "."]
    labels[[2, 4]] = gold.tag_names.index("O")  # what later subwords say is not read
    (back,) = word_labels(b, labels, [7])
    assert [gold.tag_names[k] for k in back] == tags


@given(tokens_per_word, st.data())
def test_word_labels_go_to_every_token_and_back_exactly(pieces, data):
    gold = [data.draw(st.lists(st.integers(0, 9), min_size=len(p), max_size=len(p)))
            for p in pieces]
    b = batch_of(pieces)
    labels = token_labels(b, gold)
    expected = [[IGNORE, *np.repeat(g, p), IGNORE] for g, p in zip(gold, pieces)]
    assert labels.tolist() == [k for row in expected for k in row]
    back = word_labels(b.replace(token_labels=labels), labels, [len(p) for p in pieces])
    assert [row.tolist() for row in back] == gold


@given(tokens_per_word, st.integers(1, 6), st.data())
def test_words_that_were_cut_off_come_back_without_a_label(pieces, cut, data):
    b = batch_of(pieces, cut)
    gold = [np.arange(len(p)) for p in pieces]
    back = word_labels(b, token_labels(b, gold), [len(p) for p in pieces])
    for row, p in zip(back, pieces):
        starts = np.cumsum([0, *p])[:-1]  # a word is kept if its first token is
        assert row.tolist() == [i if s < sum(p) - cut else IGNORE for i, s in enumerate(starts)]


@given(tokens_per_word)
def test_only_the_first_token_of_a_word_decides(pieces):
    b = batch_of(pieces)
    firsts = first_tokens(b)
    assert len(firsts) == sum(map(len, pieces))
    noise = np.full(len(b.ids), 99)
    noise[firsts] = 1
    back = word_labels(b, noise, [len(p) for p in pieces])
    assert [row.tolist() for row in back] == [[1] * len(p) for p in pieces]


def test_the_same_word_number_in_two_sequences_is_two_words():
    b = Batch([7, 7, 7], [0, 1, 3], words=[0, 0, 0])
    assert first_tokens(b).tolist() == [0, 1]


def test_a_word_without_a_label_may_be_ignored():
    assert token_labels(batch_of([[2, 1]]), [[IGNORE, 4]]).tolist() == [-100, -100, -100, 4, -100]


def test_a_sequence_may_begin_in_the_middle_of_a_text():
    b = Batch([2, 7, 7, 8, 3], [0, 5], words=[-1, 3, 3, 4, -1])
    assert token_labels(b, [[0, 1, 2, 3, 4]]).tolist() == [-100, 3, 3, 4, -100]
    (back,) = word_labels(b, [9, 3, 9, 4, 9], [5])
    assert back.tolist() == [-100, -100, -100, 3, 4]


def test_word_labels_that_do_not_fit_are_refused():
    b = batch_of([[1, 2]])
    bare = Batch([1], [0, 1])
    for call in (lambda: token_labels(bare, [[0]]), lambda: first_tokens(bare),
                 lambda: word_labels(bare, [0], [1])):
        with pytest.raises(ConfigError, match="no word numbers; make it from lists of words"):
            call()
    with pytest.raises(ShapeError, match="labels for 2 sequences, the batch has 1"):
        token_labels(b, [[0, 0], [0]])
    with pytest.raises(IdError, match="sequence 0 has a word 1"):
        token_labels(b, [[0]])
    with pytest.raises(DtypeError, match="word_labels.0. holds <U1"):
        token_labels(b, [["O", "O"]])
    with pytest.raises(ShapeError, match="predicted has shape"):
        word_labels(b, [0, 0], [2])
    with pytest.raises(ShapeError, match="n_words"):
        word_labels(b, np.zeros(5, int), [2, 2])
    with pytest.raises(IdError, match=r"has a word 1, and n_words\[0\] is 1"):
        word_labels(b, np.zeros(5, int), [1])


@st.composite
def offsets_of_tokens(draw):
    """Tokens of 1 to 3 characters with gaps of 0 to 2 between them."""
    steps = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=8))
    ends = np.cumsum([gap + size for gap, size in steps]).tolist()
    return [(end - size, end) for end, (_, size) in zip(ends, steps)]


@given(offsets_of_tokens(), st.data())
def test_spans_of_whole_tokens_come_back_exactly(offsets, data):
    first = data.draw(st.integers(0, len(offsets) - 1))
    last = data.draw(st.integers(first, len(offsets) - 1))
    start, end = character_span(offsets, first, last)
    assert token_span(offsets, start, end) == (first, last)


@given(offsets_of_tokens(), st.integers(0, 30), st.integers(1, 30))
def test_tokens_cover_the_characters_and_no_token_too_many(offsets, start, length):
    end = start + length
    touched = [k for k, (a, b) in enumerate(offsets) if set(range(a, b)) & set(range(start, end))]
    first, last = token_span(offsets, start, end)
    assert (first, last) == ((touched[0], touched[-1]) if touched else (-1, -1))


@pytest.mark.parametrize("first, last", [(-1, 0), (1, 0), (0, 2), (2, 2)])
def test_character_spans_of_tokens_that_do_not_exist_are_refused(first, last):
    with pytest.raises(IdError, match="character_span"):
        character_span([(0, 1), (1, 2)], first, last)


@given(st.lists(st.tuples(st.text("abc", min_size=1, max_size=6), st.text("xyzé ", min_size=2)),
                min_size=1, max_size=5), st.integers(5, 14), st.booleans(), st.data())
def test_an_answer_is_found_again_in_its_passage_or_was_cut_off(rows, max_length, paired, data):
    passages = [passage for _, passage in rows]
    spans = []
    for passage in passages:
        start = data.draw(st.integers(0, len(passage) - 1))
        spans.append((start, data.draw(st.integers(start + 1, len(passage)))))
    spans[0] = (-1, -1)
    offsets = [BYTES.offsets(passage) for passage in passages]
    questions = [question for question, _ in rows]
    whole = BYTES(questions, passages) if paired else BYTES(passages)
    tokens = answer_tokens(whole, offsets, spans)
    assert answer_characters(whole, offsets, tokens).tolist() == [list(span) for span in spans]
    cut = (BYTES(questions, passages, max_length=max_length) if paired
           else BYTES(passages, max_length=max_length))
    b = cut.replace(spans=answer_tokens(cut, offsets, spans))  # checked against its sequence
    for row, (start, end) in enumerate(spans):
        first, last = b.spans[row]
        kept = BYTES.decode(b[[row]].ids[b[[row]].token_types == int(paired)])
        if (start, end) == (-1, -1):
            assert (first, last) == (-1, -1)
        elif not passages[row][:end] == kept[:end]:
            assert (first, last) == (-2, -2)  # there was one, it was cut off
        else:
            assert BYTES.decode(b[[row]].ids[first : last + 1]) == passages[row][start:end]


def test_spans_that_reach_out_of_the_passage_are_no_answer():
    b = BYTES(["ab"], ["xyz"])  # [CLS] a b [SEP] x y z [SEP]
    offsets = [BYTES.offsets("xyz")]
    for span, expected in (((4, 6), (0, 3)), ((2, 4), (-1, -1)), ((3, 4), (-1, -1)),
                           ((6, 7), (-1, -1)), ((-1, -1), (-1, -1)), ((5, 4), (-1, -1))):
        assert answer_characters(b, offsets, [span]).tolist() == [list(expected)]


def test_the_space_before_a_word_is_no_part_of_its_answer():
    tok, passage = BPE.train(["a red fox ran"] * 3, 300), "a red fox  ran "
    assert tok.pieces(passage) == [b"a", b" red", b" fox", b" ", b" ran", b" "]
    b, offsets = tok(["a"], [passage]), [tok.offsets(passage)]  # [CLS] a [SEP] a \u2423red ... [SEP]
    for first, last, answer in ((4, 4, (2, 5)), (5, 5, (6, 9)), (4, 5, (2, 9)), (3, 8, (0, 14)),
                                (6, 7, (11, 14)), (6, 6, (-1, -1)), (2, 4, (-1, -1))):
        span = [(first, last)]
        assert answer_characters(b, offsets, span, [passage]).tolist() == [list(answer)]
    assert answer_characters(b, offsets, [(4, 4)]).tolist() == [[1, 5]]  # as the tokens have it


@given(st.text("xé ", min_size=1), st.data())
def test_a_stripped_answer_is_the_answer_stripped(passage, data):
    b, offsets = BYTES([passage]), [BYTES.offsets(passage)]
    first = data.draw(st.integers(1, len(b.ids) - 2))
    span = [(first, data.draw(st.integers(first, len(b.ids) - 2)))]
    (start, end), = answer_characters(b, offsets, span).tolist()
    (left, right), = answer_characters(b, offsets, span, [passage]).tolist()
    assert passage[max(left, 0) : max(right, 0)] == passage[start:end].strip()
    assert (left, right) == (-1, -1) or start <= left < right <= end


def test_answers_that_do_not_fit_the_batch_are_refused():
    b = BYTES(["ab"], ["xyz"])
    offsets = [BYTES.offsets("xyz")]
    with pytest.raises(ShapeError, match="2 texts, the batch has 1"):
        answer_characters(b, offsets, [(4, 5)], ["xyz", "x"])
    for turn in (answer_tokens, answer_characters):
        with pytest.raises(ShapeError, match="2 texts, the batch has 1"):
            turn(b, offsets * 2, [(0, 1)])
        with pytest.raises(ShapeError, match="spans have shape"):
            turn(b, offsets, [0, 1])
        with pytest.raises(DataError, match="some sequences are pairs"):
            turn(Batch.concat([b, BYTES(["x"])]), offsets * 2, [(0, 1)] * 2)


def test_answers_of_a_batch_without_special_tokens_are_refused():
    tok = ByteTokenizer()
    bare, whole = (tok(["hello"], add_special_tokens=special) for special in (False, True))
    assert answer_tokens(whole, [tok.offsets("hello")], [(0, 2)]).tolist() == [[1, 2]]
    for read in (answer_tokens, answer_characters):
        with pytest.raises(DataError, match="tokenize them with special tokens"):
            read(bare, [tok.offsets("hello")], [(0, 2)])


WORDS = Batch([2, 7, 8, 9, 3], [0, 5], words=[-1, 0, 0, 1, -1])
ANSWERED = Batch([2, 5, 3, 7, 8, 9, 3], [0, 7], token_types=[0, 0, 0, 1, 1, 1, 1])
PLACES = [[(0, 2), (2, 4), (5, 7)]]


@pytest.mark.parametrize("predicted, n_words, error, message", [
    ([0, 4.7, 5, 6, 0], [2], DtypeError, "predicted holds float64"),
    ([0, np.nan, 5, 6, 0], [2], DtypeError, "predicted holds float64"),
    ([[0], [4, 5]], [2], ShapeError, "predicted holds lists of different lengths"),
    ([0, 4, 5, 6, 0], [2.5], ConfigError, r"n_words\[0\] is 2.5"),
    ([0, 4, 5, 6, 0], 3, DtypeError, "n_words is int"),
])
def test_labels_of_words_are_whole_numbers(predicted, n_words, error, message):
    with pytest.raises(error, match=f"word_labels: {message}"):
        word_labels(WORDS, predicted, n_words)


@pytest.mark.parametrize("labels, error, message", [
    ([[-5, 6]], IdError, r"word_labels\[0\] has -5, expected classes from 0, or -100"),
    ([[[1], [1, 2]]], ShapeError, r"word_labels\[0\] holds lists of different lengths"),
    (3, DtypeError, "word_labels is int"),
])
def test_a_label_is_a_class_or_none(labels, error, message):
    with pytest.raises(error, match=f"token_labels: {message}"):
        token_labels(WORDS, labels)
    assert token_labels(WORDS, [[IGNORE, 6]]).tolist() == [IGNORE, IGNORE, IGNORE, 6, IGNORE]


@pytest.mark.parametrize("span, error", [
    ((7, 2), DataError), ((2, 2), DataError), ((-5, 1), DataError), ((-1, 3), DataError),
    ((2.0, 7.0), DtypeError), ((np.nan, 7), DtypeError),
])
def test_an_answer_begins_before_it_ends(span, error):
    with pytest.raises(error, match="answer_tokens: spans"):
        answer_tokens(ANSWERED, PLACES, [span])
    with pytest.raises(ShapeError, match="answer_tokens: spans holds lists of different lengths"):
        answer_tokens(ANSWERED, PLACES, [[1], [1, 2]])
