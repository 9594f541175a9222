"""Cached hidden states of a frozen body: found again right, never stale, and what they are worth."""

import numpy as np
import pytest
from small import TOK, bits, classifier, run, separable

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model, copy_of
from npft.errors import ConfigError, DataError
from npft.finetune.features import Features, cached, cached_bytes, keys_of
from npft.finetune.regimes import freeze_body, unfreeze_body
from npft.finetune.train import evaluate, fine_tune, fine_tune_steps
from npft.heads.classes import Classes, Classifier
from npft.heads.tags import Tags
from npft.heads.words import MaskedLM
from npft.nn.history import History
from npft.nn.module import unfreeze
from npft.nn.quantized import quantize
from npft.pretraining.masking import mask_tokens
from npft.text.batch import Batch


def frozen(**options):
    model = classifier(**options)
    freeze_body(model)
    return model


def counted(model):
    """The lengths of all batches that the body of the model reads from now on, in a list."""
    read, states = [], model.encoder.states

    def counting(batch, rng=None, last=1):
        read.append(len(batch))
        return states(batch, rng, last)

    model.encoder.states = counting
    return read


# ---- the same as without ----


def test_each_sequence_gets_its_own_states_in_any_order_and_company():
    model, data = frozen().eval(), separable(20)
    with cached(model, data) as features:
        for rows in ([3, 1, 19], [0], np.arange(20)[::-1], [5, 5]):
            part = data[rows]
            (found,) = features(part, 1)
            expected = model.encoder(part).data
            assert found.shape == expected.shape and not found.requires_grad
            np.testing.assert_allclose(found.data, expected, rtol=0, atol=2e-6)


def test_remembering_changes_no_bit_of_reading_all_texts_anew_at_each_step():
    """The same products in the same order, done once or at every step."""
    data, found = separable(), []

    class Forgetful(Features):
        def __call__(self, batch, last):
            self.known.clear()
            self.read(data)
            return super().__call__(batch, last)

    for kind in (Features, Forgetful):
        model = frozen(dropout=0.2)
        features = kind(model)
        features.read(data)
        model.features = features
        history = run(model, data)
        found.append((bits(model), history["loss"].tolist()))
    assert found[0] == found[1]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_head_trained_with_the_cache_differs_by_rounding_from_one_trained_without(dropout):
    weights, losses = [], []
    for use in (True, False):
        model, data = frozen(dropout=dropout), separable()
        if use:
            with cached(model, data):
                history = run(model, data, epochs=10, lr=1e-2)
        else:
            history = run(model, data, epochs=10, lr=1e-2)
        weights.append(model.state_dict())
        losses.append(history["loss"])
    for name, a in weights[0].items():
        body = name.startswith("encoder.")
        np.testing.assert_allclose(a, weights[1][name], rtol=0, atol=0 if body else 1e-5)
    np.testing.assert_allclose(*losses, rtol=0, atol=1e-5)  # the same order, masks and batches


def test_what_is_measured_on_cached_texts_is_measured_to_the_bit():
    """Evaluation reads a set in one order, and so does the cache."""
    model, data = frozen(), separable(150, seed=3)
    data = data[np.sort(np.unique(keys_of(data), return_index=True)[1])]
    with cached(model, data):
        inside = evaluate(model, data).as_dict()
    assert inside == evaluate(model, data).as_dict()


def test_training_the_head_alone_leaves_every_bit_of_the_body_and_of_its_masked_loss():
    body = frozen().encoder
    mlm = MaskedLM(body, nsp=False, rng=np.random.default_rng(0)).eval()
    masked = mask_tokens(separable(), TOK, rng=np.random.default_rng(0))
    before, weights = mlm.loss(masked).total.item(), bits(body)
    model = Classifier(body, 2, rng=np.random.default_rng(1))
    freeze_body(model)
    with cached(model, separable()):
        run(model, lr=1e-2)
    assert mlm.loss(masked).total.item() - before == 0 and bits(body) == weights


# ---- when the body reads ----


def test_the_body_reads_each_text_once_for_all_epochs():
    model, data = frozen(), separable(60)
    texts = len(set(keys_of(data)))
    assert texts < 60  # some stand twice
    read = counted(model)
    with cached(model, data):
        run(model, data, epochs=5)
        run(model, data, epochs=5)  # a second run knows them as well
    assert sum(read) == texts
    run(model, data, epochs=1)
    assert sum(read) == texts + 60  # out of the block all is as before


def test_the_best_weights_put_back_do_not_spoil_what_is_known():
    model, data = frozen(), separable(60)
    read = counted(model)
    with cached(model, data):
        once = sum(read)
        for _ in range(2):
            run(model, data, validation=data[:20])
    assert sum(read) == once


def test_texts_that_were_not_read_are_read_by_the_body_as_always():
    model, data, other = frozen(), separable(20), separable(20, seed=5)
    unknown = TOK(["c" * 9], labels=[0])
    alone = model.eval()(unknown).data.tobytes()
    with cached(model, data) as features:
        assert features(unknown, 1) is None and features(Batch([], [0]), 1) is None
        assert model(unknown).data.tobytes() == alone
        run(model, other, epochs=1)


