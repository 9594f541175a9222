"""The hard spam messages: exact shares, honest sides, and order messages no bag of words can solve."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError
from npft.worlds import (
    hard_sms_fixture, hard_sms_messages, hard_sms_test, is_order_message, is_test_side,
)
from npft.worlds.lexicon import GIVEN_NAMES
from npft.worlds.phone import GROUPS, ITEM, PRIVATE, WHEN, cue_groups, fillers
from npft.worlds.hard_sms import CUE_FRAMES, ORDER_FRAMES

FIXTURE_SHA256 = "7fd70ec27e8e7477c54df16cdc8fc104e967df905bf1572229fd2ec9d6819585"

MESSAGES = hard_sms_messages()
TRAIN, TEST = hard_sms_fixture()
SIDES = {"train": TRAIN, "test": TEST}


def cue_words(kind, side=None):
    return {word for part in cue_groups(kind).values() for group in part
            for word in group.words(side)}


SHARED = {word for kind in GROUPS for part in cue_groups(kind).values() for group in part
          for word in (group.core, group.sides[0][0], group.sides[1][0])}
HAM, SPAM = cue_words("ham"), cue_words("spam")


def words(examples):
    return {word for text in examples.texts for word in text.split()}


def test_the_bytes_of_the_fixture_are_pinned():
    lines = [f"{label}\t{text}" for text, label in zip(MESSAGES.texts, MESSAGES.labels)]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == FIXTURE_SHA256


def test_the_fixture_is_the_800_messages_640_to_160_half_of_each_class():
    assert len(MESSAGES) == 800
    assert sorted(TRAIN.texts + TEST.texts) == sorted(MESSAGES.texts)
    assert np.bincount(TRAIN.labels).tolist() == [320, 320]
    assert np.bincount(TEST.labels).tolist() == [80, 80]
    assert TRAIN.label_names == TEST.label_names == ["ham", "spam"]


def test_messages_have_5_to_25_words_with_single_spaces():
    for examples in (MESSAGES, hard_sms_test(1000)):
        lengths = [len(text.split(" ")) for text in examples.texts]
        assert min(lengths) == 5 and 20 < max(lengths) <= 25
        assert all(text == " ".join(text.split()) for text in examples.texts)


def test_no_message_occurs_twice_or_on_both_sides():
    assert len(set(MESSAGES.texts)) == 800
    big = hard_sms_test(1000)
    assert len(set(big.texts)) == 1000
    assert not set(big.texts) & set(TRAIN.texts)


def test_cue_frames_are_disjoint_between_the_sides():
    train, test = (set(text.strip().splitlines()) for text in CUE_FRAMES)
    assert not train & test
    groups = [set(side.groups[~is_order_message(side.groups)].tolist()) for side in SIDES.values()]
    assert groups[0] == set(range(len(train)))
    assert groups[1] == set(range(len(train), len(train) + len(test)))


def test_order_frames_all_stand_on_both_sides_under_different_groups():
    groups = [set(side.groups[is_order_message(side.groups)].tolist()) for side in SIDES.values()]
    assert {group + len(ORDER_FRAMES) for group in groups[0]} == groups[1]
    assert len(groups[0]) == len(ORDER_FRAMES)


def test_the_sides_share_no_filler_and_three_of_five_cue_words_of_a_meaning():
    train, test = words(TRAIN), words(TEST) | words(hard_sms_test(2000))
    for kind in ("ham", "spam"):
        assert train & cue_words(kind) == cue_words(kind, 0)
        assert test & cue_words(kind) == cue_words(kind, 1)
    assert train & test & (HAM | SPAM) == SHARED
    for written in (PRIVATE, ITEM):
        assert train & {*fillers(written)} == {*fillers(written, 0)}
        assert test & {*fillers(written)} == {*fillers(written, 1)}
    assert not train & test & set(GIVEN_NAMES)


@pytest.mark.parametrize("side", [0, 1])
def test_a_side_uses_only_its_own_times(side):
    texts = list(SIDES.values())[side].texts
    foreign = [when for when in fillers(WHEN, 1 - side) if any(when in text for text in texts)]
    assert not foreign
    assert all(any(when in text for text in texts) for when in fillers(WHEN, side))


def test_order_messages_come_in_twins_with_the_same_words_on_one_side():
    for examples in (TRAIN, TEST, hard_sms_test(1000)):
        order = is_order_message(examples.groups)
        bags = {}
        for text, label in zip(np.array(examples.texts)[order], examples.labels[order]):
            bags.setdefault(tuple(sorted(text.split())), []).append(label)
        assert sum(map(len, bags.values())) == round(0.4 * len(examples))
        assert all(sorted(labels) == [0, 1] * (len(labels) // 2) for labels in bags.values())


def test_spam_wants_your_thing_first():
    order = np.flatnonzero(is_order_message(MESSAGES.groups))
    for row in order:
        text = MESSAGES.texts[row].split()
        yours = min(text.index(word) for word in fillers(PRIVATE) if word in text)
        mine = min(text.index(word) for word in fillers(ITEM) if word in text)
        assert text[yours - 1] == "your" and text[mine - 1] == "the"
        assert (yours < mine) == (MESSAGES.labels[row] == 1)


@pytest.mark.parametrize(
    "crossing, order", [(0.05, 0.4), (0.1, 0.25), (0.0, 0.5), (0.3, 0.0), (0.5, 0.5)]
)
def test_the_shares_of_crossing_and_order_are_exact_in_both_classes(crossing, order):
    examples = hard_sms_test(400, crossing=crossing, order=order)
    is_order = is_order_message(examples.groups)
    for label in (0, 1):
        rows = np.flatnonzero(examples.labels == label)
        assert len(rows) == 200
        assert is_order[rows].sum() == round(200 * order)
        own, other = (HAM, SPAM) if label == 0 else (SPAM, HAM)
        bags = [set(examples.texts[row].split()) for row in rows if not is_order[row]]
        assert all(bool(bag & own) != bool(bag & other) for bag in bags)
        assert sum(bool(bag & other) for bag in bags) == round(200 * crossing)


@pytest.mark.parametrize(
    "examples", [TRAIN, TEST, hard_sms_test(1000)], ids=["train", "test", "more"]
)
def test_by_default_two_fifths_are_order_messages_and_a_twentieth_is_crossed(examples):
    is_order = is_order_message(examples.groups)
    for label, foreign in ((0, SPAM), (1, HAM)):
        rows = np.flatnonzero(examples.labels == label)
        crossed = [bool(set(examples.texts[row].split()) & foreign) for row in rows]
        assert is_order[rows].sum() == round(0.4 * len(rows))
        assert sum(crossed) == round(0.05 * len(rows))


def test_order_messages_hold_no_cue_word():
    for text in np.array(MESSAGES.texts)[is_order_message(MESSAGES.groups)]:
        assert not set(text.split()) & (HAM | SPAM)


@given(tens=st.integers(1, 12), seed=st.integers(0, 2**32))
def test_any_number_of_messages_is_balanced_on_both_sides_and_reproducible(tens, seed):
    n = 10 * tens
    messages = hard_sms_messages(n, seed)
    test_side = is_test_side(messages.groups)
    assert np.bincount(messages.labels, minlength=2).tolist() == [n // 2, n // 2]
    assert np.bincount(messages.labels[test_side], minlength=2).tolist() == [n // 10, n // 10]
    assert hard_sms_messages(n, seed).texts == messages.texts


def test_seeds_give_different_messages_and_the_test_set_is_not_in_class_order():
    assert set(hard_sms_test(200, seed=1).texts) != set(hard_sms_test(200, seed=2).texts)
    labels = hard_sms_test(1000).labels
    changes = int((labels[1:] != labels[:-1]).sum())
    assert 430 < changes < 570  # 500 expected, standard deviation 16


def test_a_bag_of_words_is_weak_and_at_chance_on_order():
    """Naive Bayes on word counts: each word votes with its log odds in training."""
    counts = [Counter(), Counter()]
    for text, label in zip(TRAIN.texts, TRAIN.labels):
        counts[label].update(text.split())
    totals = [sum(count.values()) for count in counts]
    examples = hard_sms_test(1000)
    votes = np.array([
        sum(
            np.log((counts[1][w] + 1) / totals[1]) - np.log((counts[0][w] + 1) / totals[0])
            for w in sorted(text.split()) if counts[0][w] + counts[1][w]
        )
        for text in examples.texts
    ])
    right = (votes > 0) == (examples.labels == 1)
    order = is_order_message(examples.groups)
    assert right[order].mean() == 0.5
    assert 0.85 < right[~order].mean() < 0.92  # 11 in 12 of these are not crossed
    assert 0.7 < right.mean() < 0.77


@pytest.mark.parametrize("call, message", [
    (lambda: hard_sms_messages(15), "n is 15, expected a multiple of 10"),
    (lambda: hard_sms_messages(0), "n is 0"),
    (lambda: hard_sms_messages(10.0), "n is 10.0"),
    (lambda: hard_sms_messages(seed=-1), "seed is -1"),
    (lambda: hard_sms_test(3), "n is 3, expected an even number"),
    (lambda: hard_sms_messages(crossing=1.2), "crossing is 1.2"),
    (lambda: hard_sms_test(order=-0.1), "order is -0.1"),
    (lambda: hard_sms_test(crossing=0.6, order=0.6), "more than 1 together"),
])
def test_what_cannot_work_is_refused_with_its_name(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
