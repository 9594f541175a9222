"""The same bits on any number of threads, for all that trains or predicts."""

import numpy as np
import pytest

from npft import (
    Classifier, Encoder, EncoderConfig, MaskedLM, TinyWorld, WordPiece, pretrain, set_threads,
)
from npft.finetune.spans import SpanFinder
from npft.finetune.tagging import TokenClassifier
from npft.finetune.train import train_classifier, train_head
from npft.nn import packs
from npft.text.batch import Batch
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

    return make, make(np.random.default_rng(0)).labelled(task)


def answers(tokenizer):
    task = questions_task(TinyWorld(1), 30)

    def make(rng):
        return SpanFinder(encoder_of(tokenizer), rng=rng)

    return make, make(np.random.default_rng(0)).labelled(task.texts, task.pairs, task.spans)


@pytest.mark.parametrize("task", [sequences, tags, answers])
def test_fine_tuning_has_the_same_bits_on_any_number_of_threads(words, task, monkeypatch):
    monkeypatch.setattr(packs, "PACK", 64)
    make, data = task(words[1])

    def run(threads):
        set_threads(threads)
        model = make(np.random.default_rng(2))
        train = train_classifier if isinstance(model, Classifier) else train_head
        train(model, data, epochs=1, batch_size=16, rng=np.random.default_rng(3))
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
        history = train_head(model, data, epochs=1, batch_size=16, rng=np.random.default_rng(3))
        return history["loss"], model.state_dict()

    (loss_a, a), (loss_b, b) = run(10**9), run(64)
    np.testing.assert_allclose(loss_a, loss_b, rtol=1e-9)
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-5, atol=1e-7, err_msg=name)


def test_predictions_have_the_same_bits_on_any_number_of_threads(words):
    make, data = sequences(words[1])
    model = make(np.random.default_rng(0))
    data = Batch.concat([data] * 5)

    def run(threads):
        set_threads(threads)
        return model.logits(data).tobytes()

    assert run(1) == run(2) == run(5)
