"""Byte-pair encoding beside the ``tokenizers`` package, live: the same merges, the same ids.

    python -m venv bench && bench/bin/pip install -e '.[test]' tokenizers
    NPFT_TEXTS=one.txt:two.txt bench/bin/python -m pytest tests/peers/test_bpe.py -s

NPFT_TEXTS: files on whose lines both learn 8,000 pieces; the times are printed.

What is compared: learning from the same words and cutting the same words. How a text becomes words
is ours (``cut_words``): the other package's byte-level splitter follows GPT-2's rule, which also
splits English contractions. Both rules for equal counts are the same (the pair with the smallest
numbers) once the alphabet is numbered alike: see tests/text/make_bpe_fixture.py.
"""

import json
import os
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import BPE as TheirBPE
from tokenizers.pre_tokenizers import ByteLevel, WhitespaceSplit
from tokenizers.trainers import BpeTrainer

from npft.text import BPE
from npft.text.pieces import count_words, cut_words

SMALL = ["low low low low low lower lower", "newest newest newest newest newest newest",
         "widest widest widest", "café cafés naïve 東京 東京都 😀😀 👍🏽 a_b 3.14 3.15 \n\n\t x  y"]
few_letters = st.lists(st.text("abé \n", max_size=12), min_size=1, max_size=8).filter("".join)
any_text = st.text(st.characters(exclude_categories=["Cs"]))


def written(word):
    """A word as characters that stand for its bytes, in the order of the bytes."""
    return "".join(chr(0x4E00 + byte) for byte in word.encode())


def train_theirs(texts, vocab_size, min_count):
    """(their tokenizer, its merges in our numbers)"""
    tokenizer = Tokenizer(TheirBPE())
    tokenizer.pre_tokenizer = WhitespaceSplit()  # what is written holds no white space
    trainer = BpeTrainer(
        vocab_size=vocab_size - 4, min_frequency=min_count, show_progress=False,
        initial_alphabet=[chr(0x4E00 + byte) for byte in range(256)],
    )
    lines = (" ".join(written(word) for word in cut_words(text)) for text in texts)
    tokenizer.train_from_iterator(lines, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    number = {piece: i + 4 * (i > 255) for piece, i in model["vocab"].items()}
    return tokenizer, [(number[left], number[right]) for left, right in model["merges"]]


def their_ids(theirs, word):
    """The ids of their pieces of a word, in our numbers."""
    return [token.id + 4 * (token.id > 255) for token in theirs.model.tokenize(written(word))]


@given(few_letters, st.integers(260, 300), st.integers(1, 3))
def test_both_learn_the_same_merges_in_the_same_order(texts, vocab_size, min_count):
    ours = BPE.train(texts, vocab_size, min_count=min_count)
    assert ours.merges == train_theirs(texts, vocab_size, min_count)[1]


@given(few_letters, st.text("abé \n", max_size=30) | any_text)
def test_both_cut_every_word_alike(texts, text):
    ours = BPE.train(texts + SMALL, 320)
    theirs, _ = train_theirs(texts + SMALL, 320, 2)
    assert ours.encode(text) == [i for word in cut_words(text) for i in their_ids(theirs, word)]


def byte_level(ours):
    """Our merges in their byte-level tokenizer, and each of our pieces as it prints them."""
    signs = {}
    for byte in range(256):  # GPT-2 prints a byte as its Latin character, or as one from 256 on
        latin = 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174
        signs[byte] = chr(byte if latin else 256 + sum(sign >= chr(256) for sign in signs.values()))
    assert set(signs.values()) == set(ByteLevel.alphabet())
    printed = ["".join(signs[byte] for byte in piece) for piece in ours.piece_bytes]
    vocab = {piece: i for i, piece in enumerate(printed) if piece}
    merges = [(printed[left], printed[right]) for left, right in ours.merges]
    theirs = Tokenizer(TheirBPE(vocab=vocab, merges=merges))
    theirs.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    return theirs, printed


OURS = BPE.train(SMALL * 2, 400)
BYTE_LEVEL, PRINTED = byte_level(OURS)


@given(any_text)
def test_our_merges_in_a_byte_level_tokenizer_of_theirs_give_our_pieces(text):
    found = BYTE_LEVEL.encode(cut_words(text), is_pretokenized=True).tokens
    assert found == [PRINTED[i] for i in OURS.encode(text)]


def test_both_learn_the_same_from_the_files_given():
    paths = [Path(p) for p in os.environ.get("NPFT_TEXTS", "").split(":") if p] or [Path(__file__)]
    texts = [line for path in paths for line in path.read_text(encoding="utf-8").split("\n")]
    start = time.perf_counter()
    ours = BPE.train(texts, 8000)
    middle = time.perf_counter()
    theirs, merges = train_theirs(texts, 8000, 2)
    end = time.perf_counter()
    words = count_words("test", texts)
    wrong = [word for word in words if ours.encode(word) != their_ids(theirs, word)]
    print(f"\n{len(merges)} merges; ours {middle - start:.1f} s, theirs {end - middle:.1f} s; "
          f"{len(words)} different words, cut differently: {len(wrong)}")
    assert ours.merges == merges
    assert not wrong
