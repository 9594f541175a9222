"""Writes bpe_fixture.json: what the ``tokenizers`` package learns from words, and its cuts.

    python -m venv bench && bench/bin/pip install tokenizers
    bench/bin/python tests/text/make_bpe_fixture.py

Its trainer takes, of pairs with equal counts, the one with the smallest numbers, and numbers its
alphabet by the order of characters. So each byte b is written as the character U+4E00 + b, and the
numbers of the alphabet are the bytes. Pieces are then numbered as npft numbers them (260 is the
first that is learnt). Needs nothing of npft.
"""

import json
from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.trainers import BpeTrainer

HERE = Path(__file__).parent
FIRST = 0x4E00
VOCAB_SIZE = 400  # 256 bytes, 4 special tokens, 140 merges
TEXT = """
    It is a truth universally acknowledged that a single man in possession of a good fortune must be
    in want of a wife However little known the feelings or views of such a man may be on his first
    entering a neighbourhood this truth is so well fixed in the minds of the surrounding families
    that he is considered as the rightful property of some one or other of their daughters
    banana bananas banana aaaa aaaaaa aaa abab ababab baba café cafés naïve naïveté Ångström über
    привет привета приветы 東京 東京都 東京都庁 😀 😀😀 👍🏽 👍🏽👍🏽 1815 1815 1816 2024 ... ... !! ?!
"""
EXTRA = [
    "neighbourhoods", "unknown", "truthfulness", "surroundings", "ananas", "aaaaaaaaa", "bab",
    "ba", "z", "é", "ï", "東", "京東", "привет", "ветер", "😀😀😀", "👍", "18151816", "....",
    "?!?!", "\u0301", "\u200d", "\x00", "ﬁ", "שלום", "السلام",
]


def written(text):
    """A text as characters that stand for its bytes."""
    return "".join(chr(FIRST + byte) for byte in text.encode())


def words_of(text):
    """The first word of each line has no space before it, the others have one."""
    for line in text.split("\n"):
        for place, word in enumerate(line.split()):
            yield word if place == 0 else " " + word


def main():
    counts = Counter(words_of(TEXT))
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = WhitespaceSplit()
    trainer = BpeTrainer(
        vocab_size=VOCAB_SIZE - 4, min_frequency=2, show_progress=False,
        initial_alphabet=[chr(FIRST + byte) for byte in range(256)],
    )
    tokenizer.train_from_iterator((written(w) for w in counts.elements()), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    ours = {piece: i if i < 256 else i + 4 for piece, i in model["vocab"].items()}
    words = sorted({*counts, *EXTRA, *(" " + word for word in EXTRA)})
    cuts = [
        [word, [ours[token.value] for token in tokenizer.model.tokenize(written(word))]]
        for word in words
    ]
    fields = {
        "words": dict(sorted(counts.items())),
        "vocab_size": VOCAB_SIZE,
        "merges": [[ours[left], ours[right]] for left, right in model["merges"]],
        "cuts": cuts,
    }
    rows = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in fields.items()]
    path = HERE / "bpe_fixture.json"
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    print(f"{path}: {len(fields['merges'])} merges, {len(cuts)} words, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
