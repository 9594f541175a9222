"""Byte-pair encoding: merges against a slow definition, cuts against a replay, and `tokenizers`."""

import json
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from npft.errors import CheckpointError, DataError, DtypeError
from npft.text import BPE
from npft.text.bpe import learn_merges
from npft.text.pieces import cut_words

FIXTURE = json.loads((Path(__file__).parent / "bpe_fixture.json").read_text(encoding="utf-8"))
few_letters = st.lists(st.text("abé ", max_size=12), min_size=1, max_size=8).filter("".join)


def replay(word, merges, ids):
    """Cut a word as training did: every merge once, in order, through the whole word."""
    pieces = [bytes([byte]) for byte in word.encode()]
    for left, right in merges:
        i = 0
        while i < len(pieces) - 1:
            if pieces[i] == ids[left] and pieces[i + 1] == ids[right]:
                pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
            i += 1
    return pieces


def learn_slowly(texts, vocab_size, min_count):
    """Training by its definition: count all pairs anew for every merge."""
    counts = Counter(word for text in texts for word in cut_words(text))
    words = {word: [bytes([byte]) for byte in word.encode()] for word in counts}
    number = {bytes([i]): i for i in range(256)}
    merges = []
    while len(number) + 4 < vocab_size:
        pairs = Counter()
        for word, pieces in words.items():
            for pair in pairwise(pieces):
                pairs[pair] += counts[word]
        if not pairs or max(pairs.values()) < min_count:
            break
        best = min(pairs, key=lambda p: (-pairs[p], number[p[0]], number[p[1]]))
        merges.append((number[best[0]], number[best[1]]))
        number.setdefault(best[0] + best[1], len(number) + 4)
        for pieces in words.values():
            i = 0
            while i < len(pieces) - 1:
                if (pieces[i], pieces[i + 1]) == best:
                    pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
                i += 1
    return merges


@given(few_letters, st.integers(260, 300), st.integers(1, 3))
@example(["aaaa aaaaa aa"], 300, 1)
@example(["abab bab aba", "abc bc ab abc"], 300, 1)
def test_training_equals_counting_everything_anew_for_each_merge(texts, size, min_count):
    tok = BPE.train(texts, size, min_count=min_count)
    assert tok.merges == learn_slowly(texts, size, min_count)
    assert tok.vocab_size <= size


def test_the_example_of_the_paper_can_be_followed_by_hand():
    # Sennrich et al. 2016, section 3.2, with the space before a word instead of a sign behind it.
    # es and st both occur 9 times, and e < s; then est 9; of " l", lo and ow, 7 times each, " l"
    # has the smallest first number; then o < 262; then " low" as " l" + "ow".
    tok = BPE.train([" low" * 5 + " lower" * 2 + " newest" * 6 + " widest" * 3], 265)
    assert tok.piece_bytes[260:] == (b"es", b"est", b" l", b"ow", b" low")
    assert tok.merges == [(101, 115), (260, 116), (32, 108), (111, 119), (262, 263)]
    assert tok.pieces(" lowest") == [b" low", b"est"]


def test_equal_counts_are_decided_by_the_ids_the_first_one_first():
    # in "ba ab" b-a, a-b and " -a" occur once each: 32 < 97 < 98
    assert BPE.train(["ba ab"], 262, min_count=1).merges == [(32, 97), (98, 97)]
    assert BPE.train(["ac ab"], 261, min_count=1).merges == [(32, 97)]
    assert BPE.train(["ac\nab"], 261, min_count=1).merges == [(97, 98)]


@given(few_letters, st.text("abé ", max_size=20))
def test_cutting_repeats_the_merges_in_the_order_they_were_learnt(texts, text):
    tok = BPE.train(texts, 300, min_count=1)
    assume(tok.vocab_size == 260 + len(tok.merges))  # no piece is made in two ways
    for word in cut_words(text) + [word for t in texts for word in cut_words(t)]:
        assert tok.pieces(word) == replay(word, tok.merges, tok.piece_bytes)


