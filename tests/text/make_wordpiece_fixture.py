"""Writes wordpiece_fixture.json: what the ``tokenizers`` package makes of awkward texts.

    python -m venv bench && bench/bin/pip install tokenizers
    bench/bin/python tests/text/make_wordpiece_fixture.py

The file holds one small vocabulary; texts with their ids, uncased and cased, from BertNormalizer,
BertPreTokenizer and the WordPiece model without added tokens; and, for every row of 4,096 Unicode
characters, a hash of the words that come of them. Needs nothing of npft.
"""

import hashlib
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
ROWS = [*range(0x40), 0xE0]  # where characters have names; the rest is empty or for private use

# Capital letters of Unicode 14 to 17: Python has their small letters only from some version on.
NEWER_CAPITALS = """
    1C89 2C2F A7C0 A7CB-A7CC A7CE A7D0 A7D2 A7D4 A7D6 A7D8 A7DA A7DC 10570-1057A 1057C-1058A
    1058C-10592 10594-10595 10D50-10D65 16EA0-16EB8
"""

TEXTS = [
    # plain English
    "the quick brown fox jumps over the lazy dog", "The Quick BROWN fOX", "unlocked unlockable",
    "Don't stop!", "It's John's; they're OK.", "e-mail, re-use, co-operate", "U.S.A. and U.K.",
    "3.14 + 2 = 5.14", "1,000,000", "50% off!!!", "a_b snake_case", "C++ and C#", "a/b\\c|d",
    "user@example.org", "http://www.example.org/~me?x=1&y=2#top", "$5 `code` ^caret ~tilde",
    "(a) [b] {c} <d>", "\"quoted\" 'single'", "...", "?!", "-", "a--b", "!a!b!", "2nd 3rd x2",
    # nothing, and spaces
    "", " ", "\t\n\r ", "  lead and trail  ", "a\tb\nc\rd", "a\r\nb", "a\u00a0b", "a\u1680b",
    "a\u2000b\u2001c\u2002d\u2003e", "a\u2009b\u200ac", "a\u2028b\u2029c", "a\u202fb\u205fc",
    "a\u3000b", "\u00a0", "a\u180eb",
    # control and format characters
    "a\0b", "\0", "a\x01b\x02c", "a\x07\x08b", "a\x0bb", "a\x0cb", "a\x1b[31mred\x1b[0m",
    "a\x1cb\x1dc\x1ed\x1fe", "a\x7fb", "a\x80b", "a\x85b", "a\x9fb", "soft\u00adhyphen",
    "zero\u200bwidth", "zwnj\u200chere", "zwj\u200dhere", "word\u2060joiner", "\ufeffbom",
    "a\ufeffb", "a\u200eb\u200fc", "\u202ba\u202cb\u202dc\u202ed", "a\u2066b\u2067c\u2069d",
    "bad\ufffdbyte", "\ufffd", "a\ufffcb", "a\ue000b", "a\uf8ffb", "a\U000f0000b",
    "a\U0010fffdb", "a\ufdd0b", "a\uffffb", "a\U000e0001b", "a\u0378b", "a\U000e0100b",
    # accents, composed and not
    "Caf\u00e9 na\u00efve r\u00e9sum\u00e9", "Cafe\u0301 nai\u0308ve", "\u00c5ngstr\u00f6m",
    "\u212bngstrom", "A\u030angstrom", "\u1e9b\u0323", "e\u0301\u0302\u0303", "\u0301", "\u0301a",
    " \u0301 a", "o\u0337 \u00f8 \u0142 \u0111", "Vi\u1ec7t Nam \u0110\u00e0 N\u1eb5ng",
    "\u00fc\u00df \u1e9e stra\u00dfe STRA\u00dfE", "\u0149 \u01c5 \u01f0", "\u00e6 \u00c6 \u0153",
    "fi\ufb01 \ufb00ox \ufb05 \ufb06", "\u017fong s", "z\u0335\u0334\u0321algo", "\u20dda a\u20dd",
    # case
    "\u0130stanbul Istanbul \u0131", "I\u0307", "\u0130", "\u03a3\u03b1\u03c2 \u03a3\u0391\u03a3",
    "\u039f\u0394\u039f\u03a3", "\u1f80\u1f88 \u1fb3\u1fbc", "\u1fef \u037e \u0387",
    "\u2126 \u212a \u2160\u2170", "\u24b6\u24d0", "\U00010400\U00010428", "\u10a0\u2d00",
    "\u13a0\uab70", "\u1c90\u10d0", "\u01c4 \u01f1",
    # scripts with their own writing
    "\u6771\u4eactower", "\u4e00\u4e8c\u4e09", "a\u3400b\u4dbfc", "\u4dc0 \u9fff \ua000",
    "\uf900\ufaff", "\U00020000\U0002a6df", "\U0002a700\U0002b73f", "\U0002b740\U0002b81f",
    "\U0002b820\U0002b91f", "\U0002b920\U0002ceaf", "\U0002f800\U0002fa1d", "\U00030000a",
    "\u3053\u3093\u306b\u3061\u306f", "\u30ac\u30ae \u304b\u3099", "\uff76\uff9e", "\u3001\u3002",
    "\u300c\u6771\u300d", "\ud55c\uad6d\uc5b4", "\u1112\u1161\u11ab", "\uac00\uac01",
    "a\u302eb\u302f", "\u3131\u314f", "\u0645\u0631\u062d\u0628\u0627 \u061f\u060c",
    "\u0627\u0644\u0633\u064e\u0651\u0644\u0627\u0645", "\u0622\u0623\u0624\u0625\u0626",
    "\u0640\u0640", "\u0661\u0662\u0663", "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\u05be",
    "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0915\u093c \u0958", "\u0964\u0965",
    "\u09cb \u09c7\u09be", "\u0bb5\u0ba3\u0b95\u0bcd\u0b95\u0bae\u0bcd", "\u0e2a\u0e27\u0e31\u0e2a",
    "\u0e40\u0e1e\u0e37\u0e48\u0e2d\u0e19", "\u0f40\u0f0b\u0f0d", "\u1000\u1031", "\u1780\u17d2",
    "\u1200\u1361", "\u041f\u0440\u0438\u0432\u0435\u0442 \u0439 \u0451", "\u0407\u0457",
    "\u0531\u0561 \u055a\u0589", "\u1a1e\u1a20", "\u1b44a", "\U0001d165a", "\U0001d400\U0001d7d8",
    # signs
    "\u00ab\u00bb \u2018\u2019 \u201c\u201d \u2013\u2014 \u2026", "\u00a1hola\u00bf",
    "\u00b7 \u2022",
    "\u2010\u2011\u2012\u2015 \u2212", "\u203f\u2040\u2054 \ufe33", "\u0f3a\u0f3b\u169b",
    "\u2045\u2046",
    "\u2329\u232a \u27e8\u27e9", "\u2e28\u2e29 \u2e3a", "\u2e43\u2e44", "\u00a7 \u00b6",
    "\u20ac\u00a3\u00a5",
    "\u00a9\u00ae\u2122 \u00b0", "\u00b2\u00b3\u00b9 \u00bd \u2153", "\u2190\u2192 \u221e\u2260",
    "\u2500\u2588", "\u3030\u303d", "\uff01\uff02\uff21\uff41\uff11", "\ufe50\ufe52",
    "\u166d \u1734",
    "\U00010100", "\U00011047", "\U000111c9", "\U0001056f", "x\u05f3y\u05f4", "\u070d", "\u1361",
    # emoji
    "hi \U0001f600", "\U0001f600\U0001f601", "a\U0001f600b", "\u2764\ufe0f \u2764",
    "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea",
    "1\ufe0f\u20e3", "\U0001f3f4\U000e0067\U000e007f", "\u263a\ufe0e", "\U0001fae0\U0001fae8",
    # marks and signs that came after Unicode 8
    "a\u1abfb\u1dfbc", "a\u0898b", "\u0c77a", "a\u061db", "a\U00011c30b", "a\U0001e944b", "\u2e52",
    # special tokens and pieces typed by a user
    "[MASK]", "[mask]", "the [MASK] sat", "[CLS] a [SEP]", "[PAD][PAD]", "[UNK]", "[unused1]",
    "##s", "a ##s", "##", "#", "un##lock", "[ MASK ]", "\uff3bMASK\uff3d", "[MA\u200bSK]",
    # long words
    "a" * 99, "a" * 100, "a" * 101, "a" * 200, "\u00e9" * 100, "e\u0301" * 100, "e\u0301" * 101,
    "\u00e9" * 101, "a\u200b" * 100, "\uac01" * 33, "\uac01" * 34, "\uac00" * 50, "\uac00" * 51,
    "." * 101, "\u6771" * 101, "a" * 100 + "." + "b" * 101, "\U0001f600" * 100, "\U0001f600" * 101,
    # longest match: what fits first may lead to a dead end
    "abcd abce abcx", "ab abc abcab", "aaab aab ab", "zzz", "qq qa aq",
]


