"""What BPE and Unigram share: words, exact round trips, offsets, word numbers, refusals, files."""

import json
import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from npft.errors import CheckpointError, ConfigError, DataError, DtypeError
from npft.pretraining.masking import mask_tokens
from npft.text import BPE, ByteTokenizer, Unigram, tokenizer_from_dict
from npft.text.pieces import MOST_BYTES, cut_words

CORPUS = [
    "the cat sat on the mat, the cat sat", "the dog, the cat and the mouse!", "undo doing undoing",
    "café naïve café 東京 東京 👍🏽 👍🏽", "\u05e9\u05dc\u05d5\u05dd \u05e9\u05dc\u05d5\u05dd",
    "  indented\n\n\ttwice\n\n\ttwice", "e\u0301e\u0301 a_b a_b 12 12 [MASK] [MASK]",
]
BY_KIND = {"bpe": BPE.train(CORPUS, 330), "unigram": Unigram.train(CORPUS, 330)}
CLASSES = pytest.mark.parametrize("cls", [BPE, Unigram], ids=["bpe", "unigram"])
BOTH = pytest.mark.parametrize("tok", BY_KIND.values(), ids=BY_KIND)

any_text = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.sampled_from(sorted(set("".join(CORPUS)) | set("\0\u200d\u2028\u00a0\ufeff")))),
)
awkward = [
    "", " ", "   ", "\n \n", "a\0b", "naïve \U0001f600 \u2028 [MASK] <pad>", "e\u0301 \u0301",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u202eabc\u202c שלום", "\u00a0x\u3000y\u1680",
    "a" * 100 + " " * 100 + "7" * 100 + "_" * 100, "\u2581low\u2581", "Ġlow", "##ing",
]


def with_awkward(test):
    for text in awkward:
        test = example(text=text)(test)
    return test


@pytest.mark.parametrize("text, words", [
    ("Don't  buy 2\n", ["Don", "'", "t", " ", " buy", " 2", "\n"]),
    ("a  b", ["a", " ", " b"]),
    ("a\n\nb\t c", ["a", "\n", "\n", "b", "\t", " c"]),
    ("x2y a_b ...!", ["x", "2", "y", " a", "_", "b", " ...!"]),
    ("½ ² Ⅻ 東京", ["½", " ²", " Ⅻ", " 東京"]),
    ("end  ", ["end", "  "]),
    ("a\u00a0b", ["a", "\u00a0", "b"]),
    ("z" * 70, ["z" * 32, "z" * 32, "z" * 6]),
    ("", []),
])
def test_words_of_known_texts(text, words):
    assert cut_words(text) == words


@given(text=any_text)
@with_awkward
def test_the_words_together_are_the_text_and_none_is_long(text):
    words = cut_words(text)
    assert "".join(words) == text
    assert all(1 <= len(word.encode()) <= MOST_BYTES for word in words)
    assert all(" " not in word[1:] or word.isspace() for word in words)


def test_every_character_is_in_some_word():
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    assert "".join(cut_words(text)) == text


@BOTH
@given(text=any_text)
@with_awkward
def test_decoding_gives_every_text_back_as_it_was(tok, text):
    assert tok.decode(tok.encode(text)) == text == tok.normalize(text)


@BOTH
@given(text=any_text)
@with_awkward
def test_no_text_produces_a_special_id(tok, text):
    ids = tok.encode(text)
    assert not set(ids) & set(tok.special_ids)
    assert all(0 <= i < tok.vocab_size for i in ids)
    assert b"".join(tok.pieces(text)) == text.encode()


@BOTH
@given(text=any_text)
@with_awkward
def test_offsets_are_the_characters_that_a_piece_has_bytes_of(tok, text):
    owner = [i for i, char in enumerate(text) for _ in char.encode()]
    spans, at = tok.offsets(text), 0
    for (start, end), piece in zip(spans, tok.pieces(text), strict=True):
        assert list(range(start, end)) == sorted(set(owner[at : at + len(piece)]))
        assert piece in text[start:end].encode()
        at += len(piece)
    assert at == len(owner)


@BOTH
def test_pieces_of_whole_characters_slice_back_to_the_text(tok):
    text = "the cat and the café"
    assert [text[a:b].encode() for a, b in tok.offsets(text)] == tok.pieces(text)


def test_the_bytes_of_one_character_all_lead_to_it():
    assert BPE([]).offsets("aé😀") == [(0, 1), (1, 2), (1, 2)] + [(2, 3)] * 4


@BOTH
def test_half_a_character_decodes_to_the_replacement_sign(tok):
    assert tok.decode([110, 195]) == "n\ufffd"
    assert tok.decode([tok.cls_id, 104, tok.pad_id, 105, tok.sep_id]) == "hi"


@BOTH
def test_the_ids_are_those_of_the_byte_tokenizer_and_then_the_learnt_pieces(tok):
    plain = ByteTokenizer()
    assert tok.special_ids == plain.special_ids == (256, 257, 258, 259) and tok.unk_id is None
    assert tok.piece_bytes[:256] == tuple(bytes([i]) for i in range(256))
    assert tok.piece_bytes[256:260] == (b"",) * 4
    assert not tok.continues[list(tok.special_ids)].any()
    assert 260 < tok.vocab_size == len(tok.piece_bytes) <= 330
    assert len(set(tok.piece_bytes[260:])) == tok.vocab_size - 260
    assert min(map(len, tok.piece_bytes[260:])) >= 2


@CLASSES
@given(text=any_text)
def test_with_nothing_learnt_both_are_the_byte_tokenizer(cls, text):
    tok = cls.train(CORPUS, 260)
    assert tok.vocab_size == 260
    assert tok.encode(text) == ByteTokenizer().encode(text)


