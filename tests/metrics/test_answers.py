"""Answers compared: exact matches, and the F1 of what two answers share, by hand and by a loop."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError
from npft.metrics.answers import (
    AnswerMetrics, answer_f1, answer_metrics, normal_answer, shared_f1, squad_scores,
)

WORDS = st.lists(st.sampled_from("abcd"), max_size=6)


@pytest.mark.parametrize("true, said, f1", [
    ("the green house", "green house", 2 * 1 * (2 / 3) / (1 + 2 / 3)),  # precision 1, recall 2/3
    ("rome", "rome", 1.0),
    ("rome", "paris", 0.0),
    ("a b c d", "d c b a", 1.0),  # the order does not matter
    ("a a b", "a b b", 2 / 3),  # each as often as both have it
    ("a", "a a a a", 2 / 5),
    ("", "", 1.0), ("a", "", 0.0), ("", "a", 0.0),
])
def test_the_f1_of_shared_words_by_hand(true, said, f1):
    assert answer_f1(true, said) == pytest.approx(f1, abs=1e-15)


@given(WORDS, WORDS)
def test_the_shared_f1_is_that_of_precision_and_recall(true, said):
    found = shared_f1(true, said)
    assert found == shared_f1(said, true) and 0 <= found <= 1
    assert (found == 1) == (Counter(true) == Counter(said))
    common = (Counter(true) & Counter(said)).total()
    if common:
        precision, recall = common / len(said), common / len(true)
        assert found == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-15)
    else:
        assert found == float(true == said == [])


def test_answers_worked_by_hand():
    true = [["a", "b"], [], ["c"], ["d", "e"], [7, 8]]
    said = [["a", "b"], [], ["d"], ["e", "d"], [8]]
    # the fourth has the same words in another order: shared, but no exact match
    assert answer_metrics(true, said) == AnswerMetrics(
        exact=2 / 5, f1=pytest.approx((1 + 1 + 0 + 1 + 2 / 3) / 5), averaged="mean over 5 answers")


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
def test_answers_are_means_over_the_questions(pairs):
    true, said = zip(*pairs)
    found = answer_metrics(true, said)
    assert found.exact == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))
    assert found.f1 == pytest.approx(sum(shared_f1(a, b) for a, b in pairs) / len(pairs))
    assert found.exact <= found.f1 + 1e-12
    perfect = answer_metrics(true, true)
    assert (perfect.exact, perfect.f1) == (1.0, 1.0)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=4), st.integers(1, 4))
def test_an_answer_that_was_cut_off_counts_as_one_that_shares_nothing(pairs, cut):
    true, said = ([pair[i] for pair in pairs] for i in (0, 1))
    found = answer_metrics(true, said, cut=cut)
    other = answer_metrics([*true, *[["x"]] * cut], [*said, *[["y"]] * cut])
    assert (found.exact, found.f1) == (other.exact, other.f1)
    assert found.averaged == f"mean over {len(pairs) + cut} answers, {cut} of them cut off"


def test_questions_with_and_without_an_answer_are_also_counted_apart():
    true, said = [["a", "b"], ["c"], [], []], [["a"], [], [], ["d"]]
    found = answer_metrics(true, said, cut=1, no_answer=True)
    assert (found.exact, found.unanswered, found.answered_exact) == (1 / 5, 1 / 2, 0)
    assert found.answered_f1 == pytest.approx((2 / 3 + 0 + 0) / 3)
    assert found.f1 == pytest.approx((2 / 3 + 0 + 1 + 0 + 0) / 5)
    plain = answer_metrics(true, said, cut=1)
    assert (plain.exact, plain.f1) == (found.exact, found.f1)
    assert set(plain.figures()) == {"exact", "f1"}


def test_the_share_of_questions_that_are_not_there_is_0():
    assert answer_metrics([["a"]], [["a"]], no_answer=True).unanswered == 0
    found = answer_metrics([[]], [[]], no_answer=True)
    assert (found.f1, found.unanswered, found.answered_f1, found.answered_exact) == (1, 1, 0, 0)


@pytest.mark.parametrize("true, said", [([], []), ([["a"]], []), ([["a"]], [["a"], ["b"]])])
def test_numbers_of_answers_that_differ_or_none_are_refused(true, said):
    with pytest.raises(DataError, match=f"{len(true)} true and {len(said)} predicted answers"):
        answer_metrics(true, said)


@pytest.mark.parametrize("answers", [["the cat"], [5], [None], "ab", 5, [[["cat"]]]])
def test_answers_that_are_no_lists_are_refused_for_letters_are_no_words(answers):
    for true, said in ((answers, [["cat"]]), ([["cat"]], answers)):
        with pytest.raises(DtypeError, match="answer_metrics: an?.* expected a list of"):
            answer_metrics(true, said)


@pytest.mark.parametrize("cut", [-1, 1.5, True])
def test_a_number_cut_off_that_is_no_count_is_refused(cut):
    with pytest.raises(ConfigError, match="answer_metrics: cut is"):
        answer_metrics([["a"]], [["a"]], cut=cut)


# ---- as SQuAD's scorer compares ----


@pytest.mark.parametrize("text, normal", [
    ("The Denver Broncos", "denver broncos"), ("a  b", "b"), ("theatre an atlas", "theatre atlas"),
    ("U.S.", "us"), ("co-op", "coop"), ("1,000.5", "10005"), ("", ""), ("the", ""), (" ? ", ""),
    ("\u201cÉté\u201d", "\u201cété\u201d"),  # only the punctuation of ASCII goes
])
def test_an_answer_loses_capitals_punctuation_and_articles(text, normal):
    assert normal_answer(text) == normal


@pytest.mark.parametrize("true, said, scores", [
    # the questions of the SQuAD paper's first figure
    (["gravity"], "Gravity", (1.0, 1.0)),
    (["graupel", "the graupel"], "snow and graupel", (0.0, 0.5)),
    (["within a cloud", "cloud"], "a cloud", (1.0, 1.0)),  # the closest counts
    (["within a cloud"], "cloud", (0.0, 2 / 3)),
    ([""], "", (1.0, 1.0)), ([""], "cloud", (0.0, 0.0)), (["cloud"], "", (0.0, 0.0)),
    (["the"], "a", (1.0, 1.0)), ([""], "the", (1.0, 1.0)),  # nothing is left of either
    (["The", "Denver"], "", (0.0, 0.0)), (["The", "Denver"], "denver", (1.0, 1.0)),
])
def test_squad_scores_by_hand(true, said, scores):
    assert squad_scores(true, said) == pytest.approx(scores)


@pytest.mark.parametrize("true, said", [([None], "a"), ([["a"]], "a"), (["a"], None), (5, "a")])
def test_answers_of_squad_are_strings(true, said):
    with pytest.raises(DtypeError, match="squad_scores: (true|predicted)"):
        squad_scores(true, said)


@pytest.mark.parametrize("true", [[], "gravity", ""])
def test_an_answer_without_a_list_of_true_ones_is_refused(true):
    with pytest.raises(DataError, match="squad_scores: expected a list of true answers"):
        squad_scores(true, "gravity")


def test_what_is_no_answer_shares_nothing_with_one():
    assert shared_f1(iter("ab"), iter("ab")) == 1.0
    for a, b in (([["a"]], ["a"]), (3, []), ("ab", ["a"])):
        with pytest.raises(DtypeError, match="shared_f1: an answer"):
            shared_f1(a, b)
    with pytest.raises(DtypeError, match="answer_f1: an answer"):
        answer_f1(3, "a")
