"""Writes byte_level_fixture.json: a vocabulary that ``tokenizers`` learnt, and its cuts of texts.

    python -m venv bench && bench/bin/pip install tokenizers
    bench/bin/python tests/text/make_byte_level_fixture.py

The texts are words, odd texts written by hand, and random characters of the whole of Unicode that
Python 3.10 knows, so that every class of the rules is met. Needs nothing of npft.
"""

import json
import random
import unicodedata
from pathlib import Path

from make_bpe_fixture import TEXT
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
ODD = [
    "", " ", "  ", "\n", "a", " a", "a ", "  a", "a  b", "a \n b", "\ta\t\tb", "a\xa0\xa0b",
    "Don't", "DON'T we'll they've I'm she'd he's you're 'tis ''s 's", "x's's", "!'s",
    "don\u2019t", "1st 2nd", "a1b2 3c", "\xbd\u2167x", "caf\xe9 cafe\u0301", "\x1c\x1d a\x1f",
    "a\x85b", "\u3000a", "\u200b x", "a\x00b", "\U0001f600\U0001f600 !",
    "\u6771\u4eac\u90fd 2024", "it is  a   man", "_x_ __", "\u2028\u2029 a",
]  # fmt: skip


def random_texts(rng, count):
    """Texts of characters of all classes, some of them apart by spaces."""
    known = [
        chr(c) for c in range(0x110000)
        if unicodedata.ucd_3_2_0.category(chr(c)) not in ("Cn", "Cs", "Co")
    ]  # fmt: skip
    plain = " \n\t''strevmld aABC019.,!-"
    for _ in range(count):
        size = rng.randint(1, 25)
        yield "".join(rng.choice(rng.choice((plain, plain, known))) for _ in range(size))


def main():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=420, min_frequency=2, show_progress=False, special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(TEXT.split("\n"), trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), False, False)
    model = json.loads(tokenizer.to_str())["model"]
    texts = [*ODD, *random_texts(random.Random(0), 400), TEXT, "ab" * 200]
    cases = []
    for text in texts:
        row = [text]
        for prefix in (False, True):
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
            row.append(tokenizer.encode(text, add_special_tokens=False).ids)
        cases.append(row)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pair = ["a truth", "a good man"]
    fields = {
        "vocab": sorted(model["vocab"], key=model["vocab"].get),
        "merges": model["merges"],
        "pair": [*pair, tokenizer.encode(*pair).ids],
        "cases": cases,
    }
    rows = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in fields.items()]
    path = HERE / "byte_level_fixture.json"
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    print(f"{path}: {len(cases)} texts, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