@BOTH
def test_a_word_begins_at_white_space(tok):
    text = "the cat, sat  on\n\tit"
    numbers, spans = tok.words(text), tok.offsets(text)
    found = ["".join(text[a:b] for (a, b), n in zip(spans, numbers) if n == number)
             for number in range(max(numbers) + 1)]
    assert found == ["the", " cat,", " sat", " ", " on", "\n", "\tit"]
    b = tok([text, "a b"], ["c d", "e"])
    first = b.words[b.sequence == 1]
    assert first.tolist() == [-1, *tok.words("a b"), -1, *[w + 2 for w in tok.words("e")], -1]


@BOTH
@given(words=st.lists(st.text("abtheca.,é2", min_size=1, max_size=6), min_size=1, max_size=5))
def test_words_given_one_by_one_are_cut_as_in_the_text(tok, words):
    ids, numbers = tok.encode_words(words)
    assert ids == tok.encode(" ".join(words))
    assert numbers == tok.words(" ".join(words))


@BOTH
def test_masking_shows_and_restores_ordinary_tokens_only(tok):
    batch = tok(CORPUS)
    masked = mask_tokens(batch, tok, rate=1.0, rng=np.random.default_rng(0))
    rows, targets = masked.token_targets()
    assert not set(targets.tolist()) & set(tok.special_ids)
    shown = set(masked.ids[rows].tolist())
    assert tok.mask_id in shown and not shown & {tok.pad_id, tok.cls_id, tok.sep_id}
    assert len(rows) == len(batch.ids) - 2 * len(CORPUS)


@CLASSES
@given(texts=st.lists(st.text("ab é", max_size=10), min_size=1, max_size=6).filter("".join),
       random=st.randoms(use_true_random=False))
def test_training_does_not_depend_on_the_order_of_the_texts(cls, texts, random):
    shuffled = random.sample(texts, len(texts))
    assert cls.train(texts, 270).to_dict() == cls.train(iter(shuffled), 270).to_dict()


@BOTH
def test_the_cache_does_not_leak_into_results(tok):
    ids = tok.encode("the")
    ids.append(99)
    assert 99 not in tok.encode("the")


@CLASSES
@pytest.mark.parametrize("texts, options, error, words", [
    ([], {}, DataError, "no words"),
    (["", ""], {}, DataError, "no words"),
    (["ab"], {"vocab_size": 259}, ConfigError, "vocab_size is 259, expected a whole number, 260"),
    (["ab"], {"vocab_size": 300.0}, ConfigError, "vocab_size is 300.0"),
    (["ab"], {"vocab_size": None}, ConfigError, "vocab_size is None"),
    (["ab"], {"min_count": 0}, ConfigError, "min_count is 0"),
    ("ab", {}, DtypeError, "one string"),
    (b"ab", {}, DtypeError, "texts is bytes, expected a list"),
    (None, {}, DtypeError, "NoneType"),
    (["ab", b"c"], {}, DtypeError, r"texts\[1\] is bytes"),
    (["ab", None], {}, DtypeError, r"texts\[1\] is NoneType"),
    (["ab", "\ud800"], {}, DataError, r"texts\[1\] has half"),
])
def test_training_refuses_what_cannot_work(cls, texts, options, error, words):
    with pytest.raises(error, match=words):
        cls.train(texts, **options)


@BOTH
@pytest.mark.parametrize("text, error", [
    (b"a", DtypeError), (None, DtypeError), (7, DtypeError), ("a\ud800b", DataError),
])
def test_what_is_no_text_is_refused(tok, text, error):
    for call in (tok.encode, tok.offsets, tok.normalize, tok.words, tok.pieces):
        with pytest.raises(error, match="text (is|has half)"):
            call(text)


@BOTH
def test_saving_and_loading_give_the_same_tokenizer_and_the_same_bytes(tok, tmp_path):
    path = tmp_path / "tokenizer.json"
    tok.save(path)
    first = path.read_bytes()
    again = type(tok).load(path)
    again.save(path)
    assert path.read_bytes() == first
    assert type(tokenizer_from_dict(json.loads(first))) is type(tok)
    assert again.to_dict() == tok.to_dict() == json.loads(json.dumps(tok.to_dict()))
    for text in CORPUS + awkward:
        assert again.encode(text) == tok.encode(text)


def damage(tok):
    """(what was done, fields that are no longer a tokenizer of this kind)"""
    fields = tok.to_dict()
    yield "other kind", fields | {"kind": "wordpiece"}
    yield "one field too many", fields | {"extra": 1}
    yield "no object", [fields]
    for name in fields.keys() - {"kind"}:
        yield f"no {name}", {k: v for k, v in fields.items() if k != name}
        for wrong in (None, 7, "abc", {}, [None], [[1, 2], 3], ["x"], [True], [[0.5, 1.5]]):
            yield f"{name} {wrong}", fields | {name: wrong}
        yield f"{name} cut", fields | {name: fields[name][3:]}
        yield f"{name} doubled", fields | {name: fields[name] * 2}


@BOTH
def test_damaged_fields_are_refused(tok):
    for what, fields in damage(tok):
        print(what)  # shown if it is not refused
        with pytest.raises(CheckpointError):
            type(tok).from_dict(fields)


@BOTH
def test_a_long_text_without_any_space_costs_time_in_proportion(tok):
    start = time.perf_counter()
    for text in ("a" * 300_000, "\u0301" * 100_000, " " * 300_000, "xyzzy" * 50_000):
        assert tok.decode(tok.encode(text)) == text
    assert time.perf_counter() - start < 10
