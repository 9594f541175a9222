"""Drift: nothing has moved before training; each figure in closed form after one known change."""

import numpy as np
import pytest
from scipy.special import rel_entr

from npft.embed.likeness import cka
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import copy_of
from npft.errors import ConfigError, DataError
from npft.forgetting.drift import prediction_drift, representation_drift, weight_drift
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.nn.quantized import quantize


def pair(small):
    """A masked language model, and a copy of it from before anything happens to it."""
    _, mlm = small.models()
    return copy_of(mlm), mlm


def named(model, name):
    return dict(model.named_parameters())[name]


def probabilities(model, probe):
    z = model.eval().scores(probe, heads=("mlm",))["mlm"].numpy().astype(np.float64)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def test_nothing_has_moved_before_training_to_the_last_bit(small):
    start, mlm = pair(small)
    assert set(weight_drift(start, mlm).values()) == {0.0}
    assert set(representation_drift(start, mlm, small.probe).values()) == {0.0}
    assert prediction_drift(start, mlm, small.probe) == 0.0


def test_training_moves_all_three_and_a_lower_rate_moves_them_less(small):
    moved = []
    for lr in (1e-3, 1e-2):
        model, mlm = small.models()
        start = copy_of(mlm)
        small.train_only(model, lr=lr)
        moved.append([*weight_drift(start, mlm).values(),
                      *representation_drift(start, mlm, small.probe).values(),
                      prediction_drift(start, mlm, small.probe)])
    assert (np.array(moved[0]) > 0).all() and (np.array(moved[1]) > np.array(moved[0])).all()


# ---- weights ----


def test_only_the_layer_that_moved_has_drift_and_it_is_the_length_of_the_move(small):
    start, mlm = pair(small)
    own = [p for n, p in mlm.named_parameters() if n.startswith("encoder.encoder.layer.1.")]
    weight = next(p for p in own if p.ndim > 1)
    length = np.sqrt(sum((p.numpy().astype(np.float64) ** 2).sum() for p in own))
    move = np.zeros(weight.shape, np.float32)
    move[0, 0], move[1, 0] = 3.0, 4.0
    weight.assign(weight.numpy() + move)
    found = weight_drift(start, mlm)
    assert list(found) == ["embeddings", "block 0", "block 1", "final norm"]
    assert found.pop("block 1") == pytest.approx(5 / length, rel=1e-6)
    assert set(found.values()) == {0.0}


def test_the_head_is_left_out_and_models_may_have_different_heads(small):
    start, mlm = pair(small)
    named(mlm, "heads.mlm.bias").assign(np.ones(mlm.encoder.config.vocab_size))
    assert set(weight_drift(start, mlm).values()) == {0.0}
    model = Classifier(mlm.encoder, 2, rng=np.random.default_rng(0))
    assert weight_drift(start, model) == weight_drift(start, mlm)


def test_a_post_norm_body_has_no_final_norm():
    config = EncoderConfig(vocab_size=30, hidden_size=4, num_layers=1, num_heads=1,
                           intermediate_size=4, max_positions=8, norm="post")
    model = MaskedLM(Encoder(config, rng=np.random.default_rng(0)), False,
                     rng=np.random.default_rng(0))
    assert list(weight_drift(copy_of(model), model)) == ["embeddings", "block 0"]


def test_weights_that_all_were_0_have_no_relative_length(small):
    start, mlm = pair(small)
    for p in start.encoder.layernorm.parameters():
        p.assign(np.zeros(p.shape))
    with pytest.raises(ConfigError, match="the weights of final norm all were 0 at the start"):
        weight_drift(start, mlm)


def test_rounded_weights_have_no_drift_that_could_be_told(small):
    start, mlm = pair(small)
    with pytest.raises(ConfigError, match="weight_drift: the weights of the model are int8"):
        weight_drift(quantize(start), quantize(mlm))


# ---- representation ----


def test_layers_below_what_has_moved_see_the_same(small):
    start, mlm = pair(small)
    for name, p in mlm.named_parameters():
        if name.startswith("encoder.encoder.layer.1.") and p.ndim > 1:
            p.assign(1.5 * p.numpy())
    found = representation_drift(start, mlm, small.probe)
    assert list(found) == ["embeddings", "block 0", "block 1"]
    assert found["embeddings"] == found["block 0"] == 0 < found["block 1"] < 1


def test_it_is_1_minus_the_cka_of_the_hidden_states(small):
    model, mlm = small.models()
    start = copy_of(mlm)
    small.train_only(model)
    states = zip(start.encoder.hidden_states(small.probe), mlm.encoder.hidden_states(small.probe))
    found = representation_drift(start, mlm, small.probe)
    assert list(found.values()) == [1 - cka(old, new) for old, new in states]


def test_turned_hidden_states_change_what_is_said_but_not_what_is_seen(small):
    """All numbers of the last state change sign: the head, made for the old ones, is wrong."""
    start, mlm = pair(small)
    for p in mlm.encoder.layernorm.parameters():
        p.assign(-p.numpy())
    assert weight_drift(start, mlm)["final norm"] == pytest.approx(2)
    assert representation_drift(start, mlm, small.probe)["block 1"] == pytest.approx(0, abs=1e-12)
    assert prediction_drift(start, mlm, small.probe) > 1  # nat


# ---- predictions ----


