"""Segments and next-sentence pairs against a slow construction in plain Python.

In these tests a sentence is a string of numbers that occur nowhere else, so that every token of a
sequence says which sentence it came from.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError
from npft.pretraining.pairs import Corpus, gather_spans, next_sentence_pairs
from npft.pretraining.probe import make_probe
from npft.text.bytes import ByteTokenizer
from npft.text.tokenizer import Tokenizer

PAD, CLS, SEP, MASK = range(4)


class Numbers(Tokenizer):
    """A text of numbers is those numbers."""

    kind, vocab_size = "numbers", 10**6
    pad_id, cls_id, sep_id, mask_id = PAD, CLS, SEP, MASK

    def _ids(self, text):
        return [int(word) for word in text.split()]


TOK = Numbers()


def documents_of(sizes):
    """Documents from the lengths of their sentences, with tokens 4, 5, 6, ..."""
    tokens = itertools.count(4)
    return [[" ".join(str(next(tokens)) for _ in range(n)) for n in document] for document in sizes]


def sentences_of(documents):
    """(document, tokens) of every sentence that has a token."""
    return [(d, TOK._ids(s)) for d, sentences in enumerate(documents) for s in sentences if s]


def slow_run(sentences, first, room):
    """From one sentence on: as many whole sentences of its document as fit, at least one.

    Returns their tokens, cut to the room, and the sentence after them.
    """
    tokens, stop = list(sentences[first][1]), first + 1
    while (stop < len(sentences) and sentences[stop][0] == sentences[first][0]
           and len(tokens) + len(sentences[stop][1]) <= room):
        tokens += sentences[stop][1]
        stop += 1
    return tokens[:room], stop


def slow_first(sentences, first, room):
    """A of a pair: a run that leaves its document a sentence to follow."""
    tokens, stop = slow_run(sentences, first, room)
    if stop == len(sentences) or sentences[stop][0] != sentences[first][0]:
        tokens, stop = sentences[first][1][:room], first + 1
    return tokens, stop


def with_next(sentences):
    return [i for i in range(len(sentences) - 1) if sentences[i][0] == sentences[i + 1][0]]


def sequences_of(batch):
    for a, b in zip(batch.offsets[:-1], batch.offsets[1:]):
        yield batch.ids[a:b].tolist(), batch.token_types[a:b].tolist()


sizes = st.lists(st.lists(st.integers(0, 5), max_size=6), min_size=1, max_size=5).filter(
    lambda s: any(n for d in s for n in d))


@given(sizes, st.integers(4, 20))
def test_a_segment_is_whole_sentences_of_one_document_or_a_cut_one(sizes, max_length):
    documents = documents_of(sizes)
    sentences, corpus = sentences_of(documents), Corpus(documents, TOK)
    batch = corpus.segments(corpus.starts(followed=False), max_length)
    assert len(batch) == len(corpus) == len(sentences) and batch.labels is None
    for first, (ids, types) in enumerate(sequences_of(batch)):
        assert ids == [CLS, *slow_run(sentences, first, max_length - 2)[0], SEP]
        assert types == [0] * len(ids) and len(ids) <= max_length


@given(sizes, st.integers(5, 24), st.integers(0, 99))
def test_a_pair_is_cls_a_sep_b_sep_with_b_next_or_from_elsewhere(sizes, max_length, seed):
    documents = documents_of(sizes)
    sentences = sentences_of(documents)
    if not with_next(sentences):
        with pytest.raises(DataError, match="no document has two sentences"):
            next_sentence_pairs(documents, TOK, max_length=max_length,
                                rng=np.random.default_rng(seed))
        return
    batch = next_sentence_pairs(documents, TOK, max_length=max_length,
                                rng=np.random.default_rng(seed))
    room = (max_length - 3) // 2
    of_token = {t: i for i, (_, tokens) in enumerate(sentences) for t in tokens}
    only_one = len({d for d, _ in sentences}) == 1
    firsts = []
    for (ids, types), label in zip(sequences_of(batch), batch.labels):
        assert ids[0] == CLS and ids[-1] == SEP and ids.count(SEP) == 2 and len(ids) <= max_length
        cut = ids.index(SEP)
        a, b = ids[1:cut], ids[cut + 1 : -1]
        assert types == [0] * (len(a) + 2) + [1] * (len(b) + 1)
        first, second = of_token[a[0]], of_token[b[0]]
        expected, following = slow_first(sentences, first, room)
        assert a == expected and b == slow_run(sentences, second, room)[0]
        if label == 1:
            assert second == following
        else:
            assert second != following
            assert only_one or sentences[second][0] != sentences[first][0]
        firsts.append(first)
    assert sorted(firsts) == with_next(sentences)


def many(documents=200, sentences=51, seed=0):
    rng = np.random.default_rng(seed)
    return documents_of(rng.integers(1, 7, (documents, sentences)))


@pytest.mark.parametrize("documents", [many(), many(1, 10_001)])
def test_half_of_the_pairs_are_true_and_no_false_one_is_the_next(documents):
    batch = next_sentence_pairs(documents, TOK, max_length=32, rng=np.random.default_rng(1))
    assert len(batch) == 10_000
    assert abs(batch.labels.mean() - 0.5) < 0.01
    sentences = sentences_of(documents)
    of_token = {t: i for i, (_, tokens) in enumerate(sentences) for t in tokens}
    for (ids, _), label in zip(sequences_of(batch), batch.labels):
        cut = ids.index(SEP)
        first, second = of_token[ids[1]], of_token[ids[cut + 1]]
        following = of_token[ids[cut - 1]] + 1
        assert (second == following) == (label == 1)
        if label == 0 and len(documents) > 1:
            assert sentences[second][0] != sentences[first][0]


def test_false_seconds_come_from_every_other_sentence_alike():
    documents = documents_of([[1] * 5, [1] * 3, [1] * 4])
    corpus, rng = Corpus(documents, TOK), np.random.default_rng(0)
    for start, others in ((0, [*range(5, 12)]), (5, [*range(5), *range(8, 12)]), (9, [*range(8)])):
        batch = corpus.pairs(np.full(4000, start), 5, rng=rng)
        seconds = batch.ids[batch.offsets[:-1] + 3] - 4
        counts = np.bincount(seconds[batch.labels == 0], minlength=12)
        share = counts[others] / counts.sum()
        assert np.abs(share * len(others) - 1).max() < 0.25 and share.sum() == pytest.approx(1)


def test_of_one_document_of_two_sentences_the_false_second_is_the_first():
    corpus = Corpus([["4", "5"]], TOK)
    batch = corpus.pairs(np.zeros(40, int), 9, rng=np.random.default_rng(0))
    for (ids, _), label in zip(sequences_of(batch), batch.labels):
        assert ids == ([CLS, 4, SEP, 5, SEP] if label else [CLS, 4, SEP, 4, 5, SEP])
    assert {*batch.labels} == {0, 1}


def test_the_same_seed_gives_the_same_pairs_and_the_documents_are_not_changed():
    documents = many(5, 6)
    before = [list(d) for d in documents]
    a, b, c = (next_sentence_pairs(documents, TOK, rng=np.random.default_rng(s)) for s in (0, 0, 1))
    assert a.ids.tobytes() == b.ids.tobytes() != c.ids.tobytes()
    assert a.labels.tobytes() == b.labels.tobytes() and documents == before


# ---- ordered pairs ----


@given(sizes, st.integers(5, 24), st.integers(0, 99))
def test_an_ordered_pair_is_two_neighbours_in_their_order_or_exchanged(sizes, max_length, seed):
    documents = documents_of(sizes)
    sentences, corpus = sentences_of(documents), Corpus(documents, TOK)
    if not with_next(sentences):
        return
    starts = np.random.default_rng(seed).permutation(corpus.starts(followed=True))
    batch = corpus.ordered(starts, max_length, rng=np.random.default_rng(seed))
    room = (max_length - 3) // 2
    for first, (ids, types), label in zip(starts, sequences_of(batch), batch.labels):
        a, following = slow_first(sentences, first, room)
        b, _ = slow_run(sentences, following, room)
        assert sentences[following][0] == sentences[first][0]  # of one document
        assert 1 <= len(a) <= room and 1 <= len(b) <= room and len(ids) <= max_length
        one, two = (a, b) if label == 1 else (b, a)
        assert ids == [CLS, *one, SEP, *two, SEP]
        assert types == [0] * (len(one) + 2) + [1] * (len(two) + 1)
    assert len(batch) == len(with_next(sentences)) and set(batch.labels) <= {0, 1}


def test_half_of_the_ordered_pairs_are_in_order_whatever_they_say():
    corpus = Corpus(many(), TOK)
    starts = corpus.starts(followed=True)
    labels = corpus.ordered(starts, 32, rng=np.random.default_rng(1)).labels
    assert len(labels) == 10_000 and abs(labels.mean() - 0.5) < 0.015
    assert abs((labels[1:] == labels[:-1]).mean() - 0.5) < 0.015
    # the coin does not look at the text: the same start, many times
    again = corpus.ordered(np.full(4000, 7), 32, rng=np.random.default_rng(2))
    assert abs(again.labels.mean() - 0.5) < 0.025
    assert len({tuple(ids) for ids, _ in sequences_of(again)}) == 2


def test_both_orders_of_a_pair_hold_the_same_tokens():
    """Else their number would give the answer away."""
    corpus = Corpus(documents_of([[2, 5, 3, 9, 1, 4]]), TOK)
    for start in range(5):
        batch = corpus.ordered(np.full(40, start), 12, rng=np.random.default_rng(0))
        assert {*batch.labels} == {0, 1}
        assert len({tuple(sorted(ids)) for ids, _ in sequences_of(batch)}) == 1


def test_the_same_seed_gives_the_same_ordered_pairs():
    corpus = Corpus(many(5, 6), TOK)
    starts = corpus.starts(followed=True)
    a, b, c = (corpus.ordered(starts, 20, rng=np.random.default_rng(s)) for s in (0, 0, 1))
    assert a.ids.tobytes() == b.ids.tobytes() != c.ids.tobytes()


def test_ordered_pairs_without_room_are_refused():
    corpus = Corpus([["4 5", "6"]], TOK)
    with pytest.raises(ConfigError, match="max_length is 4, expected at least 5"):
        corpus.ordered(np.array([0]), 4, rng=np.random.default_rng(0))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.data())
def test_gathered_spans_are_the_slices_end_to_end(source, data):
    spans = st.integers(0, len(source)).flatmap(
        lambda a: st.integers(a, len(source)).map(lambda b: (a, b)))
    chosen = data.draw(st.lists(spans, min_size=1, max_size=5))
    starts, stops = np.array(chosen).T
    got = gather_spans(np.array(source), starts, stops - starts)
    assert got.tolist() == [x for a, b in chosen for x in source[a:b]]


@pytest.mark.parametrize("documents", [[], [[]], [[""], ["", ""]]])
def test_documents_without_a_token_are_refused(documents):
    with pytest.raises(DataError, match="the documents hold no token"):
        Corpus(documents, TOK)


@pytest.mark.parametrize("documents", [[["a"], ["b"]], [["a", ""], ["", "b"]], [["a"]]])
def test_pairs_without_a_document_of_two_sentences_are_refused_with_the_mend(documents):
    with pytest.raises(DataError, match="no document has two sentences; .* or train without"):
        next_sentence_pairs(documents, ByteTokenizer(), rng=np.random.default_rng(0))


def test_a_length_without_room_for_text_is_refused():
    corpus = Corpus([["4 5", "6"]], TOK)
    with pytest.raises(ConfigError, match="max_length is 4, expected at least 5"):
        corpus.pairs(np.array([0]), 4, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="max_length is 3, expected at least 4"):
        corpus.segments(np.array([0]), 3)


def test_a_seed_is_no_generator():
    documents = documents_of([[2, 2], [3, 3]])
    with pytest.raises(ConfigError, match="next_sentence_pairs: rng is 3, expected a generator"):
        next_sentence_pairs(documents, TOK, rng=3)
    with pytest.raises(ConfigError, match="make_probe: rng is 3, expected a generator"):
        make_probe(documents, TOK, max_length=16, rng=3)
