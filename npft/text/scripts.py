"""Which tokenizer suits a text, told by its scripts; and what a tokenizer does not know of it.

WordPiece as BERT has it drops every mark that is written on or around a letter. In Latin, Greek or
Cyrillic a mark is an accent, and the word stays readable. In Hindi or Tamil it is a vowel, in
Japanese it makes ga of ka: there words that differ become one. It also cuts words at spaces, which
Thai, Khmer or Japanese do not write, so that a whole line is one word, and soon an unknown one.
BPE keeps every character.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from npft.errors import check_items, check_strings
from npft.text.tokenizer import Tokenizer

# Scripts, as Unicode's names of letters begin, that divide words by spaces and live without marks;
# Chinese characters stand for words and are divided one by one.
PLAIN = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN", "HEBREW", "ARABIC", "CJK",
         "FULLWIDTH", "MODIFIER", "MATHEMATICAL", "FEMININE", "MASCULINE", "MICRO")
SAMPLE = 1000  # texts looked at
RARE = 0.01  # of the letters: a quotation in another script


def suitable_tokenizer(texts: Iterable[str]) -> str:
    """"wordpiece" for texts in scripts that it keeps readable, "bpe" for others.

    Raises ``DtypeError`` for what is no list of strings.

    >>> suitable_tokenizer(["José lacht"]), suitable_tokenizer(["नमस्ते"])
    ('wordpiece', 'bpe')
    """
    texts = check_strings("suitable_tokenizer: texts", texts)
    step = max(1, len(texts) // SAMPLE)
    counts = Counter(char for text in texts[::step] for char in text if char.isalpha())
    others = sum(
        n for char, n in counts.items() if not unicodedata.name(char, "").startswith(PLAIN)
    )
    return "bpe" if others > RARE * counts.total() else "wordpiece"


def unknown_share(tokenizer: Tokenizer, texts: Iterable[str]) -> float:
    """The share of the tokens of the texts that are unknown; 0 if there are no tokens.

    Raises ``DtypeError`` for what is no list of strings.

    >>> from npft.text.wordpiece import WordPiece
    >>> tok = WordPiece.train(["aa ab", "ab"], vocab_size=20)
    >>> unknown_share(tok, ["ab x", "ab ab"])
    0.25
    """
    unknown = total = 0
    for text in check_items("unknown_share: texts", texts):
        ids = tokenizer.encode(text)
        total += len(ids)
        unknown += ids.count(tokenizer.unk_id) if tokenizer.unk_id is not None else 0
    return unknown / max(1, total)
