"""What all tokenizers share: layout, truncation, refusals, saving; and the byte tokenizer."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from npft.errors import CheckpointError, ConfigError, DataError, DtypeError, IdError, ShapeError
from npft.text import Batch, ByteTokenizer, Tokenizer, WordPiece, tokenizer_from_dict

BYTES = ByteTokenizer()
PIECES = WordPiece.train(["the cat sat on the mat", "the dog sat", "a cat and a dog"], 60)
BOTH = pytest.mark.parametrize("tok", [BYTES, PIECES], ids=["bytes", "wordpiece"])

# Every character but the surrogates, which are no characters.
any_text = st.text(st.characters(exclude_categories=["Cs"]))
letters = st.text("abc ", max_size=12)


def rows_in(batch, array):
    return [array[a:b].tolist() for a, b in zip(batch.offsets[:-1], batch.offsets[1:])]


@given(any_text)
@example("")
@example("naïve \U0001f600 \0 \u2028 [MASK]")
def test_bytes_give_every_text_back(text):
    ids = BYTES.encode(text)
    assert BYTES.decode(ids) == text
    assert ids == list(text.encode())


@given(any_text)
def test_byte_offsets_lead_back_to_the_character_a_byte_is_of(text):
    spans = BYTES.offsets(text)
    assert len(spans) == len(BYTES.encode(text))
    assert "".join(text[a:b] for a, b in dict.fromkeys(spans)) == text


def test_byte_vocabulary_is_256_bytes_and_four_special_tokens():
    assert (BYTES.pad_id, BYTES.cls_id, BYTES.sep_id, BYTES.mask_id) == (256, 257, 258, 259)
    assert BYTES.vocab_size == 260 and BYTES.unk_id is None


def test_half_a_character_decodes_to_the_replacement_sign():
    assert BYTES.decode([110, 195]) == "n\ufffd"
    assert BYTES.decode([255, 104]) == "\ufffdh"


@BOTH
@given(text=any_text)
@example(text="[MASK] [PAD] [CLS] [SEP] [mask] <mask> \x00")
def test_text_never_produces_a_special_id(tok, text):
    ids = tok.encode(text)
    assert not set(ids) & set(tok.special_ids)
    assert all(0 <= i < tok.vocab_size for i in ids)


@BOTH
@given(text=any_text)
def test_decode_skips_special_ids_wherever_they_stand(tok, text):
    ids = tok.encode(text)
    mixed = [i for pair in zip(ids, [tok.pad_id, tok.mask_id] * len(ids)) for i in pair]
    assert tok.decode([tok.cls_id, *mixed, tok.sep_id]) == tok.decode(ids)
    assert tok.decode(np.array(ids, dtype=np.int32)) == tok.decode(ids)


@BOTH
@given(texts=st.lists(letters, max_size=5))
def test_one_text_is_cls_x_sep_with_token_types_0(tok, texts):
    b = tok(texts)
    assert rows_in(b, b.ids) == [[tok.cls_id, *tok.encode(t), tok.sep_id] for t in texts]
    assert not b.token_types.any() and b.n_truncated == 0


@BOTH
@given(rows=st.lists(st.tuples(letters, letters), max_size=5))
def test_a_pair_is_cls_x_sep_y_sep_with_token_types_0_and_1(tok, rows):
    b = tok([x for x, _ in rows], [y for _, y in rows], labels=np.arange(len(rows)))
    first = [[tok.cls_id, *tok.encode(x), tok.sep_id] for x, _ in rows]
    second = [[*tok.encode(y), tok.sep_id] for _, y in rows]
    assert rows_in(b, b.ids) == [x + y for x, y in zip(first, second)]
    assert rows_in(b, b.token_types) == [[0] * len(x) + [1] * len(y) for x, y in zip(first, second)]
    assert b.labels.tolist() == list(range(len(rows)))


def test_without_special_tokens_only_the_text_is_left():
    b = BYTES(["ab", "c"], ["d", "ef"], add_special_tokens=False)
    assert rows_in(b, b.ids) == [[97, 98, 100], [99, 101, 102]]
    assert rows_in(b, b.token_types) == [[0, 0, 1], [0, 1, 1]]


@BOTH
@given(texts=st.lists(letters, min_size=1, max_size=6), max_length=st.integers(3, 12))
def test_truncation_keeps_the_beginning_and_both_special_tokens(tok, texts, max_length):
    b = tok(texts, max_length=max_length)
    for text, row in zip(texts, rows_in(b, b.ids)):
        assert row == [tok.cls_id, *tok.encode(text)[: max_length - 2], tok.sep_id]
    assert b.truncated.tolist() == [len(tok.encode(t)) + 2 > max_length for t in texts]
    assert b.n_truncated == sum(b.truncated)


def cut_token_by_token(first, second, room):
    """The definition of longest_first, word for word."""
    first, second = list(first), list(second)
    while len(first) + len(second) > room:
        (first if len(first) > len(second) else second).pop()
    return first, second


@given(letters, letters, st.integers(0, 20), st.booleans())
def test_longest_first_equals_cutting_the_longer_text_token_by_token(x, y, room, special):
    room = max(room, 2)
    if not special and not x + y:
        x = "a"
    b = BYTES([x], [y], max_length=room + 3 * special, add_special_tokens=special)
    first, second = cut_token_by_token(x.encode(), y.encode(), room)
    sep = [258] * special
    assert b.ids.tolist() == [257] * special + first + sep + second + sep
    assert b.token_types.sum() == len(second) + special
    assert b.n_truncated == (len(x) + len(y) > room)


def test_only_first_and_only_second_cut_one_text():
    long_first = BYTES(["abcdef"], ["xyz"], max_length=8, truncation="only_first")
    assert BYTES.decode(long_first.ids) == "abxyz"
    long_second = BYTES(["abc"], ["uvwxyz"], max_length=8, truncation="only_second")
    assert BYTES.decode(long_second.ids) == "abcuv"
    with pytest.raises(ConfigError, match=r"texts\[0\] alone has 6 tokens for a room of 5"):
        BYTES(["abcdef"], [""], max_length=8, truncation="only_second")
    with pytest.raises(ConfigError, match=r"pairs\[0\] alone has 5 tokens for a room of 5"):
        BYTES(["abcdef"], ["uvwxy"], max_length=8, truncation="only_first")


@BOTH
@pytest.mark.parametrize("options, words", [
    ({"max_length": 2}, "expected 3 or more"),
    ({"max_length": -1}, "max_length is -1"),
    ({"max_length": 8.0}, "max_length is 8.0"),
    ({"pairs": ["b"], "max_length": 4}, "expected 5 or more"),
    ({"max_length": 0, "add_special_tokens": False}, "expected 1 or more"),
    ({"truncation": "longest"}, "truncation is 'longest'"),
])
def test_options_that_leave_no_room_or_do_not_exist_are_refused(tok, options, words):
    with pytest.raises(ConfigError, match=words):
        tok(["a"], **options)


@BOTH
@pytest.mark.parametrize("call, error, words", [
    (lambda tok: tok.encode(b"a"), DtypeError, "text is bytes, expected str; decode"),
    (lambda tok: tok.offsets(7), DtypeError, "text is int"),
    (lambda tok: tok.encode(None), DtypeError, "text is NoneType"),
    (lambda tok: tok.encode("a\ud800b"), DataError, "surrogate pair at character 1"),
    (lambda tok: tok(["a", "\udcff"]), DataError, r"texts\[1\] has half"),
    (lambda tok: tok(["a", None]), DtypeError, r"texts\[1\] is NoneType"),
    (lambda tok: tok(["a"], [7]), DtypeError, r"pairs\[0\] is int"),
    (lambda tok: tok("a"), DtypeError, "texts is one string"),
    (lambda tok: tok(["a"], "b"), DtypeError, "pairs is one string"),
    (lambda tok: tok(None), DtypeError, "texts is NoneType, expected a list of strings"),
    (lambda tok: tok(["a"], 7), DtypeError, "pairs is int"),
    (lambda tok: tok([["a"], "b"]), DtypeError, r"texts\[1\] is one string, expected a list"),
    (lambda tok: tok(["a", ["b"]]), DtypeError, r"texts\[1\] is list, expected str"),
    (lambda tok: tok([["a"]], ["b"]), DtypeError, "one is strings and the other lists of words"),
    (lambda tok: tok([["a", None]]), DtypeError, r"texts\[0\]\[1\] is NoneType"),
    (lambda tok: tok([["a"], ["b", ""]]), DataError, r"texts\[1\]\[1\] is '', expected a word"),
    (lambda tok: tok.encode_words("ab"), DtypeError, "words is one string"),
    (lambda tok: tok.encode_words(None), DtypeError, "words is NoneType"),
    (lambda tok: tok.encode_words(["a", b"b"]), DtypeError, r"words\[1\] is bytes"),
    (lambda tok: tok.encode_words(["a", " "]), DataError, r"words\[1\] is ' ', expected a word"),
    (lambda tok: tok.encode_words(["\ud800"]), DataError, r"words\[0\] has half"),
    (lambda tok: tok.normalize(b"a"), DtypeError, "text is bytes"),
    (lambda tok: tok.normalize("\udc00"), DataError, "half of a surrogate"),
    (lambda tok: tok(["a"], []), ShapeError, "0 pairs for 1 texts"),
    (lambda tok: tok(["a"], labels=[0, 1]), ShapeError, "labels"),
    (lambda tok: tok(["a", ""], add_special_tokens=False), DataError, r"texts\[1\] has no tokens"),
    (lambda tok: tok.decode([tok.vocab_size]), IdError, r"ids\[0\] is \d+, expected 0 to"),
    (lambda tok: tok.decode([0, -1]), IdError, r"ids\[1\] is -1"),
    (lambda tok: tok.decode([0.5]), DtypeError, "float64"),
    (lambda tok: tok.decode([[0]]), ShapeError, r"\(1, 1\)"),
])
def test_what_is_no_text_or_no_id_is_refused_by_name(tok, call, error, words):
    with pytest.raises(error, match=words):
        call(tok)


@BOTH
def test_no_text_makes_an_empty_batch(tok):
    assert len(tok([])) == 0 and len(tok([], [], max_length=9)) == 0
    assert tok.encode("") == [] and tok.decode([]) == ""


@BOTH
@given(text=any_text)
@example(text="e\u0301 \u05e9\u05dc \U0001f468\u200d\U0001f469 \0 \u202e[MASK]")
def test_decoding_gives_the_normal_form_back_where_nothing_is_unknown(tok, text):
    if tok is PIECES and text.strip():  # a vocabulary that covers the text, if it has words
        tok = WordPiece.train(["a", text], 500, min_count=1)
    assert tok.decode(tok.encode(text)) == tok.normalize(text)
    assert tok.normalize(tok.normalize(text)) == tok.normalize(text)


def test_the_normal_form_of_bytes_is_the_text_and_of_wordpiece_its_basic_words():
    assert BYTES.normalize("A\u0301 \t b!\0") == "A\u0301 \t b!\0"
    assert PIECES.normalize("A\u0301 \t b!\0") == "a b !"
    assert PIECES.decode(PIECES.encode("the z cat")) == "the [UNK] cat"


given_words = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(str.strip),
    max_size=6,
)


@BOTH
@given(words=given_words)
@example(words=["Mt.", "\u200b", "cat", "e\u0301", "New York", "\U0001f600"])
def test_tags_of_words_copied_to_tokens_and_read_at_the_first_token_come_back(tok, words):
    ids, numbers = tok.encode_words(words)
    tags = np.arange(len(words))[::-1]
    of_tokens = tags[np.array(numbers, dtype=np.int64)]
    assert len(of_tokens) == len(ids) and numbers == sorted(numbers)
    assert of_tokens[np.unique(numbers, return_index=True)[1]].tolist() == tags.tolist()


@given(given_words)
def test_words_given_one_by_one_have_the_ids_of_the_whole_text(words):
    assert BYTES.encode_words(words)[0] == BYTES.encode(" ".join(words))
    ids, numbers = PIECES.encode_words(words)
    for i, word in enumerate(words):
        own = [x for x, number in zip(ids, numbers) if number == i]
        assert own == (PIECES.encode(word) or [PIECES.unk_id])


@BOTH
@given(rows=st.lists(given_words, min_size=1, max_size=4), max_length=st.integers(5, 12))
def test_a_batch_of_word_lists_carries_the_numbers_of_the_words_given(tok, rows, max_length):
    b = tok(rows)
    for words, ids, numbers in zip(rows, rows_in(b, b.ids), rows_in(b, b.words)):
        assert (ids[1:-1], numbers[1:-1]) == tok.encode_words(words)
        assert (ids[0], ids[-1], numbers[0], numbers[-1]) == (tok.cls_id, tok.sep_id, -1, -1)
    cut = tok(rows, max_length=max_length)
    for whole, short in zip(rows_in(b, b.words), rows_in(cut, cut.words)):
        assert short == [*whole[: len(short) - 1], -1]


def test_word_numbers_go_on_through_both_texts_of_a_pair():
    b = BYTES([["ab", "c"], []], [["d"], ["e", "f"]])
    assert rows_in(b, b.ids) == [
        [257, 97, 98, 32, 99, 258, 100, 258], [257, 258, 101, 32, 102, 258]
    ]
    assert rows_in(b, b.words) == [[-1, 0, 0, 1, 1, -1, 2, -1], [-1, -1, 0, 1, 1, -1]]
    cut = BYTES([["abc", "d"]], [["efgh"]], max_length=7, truncation="longest_first")
    assert cut.words.tolist() == [-1, 0, 0, -1, 1, 1, -1]


def test_words_of_a_text_count_up_where_a_token_does_not_carry_on():
    tok = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##lock", "it"])
    assert tok.words("unlock it, unlock") == [0, 0, 1, 2, 3, 3]
    assert tok.words("") == []
    tok.continues = np.array([False] * 5 + [True] * 3)  # as where a space marks the beginning
    assert tok.words("it it") == [0, 0]
    with pytest.raises(ConfigError, match="byte tokenizer does not know where words begin"):
        BYTES.words("a b")


def test_words_number_the_words_of_a_sequence_and_leave_special_tokens_out():
    tok = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##lock", "it"])
    b = tok(["unlock it", "zz it"], ["it unlock", "un"])
    assert rows_in(b, b.words) == [[-1, 0, 0, 1, -1, 2, 3, 3, -1], [-1, 0, 1, -1, 2, -1]]
    assert BYTES(["ab"]).words is None


@BOTH
def test_saving_is_deterministic_and_loading_gives_the_same_tokenizer(tok, tmp_path):
    path = tmp_path / "tokenizer.json"
    tok.save(path)
    first = path.read_bytes()
    again = type(tok).load(path)
    again.save(path)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]
    text = "the cat [MASK] sat, Zoë \u2028 \U0001f600"
    assert again.encode(text) == tok.encode(text)
    assert again.to_dict() == tok.to_dict() == tokenizer_from_dict(json.loads(first)).to_dict()
    assert type(tokenizer_from_dict(tok.to_dict())) is type(tok)


@pytest.mark.parametrize("content, words", [
    (b"", "no JSON"),
    (b"{", "no JSON"),
    (b"\xff", "no JSON in UTF-8"),
    (b"[" * 100_000, "no JSON"),
    (b"[]", "list"),
    (b'{"kind": "byte"}', "kind is 'byte', expected 'wordpiece'"),
    (b'{"kind": "wordpiece"}', "fields"),
    (b'{"kind": "wordpiece", "lowercase": 1, "vocab": []}', "lowercase is 1, expected True or Fa"),
    (b'{"kind": "wordpiece", "vocab": "abc"}', "vocab is str"),
    (b'{"kind": "wordpiece", "vocab": ["[PAD]"]}', r"has no \[UNK\]"),
    (b'{"kind": "wordpiece", "vocab": [1]}', r"vocab\[0\] is int"),
    (b'{"kind": "wordpiece", "vocab": ["a", "a"]}', "more than once"),
    (b'{"kind": "wordpiece", "vocab": ["\\ud800"]}', "surrogate"),
    (b'{"kind": "wordpiece", "vocab": [], "x": 1}', "fields"),
])
def test_damaged_files_are_refused_by_path(content, words, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=words) as caught:
        WordPiece.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_missing_files_and_unknown_kinds_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        ByteTokenizer.load(tmp_path / "none.json")
    for fields in ({"kind": "magic"}, {}, None, ["byte"], {"kind": ["byte"]}):
        with pytest.raises(CheckpointError, match="the kind of tokenizer is"):
            tokenizer_from_dict(fields)


def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing_behind(tmp_path):
    for path in (tmp_path / "none" / "tokenizer.json", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be written") as caught:
            PIECES.save(path)
        assert str(caught.value).startswith(f"{path}: ")
    assert not list(tmp_path.iterdir()) and not list(tmp_path.parent.glob("*.tmp"))


def test_a_tokenized_batch_is_a_checked_batch():
    b = PIECES(["the cat"])
    assert isinstance(b, Batch) and b.ids.dtype == np.int64 and not b.ids.flags.writeable


def test_the_base_of_all_tokenizers_loads_none(tmp_path):
    ByteTokenizer().save(tmp_path / "bytes.json")
    with pytest.raises(ConfigError, match="Tokenizer is no kind of tokenizer; use WordPiece"):
        Tokenizer.load(tmp_path / "bytes.json")
