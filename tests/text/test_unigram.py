"""The unigram model against brute force: all cuts of short words, written out one by one."""

import math
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from npft.errors import CheckpointError, ConfigError, DataError, DtypeError, ShapeError
from npft.text import BPE, Unigram, unigram
from npft.text.pieces import count_words
from npft.text.unigram import (
    KEPT, LEAST_P, LONGEST_PIECE, SEEDS_PER_PIECE, TURNS, expected_counts, inside, lattices,
    learn_pieces, outside, probabilities, pruned, pruning_losses, seed_pieces,
)

SINGLE = [bytes([i]) for i in range(256)]


def all_cuts(word, pieces):
    """Every way to write a word as pieces."""
    if not word:
        return [[]]
    return [
        [word[:end], *rest]
        for end in range(1, len(word) + 1) if word[:end] in pieces
        for rest in all_cuts(word[end:], pieces)
    ]


def probability(cut, p):
    return math.prod(p[piece] for piece in cut)


def summed_up(word, p, without=None):
    return sum(probability(c, p) for c in all_cuts(word, p) if without not in c)


@st.composite
def models(draw):
    """(pieces over a and b with the single letters, their probabilities, words, their counts)"""
    longer = st.text("ab", min_size=2, max_size=4).map(str.encode)
    pieces = [b"a", b"b", *draw(st.lists(longer, unique=True, max_size=6))]
    weights = draw(st.lists(st.floats(0.01, 1), min_size=len(pieces), max_size=len(pieces)))
    words = draw(st.lists(st.text("ab", min_size=1, max_size=7).map(str.encode), min_size=1,
                          max_size=4, unique=True))
    counts = draw(st.lists(st.integers(1, 9), min_size=len(words), max_size=len(words)))
    return pieces, np.array(weights) / sum(weights), words, np.array(counts, dtype=float)


REPEATED = ([b"a", b"b", b"aa", b"aab"], np.array([0.1, 0.2, 0.4, 0.3]), [b"aaaaab", b"ab"],
            np.array([2.0, 1.0]))


def tokenizer(pieces, p):
    """A ``Unigram`` with these pieces; the bytes that are not among them are hardly possible."""
    single = np.full(256, 1e-9)
    for piece, value in zip(pieces, p):
        if len(piece) == 1:
            single[piece[0]] = value
    longer = {piece.decode(): value for piece, value in zip(pieces, p) if len(piece) > 1}
    return Unigram(longer, np.log([*single, *longer.values()]))


@given(models())
@example(REPEATED)
def test_the_sums_over_all_cuts_equal_brute_force(model):
    pieces, p, words, _ = model
    table = dict(zip(pieces, p))
    for rows, arcs, ids in lattices(words, pieces):
        scores = np.append(np.log(p), -np.inf)[ids]
        alpha, beta = np.exp(inside(arcs, scores)), np.exp(outside(arcs, scores))
        for w, row in enumerate(rows):
            word = words[row]
            for place in range(len(word) + 1):
                np.testing.assert_allclose(alpha[place, w], summed_up(word[:place], table))
                np.testing.assert_allclose(beta[place, w], summed_up(word[place:], table))


@given(models())
@example(REPEATED)
def test_expected_counts_and_likelihood_equal_brute_force(model):
    pieces, p, words, counts = model
    table, expected, likelihood = dict(zip(pieces, p)), Counter(), 0.0
    for word, count in zip(words, counts):
        total = summed_up(word, table)
        likelihood += count * math.log(total)
        for cut in all_cuts(word, table):
            for piece in cut:
                expected[piece] += count * probability(cut, table) / total
    found, found_likelihood = expected_counts(lattices(words, pieces), counts, np.log(p))
    np.testing.assert_allclose(found, [expected[piece] for piece in pieces], atol=1e-12)
    np.testing.assert_allclose(found_likelihood, likelihood)
    letters = sum(n * len(w) for n, w in zip(counts, words))
    np.testing.assert_allclose(found @ [len(piece) for piece in pieces], letters)


