"""Pseudo-words: every use of either word is there once, and no text tells which it was."""

import pytest

from npft.errors import DataError, DtypeError
from npft.senses.pseudowords import pseudo_words

TEXTS = ["Tea at the door.", "Nothing here", "the bank of tea , the sea", "Door, door!"]
PAIRS = [("tea", "bank"), ("door", "sea")]


def test_every_use_becomes_a_use_of_the_joint_word_with_the_old_word_as_its_sense():
    uses = pseudo_words(TEXTS, PAIRS)
    assert uses.senses == ["tea", "door", "bank", "tea", "sea", "door", "door"]
    assert uses.words == ["tea-bank", "door-sea", "tea-bank", "tea-bank", *["door-sea"] * 3]
    assert uses.places.tolist() == [0, 3, 1, 3, 6, 0, 2]
    assert uses.documents.tolist() == [0, 0, 2, 2, 2, 3, 3]


def test_no_word_of_a_pair_is_left_in_any_text():
    left = {word for text in pseudo_words(TEXTS, PAIRS).texts for word in text}
    assert left & {"tea", "bank", "door", "sea"} == set()


@pytest.mark.parametrize(("pairs", "message"), [
    ([], "there are no pairs"),
    ([("tea", "gold")], "gold stand in no text"),
    ([("tea",)], r"pairs\[0\] is .*expected two words in lower case"),
    ([("Tea", "bank")], "expected two words in lower case"),
    ([("tea", "bank of")], "expected two words in lower case"),
    ([("tea", "tea")], "already in a pair"),
    ([("tea", "bank"), ("bank", "door")], r"pairs\[1\] has a word that is already in a pair"),
])
def test_pairs_that_cannot_be_are_refused(pairs, message):
    with pytest.raises(DataError, match=message):
        pseudo_words(TEXTS, pairs)


def test_texts_and_pairs_of_other_kinds_are_refused():
    with pytest.raises(DtypeError, match="texts is one string"):
        pseudo_words("tea bank", PAIRS)
    with pytest.raises(DtypeError, match=r"pairs\[0\] is one string"):
        pseudo_words(TEXTS, ["tea"])
