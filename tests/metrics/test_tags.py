"""Tags compared: entities by hand and by a loop, tag sets by their mean, sentence by sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError
from npft.metrics.entities import entities
from npft.metrics.tags import TagMetrics, tag_metrics

FROZEN = json.loads((Path(__file__).parent / "tag_fixture.json").read_text(encoding="utf-8"))
BIO = st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"]), max_size=8)


# ---- what the usual scorers say ----


def figures(found):
    return [found.precision, found.recall, found.f1]


@pytest.mark.parametrize("case", FROZEN["entities"], ids=lambda case: case["scheme"])
def test_entities_score_what_seqeval_says(case):
    true, said, scheme = case["true"], case["said"], case["scheme"]
    strict = tag_metrics(true, said, scheme, strict=True)
    assert figures(strict) == pytest.approx(case["strict"], abs=1e-12)
    assert strict.accuracy == pytest.approx(case["accuracy"], abs=1e-12)
    if case["default"] is not None:  # seqeval reads no BILOU there
        found = tag_metrics(true, said, scheme)
        assert figures(found) == pytest.approx(case["default"], abs=1e-12)
    else:  # which is IOBES in other letters
        other = [[[tag.replace("L-", "E-").replace("U-", "S-") for tag in tags] for tags in rows]
                 for rows in (true, said)]
        assert figures(tag_metrics(true, said, scheme)) == figures(tag_metrics(*other, "iobes"))


@pytest.mark.parametrize("case", FROZEN["plain"])
def test_plain_tags_score_what_scikit_learn_says(case):
    found = tag_metrics(case["true"], case["said"], "plain")
    assert figures(found) == pytest.approx(case["macro"], abs=1e-12)


def test_the_conll_evaluation_worked_by_hand():
    """IOB1 as in CoNLL-2003: 4 phrases are gold, 5 are found, 3 of them are right."""
    true = [["I-PER", "I-PER", "O", "I-LOC", "B-LOC"], ["O", "I-ORG", "O"]]
    said = [["I-PER", "I-PER", "I-LOC", "O", "I-LOC"], ["B-MISC", "I-ORG", "O"]]
    found = tag_metrics(true, said, "iob1")
    assert figures(found) == [3 / 5, 3 / 4, 6 / 9] and found.accuracy == 4 / 8
    # strictly, B- must not stand where no phrase of its type ends
    assert figures(tag_metrics(true, said, "iob1", strict=True)) == [3 / 4, 3 / 4, 6 / 8]


# ---- scores of entities ----


def test_entities_worked_by_hand():
    true = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-LOC", "I-LOC"], ["B-PER"]]
    said = [["B-PER", "I-PER", "O", "B-PER"], ["B-LOC", "B-LOC", "I-LOC"], ["O"]]
    # 4 true, 4 called: the first person and the second place are right
    found = tag_metrics(true, said, "bio")
    assert (found.precision, found.recall, found.f1) == (2 / 4, 2 / 4, 2 / 4)
    assert found.accuracy == 5 / 8 and found.best_by == found.f1


def test_half_an_entity_is_none():
    true = [["B-LOC", "I-LOC", "I-LOC"]]
    for said in (["B-LOC", "I-LOC", "O"], ["O", "I-LOC", "I-LOC"], ["B-LOC", "B-LOC", "I-LOC"],
                 ["B-PER", "I-PER", "I-PER"]):
        assert tag_metrics(true, [said], "bio").f1 == 0
    # the same words, one entity
    assert tag_metrics(true, [["I-LOC", "I-LOC", "I-LOC"]], "bio").f1 == 1


def test_an_entity_counts_in_its_own_sentence_and_ends_with_it():
    true = [["B-LOC", "O"], ["O", "O"]]
    assert tag_metrics(true, [["O", "O"], ["B-LOC", "O"]], "bio").f1 == 0
    # the same entity in two sentences is two entities
    found = tag_metrics([["B-LOC"], ["B-LOC"]], [["B-LOC"], ["O"]], "bio")
    assert (found.precision, found.recall, found.f1) == (1, 1 / 2, 2 / 3)
    found = tag_metrics([["B-LOC"], ["I-LOC"]], [["B-LOC"], ["O"]], "bio")
    assert found.recall == 1 / 2


def test_no_entity_said_or_none_to_find_scores_0():
    nothing = [["O", "O"]]
    assert tag_metrics(nothing, nothing, "bio") == TagMetrics(
        1.0, 0.0, 0.0, 0.0, averaged="entities, BIO")
    found = tag_metrics([["B-LOC", "O"]], nothing, "bio")
    assert (found.accuracy, found.precision, found.recall, found.f1) == (0.5, 0, 0, 0)
    found = tag_metrics(nothing, [["B-LOC", "O"]], "bio")
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
    found = tag_metrics(true, said, "bio")
    assert found.precision == pytest.approx(hits / called if called else 0)
    assert found.recall == pytest.approx(hits / actual if actual else 0)
    assert found.f1 == pytest.approx(2 * hits / (called + actual) if called + actual else 0)
    words = [(a, b) for x, y in zip(true, said) for a, b in zip(x, y)]
    assert found.accuracy == pytest.approx(sum(a == b for a, b in words) / len(words))


@pytest.mark.parametrize("scheme, true", [
    ("bio", ["B-X", "I-X", "O", "O"]), ("iob1", ["I-X", "I-X", "O", "O"]),
    ("iobes", ["B-X", "E-X", "O", "S-X"]), ("bilou", ["B-X", "L-X", "O", "U-X"]),
])
def test_saying_o_of_every_word_finds_nothing_in_any_scheme(scheme, true):
    for strict in (False, True):
        found = tag_metrics([true], [["O"] * 4], scheme, strict=strict)
        assert figures(found) == [0, 0, 0] and found.accuracy == true.count("O") / 4
        assert figures(tag_metrics([true], [true], scheme, strict=strict)) == [1, 1, 1]


@given(st.lists(BIO, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_the_texts_does_not_matter_and_empty_ones_change_nothing(true, random):
    said = [[random.choice([tag, "O", "B-X", "I-Y"]) for tag in tags] for tags in true]
    if not any(true):
        return
    order = random.sample(range(len(true)), len(true))
    moved = [[rows[i] for i in order] + [[]] for rows in (true, said)]
    assert tag_metrics(*moved, "bio") == tag_metrics(true, said, "bio")


@pytest.mark.parametrize("scheme, strict, averaged", [
    ("bio", False, "entities, BIO"), ("iobes", True, "entities, IOBES, strict"),
    ("bilou", False, "entities, BILOU"), ("plain", False, "macro over 1 tags"),
])
def test_a_score_says_what_its_f1_is_of(scheme, strict, averaged):
    assert tag_metrics([["O"]], [["O"]], scheme, strict=strict).averaged == averaged


# ---- scores of plain tags ----


def test_plain_tags_are_means_over_the_tags_worked_by_hand():
    true = [["DET", "NOUN"], ["NOUN", "VERB"]]
    said = [["DET", "NOUN"], ["VERB", "VERB"]]
    found = tag_metrics(true, said)
    assert found.accuracy == 3 / 4
    assert found.precision == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert found.recall == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert found.f1 == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)


def test_a_tag_that_is_said_where_none_is_counts_and_one_that_is_nowhere_does_not():
    found = tag_metrics([["A", "B"]], [["A", "C"]], names=[*"ABCDO"])
    assert (found.accuracy, found.recall, found.f1) == (1 / 2, 1 / 3, 1 / 3)
    assert found.averaged == "macro over 3 tags" and found.absent == ("D", "O")
    assert found.as_dict()["absent"] == ["D", "O"]


def test_o_is_a_tag_like_any_other_where_tags_are_plain():
    found = tag_metrics([["O", "NOUN"]], [["O", "O"]])
    assert found.f1 == pytest.approx((2 / 3 + 0) / 2) and found.averaged == "macro over 2 tags"


@given(st.lists(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("ABCD")), max_size=5),
                min_size=1, max_size=4))
def test_the_figures_of_plain_tags_are_those_of_a_slow_loop(rows):
    words = [pair for row in rows for pair in row]
    if not words:
        return
    true, said = ([[pair[i] for pair in row] for row in rows] for i in (0, 1))
    found = tag_metrics(true, said, "plain")
    precision, recall, f1 = [], [], []
    for tag in sorted({tag for pair in words for tag in pair}):
        hits = words.count((tag, tag))
        called, actual = sum(b == tag for _, b in words), sum(a == tag for a, _ in words)
        precision.append(hits / called if called else 0)
        recall.append(hits / actual if actual else 0)
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


@pytest.mark.parametrize("true, said", [
    (["B-X", "I-X"], ["O", "O"]), (["O"], ["O"]), (["S-X"], ["B-X"]), (["U-X"], ["O"]),
])
def test_tags_that_may_mark_entities_are_not_scored_before_somebody_says_how(true, said):
    with pytest.raises(ConfigError, match="tag_metrics: the tags .* say which it is: scheme "):
        tag_metrics([true], [said])
    assert tag_metrics([true], [said], "plain").averaged.startswith("macro over")


def test_texts_and_tags_may_come_from_a_generator():
    rows = [["B-LOC", "O"], ["O", "B-PER"]]
    assert tag_metrics(map(iter, rows), map(iter, rows), "bio") == tag_metrics(rows, rows, "bio")


def test_tags_that_are_no_strings_are_refused():
    for true, said in (([[1]], [[1]]), ([["N"]], [[None]]), (["N"], ["N"])):
        with pytest.raises(DtypeError, match="tag_metrics: the tags of a text"):
            tag_metrics(true, said)
    with pytest.raises(DtypeError, match="tag_metrics: the texts"):
        tag_metrics("NN", "NN")


def test_schemes_that_do_not_fit_the_tags_are_refused():
    with pytest.raises(DataError, match="tag_metrics: the tag 'E-X' is none of bio"):
        tag_metrics([["B-X", "I-X"]], [["B-X", "E-X"]], "bio")
    with pytest.raises(ConfigError, match="tag_metrics: scheme is 'IOB2', expected bio, iob1"):
        tag_metrics([["B-X"]], [["B-X"]], "IOB2")
