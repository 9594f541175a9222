"""Tags compared: entities by hand and by a loop, tag sets by their mean, sentence by sentence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import DataError
from npft.metrics.tags import TagMetrics, entities, tag_metrics

# ---- entities ----


@pytest.mark.parametrize("tags, found", [
    ([], []),
    (["O", "O"], []),
    (["B-LOC"], [(0, 1, "LOC")]),
    (["B-LOC", "I-LOC", "O"], [(0, 2, "LOC")]),
    (["O", "B-LOC", "I-LOC", "I-LOC"], [(1, 4, "LOC")]),  # to the last word
    (["B-LOC", "B-LOC"], [(0, 1, "LOC"), (1, 2, "LOC")]),  # two that touch
    (["B-LOC", "I-PER"], [(0, 1, "LOC"), (1, 2, "PER")]),  # I- of another type begins one
    (["O", "I-LOC", "I-LOC"], [(1, 3, "LOC")]),  # and so does one that continues nothing
    (["I-PER", "B-PER", "I-PER"], [(0, 1, "PER"), (1, 3, "PER")]),
    (["B-A-B", "I-A-B", "I-A"], [(0, 2, "A-B"), (2, 3, "A")]),
])
def test_entities_by_hand(tags, found):
    assert sorted(entities(tags)) == found


BIO = st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"]), max_size=8)


@given(BIO)
def test_entities_are_runs_that_do_not_overlap_and_can_be_written_back(tags):
    found = sorted(entities(tags))
    again = ["O"] * len(tags)
    for start, end, kind in found:
        assert 0 <= start < end <= len(tags) and again[start:end] == ["O"] * (end - start)
        again[start:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - start - 1)
    assert [tag[2:] for tag in again] == [tag[2:] for tag in tags]
    assert entities(again) == set(found)


# ---- scores of entities ----


def test_entities_worked_by_hand():
    true = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-LOC", "I-LOC"], ["B-PER"]]
    said = [["B-PER", "I-PER", "O", "B-PER"], ["B-LOC", "B-LOC", "I-LOC"], ["O"]]
    # 4 true, 4 called: the first person and the second place are right
    found = tag_metrics(true, said)
    assert (found.precision, found.recall, found.f1) == (2 / 4, 2 / 4, 2 / 4)
    assert found.accuracy == 5 / 8 and found.best_by == found.f1


def test_half_an_entity_is_none():
    true = [["B-LOC", "I-LOC", "I-LOC"]]
    for said in (["B-LOC", "I-LOC", "O"], ["O", "I-LOC", "I-LOC"], ["B-LOC", "B-LOC", "I-LOC"],
                 ["B-PER", "I-PER", "I-PER"]):
        assert tag_metrics(true, [said]).f1 == 0
    assert tag_metrics(true, [["I-LOC", "I-LOC", "I-LOC"]]).f1 == 1  # the same words, one entity


def test_an_entity_counts_in_its_own_sentence_and_ends_with_it():
    true = [["B-LOC", "O"], ["O", "O"]]
    assert tag_metrics(true, [["O", "O"], ["B-LOC", "O"]]).f1 == 0
    # the same entity in two sentences is two entities
    found = tag_metrics([["B-LOC"], ["B-LOC"]], [["B-LOC"], ["O"]])
    assert (found.precision, found.recall, found.f1) == (1, 1 / 2, 2 / 3)
    found = tag_metrics([["B-LOC"], ["I-LOC"]], [["B-LOC"], ["O"]])
    assert found.recall == 1 / 2


def test_no_entity_said_or_none_to_find_scores_0():
    nothing = [["O", "O"]]
    assert tag_metrics(nothing, nothing) == TagMetrics(1.0, 0.0, 0.0, 0.0)
    found = tag_metrics([["B-LOC", "O"]], nothing)
    assert (found.accuracy, found.precision, found.recall, found.f1) == (0.5, 0, 0, 0)
    found = tag_metrics(nothing, [["B-LOC", "O"]])
    assert (found.accuracy, found.precision, found.recall, found.f1) == (0.5, 0, 0, 0)


@given(st.lists(st.tuples(BIO, st.randoms(use_true_random=False)), min_size=1, max_size=4))
def test_the_figures_of_entities_are_those_of_a_slow_loop(rows):
    true = [tags for tags, _ in rows]
    said = [[r.choice([tag, tag, "O", "B-X", "I-Y"]) for tag in tags] for tags, r in rows]
    if not any(true):
        return
    hits = called = actual = 0
    for a, b in zip(true, said):
        actual, called = actual + len(entities(a)), called + len(entities(b))
        hits += len(entities(a) & entities(b))
    found = tag_metrics(true, said)
    assert found.precision == pytest.approx(hits / called if called else 0)
    assert found.recall == pytest.approx(hits / actual if actual else 0)
    assert found.f1 == pytest.approx(2 * hits / (called + actual) if called + actual else 0)
    words = [(a, b) for x, y in zip(true, said) for a, b in zip(x, y)]
    assert found.accuracy == pytest.approx(sum(a == b for a, b in words) / len(words))


# ---- scores of plain tags ----


def test_plain_tags_are_means_over_the_tags_worked_by_hand():
    true = [["DET", "NOUN"], ["NOUN", "VERB"]]
    said = [["DET", "NOUN"], ["VERB", "VERB"]]
    found = tag_metrics(true, said)
    assert found.accuracy == 3 / 4
    assert found.precision == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert found.recall == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert found.f1 == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)


def test_a_tag_that_never_occurs_is_no_part_of_the_mean():
    found = tag_metrics([["A", "B"]], [["A", "C"]])  # C is said, but is nowhere
    assert (found.accuracy, found.recall, found.f1) == (1 / 2, 1 / 2, 1 / 2)


@given(st.lists(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("ABCD")), max_size=5),
                min_size=1, max_size=4))
def test_the_figures_of_plain_tags_are_those_of_a_slow_loop(rows):
    words = [pair for row in rows for pair in row]
    if not words:
        return
    true, said = ([[pair[i] for pair in row] for row in rows] for i in (0, 1))
    found = tag_metrics(true, said)
    precision, recall, f1 = [], [], []
    for tag in sorted({a for a, _ in words}):
        hits = words.count((tag, tag))
        called, actual = sum(b == tag for _, b in words), sum(a == tag for a, _ in words)
        precision.append(hits / called if called else 0)
        recall.append(hits / actual)
        f1.append(2 * hits / (called + actual))
    figures = found.precision, found.recall, found.f1
    assert figures == pytest.approx(tuple(map(np.mean, (precision, recall, f1))))


# ---- what is refused ----


@pytest.mark.parametrize("true, said", [
    ([], []), ([[]], [[]]), ([["A"]], [["A", "B"]]), ([["A"], ["B"]], [["A"]]),
    ([["A", "B"], ["C"]], [["A"], ["B", "C"]]),  # as many words in all
])
def test_numbers_of_words_that_differ_or_none_are_refused(true, said):
    with pytest.raises(DataError, match="one predicted tag for each word, and some words"):
        tag_metrics(true, said)