def test_kl_is_that_of_its_definition_over_all_masked_tokens(small):
    model, mlm = small.models()
    start = copy_of(mlm)
    small.train_only(model)
    slow = rel_entr(probabilities(start, small.probe), probabilities(mlm, small.probe)).sum(axis=1)
    found = prediction_drift(start, mlm, small.probe)
    assert found == pytest.approx(slow.mean(), rel=1e-4)
    assert len(slow) == small.probe.n_targets
    back = prediction_drift(mlm, start, small.probe)
    assert found > 0 < back != found  # it is not symmetric


def test_kl_after_one_bias_has_moved_in_closed_form(small):
    """A logit raised by c: log(1 + p (exp(c) - 1)) - c p, p its probability before."""
    start, mlm = pair(small)
    bias = named(mlm, "heads.mlm.bias")
    raised = bias.numpy().copy()
    raised[7] += 1.5
    bias.assign(raised)
    p = probabilities(start, small.probe)[:, 7]
    closed = (np.log1p(p * np.expm1(1.5)) - 1.5 * p).mean()
    assert prediction_drift(start, mlm, small.probe) == pytest.approx(closed, rel=1e-4)


def test_sequences_without_a_masked_token_count_nothing(small, monkeypatch):
    monkeypatch.setattr("npft.encoder.model.SLICE", 4)  # sequences read at once
    model, mlm = small.models()
    start = copy_of(mlm)
    small.train_only(model)
    bare = small.probe.token_labels.copy()
    bare[: small.probe.offsets[len(small.probe) // 2]] = -100
    half = small.probe.replace(token_labels=bare)
    kl = rel_entr(probabilities(start, half), probabilities(mlm, half)).sum(axis=1)
    assert prediction_drift(start, mlm, half) == pytest.approx(kl.mean(), rel=1e-4)


def test_dropout_is_off_in_both_models(small):
    model, mlm = small.models()
    start = copy_of(mlm)
    small.train_only(model)
    quiet = prediction_drift(start, mlm, small.probe)
    for m in (start, mlm):
        set_dropout(m, 0.5)
        m.train()
    assert prediction_drift(start, mlm, small.probe) == quiet


def test_the_predictions_of_a_classifier_drift_as_well(small):
    model, _ = small.models()
    start = copy_of(model)
    small.train_only(model)
    assert prediction_drift(start, model, small.test, "classes") > 0


# ---- what stays as it is, and what is refused ----


def test_both_models_stay_as_they_are(small, bits):
    start, mlm = pair(small)
    mlm.train()
    before = bits(start), bits(mlm), small.probe.ids.tobytes()
    weight_drift(start, mlm)
    representation_drift(start, mlm, small.probe)
    prediction_drift(start, mlm, small.probe)
    assert (bits(start), bits(mlm), small.probe.ids.tobytes()) == before
    assert all(m.training for m in mlm.modules()) and not any(m.training for m in start.modules())
    assert all(p.grad is None and p.requires_grad for p in mlm.parameters())


ALL = [weight_drift, lambda a, b: representation_drift(a, b, None),
       lambda a, b: prediction_drift(a, b, None)]


@pytest.mark.parametrize("measure", ALL)
def test_models_that_cannot_be_compared_are_refused(small, measure):
    model, mlm = small.models()
    with pytest.raises(ConfigError, match=r"share their encoder.*copy_of\(model\) before training"):
        measure(mlm, model)
    with pytest.raises(ConfigError, match="encoders of different architectures.*embeddings"):
        measure(small.models(width=8, pretrained=False)[1], mlm)
    with pytest.raises(ConfigError, match="model is Encoder, expected an encoder with heads"):
        measure(copy_of(mlm), mlm.encoder)
    with pytest.raises(ConfigError, match="model is dict"):
        measure(mlm.state_dict(), mlm)


def test_heads_that_do_not_fit_are_refused(small):
    model, mlm = small.models()
    start = copy_of(model)
    with pytest.raises(ConfigError, match="head is 'mlm', expected one of classes"):
        prediction_drift(start, mlm, small.probe)
    with pytest.raises(DataError, match="no token of the batch has a label"):
        prediction_drift(copy_of(mlm), mlm, small.probe.replace(token_labels=None))
    three = Classifier(copy_of(mlm).encoder, 3, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match=r"had the label_names \['0', '1', '2'\] and now"):
        prediction_drift(three, model, small.test, "classes")
    turned = Classifier(model.encoder, 2, label_names=["1", "0"], rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match=r"now has \['1', '0'\], so its scores mean something"):
        prediction_drift(start, turned, small.test, "classes")
    for measure in (representation_drift, prediction_drift):
        with pytest.raises(DataError, match="a NoneType, expected a Batch"):
            measure(copy_of(mlm), mlm, None)


@pytest.mark.parametrize("weights", [[5.0, 1.0], [0.5, 0.5], [0.01, 0.01]])
def test_the_weights_of_classes_are_no_matter_of_what_a_head_says(small, weights):
    model, _ = small.models()
    start = copy_of(model)
    model.head().linear.weight.assign(model.head().linear.weight.data + 0.1 * np.eye(2, 16))
    plain = prediction_drift(start, model, small.test, "classes")
    for each in (start, model):
        each.head().class_weights = weights
    assert prediction_drift(start, model, small.test, "classes") == plain > 0