def pipeline(vocab, lowercase):
    """The package's WordPiece, raw: no added tokens, nothing set round the text."""
    # imported here because pytest looks for doctests in this file, too, where there is no package
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    ids = {piece: i for i, piece in enumerate(vocab)}
    tok = Tokenizer(WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tok.normalizer = BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=lowercase
    )
    tok.pre_tokenizer = BertPreTokenizer()
    return tok


def words_of(tok, text):
    return [w for w, _ in tok.pre_tokenizer.pre_tokenize_str(tok.normalizer.normalize_str(text))]


def small_vocabulary():
    """Most characters of the texts, so that a wrong normal form shows in the ids; some pieces.

    Every ninth character is left out to have unknown words. The special tokens stand at odd places.
    """
    firsts, inner = Counter(), Counter()
    for lowercase in (True, False):
        tok = pipeline(["[UNK]"], lowercase)
        for text in TEXTS:
            for word in words_of(tok, text):
                firsts[word[0]] += 1
                inner.update(word[1:])
    pieces = [c for i, c in enumerate(sorted(firsts)) if i % 9 or c.isascii()]
    pieces += ["##" + c for i, c in enumerate(sorted(inner)) if i % 9 or c.isascii()]
    drop = {"q", "##q", "##x", "##z"}
    pieces = [p for p in pieces if p not in drop]
    pieces += [
        "the", "The", "un", "##lock", "##able", "##ed", "unlock", "ab", "abc", "##cd", "##ce", "aa",
        "aaa", "##aaa", "##aab", "mask", "MASK", "unused", "caf\u00e9", "cafe", "\u03c3\u03b1",
        "##\u03c3", "##\u03c2", "\u1112\u1161", "##\u11ab", "##'s", "don't", "...", "##."
    ]
    pieces = list(dict.fromkeys(pieces))
    return [
        "[unused0]", "[PAD]", *pieces[:40], "[unused1]", "[MASK]", "[SEP]", *pieces[40:],
        "[UNK]", "[unused2]", "[CLS]",
    ]


