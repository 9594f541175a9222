"""Heads saved before they had all of today's options load, and score as they did.

``saved_before/*/model.npz`` are of format 2, written when tags had no scheme and classes no positive
one; ``said.json`` holds what each predicted then, and its score.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from npft.encoder.checkpoint import read_manifest, save
from npft.errors import CheckpointError
from npft.finetune.train import evaluate
from npft.loading import load
from npft.text.examples import Examples
from npft.text.tagged import TaggedTexts

FOLDER = Path(__file__).parent / "saved_before"
SAID = json.loads((FOLDER / "said.json").read_text(encoding="utf-8"))
FORMAT_1 = Path(__file__).parents[1] / "encoder" / "format_1"


def same_figures(score, before):
    found = score.as_dict()
    assert set(before) <= set(found)
    for name, value in before.items():
        assert np.allclose(found[name], value, rtol=0, atol=1e-6), name


@pytest.mark.parametrize("name, tags, scheme, averaged", [
    ("tags_bio", "bio", "bio", "entities, BIO"),
    ("tags_iobes", "iobes", "plain", "macro over 5 tags"),  # what it was, and the score says so
])
def test_a_tagger_without_a_scheme_scores_as_it_did(name, tags, scheme, averaged, tmp_path):
    manifest, _ = read_manifest(FOLDER / name)
    assert manifest["version"] == 2 and list(manifest["options"]["tags"]["options"]) == [
        "label_names"]
    model = load(FOLDER / name)
    save(tmp_path, model)  # and goes on with its scheme
    for one in (model, load(tmp_path)):
        assert one.head().scheme == scheme and one.head().pieces == "first"
        assert one.predict(SAID["words"]) == SAID[name]["predicted"]
        found = evaluate(one, one.batch_of(TaggedTexts(SAID["words"], SAID[tags])))
        same_figures(found, SAID[name]["score"])
        assert found.averaged == averaged


def test_a_classifier_without_a_positive_class_scores_as_it_did(tmp_path):
    model = load(FOLDER / "classes")
    save(tmp_path, model)
    for one in (model, load(tmp_path)):
        assert one.head().positive is None and one.predict(SAID["texts"]) == SAID["classes"][
            "predicted"]
        examples = Examples(SAID["texts"], SAID["labels"], ["ham", "spam"])
        found = evaluate(one, one.batch_of(examples))
        same_figures(found, SAID["classes"]["score"])
        assert found.averaged == "binary, positive class 'spam'"


def test_a_tagger_of_format_1_is_read_alike():
    assert load(FORMAT_1 / "token_classifier").head().scheme == "bio"


@pytest.mark.parametrize("options, words", [
    ({}, "label_names"), ({"label_names": 5}, "int"), ({"label_names": [1, 2]}, "int"),
    ({"label_names": ["a", "b"], "scheme": "BIO"}, "scheme is 'BIO'"),
    ({"label_names": ["O", "E-X"], "scheme": "bio"}, "the tag 'E-X' is none of bio"),
    ({"label_names": ["a", "b"], "scheme": None, "more": 1}, "more"),
    ({"label_names": ["a", "b"], "pieces": "last"}, "pieces is 'last'"),
    ({"label_names": ["a", "b"], "pieces": {}}, "pieces is {}"),
    ({"label_names": ["a", "b"], "scheme": None}, "its heads are .* expected"),
    ([], "list"),
])
def test_options_that_no_tagger_has_are_a_damaged_file(options, words, tmp_path, monkeypatch):
    model = load(FOLDER / "tags_bio")
    kept = model.options()
    kept["tags"]["options"] = options
    monkeypatch.setattr(model, "options", lambda: kept)
    save(tmp_path, model)
    with pytest.raises(CheckpointError, match=words):
        load(tmp_path)