@given(models())
@example(REPEATED)
def test_pruning_losses_equal_the_fall_of_the_likelihood_by_brute_force(model):
    pieces, p, words, counts = model
    table = dict(zip(pieces, p))
    expected = [
        sum(n * math.log(summed_up(w, table) / summed_up(w, table, without=piece))
            for n, w in zip(counts, words)) if len(piece) > 1 else 0.0
        for piece in pieces
    ]
    found = pruning_losses(lattices(words, pieces), counts, np.log(p))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_pruning_losses_do_not_depend_on_how_many_are_worked_out_at_once(monkeypatch):
    pieces, p, words, counts = REPEATED
    whole = pruning_losses(lattices(words, pieces), counts, np.log(p))
    monkeypatch.setattr(unigram, "NUMBERS_AT_ONCE", 1)
    np.testing.assert_array_equal(
        pruning_losses(lattices(words, pieces), counts, np.log(p)), whole)


@given(models())
def test_a_turn_of_expectation_and_maximization_never_lowers_the_likelihood(model):
    pieces, p, words, counts = model
    p, before = np.maximum(p, LEAST_P), -math.inf
    for _ in range(8):
        expected, likelihood = expected_counts(lattices(words, pieces), counts, np.log(p))
        assert likelihood >= before - 1e-13 * counts.sum()  # rounding of the logarithms
        p, before = probabilities(expected), likelihood


@given(st.lists(st.just(0.0) | st.floats(1e-12, 1e6), min_size=2, max_size=8).filter(any))
@example([1e9, 1 + 1.5e-9, 0.0])  # the second falls below the least p once the third is raised
def test_the_probabilities_raise_the_expected_log_likelihood_most(expected):
    expected = np.array(expected)
    p = probabilities(expected)
    assert p.min() >= LEAST_P and abs(p.sum() - 1) < 1e-12
    # the derivative c / p of c log p: equal where p is free, not larger where it is the least
    slope = expected / p
    np.testing.assert_allclose(slope[p > LEAST_P], slope.max(), rtol=1e-9)


@given(models())
@example(REPEATED)
def test_encoding_takes_a_most_likely_cut(model):
    pieces, p, words, _ = model
    tok, table = tokenizer(pieces, p), dict(zip(pieces, p))
    for word in words:
        found = tok.pieces(word.decode())
        assert b"".join(found) == word
        best = max(probability(cut, table) for cut in all_cuts(word, table))
        np.testing.assert_allclose(probability(found, table), best)


def test_of_equally_likely_cuts_the_one_with_the_longest_last_piece_is_taken():
    assert tokenizer([b"a", b"aa"], [0.5, 0.5]).pieces("aaa") == [b"a", b"aa"]
    ends = tokenizer([b"a", b"b", b"ab", b"ba"], [0.25, 0.25, 0.25, 0.25])
    assert ends.pieces("aba") == [b"a", b"ba"]


def test_sampling_follows_the_smoothed_probabilities_of_all_cuts():
    pieces, p = [b"a", b"b", b"ab", b"ba", b"aba"], [0.3, 0.2, 0.25, 0.15, 0.1 - 254e-9]
    tok, n, rng = tokenizer(pieces, p), 4000, np.random.default_rng(0)
    table = dict(zip(pieces, p))
    for alpha in (0.0, 0.3, 1.0):
        cuts = {tuple(c): probability(c, table) ** alpha for c in all_cuts(b"abaab", table)}
        total = sum(cuts.values())
        drawn = Counter(
            tuple(tok.piece_bytes[i] for i in tok.sample("abaab", alpha=alpha, rng=rng))
            for _ in range(n)
        )
        assert set(drawn) == set(cuts) and len(cuts) > 5
        for cut, weight in cuts.items():
            share = weight / total
            assert abs(drawn[cut] / n - share) < 5 * math.sqrt(share * (1 - share) / n), cut


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(0, 5), st.integers(0, 99))
def test_a_sampled_cut_is_a_cut_of_the_same_text(text, alpha, seed):
    tok = Unigram.train(["the cat sat on the mat, the cat sat"], 280)
    ids = tok.sample(text, alpha=alpha, rng=np.random.default_rng(seed))
    assert tok.decode(ids) == text and not set(ids) & set(tok.special_ids)
    assert ids == tok.sample(text, alpha=alpha, rng=np.random.default_rng(seed))


def test_a_large_alpha_takes_the_best_cut():
    tok = Unigram.train(["the cat sat on the mat, the cat sat"], 280)
    text = "the cat that sat on the mat"
    assert tok.sample(text, alpha=200.0, rng=np.random.default_rng(0)) == tok.encode(text)


