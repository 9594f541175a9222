"""Folders written before heads had names of their own still load, and say what they said.

``format_1/KIND/model.npz`` were written by the last version with format 1, and ``said.json`` holds
what each model said there.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from npft.encoder.checkpoint import read_manifest, save
from npft.encoder.format_1 import RENAMED, upgraded
from npft.errors import CheckpointError
from npft.loading import load
from npft.pretraining.masking import mask_tokens
from npft.pretraining.spans import mask_spans

FOLDER = Path(__file__).parent / "format_1"
FROZEN = json.loads((FOLDER / "said.json").read_text(encoding="utf-8"))
TEXTS, PAIRS = FROZEN["texts"], FROZEN["pairs"]


def rng():
    return np.random.default_rng(1)


def read(model, *pairs, labels=None):
    return model.body.tokenizer(TEXTS, *pairs, labels, max_length=24)


def by_length(batch):
    return batch[np.argsort(batch.lengths, kind="stable")]


def masked(model, batch):
    return mask_tokens(batch, model.body.tokenizer, rng=rng())


def cloze(model):
    return [list(guess) for guess in model.fill_mask("win a [MASK] prize", 3)[0]]


SAY = {
    "encoder": lambda m: {"hidden": m(read(m)).data[:4].tolist()},
    "masked_lm": lambda m: {
        "parts": m.loss(masked(m, read(m, PAIRS, labels=[1, 0, 1]))).parts, "fill": cloze(m)},
    "masked_lm_untied": lambda m: {"parts": m.loss(masked(m, read(m))).parts, "fill": cloze(m)},
    "span_lm": lambda m: {
        "parts": m.loss(mask_spans(read(m), m.body.tokenizer, rng=rng())).parts},
    "causal_lm": lambda m: {
        "perplexity": m.perplexity(TEXTS), "text": m.generate("win", 5, temperature=0, rng=rng())},
    "replaced_tokens": lambda m: {"measured": m.measure(masked(m, by_length(read(m))))},
    "classifier": lambda m: {"p": m.predict_proba(TEXTS).tolist(), "labels": m.predict(TEXTS)},
    "regressor": lambda m: {"grades": m.predict(TEXTS, PAIRS).tolist()},
    "token_classifier": lambda m: {"tags": m.predict([text.split() for text in TEXTS])},
    "span_finder": lambda m: {"answers": m.predict(PAIRS, TEXTS)},
    "sentence_encoder": lambda m: {"vectors": m.encode(TEXTS).tolist()},
}  # fmt: skip


def close(a, b):
    """Equal, numbers up to rounding: another matrix library adds in another order."""
    if isinstance(a, dict):
        return set(a) == set(b) and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float):
        return abs(a - b) <= 1e-4 * max(1.0, abs(a))
    return a == b


def test_every_kind_of_format_1_has_its_frozen_folder():
    kinds = {read_manifest(FOLDER / name)[0]["kind"] for name in SAY}
    assert kinds == set(RENAMED) and set(SAY) == set(FROZEN["said"])


@pytest.mark.parametrize("name", SAY)
def test_a_folder_of_format_1_says_what_it_said(name, tmp_path):
    model = load(FOLDER / name)
    assert close(FROZEN["said"][name], SAY[name](model))
    save(tmp_path, model)  # and goes on in today's format
    again = load(tmp_path)
    assert type(again) is type(model) and again.options() == model.options()
    before, after = model.state_dict(), again.state_dict()
    assert list(before) == list(after)
    assert all(before[n].tobytes() == after[n].tobytes() for n in before)


@pytest.mark.parametrize("kind, options", [
    ("masked_lm", {}), ("masked_lm", None), ("span_lm", []),
    ("token_classifier", {"label_names": ["a", "b"]}),
])  # fmt: skip
def test_options_that_format_1_did_not_have_are_refused(kind, options):
    manifest = {"kind": kind, "version": 1, "options": options}
    with pytest.raises(CheckpointError, match=f"are not those of a {kind}"):
        upgraded(manifest, {})


def test_a_kind_that_format_1_did_not_have_is_refused():
    manifest = {"kind": "model", "version": 1, "options": {}}
    with pytest.raises(CheckpointError, match=r"holds 'model', expected \['causal_lm'"):
        upgraded(manifest, {})
