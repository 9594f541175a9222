"""WordPiece beside the ``tokenizers`` package, live: any text gives the same ids.

    python -m venv bench && bench/bin/pip install -e '.[test]' tokenizers
    NPFT_TEXTS=one.txt:two.txt bench/bin/python -m pytest tests/peers/test_wordpiece.py -s

NPFT_TEXTS: files whose lines are compared, too, with a vocabulary trained on them, and NPFT_VOCAB:
the vocab.txt of a published uncased BERT to use instead; the counts are printed.
"""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece as TheirWordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from npft.text import WordPiece, basic_words

CASES = pytest.mark.parametrize("lowercase", [True, False], ids=["uncased", "cased"])
TEXTS = [
    "The cat sat on the mat. The dog didn't!",
    "unlocking unlocked re-locks, locked UNLOCK 3.14 \u00bd",
    "caf\u00e9 Caf\u00e9 na\u00efve \u0130stanbul \u03a3\u0391\u03a3",
    "\u043f\u0440\u0438\u0432\u0435\u0442 \u0439 \u0645\u0631\u062d\u0628\u0627",
    "\u6771\u4eac \ud55c\uad6d\uc5b4 \uac00\uac01 \u3053\u3093\u306b",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0958 \U0001f600\U0001f44d\U0001f3fd [MASK] ##s",
]
# Surrogates are no characters; of unassigned ones, those that are capital letters in a newer
# Unicode than Python's own are the one difference (tested below).
characters = st.characters(exclude_categories=["Cs", "Cn"])
letters_of_the_vocabulary = st.sampled_from(sorted(set("".join(TEXTS)) | set("\u0301\u200b\0\t")))
any_text = st.one_of(
    st.text(characters),
    st.text(letters_of_the_vocabulary),
    st.text(characters | letters_of_the_vocabulary),
)


def theirs(vocab, lowercase):
    """Their pipeline for BERT without added tokens, so that [MASK] in a text is text."""
    ids = {piece: i for i, piece in enumerate(vocab)}
    tok = Tokenizer(TheirWordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tok.normalizer = BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=lowercase
    )
    tok.pre_tokenizer = BertPreTokenizer()
    return tok


def ids_of(their_tok, text):
    return their_tok.encode(text, add_special_tokens=False).ids


OURS = {low: WordPiece.train(TEXTS, 300, min_count=1, lowercase=low) for low in (True, False)}
THEIRS = {low: theirs(OURS[low].vocab, low) for low in (True, False)}


@CASES
@given(text=any_text)
@example(text="[CLS] [MASK] [UNK] ##s " + "a" * 100 + " " + "a" * 101)
def test_any_text_gives_the_same_ids(lowercase, text):
    assert OURS[lowercase].encode(text) == ids_of(THEIRS[lowercase], text)


@CASES
@given(text=any_text)
def test_any_text_gives_the_same_words(lowercase, text):
    tok = THEIRS[lowercase]
    normal = tok.normalizer.normalize_str(text)
    words = [word for word, _ in tok.pre_tokenizer.pre_tokenize_str(normal)]
    assert basic_words(text, lowercase=lowercase) == words


@CASES
@given(text=any_text)
def test_any_text_gives_the_same_offsets(lowercase, text):
    found = THEIRS[lowercase].encode(text, add_special_tokens=False)
    assert OURS[lowercase].offsets(text) == found.offsets


@CASES
def test_every_character_gives_the_same_words_but_for_capitals_python_does_not_know(lowercase):
    tok = THEIRS[lowercase]
    unequal = []
    for code in [*range(0xD800), *range(0xE000, 0x110000)]:
        text = f"a{chr(code)}b"
        normal = tok.normalizer.normalize_str(text)
        words = [word for word, _ in tok.pre_tokenizer.pre_tokenize_str(normal)]
        if basic_words(text, lowercase=lowercase) != words:
            unequal.append((chr(code), normal))
    for char, normal in unequal:
        assert unicodedata.category(char) == "Cn" and len(normal) == 3 and lowercase, hex(ord(char))
    assert len(unequal) < 120


def test_marks_that_are_no_accents_keep_their_order_here():
    text = "a\u302e\u1b44"  # combining classes 224 and 9: NFD turns them round
    assert basic_words(text) == [text]
    assert THEIRS[True].normalizer.normalize_str(text) == "a\u1b44\u302e"


def test_added_tokens_are_where_the_package_differs_by_its_own_choice():
    tok = theirs(OURS[True].vocab, True)
    tok.add_special_tokens(["[MASK]"])
    assert ids_of(tok, "[MASK]") == [OURS[True].mask_id]  # a typed [MASK] becomes the real one
    assert OURS[True].mask_id not in OURS[True].encode("[MASK]")


@pytest.mark.parametrize("content", [
    "{0}\na\n##b\n", "{0}\na\n##b", "a\r\n##b\r\n{0}\r\n", "[unused0]\n{0}\n[unused1]\na  \n##b\t",
])
def test_vocabulary_files_give_the_same_numbers(content, tmp_path):
    path = tmp_path / "vocab.txt"
    specials = "[UNK]\n[MASK]\n[PAD]\n[SEP]\n[CLS]"
    path.write_bytes(content.format(specials).encode())
    tok = WordPiece.from_vocab(path)
    vocab = TheirWordPiece.read_file(str(path))
    assert {piece: i for i, piece in enumerate(tok.vocab)} == vocab
    assert tok.encode("AB abab [mask]") == ids_of(theirs(tok.vocab, True), "AB abab [mask]")


@CASES
def test_the_lines_of_given_files_have_the_same_ids(lowercase):
    paths = [p for p in os.environ.get("NPFT_TEXTS", "").split(os.pathsep) if p]
    lines = [line for p in paths for line in Path(p).read_text("utf-8").split("\n")] or TEXTS
    if "NPFT_VOCAB" in os.environ:
        tok = WordPiece.from_vocab(os.environ["NPFT_VOCAB"], lowercase=lowercase)
    else:
        tok = WordPiece.train(lines, 8000, lowercase=lowercase)
    their_tok = theirs(tok.vocab, lowercase)
    unequal = [line for line in lines if tok.encode(line) != ids_of(their_tok, line)]
    tokens = sum(len(tok.encode(line)) for line in lines)
    print(f"\n{len(lines)} lines, {tokens} tokens, {tok.vocab_size} pieces: {len(unequal)} unequal")
    assert not unequal