def learn_slowly(counts, size, min_count):
    """Training by its definition, with all cuts of every word written out."""
    seeds, first = seed_pieces(counts, SEEDS_PER_PIECE * size, min_count)
    words = {word.encode(): n for word, n in counts.items()}
    letters = {bytes([byte]) for word in words for byte in word}
    found = {v: c for v, c in zip(seeds, first) if len(v) > 1 or v in letters}
    others = 256 - len(letters)  # bytes that do not occur have the least probability

    def normalized(expected):
        low = set()
        while True:
            rest = (1 - LEAST_P * (others + len(low))) / sum(
                c for v, c in expected.items() if v not in low)
            p = {v: LEAST_P if v in low else c * rest for v, c in expected.items()}
            if min(p.values()) >= LEAST_P:
                return p
            low |= {v for v in p if p[v] < LEAST_P}

    while True:
        p = normalized(found)
        for _ in range(TURNS):
            found = dict.fromkeys(p, 0.0)
            for word, n in words.items():
                total = summed_up(word, p)
                for cut in all_cuts(word, p):
                    for piece in cut:
                        found[piece] += n * probability(cut, p) / total
            p = normalized(found)
        learnt = [v for v in found if len(v) > 1]
        unused = [v for v in learnt if found[v] < 0.5]
        if not unused:
            if len(learnt) <= size:
                return p
            loss = {v: sum(n * math.log(summed_up(w, p) / summed_up(w, p, without=v))
                           for w, n in words.items()) for v in learnt}
            many = len(learnt) - max(size, int(KEPT * len(learnt)))
            unused = sorted(learnt, key=loss.get)[:many]
        found = {v: c for v, c in found.items() if v not in unused}


