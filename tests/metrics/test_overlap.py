"""Texts compared: the worked examples of the papers, brevity, ends of the scales, closed forms."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError
from npft.metrics.overlap import bleu, clipped_matches, ngrams, pass_at_k, rouge_l, rouge_n

WORDS = st.lists(st.sampled_from("abc"), max_size=8)

# Papineni et al. 2002, section 2.1, examples 1 and 2, in small letters and without full stops.
CANDIDATES = [line.split() for line in (
    "it is a guide to action which ensures that the military always obeys the commands of the "
    "party",
    "it is to insure the troops forever hearing the activity guidebook that party direct",
)]
REFERENCES = [line.split() for line in (
    "it is a guide to action that ensures that the military will forever heed party commands",
    "it is the guiding principle which guarantees the military forces always being under the "
    "command of the party",
    "it is the practical guide for the army always to heed the directions of the party",
)]


def test_the_counts_of_the_bleu_paper():
    assert [clipped_matches(REFERENCES, c, 1) for c in CANDIDATES] == [(17, 18), (8, 14)]
    assert [clipped_matches(REFERENCES, c, 2) for c in CANDIDATES] == [(10, 17), (1, 13)]
    the, mats = ["the"] * 7, ["the cat is on the mat".split(), "there is a cat on the mat".split()]
    assert clipped_matches(mats, the, 1) == (2, 7)
    assert clipped_matches(mats, the, 2) == (0, 6)
    assert bleu([mats], [the]) == 0.0
    assert bleu([REFERENCES], CANDIDATES[:1]) > bleu([REFERENCES], CANDIDATES[1:]) == 0.0


def test_an_ngram_is_clipped_by_the_one_reference_that_has_most_of_it():
    assert clipped_matches([["a", "a"], ["a", "b", "b"]], list("aaabbb"), 1) == (4, 6)


def test_brevity_costs_and_length_does_not():
    text = "a b c d e f".split()
    assert bleu([[text]], [text]) == 1.0
    assert bleu([[text]], [text[:4]]) == pytest.approx(math.exp(1 - 6 / 4))
    assert bleu([[text]], [text + ["x"]], n=1) == pytest.approx(6 / 7)  # precision alone


def test_the_length_that_counts_is_the_closest_and_of_equally_close_ones_the_shorter():
    five = list("abcde")
    references = [five + ["f"] * 5, list("abcd"), five + ["f"]]
    assert bleu([references], [five], n=1) == 1.0  # 4 and 6 are as close: r = 4
    assert bleu([references[::2]], [five], n=1) == pytest.approx(math.exp(1 - 6 / 5))


def test_a_corpus_adds_counts_before_it_divides():
    written = [["a", "b"], ["a", "x", "x", "x"]]
    references = [[["a", "b"]], [["a", "b", "c", "d"]]]
    assert bleu(references, written, n=1) == pytest.approx(3 / 6)  # not the mean of 1 and 1/4


def test_nothing_written_is_worth_nothing():
    assert bleu([[["a"]]], [[]]) == 0.0
    assert bleu([[["a", "b", "c"]]], [["a", "b", "c"]]) == 0.0  # three words have no 4-gram
    assert bleu([[["a", "b", "c"]]], [["a", "b", "c"]], n=3) == 1.0


def test_the_police_and_the_gunman_of_the_rouge_paper():
    """Lin 2004, section 3.1: ROUGE-2 and ROUGE-L of S2, S3 and S4 against S1."""
    s1, s2, s3, s4 = (line.split() for line in (
        "police killed the gunman", "police kill the gunman", "the gunman kill police",
        "the gunman police killed",
    ))
    assert rouge_n(s1, s2, 2) == rouge_n(s1, s3, 2) == (1 / 3, 1 / 3, 1 / 3)
    assert rouge_n(s1, s4, 2).recall == 2 / 3
    assert [rouge_l(s1, s).f1 for s in (s2, s3, s4)] == [3 / 4, 2 / 4, 2 / 4]


def test_the_longest_common_run_of_words_may_have_gaps():
    assert rouge_l("a b c d e".split(), "a x c x e x".split()) == (3 / 6, 3 / 5, 6 / 11)


def subsequences(words):
    return {tuple(words[i] for i in places)
            for size in range(len(words) + 1) for places in combinations(range(len(words)), size)}


@given(WORDS, WORDS)
def test_rouge_l_is_the_longest_subsequence_of_both_among_all(a, b):
    longest = max(map(len, subsequences(a) & subsequences(b)))
    found = rouge_l(a, b)
    assert found.precision == (longest / len(b) if b else 0)
    assert found.recall == (longest / len(a) if a else 0)
    assert found.f1 == rouge_l(b, a).f1 <= rouge_n(a, b, 1).f1 + 1e-12


@given(WORDS)
def test_a_text_overlaps_fully_with_itself_and_an_empty_one_with_nothing(words):
    full = (1.0, 1.0, 1.0) if words else (0.0, 0.0, 0.0)
    assert rouge_l(words, words) == rouge_n(words, words, 1) == full
    assert rouge_l(words, []) == rouge_n([], words, 1) == (0.0, 0.0, 0.0)


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(
    st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_all_draws_of_k_that_hold_a_right_one(numbers):
    n, c, k = numbers
    draws = list(combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws), abs=1e-12)


def test_pass_at_k_holds_with_many_programs():
    assert pass_at_k(100_000, 1, 50_000) == pytest.approx(0.5)
    assert pass_at_k(5000, 5000, 2500) == 1.0  # no factor below 0, whose products overflow
    assert pass_at_k(10**6, 10**5, 1) == pytest.approx(0.1)
    assert (pass_at_k(9, 0, 9), pass_at_k(9, 1, 9), pass_at_k(9, 9, 1)) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize("numbers, message", [
    ((0, 0, 1), "n is 0"), ((5, -1, 1), "c is -1"), ((5, 1, 0), "k is 0"),
    ((5, 6, 1), "n is 5, c 6 and k 1; expected c and k of at most n"), ((5, 1, 6), "k 6"),
    ((5, 0.5, 1), "c is 0.5"), ((True, 0, 1), "n is True"),
])
def test_numbers_that_are_no_counts_of_programs_are_refused(numbers, message):
    with pytest.raises(ConfigError, match=f"pass_at_k: .*{message}"):
        pass_at_k(*numbers)


@pytest.mark.parametrize("find", [
    lambda: bleu([[["a"]]], ["a b"]), lambda: bleu([["a b"]], [["a"]]), lambda: ngrams("a b", 1),
    lambda: rouge_n("a b", ["a"], 1), lambda: rouge_n(["a"], "a b", 1),
    lambda: rouge_l(["a"], "a b"), lambda: clipped_matches(["a b"], ["a"], 1),
])
def test_a_text_that_is_not_cut_into_words_is_refused(find):
    with pytest.raises(DtypeError, match=r"a text is one string, expected its words: text\.split"):
        find()


@pytest.mark.parametrize("find, message", [
    (lambda: bleu(None, None), "bleu: references is NoneType, expected a list"),
    (lambda: bleu([[["a"]]], [5]), "bleu: a text is int, expected a list of words"),
    (lambda: bleu([[["a"]]], [[["a"]]]), "a word is a list, expected a string"),
    (lambda: rouge_n(None, ["a"], 1), "a text is NoneType, expected a list of words"),
    (lambda: rouge_l([["a"]], ["a"]), "a word is a list, expected a string"),
])
def test_what_is_no_text_is_refused(find, message):
    with pytest.raises(DtypeError, match=message):
        find()


@pytest.mark.parametrize("references, written, message", [
    ([], [], "references of 0 texts and 0 written"),
    ([[["a"]]], [["a"], ["b"]], "references of 1 texts and 2 written"),
    ([[]], [["a"]], "no list of references"),
    (["a b"], [["a"]], "no list of references"),
    ([5], [["a"]], "no list of references"),
])
def test_texts_without_references_or_of_other_numbers_are_refused(references, written, message):
    with pytest.raises(DataError, match=f"bleu: .*{message}"):
        bleu(references, written)


def test_texts_may_come_from_a_generator():
    assert bleu([[iter(["a", "b"])]], [iter(["a", "b"])], n=2) == 1.0
    assert rouge_l(iter(["a", "b"]), iter(["a"])) == rouge_l(["a", "b"], ["a"])


@pytest.mark.parametrize("n", [0, -1, 1.5, True])
def test_an_ngram_of_no_words_is_refused(n):
    for find in (lambda: bleu([[["a"]]], [["a"]], n=n), lambda: rouge_n(["a"], ["a"], n)):
        with pytest.raises(ConfigError, match="n is"):
            find()


def test_references_that_are_no_list_are_refused():
    with pytest.raises(DtypeError, match="clipped_matches: references is NoneType"):
        clipped_matches(None, ["a"], 1)
