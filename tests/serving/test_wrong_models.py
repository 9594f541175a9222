"""What is no model, text, block or number is refused in words by all that makes models smaller."""

import numpy as np
import pytest

from npft import MaskedLM, SentenceEncoder, quantize
from npft.encoder.additions import (
    add_adapters, add_lora, additions_of, kinds_of, merge_lora, switched_off,
)
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, NpftError
from npft.pretrained import write_pretrained
from npft.pretraining.masking import mask_tokens
from npft.pretraining.permuted import permute_tokens
from npft.pretraining.spans import mask_spans
from npft.serving.blocks import keep_blocks
from npft.serving.students import train_student
from npft.serving.vectors import train_student_encoder
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
DOCUMENTS = [["to be or not", "that is the question"]] * 2
WRONG = {
    "None": None, "a number": 3.5, "a negative": -1, "a string": "x", "a list": [1.5],
    "an object": object(), "an array": np.ones(2), "a dict": {"x": 2}, "nan": float("nan"),
    "a list of lists": [[0]], "a class": Encoder, "a bool": True,
}  # fmt: skip


def rng():
    return np.random.default_rng(0)


def encoder():
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_heads=2, intermediate_size=8,
                           max_positions=24)
    return Encoder(config, tokenizer=TOK, rng=rng()).eval()


def calls(tmp_path):
    """By name, what takes one argument that may be wrong; all others are right."""
    def student(**other):
        teacher = MaskedLM(encoder(), nsp=False, rng=rng()).eval()
        given = {"student": keep_blocks(teacher, [0]), "teacher": teacher, "documents": DOCUMENTS}
        return train_student(**given | {"steps": 1, "batch_size": 2, "rng": rng()} | other)

    def vectors(**other):
        teacher = SentenceEncoder(encoder())
        given = {"student": keep_blocks(teacher, [0]), "teacher": teacher, "texts": DOCUMENTS[0]}
        return train_student_encoder(**given | {"steps": 1, "rng": rng()} | other)

    def off(x):
        with switched_off(x):
            pass

    return {
        **{f"student: {name}": lambda x, name=name: student(**{name: x})
           for name in ("student", "teacher", "documents", "steps", "batch_size", "lr", "every",
                        "terms", "measure", "rng")},
        **{f"vectors: {name}": lambda x, name=name: vectors(**{name: x})
           for name in ("student", "teacher", "texts", "steps", "batch_size", "lr", "every",
                        "measure", "rng")},
        "keep_blocks: model": lambda x: keep_blocks(x, [0]),
        "keep_blocks: blocks": lambda x: keep_blocks(encoder(), x),
        "keep_blocks: a block": lambda x: keep_blocks(encoder(), [0, x]),
        "quantize: model": quantize,
        "quantize: kind": lambda x: quantize(encoder(), x),
        "write_pretrained: model": lambda x: write_pretrained(x, tmp_path),
        "add_lora: model": lambda x: add_lora(x, rng=rng()),
        "add_lora: rank": lambda x: add_lora(encoder(), x, rng=rng()),
        "add_lora: rng": lambda x: add_lora(encoder(), rng=x),
        "add_adapters: model": lambda x: add_adapters(x, rng=rng()),
        "add_adapters: width": lambda x: add_adapters(encoder(), x, rng=rng()),
        "add_adapters: rng": lambda x: add_adapters(encoder(), rng=x),
        "merge_lora": merge_lora, "switched_off": off, "additions_of": additions_of,
        "kinds_of": kinds_of,
        **{f"{mask.__name__}: rng": lambda x, mask=mask: mask(TOK(["to be"]), TOK, rng=x)
           for mask in (mask_tokens, mask_spans, permute_tokens)},
    }  # fmt: skip


ALLOWED = {
    "student: measure": ["None", "a class"], "vectors: measure": ["None", "a class"],
    "vectors: texts": ["a dict"],  # its keys are texts
    "student: lr": ["a number"], "vectors: lr": ["a number"],  # large, and a number
}


@pytest.mark.parametrize("name", calls(None))
def test_a_wrong_argument_is_told_in_words(name, tmp_path):
    call = calls(tmp_path)[name]
    for kind, wrong in WRONG.items():
        if kind not in ALLOWED.get(name, []):
            with pytest.raises(NpftError):
                call(wrong)


@pytest.mark.parametrize("found, message", [
    (3, "3, expected figures by name"), (None, "None"), ([1], r"\[1\]"),
    ({"loss": 1.0}, "'loss', which is measured anyway"), ({"step": 1}, "'step'"),
    ({"train_kl": 1.0}, "'train_kl'"), ({"f1": "high"}, "'high' for 'f1', expected a number"),
])
def test_what_measure_returns_is_looked_at(found, message):
    wise = SentenceEncoder(encoder())
    with pytest.raises(ConfigError, match=f"train_student_encoder: measure returned.*{message}"):
        train_student_encoder(keep_blocks(wise, [0]), wise, DOCUMENTS[0], steps=1,
                              measure=lambda model: found, rng=rng())
