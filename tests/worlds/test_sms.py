"""The messages of the lesson: exact shares, honest sides, and words that a body must know."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft import bag_of_words
from npft.errors import ConfigError
from npft.worlds import sms_fixture, sms_messages, sms_test, vocabulary
from npft.worlds.lexicon import GIVEN_NAMES, SENSES, topics
from npft.worlds.phone import WHEN, fillers
from npft.worlds.sms import FRAMES, SPAM

FIXTURE_SHA256 = "053a9826e94dcc48a5c801c66544200c4cdfedb2831e3e31a128f5626f5f1d76"

TRAIN, TEST = sms_fixture()
MORE = sms_test(1000)
SIDES = [TRAIN, TEST, MORE]
SPAM_WORDS, HAM_WORDS = (
    {
        word
        for topic in topics()
        if (topic.name in SPAM) == is_spam
        for group in (*topic.agents, *topic.nouns, *topic.adjectives, *topic.verbs, topic.places)
        for word in group
    }
    for is_spam in (True, False)
)
# words that stand in a topic of each kind tell nothing on their own
TELLING = {1: SPAM_WORDS - HAM_WORDS, 0: HAM_WORDS - SPAM_WORDS}


def words(examples):
    return {word for text in examples.texts for word in text.split()}


def spoken_of(text):
    """The kind that the words of a message speak of: 1 spam, 0 ham."""
    said = set(text.split())
    kinds = [kind for kind, telling in TELLING.items() if said & telling]
    assert len(kinds) == 1, text
    return kinds[0]


def lines(*parts):
    return [f"{k}\t{text}" for part in parts for text, k in zip(part.texts, part.labels)]


def test_the_bytes_of_the_fixture_are_pinned():
    written = "\n".join(lines(TRAIN, TEST)).encode()
    assert hashlib.sha256(written).hexdigest() == FIXTURE_SHA256


def test_another_process_with_another_hash_seed_makes_the_same_bytes():
    code = (
        "import hashlib; from npft.worlds import sms_messages; "
        "print(hashlib.sha256(repr(sms_messages(100, 3).texts).encode()).hexdigest())"
    )
    made = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    here = hashlib.sha256(repr(sms_messages(100, 3).texts).encode()).hexdigest()
    assert made.stdout.strip() == here


def test_the_fixture_is_640_and_160_messages_half_of_each_class():
    assert np.bincount(TRAIN.labels).tolist() == [320, 320]
    assert np.bincount(TEST.labels).tolist() == [80, 80]
    assert TRAIN.label_names == TEST.label_names == ["ham", "spam"]


@pytest.mark.parametrize("examples", SIDES, ids=["train", "test", "more"])
def test_messages_have_5_to_25_words_with_single_spaces_and_none_occurs_twice(examples):
    lengths = [len(text.split(" ")) for text in examples.texts]
    assert 5 <= min(lengths) and max(lengths) <= 25
    assert all(text == " ".join(text.split()) for text in examples.texts)
    assert len(set(examples.texts)) == len(examples)


def test_the_sides_share_no_frame_name_time_or_place():
    train, test = words(TRAIN), words(TEST) | words(MORE)
    frames = [set(text.strip().splitlines()) for text in FRAMES]
    assert not frames[0] & frames[1]
    assert set(TRAIN.groups) == set(range(len(frames[0])))
    assert set(MORE.groups) == {len(frames[0]) + k for k in range(len(frames[1]))}
    assert not train & test & set(GIVEN_NAMES)
    assert not train & test & {place for topic in topics() for place in topic.places}
    texts = [" ".join(side.texts) for side in (TRAIN, MORE)]
    for side in (0, 1):
        assert not any(when in texts[1 - side] for when in fillers(WHEN, side))


def test_of_synonyms_each_side_says_its_own_and_only_single_words_are_said_on_both():
    train, test = words(TRAIN), words(TEST) | words(sms_test(3000))
    for topic in topics():
        for group in (*topic.agents, *topic.nouns, *topic.verbs):
            if len(group) > 1:
                own = [set(group[::2]), set(group[1::2])]
                elsewhere = set(SENSES)  # an ambiguous word may be said of another topic
                assert not own[1] & train - elsewhere and not own[0] & test - elsewhere


@pytest.mark.parametrize("crossing", [0.0, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("test", [False, True])
def test_the_share_that_is_crossed_is_exact_in_both_classes(crossing, test):
    examples = sms_messages(200, 5, test=test, crossing=crossing)
    for label in (0, 1):
        rows = np.flatnonzero(examples.labels == label)
        crossed = sum(spoken_of(examples.texts[row]) != label for row in rows)
        assert len(rows) == 100 and crossed == round(100 * crossing)


def test_every_word_is_one_that_the_world_says():
    assert words(TRAIN) | words(TEST) | words(sms_test(2000)) <= set(vocabulary())


def test_a_bag_of_words_is_clearly_short_of_what_is_possible():
    found = [bag_of_words(sms_messages(640, s), sms_test(1000, s + 1)).accuracy for s in range(3)]
    assert 0.7 < np.mean(found) < 0.87  # 0.95 is possible


@given(half=st.integers(1, 40), seed=st.integers(0, 2**32), test=st.booleans())
def test_any_even_number_gives_halves_and_the_same_arguments_the_same_messages(half, seed, test):
    messages = sms_messages(2 * half, seed, test=test)
    assert np.bincount(messages.labels, minlength=2).tolist() == [half, half]
    assert sms_messages(2 * half, seed, test=test).texts == messages.texts


def test_other_seeds_give_other_messages_and_sms_test_is_the_test_side():
    assert set(sms_test(200, 1).texts) != set(sms_test(200, 2).texts)
    assert sms_test(50, 4).texts == sms_messages(50, 4, test=True).texts


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: sms_messages(15), "n is 15, expected an even number"),
        (lambda: sms_messages(0), "n is 0"),
        (lambda: sms_messages(10.0), "n is 10.0"),
        (lambda: sms_messages(seed=-1), "seed is -1"),
        (lambda: sms_test(10, crossing=1.2), "crossing is 1.2"),
    ],
)
def test_numbers_that_cannot_work_are_refused(call, said):
    with pytest.raises(ConfigError, match=said):
        call()
