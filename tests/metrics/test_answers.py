"""Answers compared: exact matches, and the F1 of what two answers share, by hand and by a loop."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError
from npft.metrics.answers import AnswerMetrics, answer_f1, answer_metrics, shared_f1

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


@pytest.mark.parametrize("true, said", [([], []), ([["a"]], []), ([["a"]], [["a"], ["b"]])])
def test_numbers_of_answers_that_differ_or_none_are_refused(true, said):
    with pytest.raises(DataError, match=f"{len(true)} true and {len(said)} predicted answers"):
        answer_metrics(true, said)


@pytest.mark.parametrize("cut", [-1, 1.5, True])
def test_a_number_cut_off_that_is_no_count_is_refused(cut):
    with pytest.raises(ConfigError, match="answer_metrics: cut is"):
        answer_metrics([["a"]], [["a"]], cut=cut)
