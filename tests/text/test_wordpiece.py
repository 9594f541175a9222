"""WordPiece: basic words, training against a slow definition, greedy encoding, offsets.

wordpiece_fixture.json holds what the ``tokenizers`` package made of awkward texts and of all
characters; make_wordpiece_fixture.py says how. tests/peers/test_wordpiece.py asks it anew.
"""

import hashlib
import json
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError
from npft.text import WordPiece, basic_words, tokenizer_from_dict
from npft.worlds import TinyWorld

FIXTURE = json.loads(Path(__file__).with_name("wordpiece_fixture.json").read_text("ascii"))
CASES = pytest.mark.parametrize("lowercase", [True, False], ids=["uncased", "cased"])
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CORPUS = ["the cat sat on the mat .", "the dog, the cat and the mouse!", "un do ing undoing"]

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
few_letters = st.lists(st.text("ab ", max_size=10), min_size=1, max_size=6).filter(
    lambda texts: "".join(texts).strip()
)


@pytest.mark.parametrize("text, words", [
    ("Hello, World!", ["hello", ",", "world", "!"]),
    ("don't", ["don", "'", "t"]),
    ("Café ÅNGSTRÖM naïve", ["cafe", "angstrom", "naive"]),
    ("a\u200bb\x07c \ufffdd\0e", ["abc", "de"]),  # control and format characters go
    ("a\tb\nc\rd\u00a0e\u2028f", ["a", "b", "c", "d", "e", "f"]),
    ("東京tower", ["東", "京", "tower"]),
    ("한국", ["한국".encode().decode()]),
    ("$5+x=y^z", ["$", "5", "+", "x", "=", "y", "^", "z"]),
    ("[MASK] ##ing", ["[", "mask", "]", "#", "#", "ing"]),
    ("«quoted» …", ["«", "quoted", "»", "…"]),
    ("", []), (" \n ", []),
])
def test_basic_words_of_known_texts(text, words):
    decomposed = [w.replace("한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8") for w in words]
    assert basic_words(text) == decomposed


@CASES
def test_ids_equal_those_of_the_tokenizers_package_on_awkward_texts(lowercase):
    tok = WordPiece(FIXTURE["vocab"], lowercase=lowercase)
    name = "uncased" if lowercase else "cased"
    expected = {case["text"]: case[name] for case in FIXTURE["texts"]}
    assert len(expected) >= 150
    assert {text: tok.encode(text) for text in expected} == expected


@CASES
def test_every_character_becomes_the_words_that_the_tokenizers_package_makes_of_it(lowercase):
    left_out = set()  # capital letters that Python's own tables learn only from some version on
    for block in FIXTURE["left_out"]:
        low, _, high = block.partition("-")
        left_out |= set(range(int(low, 16), int(high or low, 16) + 1))
    assert len(left_out) < 120
    for row, hashes in FIXTURE["rows"].items():
        codes = [4096 * int(row) + i for i in range(4096)]
        kept = [c for c in codes if not 0xD800 <= c <= 0xDFFF and c not in left_out]
        words = basic_words(" ".join(f"a{chr(c)}b" for c in kept), lowercase=lowercase)
        found = hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]
        assert found == hashes["uncased" if lowercase else "cased"], f"row {int(row):x}000"


@pytest.mark.parametrize("text, words", [
    ("Caf\u00e9 \u0130 \u03a3\u0391\u03a3", ["Caf\u00e9", "\u0130", "\u03a3\u0391\u03a3"]),
    ("e\u0301\u200b \ud55c \uf900x", ["e\u0301", "\ud55c", "\uf900", "x"]),
    ("Don't\0!", ["Don", "'", "t", "!"]),
])
def test_cased_words_keep_case_accents_and_composed_letters(text, words):
    assert basic_words(text, lowercase=False) == words


def test_lower_case_is_that_of_single_letters():
    assert basic_words("\u0130I \u03a3\u0391\u03a3 \u212a \u1e9e") == [
        "ii", "\u03c3\u03b1\u03c3", "k", "\u00df"
    ]


@pytest.mark.parametrize("text, error", [
    (b"a", DtypeError), (None, DtypeError), ("\ud800", DataError),
])
def test_basic_words_refuse_what_is_no_text(text, error):
    with pytest.raises(error, match="basic_words: text"):
        basic_words(text)


