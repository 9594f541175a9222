"""npft.load: one door for every kind of model."""

import json
from dataclasses import replace

import numpy as np
import pytest

from npft.embed.sentences import SentenceEncoder
from npft.encoder.checkpoint import save, write_arrays
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import CheckpointError
from npft.heads.answers import SpanFinder
from npft.heads.boundary import SpanLM
from npft.heads.classes import Classes, Classifier
from npft.heads.crf import ChainTagger
from npft.heads.cloze import ClozeClassifier
from npft.heads.grades import Regressor
from npft.heads.span_tags import SpanTagger
from npft.heads.tags import Tags, TokenClassifier
from npft.heads.words import MaskedLM
from npft.loading import KINDS, load
from npft.pretraining.causal import CausalLM
from npft.pretraining.electra import ReplacedTokens
from npft.text.bytes import ByteTokenizer
from npft.text.wordpiece import WordPiece


def models():
    rng = np.random.default_rng(0)
    config = EncoderConfig(vocab_size=260, hidden_size=4, num_layers=1, num_heads=2,
                           intermediate_size=4, max_positions=8)
    encoder = Encoder(config, tokenizer=ByteTokenizer(), rng=rng)
    causal = Encoder(replace(config, causal=True), tokenizer=ByteTokenizer(), rng=rng)
    words = WordPiece.train(["good bad"] * 3, vocab_size=30)
    asked = MaskedLM(Encoder(config, tokenizer=words, rng=rng), rng=rng)
    return {"encoder": encoder, "masked_lm": MaskedLM(encoder, rng=rng),
            "span_lm": SpanLM(encoder, rng=rng), "causal_lm": CausalLM(causal, rng=rng),
            "replaced_tokens": ReplacedTokens(encoder, rng=rng),
            "classifier": Classifier(encoder, 2, rng=rng), "regressor": Regressor(encoder, rng=rng),
            "token_classifier": TokenClassifier(encoder, ["O", "B-PER"], "bio", rng=rng),
            "chain_tagger": ChainTagger(encoder, ["O", "B-PER"], "bio", rng=rng),
            "cloze_classifier": ClozeClassifier(
                asked, {"yes": ["good"], "no": ["bad"]}, "{text} [MASK]"),
            "span_finder": SpanFinder(encoder, rng=rng),
            "span_tagger": SpanTagger(encoder, ["PER", "LOC"], "attention", rng=rng),
            "sentence_encoder": SentenceEncoder(encoder),
            "model": Model(encoder, {"topic": Classes(encoder, ["a", "b"], rng=rng),
                                     "tags": Tags(encoder, ["O", "B-PER"], "bio", rng=rng)},
                           {"tags": 0.5})}


def test_each_kind_comes_back_as_its_class_with_its_body(tmp_path):
    assert set(KINDS) == set(models())
    for kind, model in models().items():
        save(tmp_path / kind, model)
        for path in (tmp_path / kind, str(tmp_path / kind)):
            again = load(path)
            assert type(again) is type(model) is KINDS[kind] and again.kind == kind
            assert type(again.body) is Encoder
            assert not any(module.training for module in again.body.modules())
            before, after = model.body.state_dict(), again.body.state_dict()
            assert all(before[n].tobytes() == after[n].tobytes() for n in before)
            assert again.body.tokenizer.kind == model.body.tokenizer.kind


def test_a_loaded_body_takes_a_new_head(tmp_path):
    save(tmp_path, models()["masked_lm"])
    clf = Classifier(load(tmp_path).body, 2, rng=np.random.default_rng(0)).eval()
    assert clf.predict_proba(["ab", "c"]).shape == (2, 2)


@pytest.mark.parametrize("kind", ["decoder", "", None, 3, ["encoder"], {"encoder": 1}])
def test_an_unknown_kind_is_refused_with_the_known_ones(tmp_path, kind):
    manifest = {"format": "npft", "version": 1, "kind": kind, "config": {}, "tokenizer": None,
                "options": {}}
    data = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    write_arrays(tmp_path / "model.npz", {"manifest": data})
    with pytest.raises(CheckpointError, match=r"holds .*, expected \['causal_lm', 'classifier', "):
        load(tmp_path)


def test_a_class_refuses_the_file_of_another_kind(tmp_path):
    for kind, model in models().items():
        save(tmp_path / kind, model)
    with pytest.raises(CheckpointError, match="holds a encoder, not a masked_lm; npft.load"):
        MaskedLM.load(tmp_path / "encoder")
    with pytest.raises(CheckpointError, match="holds a masked_lm, not a classifier; npft.load"):
        Classifier.load(tmp_path / "masked_lm")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no model.npz in this folder"):
        load(tmp_path)
