"""The same bits on any number of threads, for all that trains or predicts."""

import numpy as np
import pytest

from npft import (
    Classifier, Encoder, EncoderConfig, MaskedLM, TinyWorld, WordPiece, pretrain, set_threads,
)
from npft.autograd import machine
from npft.errors import DataError
from npft.finetune.train import fine_tune
from npft.heads.answers import SpanFinder
from npft.heads.grades import Regressor
from npft.heads.tags import TokenClassifier
from npft.nn import packs
from npft.text.batch import IGNORE, NO_SPAN, Batch
from npft.worlds.questions import questions_task
from npft.worlds.tags import entities_task


@pytest.fixture(autouse=True)
def one_thread_afterwards():
    yield
    set_threads(1)


@pytest.fixture(scope="module")
def words():
    documents = [d.sentences for d in TinyWorld(0).documents(40)]
    return documents, WordPiece.train([s for d in documents for s in d], vocab_size=300)


def encoder_of(tokenizer, dropout=0.1):
    config = EncoderConfig(vocab_size=300, hidden_size=16, num_heads=2, intermediate_size=32,
                           max_positions=64, dropout=dropout)
    return Encoder(config, tokenizer=tokenizer, rng=np.random.default_rng(0))


def bits(model):
    return {name: array.tobytes() for name, array in model.state_dict().items()}


@pytest.mark.parametrize("micro_batch", [None, 7])
def test_pretraining_has_the_same_bits_on_any_number_of_threads(words, micro_batch, monkeypatch):
    monkeypatch.setattr(packs, "PACK", 64)  # so that a small batch has several packs
    documents, tokenizer = words

    def run(threads):
        set_threads(threads)
        rng = np.random.default_rng(1)
        mlm = MaskedLM(encoder_of(tokenizer), rng=rng)
        history = pretrain(mlm, documents, steps=6, batch_size=24, every=3, lr=1e-2, rng=rng,
                           held_out=documents[:9], micro_batch=micro_batch)
        return bits(mlm), history.rows

    assert run(1) == run(2) == run(5)


def sequences(tokenizer):
    texts = [s for d in TinyWorld(1).documents(8) for s in d.sentences]
    data = tokenizer(texts, labels=np.arange(len(texts)) % 3, max_length=64)
    return lambda rng: Classifier(encoder_of(tokenizer), 3, rng=rng), data


def tags(tokenizer):
    task = entities_task(TinyWorld(1), 30)
    names = sorted({tag for row in task.tags for tag in row})

    def make(rng):
        return TokenClassifier(encoder_of(tokenizer), names, rng=rng)

    return make, make(np.random.default_rng(0)).batch_of(task)


def answers(tokenizer):
    task = questions_task(TinyWorld(1), 30)

    def make(rng):
        return SpanFinder(encoder_of(tokenizer), rng=rng)

    return make, make(np.random.default_rng(0)).batch_of(task)


@pytest.mark.parametrize("task", [sequences, tags, answers])
def test_fine_tuning_has_the_same_bits_on_any_number_of_threads(words, task, monkeypatch):
    monkeypatch.setattr(packs, "PACK", 64)
    make, data = task(words[1])

    def run(threads):
        set_threads(threads)
        model = make(np.random.default_rng(2))
        fine_tune(model, data, epochs=1, batch_size=16, rng=np.random.default_rng(3))
        return bits(model)

    assert run(1) == run(2) == run(5)


@pytest.mark.parametrize("task", [sequences, tags, answers])
def test_fine_tuning_in_packs_is_fine_tuning_on_whole_batches(words, task, monkeypatch):
    """Packs have different numbers of labels, so the mean of their losses would be off."""
    make, data = task(words[1])

    def run(pack):
        monkeypatch.setattr(packs, "PACK", pack)
        model = make(np.random.default_rng(2)).astype(np.float64)
        for module in model.modules():
            if hasattr(module, "p"):
                module.p = 0.0  # packs have dropout of their own
        history = fine_tune(model, data, epochs=1, batch_size=16, rng=np.random.default_rng(3))
        return history["loss"], model.state_dict()

    (loss_a, a), (loss_b, b) = run(10**9), run(64)
    np.testing.assert_allclose(loss_a, loss_b, rtol=1e-9)
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-5, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("task", [tags, answers])
def test_a_batch_without_a_label_is_left_out_in_packs_as_well_and_none_with_one_is_refused(
    words, task, monkeypatch
):
    make, data = task(words[1])
    if task is tags:
        without = Batch(data.ids, data.offsets, data.token_types, words=data.words,
                        token_labels=np.full_like(data.token_labels, IGNORE))
    else:
        without = Batch(data.ids, data.offsets, data.token_types, words=data.words,
                        spans=np.full_like(data.spans, NO_SPAN))
    train = Batch.concat([data[:4], without])  # batches without any label are certain
    for pack in (10**9, 64):
        monkeypatch.setattr(packs, "PACK", pack)
        history = fine_tune(make(np.random.default_rng(2)), train, epochs=1, batch_size=6,
                            rng=np.random.default_rng(3))
        assert np.isfinite(history["loss"]).all()
        with pytest.raises(DataError, match="label|span|answer"):
            fine_tune(make(np.random.default_rng(2)), without, epochs=1, batch_size=6,
                      rng=np.random.default_rng(3))


@pytest.mark.parametrize("kind", ["classifier", "regressor", "tagger", "finder"])
def test_predictions_have_the_same_bits_on_any_number_of_threads(words, kind):
    rng = np.random.default_rng(0)
    texts = [s for d in TinyWorld(1).documents(30) for s in d.sentences]  # several slices
    body = encoder_of(words[1])
    said = {
        "classifier": lambda: Classifier(body, 3, rng=rng).predict_proba(texts),
        "regressor": lambda: Regressor(body, rng=rng).predict(texts),
        "tagger": lambda: TokenClassifier(body, ["A", "B"], rng=rng).predict(
            [text.split() for text in texts]),
        "finder": lambda: SpanFinder(body, rng=rng).predict(["where"] * len(texts), texts),
    }[kind]

    def run(threads):
        nonlocal rng
        rng = np.random.default_rng(0)
        set_threads(threads)
        return np.array(said()).tobytes() if kind in ("classifier", "regressor") else said()

    assert run(1) == run(2) == run(5)


@pytest.mark.skipif(machine._product_threads() is None, reason="the matrix library decides")
@pytest.mark.parametrize("kind", ["classifier", "regressor", "tagger", "finder"])
def test_a_prediction_takes_place_with_products_on_one_thread(words, kind, monkeypatch):
    get, put = machine._product_threads()
    put(2)
    seen, rng, forward = [], np.random.default_rng(0), Encoder.forward

    def watched(self, *arguments, **options):
        seen.append(get())
        return forward(self, *arguments, **options)

    monkeypatch.setattr(Encoder, "forward", watched)
    body = encoder_of(words[1])
    if kind == "classifier":
        Classifier(body, 3, rng=rng).predict(["a b", "c"])
    elif kind == "regressor":
        Regressor(body, rng=rng).predict(["a b", "c"])
    elif kind == "tagger":
        TokenClassifier(body, ["A", "B"], rng=rng).predict([["a", "b"]])
    else:
        SpanFinder(body, rng=rng).predict(["where"], ["a b"])
    assert set(seen) == {1}