def test_the_lowest_rank_goes_first_and_the_leftmost_of_equals():
    a, b, c = b"abc"
    tok = BPE([(b, c), (a, b), (a, a)])
    assert tok.pieces("abc") == [b"a", b"bc"]  # not ab c
    assert tok.pieces("aaa") == [b"aa", b"a"]
    assert tok.pieces("aab") == [b"a", b"ab"]


def test_two_pairs_that_make_the_same_bytes_share_one_id():
    a, b, c = b"abc"
    tok = BPE([(a, b), (b, c), (260, c), (a, 261), (262, a)])
    assert tok.piece_bytes[260:] == (b"ab", b"bc", b"abc", b"abca")
    assert tok.vocab_size == 264 and len(tok.merges) == 5
    assert BPE(tok.merges).encode("abca abc") == tok.encode("abca abc")


@given(few_letters)
def test_a_larger_vocabulary_begins_with_the_smaller_one_and_cuts_no_finer(texts):
    small, large = BPE.train(texts, 265, min_count=1), BPE.train(texts, 280, min_count=1)
    assume(large.vocab_size == 260 + len(large.merges))
    assert large.merges[: len(small.merges)] == small.merges
    for text in texts:
        assert len(large.encode(text)) <= len(small.encode(text))


def test_the_tokenizers_package_learns_the_same_merges():
    merges = learn_merges(FIXTURE["words"], FIXTURE["vocab_size"], 2)
    assert [list(pair) for pair in merges] == FIXTURE["merges"] and len(merges) > 100


def test_the_tokenizers_package_cuts_the_same_pieces():
    tok = BPE(FIXTURE["merges"])
    for word, ids in FIXTURE["cuts"]:
        assert cut_words(word) == [word]
        assert tok.encode(word) == ids, word


@pytest.mark.parametrize("merges, words", [
    ([(97, 98), (97,)], r"merges\[1\] is \(97,\), expected a pair"),
    ([(97, 98, 99)], "expected a pair"),
    ([("a", "b")], "expected a pair"),
    ([(97.0, 98)], "expected a pair"),
    ([(True, 98)], "expected a pair"),
    (["ab"], "expected a pair"),
    ([(97, -1)], "joins id -1"),
    ([(97, 256)], "joins id 256, expected a byte or a piece made before it: 0 to 255"),
    ([(97, 260)], "joins id 260"),
    ([(97, 98), (260, 99), (262, 97)], "joins id 262, .*260 to 261"),
    ([(97, 98), (97, 98)], r"merges\[1\] joins \(97, 98\) a second time"),
    ([(97, 97), *((260 + i, 260 + i) for i in range(20))], "makes a piece of 256 bytes"),
])
def test_merges_that_cannot_be_used_are_refused(merges, words):
    with pytest.raises(DataError, match=words):
        BPE(merges)
    with pytest.raises(CheckpointError, match=words if "(" not in words else "merges"):
        BPE.from_dict({"kind": "bpe", "merges": json.loads(json.dumps(merges))})


def test_merges_that_are_no_list_are_refused_and_numpy_numbers_are_not():
    with pytest.raises(DtypeError, match="merges is int, expected a list of pairs"):
        BPE(7)
    tok = BPE([(np.int64(97), np.int32(98))])
    assert json.dumps(tok.to_dict()) == '{"kind": "bpe", "merges": [[97, 98]]}'


def test_training_cost_grows_with_the_words_touched_not_with_all_words_per_merge():
    # 20,000 made-up words and 2,000 pieces: counting anew for each merge would take minutes.
    rng = np.random.default_rng(0)
    syllables = np.array([c + v for c in "bdfgklmnprst" for v in "aeiou"])
    words = ["".join(row) for row in syllables[rng.integers(0, 60, (20_000, 4))]]
    start = time.process_time()
    tok = BPE.train([" ".join(words)], 2000)
    assert tok.vocab_size == 2000
    assert time.process_time() - start < 20