def test_a_body_that_trains_changes_or_drops_is_read_anew():
    model, data = frozen(dropout=0.3), separable(10)
    model.eval()
    table = model.encoder.embeddings.word_embeddings.weight
    with cached(model, data) as features:
        assert features(data, 1) is not None
        unfreeze_body(model)
        assert features(data, 1) is None
        freeze_body(model)
        assert features(data, 1) is not None
        model.train()
        assert features(data, 1) is None  # dropout
        model.eval()
        before = table.data.copy()
        table.assign(before + 1)
        assert features(data, 1) is None
        table.assign(before)  # the very numbers it was read with
        assert features(data, 1) is not None
        assert features(data, 2) is None  # of two blocks nothing is known


def test_a_body_unfrozen_in_the_middle_of_a_run_trains_from_there_on():
    model, data, states = frozen(), separable(), []
    with cached(model, data):
        for step in fine_tune_steps(model, data, History(), epochs=2, batch_size=16, lr=1e-2,
                                    rng=np.random.default_rng(0)):
            states.append(bits(model.encoder))
            if step.step == 3:
                unfreeze(model, "encoder.")
    assert len(set(states[:3])) == 1 and len(set(states[2:])) == 6


def test_what_tokens_may_see_tells_two_sequences_apart():
    one, two = np.array([[0, 0, 0, 1], [1, 0, 0, 1]]), np.array([[0, 0, 0, 1], [1, 1, 1, 2]])
    batches = [Batch([5, 6], [0, 2], sight=sight) for sight in (None, one, two)]
    assert len({keys_of(batch)[0] for batch in batches}) == 3


def test_a_quantized_body_with_other_numbers_is_read_anew():
    model, data = frozen(), separable(10)
    other = copy_of(model)
    table = other.encoder.embeddings.word_embeddings.weight
    table.assign(2 * table.data)  # in the file of a quantized one, all but vectors are fixed
    small = quantize(model)
    with cached(small, data) as features:
        assert features(data, 1) is not None
        small.encoder.load_state_dict(quantize(other).encoder.state_dict())
        assert features(data, 1) is None


def test_token_types_tell_two_sequences_apart():
    one, two = Batch([5, 6], [0, 2], [0, 1]), Batch([5, 6], [0, 2], [0, 0])
    assert keys_of(one) != keys_of(two)


def test_several_heads_and_several_layers_share_what_the_body_said():
    rng = np.random.default_rng(0)
    config = EncoderConfig(
        vocab_size=260, hidden_size=8, num_layers=2, num_heads=2, intermediate_size=8,
        max_positions=16, dropout=0.0, init_std=0.2)
    encoder = Encoder(config, tokenizer=TOK, rng=rng)
    heads = {"topic": Classes(encoder, ["a", "b"], layers=2, combine="concat", rng=rng),
             "tags": Tags(encoder, ["X", "Y"], rng=rng)}
    model = Model(encoder, heads)
    freeze_body(model)
    data = separable(30)
    words = data.replace(token_labels=data.ids % 2)
    before = model.eval().scores(words)
    read = counted(model)
    with cached(model, {"topic": data, "tags": words}) as features:
        assert features.nbytes == 2 * 4 * 8 * sum(len(k) for k in features.known) // 16
        found = model.scores(words)
        tags = model.scores(words, heads=["tags"])["tags"]  # which needs the last block alone
        run(model, {"topic": data, "tags": words}, epochs=1)
    assert sum(read) == len(set(keys_of(data)))
    assert tags.data.tobytes() == found["tags"].data.tobytes()
    for name in heads:
        np.testing.assert_allclose(found[name].data, before[name].data, rtol=0, atol=2e-6)


# ---- memory, and what is refused ----


def test_another_body_does_not_get_what_this_one_said():
    model, data = frozen(), separable(10)
    with cached(model, data):
        model.encoder = frozen(seed=1).encoder
        found = model.logits(data)
    np.testing.assert_array_equal(found, model.logits(data))


def test_data_that_are_no_batches_are_refused():
    model = frozen()
    for data in (["ab"], {"classes": ["ab"]}, None):
        with pytest.raises(DataError, match="expected a Batch; make one"):
            with cached(model, data):
                pass
    assert model.features is None


def test_the_memory_is_told_beforehand_in_bytes_and_limited():
    model, data = frozen(), separable(40)
    distinct = data[np.unique(keys_of(data), return_index=True)[1]]
    with cached(model, distinct) as features:
        assert features.nbytes == cached_bytes(model, distinct) == 4 * 8 * len(distinct.ids)
    with pytest.raises(ConfigError, match="take [0-9,]+ bytes, the limit is 100; train without"):
        with cached(model, data, limit=100):
            pass
    assert model.features is None


def test_a_body_that_trains_cannot_be_remembered():
    with pytest.raises(ConfigError, match=r"the body trains.*; call freeze_body\(model\) first"):
        with cached(classifier(), separable(4)):
            pass


def test_the_cache_is_gone_after_an_error():
    model = frozen()
    with pytest.raises(ConfigError, match="epochs is 0"):
        with cached(model, separable(8)):
            fine_tune(model, separable(8), epochs=0, rng=np.random.default_rng(0))
    assert model.features is None


def test_the_number_of_threads_changes_no_bit():
    from npft.autograd.machine import threads

    found = []
    for n in (1, 2):
        with threads(n):
            model, data = frozen(dropout=0.2), separable(200)
            with cached(model, data):
                run(model, data, batch_size=64)
            found.append(bits(model))
    assert found[0] == found[1]


def test_the_memory_of_what_is_no_model_is_refused():
    with pytest.raises(ConfigError, match="cached_bytes: model is Encoder"):
        cached_bytes(classifier().encoder, separable())
