"""Figures for typed spans: hand-counted cases, inner spans apart, 0/0."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError
from npft.metrics.entities import entities
from npft.metrics.spans import inner_spans, span_metrics
from npft.metrics.tags import tag_metrics

ENDS = st.tuples(st.integers(0, 3), st.integers(4, 7), st.sampled_from(["PER", "LOC"]))
SPANS = st.sets(ENDS, max_size=5)


def test_the_figures_of_a_hand_counted_case():
    gold = [{(0, 3, "ORG"), (0, 1, "LOC"), (1, 3, "ORG")}, {(2, 3, "PER")}]
    said = [{(0, 3, "ORG"), (1, 3, "LOC")}, {(2, 3, "PER"), (4, 5, "PER")}]
    m = span_metrics(gold, said)
    assert (m.precision, m.recall, m.f1) == (2 / 4, 2 / 4, 4 / 8)
    # outer: 2 of gold, 3 said, 2 right; inner: 2 of gold, 1 said, its type wrong
    assert (m.outer_f1, m.inner_f1) == (4 / 5, 0.0)
    assert m.best_by == m.f1 and m.averaged == "4 spans"


def test_a_span_with_the_wrong_type_or_one_wrong_end_is_not_found():
    gold = [{(0, 2, "LOC")}]
    for said in ((0, 2, "ORG"), (0, 1, "LOC"), (1, 2, "LOC")):
        assert span_metrics(gold, [{said}]).f1 == 0
    assert span_metrics(gold, gold).f1 == 1


def test_a_span_that_was_cut_off_is_missed():
    m = span_metrics([{(0, 2, "LOC")}], [{(0, 2, "LOC")}], cut=3)
    assert (m.precision, m.recall, m.f1, m.outer_f1) == (1, 1 / 4, 2 / 5, 2 / 5)
    assert m.averaged == "4 spans, 3 of them cut off"
    nested = [{(0, 2, "LOC"), (0, 1, "LOC")}]
    assert span_metrics(nested, nested, cut=3).inner_f1 == 1  # nobody knows what was cut off


def test_nothing_to_find_and_nothing_said_counts_as_0():
    assert set(span_metrics([set()], [set()]).figures().values()) == {0}


@given(SPANS)
def test_inner_spans_are_those_of_a_loop(spans):
    inner = {a for a in spans for b in spans
             if a[:2] != b[:2] and b[0] <= a[0] and a[1] <= b[1]}
    assert inner_spans(spans) == inner


@given(st.lists(st.tuples(SPANS, SPANS), min_size=1, max_size=4))
def test_outer_and_inner_hits_add_up_to_the_hits_where_both_agree_on_what_is_inner(pairs):
    gold = [a for a, _ in pairs]
    m = span_metrics(gold, gold)
    n = sum(map(len, gold))
    inner = sum(len(inner_spans(a)) for a in gold)
    assert (m.f1, m.inner_f1, m.outer_f1) == (n > 0, inner > 0, n - inner > 0)
    one = span_metrics(gold, [b for _, b in pairs])
    other = span_metrics([b for _, b in pairs], gold)
    assert (one.precision, one.f1) == (other.recall, other.f1)


def test_without_inner_spans_the_figures_are_those_of_tags():
    gold, said = ["B-LOC", "I-LOC", "O", "B-PER"], ["B-LOC", "O", "B-ORG", "B-PER"]
    spans = span_metrics([entities(gold)], [entities(said)])
    tags = tag_metrics([gold], [said], "bio")
    assert (spans.precision, spans.recall, spans.f1) == (tags.precision, tags.recall, tags.f1)


@pytest.mark.parametrize("span", [
    (0, 1), (0, 1, 2), (-3, 1, "A"), ("0", 1, "A"), (0.0, 1, "A"), (1, 1, "A"), [0, 1, "A"], 5, (0, 1, ["A"]),
])
def test_what_is_no_span_is_refused(span):
    for gold, said in (([[span]], [[]]), ([[]], [[span]])):
        with pytest.raises(DataError, match="a span is .*, expected a tuple"):
            span_metrics(gold, said)
    with pytest.raises(DtypeError, match="the spans of a text is int, expected a list of spans"):
        span_metrics([5], [[]])


def test_a_gold_inner_span_said_without_the_one_around_it_was_said_as_an_outer_one():
    m = span_metrics([{(0, 3, "A"), (0, 2, "A")}], [{(0, 2, "A")}])
    assert (m.precision, m.recall, m.outer_f1, m.inner_f1) == (1, 1 / 2, 0, 0)


def test_texts_may_come_from_a_generator():
    gold = [{(0, 2, "A")}, {(1, 2, "B")}]
    assert span_metrics(iter(gold), map(iter, gold)) == span_metrics(gold, gold)


def test_other_numbers_of_texts_are_refused():
    for gold, said in (([set()], []), ([], [])):
        with pytest.raises(DataError, match="expected as many of both, and at least one"):
            span_metrics(gold, said)
    with pytest.raises(ConfigError, match="cut is -1"):
        span_metrics([set()], [set()], cut=-1)