@given(any_text)
def test_basic_words_of_basic_words_are_the_same(text):
    words = basic_words(text)
    assert basic_words(" ".join(words)) == words
    cased = basic_words(text, lowercase=False)
    assert basic_words(" ".join(cased), lowercase=False) == cased
    assert basic_words(" ".join(cased)) == words
    assert basic_words(text.swapcase().swapcase()) == basic_words(text.swapcase())


def test_basic_words_are_stable_for_every_character():
    for code in [*range(0xD800), *range(0xE000, 0x30000)]:
        words = basic_words(f"a{chr(code)}b")
        assert basic_words(" ".join(words)) == words, hex(code)


def learn_slowly(texts, vocab_size, min_count):
    """Training by its definition: count all pairs anew for every piece."""
    counts = Counter(word for text in texts for word in basic_words(text))
    words = {w: [w[0]] + ["##" + c for c in w[1:]] for w in counts}
    alphabet = sorted({piece for pieces in words.values() for piece in pieces})
    learnt = []

    def used():
        standing = {piece for pieces in words.values() for piece in pieces}
        return [piece for piece in learnt if piece in standing]

    while len(SPECIALS) + len(alphabet) + len(used()) < vocab_size:
        pairs = Counter()
        for word, pieces in words.items():
            for pair in pairwise(pieces):
                pairs[pair] += counts[word]
        if not pairs or max(pairs.values()) < min_count:
            break
        left, right = best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        piece = left + right[2:]
        for pieces in words.values():
            i = 0
            while i < len(pieces) - 1:
                if (pieces[i], pieces[i + 1]) == best:
                    pieces[i : i + 2] = [piece]
                i += 1
        if piece not in learnt:
            learnt.append(piece)
    return SPECIALS + alphabet + used()


@given(few_letters, st.integers(9, 40), st.integers(1, 3))
@example(["aaaa aaaaa aa"], 40, 1)
def test_training_equals_counting_everything_anew_for_each_piece(texts, size, min_count):
    tok = WordPiece.train(texts, size, min_count=min_count)
    assert list(tok.vocab) == learn_slowly(texts, size, min_count)


def test_the_vocabulary_of_tinyworld_stays_as_it_is():
    # Results kept with the project were made with it: another one is another experiment.
    texts = [s for d in TinyWorld().documents(60) for s in d.sentences]
    found = [
        hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
        for lines in (texts, WordPiece.train(texts, 400).vocab)
    ]
    assert found == ["9523267a2bda3391", "6d0604a35d212080"]


def test_a_piece_swallowed_by_later_joins_makes_room_for_another():
    tok = WordPiece.train(["lock lock lock", "go go"], 16)
    assert tok.vocab[5:] == ("##c", "##k", "##o", "g", "l", "lock", "go")


@given(few_letters, st.randoms(use_true_random=False))
def test_training_does_not_depend_on_the_order_of_the_texts(texts, random):
    shuffled = random.sample(texts, len(texts))
    assert WordPiece.train(texts, 20).vocab == WordPiece.train(shuffled, 20).vocab


def test_equal_counts_are_decided_by_the_text_of_the_pair():
    # ab and ba both occur twice; (a, ##b) sorts before (b, ##a).
    tok = WordPiece.train(["ba ab ab ba"], 10)
    assert tok.vocab == (*SPECIALS, "##a", "##b", "a", "b", "ab")


def test_special_tokens_are_0_to_4():
    tok = WordPiece.train(CORPUS, 60)
    assert (tok.pad_id, tok.unk_id, tok.cls_id, tok.sep_id, tok.mask_id) == (0, 1, 2, 3, 4)
    assert list(tok.vocab[:5]) == SPECIALS and tok.vocab_size == len(tok.vocab) <= 60
    assert tok.special_ids == (0, 2, 3, 4)


