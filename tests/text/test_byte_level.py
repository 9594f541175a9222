"""Byte-level BPE: the cuts of `tokenizers`, the round trip, and what is refused."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import CheckpointError, ConfigError, DataError
from npft.text import ByteLevelBPE, tokenizer_from_dict
from npft.text.byte_level import SPECIALS, byte_letters, cut_as_gpt2

FIXTURE = json.loads((Path(__file__).parent / "byte_level_fixture.json").read_text("utf-8"))
TOK, PREFIXED = (
    ByteLevelBPE(FIXTURE["vocab"], FIXTURE["merges"], add_prefix_space=p) for p in (False, True)
)
SMALL = [*SPECIALS, *byte_letters(), "ab", "abab"]
any_text = st.text(st.characters(codec="utf-8"), max_size=60)


def test_every_text_of_the_fixture_is_cut_as_tokenizers_cuts_it():
    assert len(FIXTURE["cases"]) > 400
    for text, plain, prefixed in FIXTURE["cases"]:
        assert TOK.encode(text) == plain, repr(text)
        assert PREFIXED.encode(text) == prefixed, repr(text)


def test_a_pair_is_laid_out_as_in_roberta_and_all_of_it_is_of_type_0():
    first, second, ids = FIXTURE["pair"]
    batch = TOK([first], [second])
    assert batch.ids.tolist() == ids and not batch.token_types.any()
    assert ids.count(TOK.sep_id) == 3
    assert batch.words.tolist().count(-1) == 4
    one = TOK([first]).ids.tolist()
    assert one == [TOK.cls_id, *TOK.encode(first), TOK.sep_id]


@given(any_text, any_text, st.integers(6, 20))
def test_a_pair_that_is_too_long_is_cut_to_the_room_beside_four_special_tokens(a, b, longest):
    batch = TOK([a], [b], max_length=longest)
    n = len(TOK.encode(a)) + len(TOK.encode(b))
    assert len(batch.ids) == min(longest, n + 4)
    assert batch.tokens_cut.tolist() == [max(0, n + 4 - longest)]


def test_a_room_of_less_than_a_token_for_each_text_is_refused():
    with pytest.raises(ConfigError, match="expected 6 or more: 4 special tokens and 2"):
        TOK(["a"], ["b"], max_length=5)


@given(any_text)
def test_decoding_gives_every_text_back(text):
    assert TOK.decode(TOK.encode(text)) == text == TOK.normalize(text)
    assert PREFIXED.decode(PREFIXED.encode(text)) == PREFIXED.normalize(text)
    assert PREFIXED.normalize(text).removeprefix(" ") == text.removeprefix(" ")


@given(any_text)
def test_words_together_are_the_text(text):
    assert "".join(cut_as_gpt2(text)) == text


@given(any_text)
def test_offsets_say_where_each_token_came_from(text):
    for tok in (TOK, PREFIXED):
        spans, pieces = tok.offsets(text), tok.pieces(text)
        assert len(spans) == len(pieces)
        for k, ((start, end), piece) in enumerate(zip(spans, pieces)):
            said = text[start:end].encode()
            assert piece in said or (k == 0 and piece.removeprefix(b" ") in said)


def test_special_tokens_that_a_user_types_are_text():
    assert not {TOK.cls_id, TOK.mask_id} & set(TOK.encode("<s> <mask>"))


def test_the_earliest_merge_of_the_list_comes_first_and_the_leftmost_of_its_kind():
    tok = ByteLevelBPE(SMALL, [("a", "b"), ("ab", "ab")])
    assert tok.pieces("ababab") == [b"abab", b"ab"]
    late = ByteLevelBPE([*SMALL, "ba"], [("b", "a"), ("a", "b")])
    assert late.pieces("abab") == [b"a", b"ba", b"b"]


def test_a_word_as_long_as_a_book_is_cut_in_the_time_of_its_length():
    begin = time.perf_counter()
    assert len(ByteLevelBPE(SMALL, [("a", "b"), ("ab", "ab")]).encode("ab" * 30_000)) == 15_000
    assert time.perf_counter() - begin < 5


def test_it_is_saved_and_comes_back():
    for tok in (TOK, PREFIXED):
        again = tokenizer_from_dict(json.loads(json.dumps(tok.to_dict())))
        assert again.to_dict() == tok.to_dict()
        assert again.encode("a good man") == tok.encode("a good man")


@pytest.mark.parametrize("vocab, merges, message", [
    (SMALL[1:], [], "the vocabulary has no <pad>"),
    (SMALL[:100], [], "a letter for each of 256 bytes"),
    ([*SMALL, "ab"], [], "'ab' stands in the vocabulary twice"),
    (SMALL, [("a", "c")], r"merges\[0\] needs 'ac', which is not in the vocabulary"),
    (SMALL, [("a", "b"), ("a", "b")], r"merges\[1\] joins .* a second time"),
    (SMALL, ["ab"], r"merges\[0\] is 'ab', expected two pieces"),
    (SMALL, [("a", 1)], "expected two pieces"),
])  # fmt: skip
def test_a_vocabulary_or_merges_that_cannot_be_used_are_refused(vocab, merges, message):
    with pytest.raises(DataError, match=message):
        ByteLevelBPE(vocab, merges)
    fields = {"kind": "byte_level_bpe", "vocab": vocab, "merges": [list(m) for m in merges],
              "add_prefix_space": False}  # fmt: skip
    if all(isinstance(m, tuple) for m in merges):
        with pytest.raises(CheckpointError, match=message):
            tokenizer_from_dict(fields)


@pytest.mark.parametrize("fields, message", [
    ({"vocab": {}}, "vocab is dict, expected a list"), ({"merges": None}, "merges is NoneType"),
    ({"add_prefix_space": 1}, "add_prefix_space is 1, expected True or False"),
])  # fmt: skip
def test_damaged_fields_are_refused(fields, message):
    with pytest.raises(CheckpointError, match=message):
        tokenizer_from_dict(TOK.to_dict() | fields)
