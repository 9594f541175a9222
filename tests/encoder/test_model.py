"""A copy of a model: equal, apart, and trainable; and what makes no model, or no batch of one."""

import numpy as np
import pytest

from npft import Classifier, Encoder, EncoderConfig, TokenClassifier, freeze_body
from npft.encoder.model import Model, copy_of
from npft.errors import ConfigError, DataError
from npft.heads.span_tags import SpanTagger
from npft.text import ByteTokenizer, Examples, TaggedTexts
from npft.text.batch import Batch

BATCH = Batch([104, 105, 106], [0, 2, 3], labels=[0, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_copy_says_the_same_in_the_same_dtype_and_shares_no_weight(dtype):
    rng = np.random.default_rng(0)
    model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng).astype(dtype).eval()
    copied = copy_of(model)
    before = model(BATCH).data
    assert copied(BATCH).data.dtype == dtype
    assert np.array_equal(copied(BATCH).data, before)
    for parameter in copied.parameters():
        parameter.assign(parameter.data + 1)
    assert np.array_equal(model(BATCH).data, before)


def test_a_copy_of_a_frozen_model_trains():
    rng = np.random.default_rng(0)
    model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    freeze_body(model)
    assert all(p.requires_grad for p in copy_of(model).parameters())
    assert not model.encoder.parameters()[0].requires_grad


def encoder():
    config = EncoderConfig.lesson()
    return Encoder(config, tokenizer=ByteTokenizer(), rng=np.random.default_rng(0))


def test_a_model_is_made_of_an_encoder_and_of_weights_by_name():
    body = encoder()
    heads = Classifier(body, 2, rng=np.random.default_rng(0)).heads
    model = Model(body, heads)
    for given, kind in (("x", "str"), (model, "Model"), (EncoderConfig.lesson(), "EncoderConfig")):
        with pytest.raises(ConfigError, match=f"Model: encoder is {kind}, expected an Encoder"):
            Model(given, heads)
    with pytest.raises(ConfigError, match=r"loss_weights are \['a'\], expected a dict of numbers"):
        Model(body, heads, ["a"])


def test_a_batch_is_made_of_examples():
    rng = np.random.default_rng(0)
    tags = TaggedTexts([["Emil", "rows"]], [["B-PER", "O"]])
    for model, given, words in [
        (Classifier(encoder(), 2, rng=rng), ["abc"], "Classes: the examples are a list, expected E"),
        (Classifier(encoder(), 2, rng=rng), "abc", r"a str, .*: make Examples\(texts, labels=...\)"),
        (Classifier(encoder(), 2, rng=rng), tags, "examples are a TaggedTexts, expected Examples"),
        (TokenClassifier(encoder(), ["NOUN", "VERB"], rng=rng), Examples(["a"], [0]),
         "Tags: the examples are a Examples, expected TaggedTexts"),
        (SpanTagger(encoder(), ["PER"], rng=rng), ["abc"], "the examples are a list, expected Tag"),
    ]:
        with pytest.raises(DataError, match=words):
            model.batch_of(given)


def test_examples_may_be_of_any_class_with_texts_and_pairs():
    class Own:
        texts, pairs, labels, label_names = ["ab", "c"], None, np.array([1, 0]), []

    model = Classifier(encoder(), 2, rng=np.random.default_rng(0))
    assert model.batch_of(Own()).labels.tolist() == [1, 0]