@given(st.lists(st.text("abcd", min_size=1, max_size=8), min_size=1, max_size=5))
def test_encoding_takes_the_longest_piece_that_fits(words):
    vocab = SPECIALS + ["a", "ab", "abc", "##c", "##cd", "##b", "##bcd", "##a", "c"]
    tok = WordPiece(vocab)
    expected = []
    for word in words:
        ids, rest, mark = [], word, ""
        while rest:
            fits = [p for p in vocab[5:] if p.startswith("##") == bool(mark)
                    and rest.startswith(p.removeprefix("##"))]
            if not fits:
                ids = [1]
                break
            piece = max(fits, key=len)
            ids.append(vocab.index(piece))
            rest, mark = rest[len(piece.removeprefix("##")) :], "##"
        expected += ids
    assert tok.encode(" ".join(words)) == expected


@given(any_text)
@example("[MASK] the [UNK] cat")
def test_decoding_gives_the_basic_words_back_and_shows_what_was_unknown(text):
    tok = WordPiece.train(CORPUS, 80)
    known = set("".join(CORPUS))
    first = {p for p in tok.vocab[5:] if len(p) == 1}
    inner = {p[2] for p in tok.vocab[5:] if p.startswith("##") and len(p) == 3}
    assert first | inner <= known
    expected = [w if w[0] in first and set(w[1:]) <= inner else "[UNK]" for w in basic_words(text)]
    assert tok.decode(tok.encode(text)) == " ".join(expected)


@given(few_letters, st.integers(9, 40))
def test_training_words_are_never_unknown_and_come_back(texts, size):
    tok = WordPiece.train(texts, size)
    for text in texts:
        ids = tok.encode(text)
        assert tok.unk_id not in ids
        assert tok.decode(ids) == " ".join(basic_words(text))
        assert "".join(p.removeprefix("##") for p in tok.pieces(text)) == text.replace(" ", "")


def test_a_word_of_more_than_100_characters_is_unknown_as_a_whole():
    tok = WordPiece.train(["a" * 100, "b" * 101, "b"], 30)
    assert tok.unk_id not in tok.encode("a" * 100)
    assert tok.encode("a" * 101) == [tok.unk_id]
    assert not any("bb" in piece for piece in tok.vocab)  # and it teaches nothing


def test_typed_special_tokens_are_cut_into_signs_and_letters():
    tok = WordPiece.train(["[mask] mask ."] * 3, 40)
    assert tok.pieces("[MASK]") == ["[", "mask", "]"]


def test_a_piece_that_carries_on_nothing_is_read_without_its_mark():
    tok = WordPiece(SPECIALS + ["##ing", "go"])
    assert tok.decode([5]) == "ing"
    assert tok.decode([6, 4, 5, 1, 5]) == "going [UNK]ing"
    assert tok.continues.tolist() == [False] * 5 + [True, False]


@given(any_text)
@example("a THE\u0301 \u0130n\u200b- 東京 cat\u0301s")
def test_offsets_lead_each_piece_back_to_its_characters(text):
    tok = WordPiece.train(CORPUS, 80)
    spans, pieces = tok.offsets(text), tok.pieces(text)
    assert len(spans) == len(pieces)
    for (start, end), piece in zip(spans, pieces):
        assert 0 <= start < end <= len(text)
        if piece != "[UNK]":  # a piece of letters: they are all the basic form of its characters
            assert "".join(basic_words(text[start:end])) == piece.removeprefix("##")


def test_offsets_of_an_unknown_word_cover_the_word_and_of_a_split_character_the_character():
    tok = WordPiece(SPECIALS + ["\u1112", "##\u1161\u11ab"])  # the letters of one Korean syllable
    assert tok.offsets("  xyz 한!") == [(2, 5), (6, 7), (6, 7), (7, 8)]


@CASES
@given(st.text("aA\u00e9\u0130\u0301\ud55c\uac00\u09cb\u0915\u0958 !\u6771\u200b\0", max_size=12))
def test_spans_come_in_order_and_hold_all_letters_of_their_pieces(lowercase, text):
    tok = WordPiece(FIXTURE["vocab"], lowercase=lowercase)
    words = basic_words(text, lowercase=lowercase)
    spans, numbers, pieces = tok.offsets(text), tok.words(text), tok.pieces(text)
    assert len(spans) == len(numbers) == len(pieces)
    assert spans == sorted(spans)
    for (start, end), number, piece in zip(spans, numbers, pieces):
        letters = words[number] if piece == "[UNK]" else piece.removeprefix("##")
        # a part of a Korean syllable leads back to the syllable, which has more letters
        assert letters in "".join(basic_words(text[start:end], lowercase=lowercase))
    for number, word in enumerate(words):
        rows = [i for i, n in enumerate(numbers) if n == number]
        start, end = spans[rows[0]][0], spans[rows[-1]][1]
        assert word in "".join(basic_words(text[start:end], lowercase=lowercase))
        if pieces[rows[0]] != "[UNK]":
            assert "".join(pieces[i].removeprefix("##") for i in rows) == word