@pytest.mark.parametrize("counts, size", [
    ({"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 7}, 4),
    ({"low": 5, "lower": 2, "newest": 6, "widest": 3, "lowest": 1}, 6),
    ({"abcab": 7, "cabc": 4, "bcabca": 3, "aab": 11, "cc": 2}, 3),
    ({"aaaa": 7, "aaaaa": 3, "aab": 5}, 2),
])
def test_training_equals_training_with_all_cuts_written_out(counts, size):
    pieces, log_p = learn_pieces(counts, size, 2)
    expected = learn_slowly(counts, size, 2)
    found = {v: p for v, p in zip(pieces, np.exp(log_p)) if len(v) > 1 or v in expected}
    assert set(found) == set(expected) and len(pieces) <= 256 + size
    for piece, value in expected.items():
        np.testing.assert_allclose(found[piece], value, rtol=1e-6, err_msg=str(piece))


def test_seeds_are_the_frequent_substrings_of_whole_characters_by_count_times_length():
    pieces, counts = seed_pieces({"hug": 3, "hé": 2, "h": 1}, 100, 2)
    assert pieces[:256] == SINGLE
    assert dict(zip(pieces[256:], counts[256:])) == {
        b"hug": 3, b"hu": 3, b"ug": 3, "hé".encode(): 2, "é".encode(): 2}
    # 9, then three times 6, in the order of their bytes, then 4
    assert pieces[256:] == [b"hug", b"hu", "hé".encode(), b"ug", "é".encode()]
    assert counts[ord("h")] == 6 and counts[ord("u")] == 3 and counts[0xC3] == 2
    assert seed_pieces({"hug": 3}, 2, 2)[0][256:] == [b"hug", b"hu"]
    longest = seed_pieces({"a" * 17: 2, "é" * 9: 2}, 1000, 2)[0]
    assert max(map(len, longest)) == LONGEST_PIECE and b"a" * 16 in longest


def test_no_piece_is_longer_than_16_bytes_nor_has_half_a_character():
    tok = Unigram.train(["abcdefghijklmnopqrstuvwxyz" * 3, "東京都庁舎前駅" * 3], 400)
    assert max(map(len, tok.piece_bytes)) <= LONGEST_PIECE
    assert all(piece.encode() == tok.piece_bytes[260 + i] for i, piece in enumerate(tok.learnt))


@given(st.lists(st.text("abé ", max_size=12), min_size=1, max_size=6).filter("".join),
       st.integers(260, 290))
def test_every_learnt_piece_is_used_and_the_probabilities_sum_to_one(texts, vocab_size):
    tok = Unigram.train(texts, vocab_size)
    assert 260 <= tok.vocab_size <= vocab_size
    np.testing.assert_allclose(np.exp(tok.log_p).sum(), 1)
    assert (np.diff(tok.log_p[256:]) <= 0).all()  # the likeliest first
    counts = count_words("test", texts)
    pieces = SINGLE + [piece.encode() for piece in tok.learnt]
    words, n = [word.encode() for word in counts], np.array(list(counts.values()), dtype=float)
    assert np.isfinite(expected_counts(lattices(words, pieces), n, tok.log_p)[1])
    assert (np.exp(tok.log_p[256:]) > LEAST_P).all()
    present = set("".join(texts).encode())
    for byte in set(range(256)) - present:
        assert abs(tok.log_p[byte] - math.log(LEAST_P)) < 1e-9


def test_the_longest_word_has_a_finite_probability():
    word = "\U0001f600" * 32  # 128 bytes of 1e-9 each: 1e-1152, which no float holds
    pieces, p = SINGLE, np.full(256, 1 / 256)
    _, likelihood = expected_counts(lattices([word.encode()], pieces), np.ones(1), np.log(p))
    np.testing.assert_allclose(likelihood, -128 * math.log(256))
    tok = Unigram.train(["plain text"], 270)
    assert tok.decode(tok.encode(word)) == word and len(tok.encode(word)) == 128


def test_a_common_word_becomes_one_piece_and_a_rare_one_is_cut():
    tok = Unigram.train(["the cat sat with the dog and the cat"] * 20 + ["the catalogue"], 275)
    assert tok.pieces(" the cat") == [b" the", b" cat"]
    assert len(tok.pieces(" catalogue")) > 1


LOG_P = np.full(257, -math.log(257))


@pytest.mark.parametrize("learnt, log_p, error, words", [
    (["a"], LOG_P, DataError, "'a', expected two bytes or more"),
    ([""], LOG_P, DataError, "'', expected two bytes"),
    (["ab", "ab"], np.full(258, -math.log(258)), DataError, "'ab', .*only once"),
    ([b"ab"], LOG_P, DtypeError, r"learnt\[0\] is bytes"),
    ("ab", LOG_P, DtypeError, "one string"),
    (None, LOG_P, DtypeError, "NoneType"),
    (["\ud800"], LOG_P, DataError, "surrogate"),
    (["ab"], LOG_P[:-1], DataError, r"shape \(256,\), expected \(257,\): 256 bytes and 1 learnt"),
    (["ab"], LOG_P[None], DataError, r"shape \(1, 257\)"),
    (["ab"], LOG_P + 0.01, DataError, "sum to 1"),
    (["ab"], np.append(LOG_P[:-1], np.nan), DataError, "sum to 1"),
    (["ab"], np.append(LOG_P[:-1], 1e4), DataError, "sum to 1"),
    (["ab"], np.append(LOG_P[:-1], -np.inf), DataError, "sum to 1"),
    (["ab"], [str(x) for x in LOG_P], DtypeError, "no number"),
    (["ab"], None, DtypeError, "no number"),
    (["ab"], [[1.0], [1.0, 2.0]], ShapeError, "different lengths"),
])
def test_pieces_and_numbers_that_cannot_be_used_are_refused(learnt, log_p, error, words):
    with pytest.raises(error, match=words):
        Unigram(learnt, log_p)
    if isinstance(learnt, list) and isinstance(log_p, np.ndarray):
        with pytest.raises(CheckpointError, match=words):
            Unigram.from_dict({"kind": "unigram", "learnt": learnt, "log_p": log_p.tolist()})


@pytest.mark.parametrize("alpha", [-0.1, math.inf, math.nan, "1", None])
def test_an_alpha_that_is_no_weight_is_refused(alpha):
    tok = Unigram(["ab"], LOG_P)
    with pytest.raises(ConfigError, match="alpha is"):
        tok.sample("a", alpha=alpha, rng=np.random.default_rng(0))


@given(models(), st.data())
@example(REPEATED, None)
def test_a_pruned_lattice_is_the_lattice_of_the_pieces_kept(model, data):
    pieces, _, words, _ = model
    drawn = st.lists(st.booleans(), min_size=len(pieces), max_size=len(pieces))
    keep = np.array(data.draw(drawn) if data else [True, False, False, True])
    kept = [piece for piece, stays in zip(pieces, keep) if stays]
    for whole, expected in zip(lattices(words, pieces), lattices(words, kept), strict=True):
        before = whole.ids.copy()
        found = pruned(whole, keep)
        np.testing.assert_array_equal(found.words, expected.words)
        np.testing.assert_array_equal(found.arcs, expected.arcs)
        np.testing.assert_array_equal(found.ids, expected.ids)
        assert found.ids.dtype == expected.ids.dtype
        np.testing.assert_array_equal(whole.ids, before)


def chinese(n):
    """n signs without a space, words of one to three signs that come again and again."""
    rng = np.random.default_rng(0)
    lexicon = ["".join(map(chr, 0x4E00 + rng.integers(0, 300, k % 3 + 1))) for k in range(900)]
    return "".join(lexicon[i] for i in rng.integers(0, 900, n))[:n]


@pytest.mark.parametrize("cls", [BPE, Unigram])
def test_training_on_text_without_spaces_costs_time_in_proportion_to_the_text(cls):
    def seconds(n):
        start = time.process_time()
        cls.train([chinese(n)], 300)
        return time.process_time() - start

    seconds(1_000)  # what is worked out once
    assert seconds(16_000) < 12 * seconds(4_000)


def test_a_lattice_holds_only_stretches_that_are_a_piece_of_some_word():
    word = "東京東京".encode()  # 78 stretches of bytes, of which 12 single ones and three others
    (lattice,) = lattices([word], [*SINGLE, "東京".encode(), "京東".encode()])
    long = [arc for arc in lattice.arcs.tolist() if arc[1] - arc[0] > 1]
    assert long == [[0, 6], [3, 9], [6, 12]] and len(lattice.arcs) == 15


def test_many_words_of_one_length_are_worked_on_in_turns(monkeypatch):
    pieces, p, words, counts = [b"a", b"b", b"ab"], [0.3, 0.3, 0.4], [b"ab", b"ba", b"bb"], np.ones(3)
    whole = expected_counts(lattices(words, pieces), counts, np.log(p))
    monkeypatch.setattr(unigram, "NUMBERS_AT_ONCE", 8)  # of two words of two bytes
    found = list(lattices(words, pieces))
    assert [lattice.words.tolist() for lattice in found] == [[0, 1], [2]]
    np.testing.assert_allclose(expected_counts(found, counts, np.log(p))[0], whole[0])


def test_training_looks_each_substring_up_only_once(monkeypatch):
    calls = []

    def counted(words, pieces):
        calls.append(len(pieces))
        return lattices(words, pieces)

    monkeypatch.setattr(unigram, "lattices", counted)
    learn_pieces({"aabbabab" * 4: 5, "babbaab" * 4: 7}, 10, 2)  # several turns of pruning
    assert len(calls) == 1


def test_the_given_numbers_are_copied_and_kept_read_only():
    log_p = LOG_P.copy()
    tok = Unigram(["ab"], log_p)
    log_p[:] = 0
    assert tok.log_p[0] == LOG_P[0] and not tok.log_p.flags.writeable


def test_training_on_a_table_of_many_words_is_quick():
    rng = np.random.default_rng(0)
    syllables = np.array([c + v for c in "bdfgklmnprst" for v in "aeiou"])
    words = ["".join(row) for row in syllables[rng.integers(0, 60, (5_000, 4))]]
    start = time.perf_counter()
    tok = Unigram.train([" ".join(words)], 1000)
    assert tok.vocab_size <= 1000
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize("alpha, rng, message", [
    (1e308, np.random.default_rng(0), "sample: alpha is 1e[+]308, expected at most 1e[+]06"),
    (True, np.random.default_rng(0), "sample: alpha is True"),
    (1.0, 3, "sample: rng is 3, expected a generator"),
])
def test_a_sample_needs_a_finite_alpha_and_a_generator(alpha, rng, message):
    tok = Unigram.train(["ab ab abb"], vocab_size=264)
    with pytest.raises(ConfigError, match=message):
        tok.sample("abb", alpha=alpha, rng=rng)
    assert tok.sample("abb", alpha=1e6, rng=np.random.default_rng(0)) == tok.encode("abb")
