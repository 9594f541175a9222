"""Which tokenizer suits a text: one in which words that differ stay apart."""

import pytest

from npft.errors import DtypeError
from npft.text import BPE, ByteTokenizer, WordPiece
from npft.text.scripts import RARE, suitable_tokenizer, unknown_share

KEPT = {
    "english": "The cat sat.", "french": "Où est l'été?", "greek": "Καλημέρα κόσμε",
    "russian": "Привет, ёлка", "hebrew": "שלום עולם", "arabic": "مرحبا بالعالم",
    "chinese": "今天天气很好", "vietnamese": "Xin chào thế giới", "numbers": "12 + 30 = 42",
    "empty": "",
}
LOST = {
    "hindi": "नमस्ते दुनिया", "tamil": "வணக்கம்", "japanese": "ありがとう", "katakana": "ガイド",
    "thai": "สวัสดีชาวโลก", "khmer": "សួស្តី", "burmese": "မင်္ဂလာပါ", "bengali": "নমস্কার",
}


@pytest.mark.parametrize("language", KEPT)
def test_scripts_whose_words_wordpiece_keeps_apart_get_it(language):
    assert suitable_tokenizer([KEPT[language]] * 3) == "wordpiece"


@pytest.mark.parametrize("language", LOST)
def test_scripts_whose_marks_are_sounds_or_that_write_no_spaces_get_bpe(language):
    assert suitable_tokenizer([LOST[language]] * 3) == "bpe"


def test_two_words_that_differ_by_a_vowel_sign_stay_apart():
    texts = ["कू"] * 5 + ["कु"] * 5
    assert suitable_tokenizer(texts) == "bpe"
    lost, kept = WordPiece.train(texts, 300), BPE.train(texts, 300)
    assert lost.encode("कू") == lost.encode("कु") and kept.encode("कू") != kept.encode("कु")


def test_a_quotation_in_another_script_changes_nothing_and_half_of_the_text_does():
    english = ["nothing but words here"] * 100
    letters = sum(c.isalpha() for text in english for c in text)
    few = int(RARE * letters)
    assert suitable_tokenizer([*english, "か" * few]) == "wordpiece"
    assert suitable_tokenizer([*english, "か" * (few + 2)]) == "bpe"


def test_the_share_of_unknown_tokens_is_counted():
    tok = WordPiece.train(["aa ab ab"], vocab_size=20)
    assert unknown_share(tok, ["ab x", "x"]) == 2 / 3
    assert unknown_share(tok, []) == unknown_share(ByteTokenizer(), ["ж"]) == 0.0


@pytest.mark.parametrize("texts", ["abc", [b"a"], 3])
def test_what_is_no_list_of_strings_is_refused(texts):
    with pytest.raises(DtypeError):
        suitable_tokenizer(texts)
    with pytest.raises(DtypeError):
        unknown_share(ByteTokenizer(), texts)


def test_texts_may_come_one_by_one():
    assert suitable_tokenizer(text for text in ["नमस्ते"]) == "bpe"