@given(any_text)
def test_words_are_the_basic_words_and_pieces_of_one_word_carry_it_on(text):
    tok = WordPiece.train(CORPUS, 80)
    numbers, ids = tok.words(text), tok.encode(text)
    assert list(dict.fromkeys(numbers)) == list(range(len(basic_words(text))))
    begins = [i == 0 or numbers[i] != numbers[i - 1] for i in range(len(ids))]
    assert begins == [not tok.continues[i] for i in ids]


def test_the_tags_of_the_textbook_example_reach_all_pieces_and_come_back():
    # Jurafsky & Martin, section 11.4.3: one tag a word, a model that sees subwords.
    words = ["Mt.", "Sanitas", "is", "in", "Sunshine", "Canyon", "."]
    tags = np.array(["B-LOC", "I-LOC", "O", "O", "B-LOC", "I-LOC", "O"])
    pieces = ["Mt", ".", "San", "##itas", "is", "in", "Sunshine", "Canyon"]
    tok = WordPiece(SPECIALS + pieces, lowercase=False)
    assert " ".join(tok.pieces("Mt. Sanitas is in Sunshine Canyon.")) == (
        "Mt . San ##itas is in Sunshine Canyon ."
    )
    ids, numbers = tok.encode_words(words)
    assert ids == tok.encode("Mt. Sanitas is in Sunshine Canyon.")
    assert numbers == [0, 0, 1, 1, 2, 3, 4, 5, 6]
    of_tokens = tags[numbers]
    assert " ".join(of_tokens) == "B-LOC B-LOC I-LOC I-LOC O O B-LOC I-LOC O"
    assert of_tokens[np.unique(numbers, return_index=True)[1]].tolist() == tags.tolist()
    assert tok([words]).words.tolist() == [-1, *numbers, -1]


def test_the_cache_does_not_leak_into_results():
    tok = WordPiece.train(CORPUS, 60)
    ids = tok.encode("the")
    ids.append(99)
    assert 99 not in tok.encode("the")


@pytest.mark.parametrize("texts, options, error, words", [
    ([], {}, DataError, "no words"),
    (["", " \n"], {}, DataError, "no words"),
    (["ab"], {"vocab_size": 6}, ConfigError, "vocab_size is 6, these texts need at least 7: 5 spe"),
    (["ab"], {"vocab_size": 0}, ConfigError, "vocab_size is 0"),
    (["ab"], {"vocab_size": 9.5}, ConfigError, "vocab_size is 9.5"),
    (["ab"], {"min_count": 0}, ConfigError, "min_count is 0"),
    (["ab"], {"lowercase": "no"}, ConfigError, "lowercase is 'no', expected True or False"),
    ("ab", {}, DtypeError, "one string"),
    (b"ab", {}, DtypeError, "texts is bytes, expected a list"),
    (None, {}, DtypeError, "texts is NoneType, expected a list of strings"),
    (7, {}, DtypeError, "texts is int"),
    (["ab", None], {}, DtypeError, r"texts\[1\] is NoneType"),
    (["ab", b"c"], {}, DtypeError, r"texts\[1\] is bytes"),
    (["ab", "\ud800"], {}, DataError, r"texts\[1\] has half"),
])
def test_training_refuses_what_cannot_work(texts, options, error, words):
    with pytest.raises(error, match=words):
        WordPiece.train(texts, **options)


def test_the_smallest_vocabulary_that_training_names_works():
    assert WordPiece.train(["ab"], 7).vocab == (*SPECIALS, "##b", "a")