def codes_of(blocks):
    for low, _, high in (block.partition("-") for block in blocks.split()):
        yield from range(int(low, 16), int(high or low, 16) + 1)


def row_of_characters(row, left_out):
    """a?b for each of 4,096 characters, but for the surrogates and those left out."""
    codes = range(4096 * row, 4096 * (row + 1))
    kept = [c for c in codes if not 0xD800 <= c <= 0xDFFF and c not in left_out]
    return " ".join(f"a{chr(code)}b" for code in kept)


def hash_of(words):
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]


def main():
    import tokenizers

    assert len(TEXTS) == len(set(TEXTS)) >= 150
    vocab = small_vocabulary()
    uncased, cased = pipeline(vocab, True), pipeline(vocab, False)
    left_out = set(codes_of(NEWER_CAPITALS))
    assert all(chr(c).lower() != chr(c) or unicodedata.category(chr(c)) == "Cn" for c in left_out)
    fixture = {
        "made_with": f"tokenizers {tokenizers.__version__}",
        "vocab": vocab,
        "left_out": NEWER_CAPITALS.split(),
        "texts": [],
        "rows": {},
    }
    for text in TEXTS:
        a = uncased.encode(text, add_special_tokens=False)
        b = cased.encode(text, add_special_tokens=False)
        fixture["texts"].append({"text": text, "uncased": a.ids, "cased": b.ids})
    for row in ROWS:
        text = row_of_characters(row, left_out)
        hashes = [hash_of(words_of(tok, text)) for tok in (uncased, cased)]
        fixture["rows"][row] = dict(zip(("uncased", "cased"), hashes))
    lines = json.dumps(fixture, indent=1)
    lines = re.sub(r"\n {3,}(?=\S)|\n  (?=\})", " ", lines)
    (HERE / "wordpiece_fixture.json").write_text(lines + "\n", encoding="ascii")
    unknown = sum(vocab.index("[UNK]") in case["uncased"] for case in fixture["texts"])
    print(f"{len(TEXTS)} texts, {unknown} with unknown words, {len(vocab)} pieces")


if __name__ == "__main__":
    main()