def test_a_vocabulary_file_of_bert_is_read_with_its_own_numbers(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes("[PAD]\n[unused0]\n[UNK]\n[CLS]\r\n[SEP]\n[MASK]\nthe\n##ß\nß\n".encode())
    tok = WordPiece.from_vocab(path)
    assert (tok.pad_id, tok.unk_id, tok.cls_id, tok.sep_id, tok.mask_id) == (0, 2, 3, 4, 5)
    assert tok.encode("The ßß [unused0]") == [6, 8, 7, 2, 2, 2]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_do_not_change_a_vocabulary(ending, last, mark, tmp_path):
    pieces = ["the", "[MASK]", "[unused0]", "[CLS]", "##s", "[PAD]", "[unused1]", "[UNK]", "[SEP]"]
    path = tmp_path / "vocab.txt"
    path.write_bytes(mark + ending.join(p.encode() for p in pieces) + ending * last)
    tok = WordPiece.from_vocab(path)
    assert list(tok.vocab) == pieces
    assert (tok.pad_id, tok.unk_id, tok.cls_id, tok.sep_id, tok.mask_id) == (5, 7, 3, 8, 1)
    assert tok.encode("thes [MASK] unused0") == [0, 4, 7, 7, 7, 7]
    assert tok.lowercase and not WordPiece.from_vocab(path, lowercase=False).lowercase


def test_cased_and_uncased_are_saved_and_old_files_are_uncased(tmp_path):
    vocab = [*SPECIALS, "a", "A"]
    for lowercase, ids in ((True, [5, 5]), (False, [6, 5])):
        tok = WordPiece(vocab, lowercase=lowercase)
        tok.save(tmp_path / "tok.json")
        again = WordPiece.load(tmp_path / "tok.json")
        assert again.encode("A a") == tok.encode("A a") == ids
        assert again.to_dict() == tok.to_dict() and tok.to_dict()["lowercase"] is lowercase
    assert tokenizer_from_dict({"kind": "wordpiece", "vocab": vocab}).encode("A a") == [5, 5]


def test_a_cased_vocabulary_is_learnt_from_cased_words():
    tok = WordPiece.train(["Der Tag", "der Abend \u00c9t\u00e9"], 60, min_count=1, lowercase=False)
    assert not tok.lowercase and {"Der", "der", "\u00c9t\u00e9"} <= set(tok.vocab)
    assert tok.decode(tok.encode("der Tag, \u00c9t\u00e9")) == "der Tag [UNK] \u00c9t\u00e9"


@pytest.mark.parametrize("vocab, error, words", [
    (None, DtypeError, "vocab is NoneType"),
    ("[PAD]", DtypeError, "vocab is one string"),
    ([*SPECIALS, None], DtypeError, r"vocab\[5\] is NoneType"),
    ([*SPECIALS, b"a"], DtypeError, r"vocab\[5\] is bytes"),
    (["[PAD]"], DataError, r"has no \[UNK\], \[CLS\], \[SEP\], \[MASK\]"),
])
def test_lists_that_are_no_vocabulary_are_refused(vocab, error, words):
    with pytest.raises(error, match=words):
        WordPiece(vocab)


def test_a_blank_line_of_a_vocabulary_is_refused_with_its_number(tmp_path):
    path = tmp_path / "vocab.txt"
    for content in (b"[PAD]\n\n[UNK]", b"[PAD]\r\n\r\n[UNK]"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is blank") as caught:
            WordPiece.from_vocab(path)
        assert str(caught.value).startswith(f"{path}:2: ")


@pytest.mark.parametrize("content, words", [
    (b"the\n", r"no \[PAD\]"), (b"\xff", "utf-8"),
    (b"a\na\n", "'a' stands in the vocabulary more than once"),
])
def test_files_that_are_no_vocabulary_are_refused_by_path(content, words, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        WordPiece.from_vocab(path)
    assert str(path) in str(caught.value)
    with pytest.raises(DataError, match="cannot be read"):
        WordPiece.from_vocab(tmp_path / "none.txt")


def test_training_cost_grows_with_the_words_touched_not_with_all_words_per_piece():
    # 20,000 made-up words and 2,000 pieces: counting anew for each piece would take minutes.
    rng = np.random.default_rng(0)
    syllables = np.array([c + v for c in "bdfgklmnprst" for v in "aeiou"])
    words = ["".join(row) for row in syllables[rng.integers(0, 60, (20_000, 4))]]
    start = time.process_time()
    tok = WordPiece.train([" ".join(words)], 2000)
    assert tok.vocab_size == 2000
    assert time.process_time() - start < 20
